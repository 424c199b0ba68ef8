"""Provenance: subjects, inputs with their digests, parameters, and nothing that claims more."""

from __future__ import annotations

import re

import pytest

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Adapter, Base, Dataset, DataSource, FileRecord, Prompt, Retrieval, RunRecord
from ftlineage.export import slsa
from tests.unit.core.cards import minimal_card
from tests.unit.export import graphs

CARDS = graphs.cards()
SHA = "1405df66cbe219b0bf6355bc3d60361a8376b6b4"


@pytest.fixture(scope="module")
def statement():
    return slsa.statement(graphs.full())


@pytest.fixture(scope="module")
def inputs(statement):
    return {one["name"]: one for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]}


def test_subjects_are_every_file_and_the_card(statement):
    card = graphs.full()
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    *files, own = statement["subject"]
    recorded = card.section("adapter")["files"]
    assert files == [{"name": one["path"], "digest": {"sha256": one["sha256"]}} for one in recorded]
    assert own["name"] == "lineage.json"
    assert own["digest"] == {
        "sha256": sha256_hex((graphs.COMPAT / "v1" / "full.lineage.json").read_bytes()),
        "ftl-card-v1": card.id.removeprefix("sha256:"),
    }
    assert own["annotations"]["license"] == "apache-2.0"
    assert own["annotations"]["owner"] == "support-ml"


def test_the_cards_own_digest_wins_over_the_form_we_write():
    own = slsa.statement(graphs.full(), card_sha256="ab" * 32)["subject"][-1]
    assert own["digest"]["sha256"] == "ab" * 32


def test_the_base_is_a_purl_with_its_commit_and_its_files(inputs):
    assert inputs["base_model"] == {
        "name": "base_model",
        "uri": f"pkg:huggingface/acme/base-1b@{SHA}",
        "digest": {"gitCommit": SHA},
        "annotations": {
            "origin": "hub",
            "code_revision": "e6fb06210fafc02fd7479ddbed2d042cc3a5155e",
            "evidence": "observed",
        },
    }
    assert inputs["base_model/model.safetensors"] == {
        "name": "base_model/model.safetensors",
        "uri": f"pkg:huggingface/acme/base-1b@{SHA}#model.safetensors",
        "digest": {"sha256": "9d75c1098fc54a1f7bd270f148884f599765d894639c9c4ee891396968c60df2"},
    }


def test_a_commit_and_a_digest_of_rows_never_stand_in_one_descriptor(inputs):
    # Verifiers accept a descriptor when any one of its digests matches.
    assert inputs["data/politeness"]["digest"] == {"gitCommit": "a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd"}
    assert inputs["data/politeness"]["uri"] == (
        "https://huggingface.co/datasets/acme/politeness/tree/a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd"
    )
    assert inputs["data/politeness/rows"]["digest"] == {
        "ftl-rows-v1-ordered": "aea6e3aafbeec3cdc60bc6bf6732449e53243be61a76823a1f95142523269c45",
        "ftl-rows-v1-unordered": "d75a2dd9997578713e1f161f326ff8c24651ca13d5a7079d78a453a4cab111b6",
    }
    assert inputs["data/tickets/tickets.jsonl"]["digest"] == {
        "sha256": "067824d84b03369af5506e9eac425df826d8730909f56830a56234d23442461f"
    }


def test_the_environment_is_a_lock_that_anybody_with_the_card_can_make(inputs):
    section = graphs.full().section("environment")
    assert inputs["environment"]["digest"] == {"sha256": sha256_hex(codec.canonical_bytes(section))}
    assert inputs["torch"] == {"name": "torch", "uri": "pkg:pypi/torch@2.13.0", "annotations": {"build": "cpu"}}


def test_all_inputs_by_name(inputs):
    assert list(inputs) == [
        "base_model", "base_model/config.json", "base_model/generation_config.json", "base_model/model.safetensors",
        "base_model/modeling_acme.py", "preprocessing/tokenizer", "preprocessing/tokenizer/tokenizer.json",
        "preprocessing/tokenizer/tokenizer_config.json", "preprocessing/image_processor/preprocessor_config.json",
        "preprocessing/chat_template/default", "preprocessing/code/format_ticket", "data/tickets",
        "data/tickets/tickets.jsonl", "data/tickets/rows", "data/politeness", "data/politeness/rows",
        "parent/support-bot", "parent/tone", "script/train.py", "code", "code/uncommitted.patch",
        "code/notes/try.py", "environment", "peft", "torch",
    ]  # fmt: skip


def test_external_parameters_are_what_people_chose(statement):
    external = statement["predicate"]["buildDefinition"]["externalParameters"]
    assert sorted(external) == [
        "baseModel", "config", "datasets", "intendedUse", "prohibitedUse", "promptTemplates",
    ]  # fmt: skip
    assert external["baseModel"] == {"model": "acme/base-1b", "requested": "main"}
    assert external["config"]["recipe"]["arguments"]["learning_rate"] == 2e-05
    assert external["config"]["recipe"]["seeds"] == {"seed": 42, "data_seed": 7, "run": 42}
    assert [one["name"] for one in external["promptTemplates"]] == ["system", "escalation", "default"]
    # Small: texts stand in the card, digests here.
    assert "Never promise a refund" not in codec.compact_text(statement)


def test_what_is_no_build_input_is_not_there(statement):
    text = codec.compact_text(statement)
    retrieval = graphs.full().body.retrieval[0]
    assert retrieval.digest not in text
    assert "slsa-level" not in text.lower()
    assert re.search(r"slsa[^\"]{0,10}\bL?[1-4]\b", text.replace("slsa.dev/provenance/v1", ""), re.IGNORECASE) is None


def test_the_run(statement):
    details = statement["predicate"]["runDetails"]
    assert details["builder"]["version"] == {"ftlineage": "0.1.0"}
    assert details["metadata"]["startedOn"] == "2026-11-20T08:00:00Z"
    assert details["metadata"]["finishedOn"] == "2026-11-20T09:12:41Z"
    assert details["metadata"]["invocationId"].startswith("urn:uuid:")
    assert [one["name"] for one in details["byproducts"]] == ["data/tickets/prepared", "run"]
    assert details["byproducts"][1]["annotations"]["flops"] == "184467440737095516160"


def test_replays_share_the_card_id_and_not_the_invocation():
    first = minimal_card(run=RunRecord(started="2026-11-20T08:00:00Z"))
    again = minimal_card(run=RunRecord(started="2026-11-21T08:00:00Z"))
    assert first.id == again.id
    ids = [slsa.statement(card)["predicate"]["runDetails"]["metadata"]["invocationId"] for card in (first, again)]
    assert ids[0] != ids[1]


def test_a_local_base_is_generic_and_keeps_its_files():
    base = Base(model="tiny llama", origin="local", files=[FileRecord(path="a b.bin", size=1, sha256="a" * 64)])
    found = slsa.statement(minimal_card(base=base))["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert found[0]["uri"] == "pkg:generic/tiny%20llama"
    assert "digest" not in found[0]
    assert found[1] == {"name": "base_model/a b.bin", "digest": {"sha256": "a" * 64}}


def test_text_of_a_private_prompt_is_not_looked_for():
    card = minimal_card(prompts=[Prompt(name="system", sha256="a" * 64)])
    external = slsa.statement(card)["predicate"]["buildDefinition"]["externalParameters"]
    assert external["promptTemplates"] == [{"name": "system", "role": "system", "sha256": "a" * 64}]


def test_a_dataset_of_which_nothing_is_known_is_named():
    card = minimal_card(data=[Dataset(name="x y", source=DataSource(kind="stream"))])
    (_, found) = slsa.statement(card)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert found == {
        "name": "data/x y",
        "uri": "pkg:generic/x%20y",
        "annotations": {"role": "train", "kind": "stream", "evidence": "observed"},
    }


def test_retrieval_alone_changes_no_input():
    index = Retrieval(name="kb", kind="folder", digest="sha256:" + "a" * 64)
    with_index = slsa.statement(minimal_card(retrieval=[index]))
    without = slsa.statement(minimal_card())
    assert with_index["predicate"]["buildDefinition"] == without["predicate"]["buildDefinition"]


def test_a_card_without_weights_has_itself_for_a_subject():
    assert [one["name"] for one in slsa.statement(minimal_card())["subject"]] == ["lineage.json"]
    assert "base_model_relation" not in slsa.statement(minimal_card())["subject"][0]["annotations"]


@pytest.mark.parametrize(("kind", "relation"), [("lora", "adapter"), ("full", "finetune")])
def test_the_relation_is_the_hubs_word(kind, relation):
    own = slsa.statement(minimal_card(adapter=Adapter(type=kind)))["subject"][-1]
    assert own["annotations"]["base_model_relation"] == relation


@pytest.mark.parametrize("name", CARDS)
def test_every_digest_has_its_form(name):
    digests = [value for key, value in graphs.walk(slsa.statement(CARDS[name])) if key == "digest"]
    for digest in digests:
        if isinstance(digest, dict):
            for algorithm, value in digest.items():
                assert re.fullmatch("[0-9a-f]{40}" if algorithm == "gitCommit" else "[0-9a-f]{64}", value), algorithm


@pytest.mark.parametrize("name", CARDS)
def test_names_do_not_act(name):
    statement = slsa.statement(CARDS[name])
    named = statement["subject"] + statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert all(one["name"].isprintable() and one["name"] for one in named)
