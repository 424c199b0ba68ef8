"""The ML-BOM: what stands where, and that its parts refer to each other and to nothing else."""

from __future__ import annotations

import msgspec
import pytest

from ftlineage.core.card import make_card
from ftlineage.core.sections import Base, Dataset, DataSource, Environment, FileRecord, Governance, Package, RunRecord
from ftlineage.export import cyclonedx
from ftlineage.export.cyclonedx_parts import References
from tests.unit.core.cards import minimal_card
from tests.unit.export import graphs

CARDS = graphs.cards()
SHA = "1405df66cbe219b0bf6355bc3d60361a8376b6b4"


@pytest.fixture(scope="module")
def bom():
    return cyclonedx.bom(graphs.full())


@pytest.fixture(scope="module")
def model(bom):
    return bom["metadata"]["component"]


def properties(component) -> dict[str, str]:
    return {one["name"]: one["value"] for one in component["properties"]}


def test_the_subject_is_the_model_with_its_files(bom, model):
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert bom["metadata"]["timestamp"] == "2026-11-20T09:12:41Z"
    assert (model["type"], model["name"], model["version"]) == (
        "machine-learning-model",
        "support-bot",
        graphs.full().id,
    )
    assert model["description"] == f"lora adapter of acme/base-1b at {SHA}"
    assert model["supplier"] == {"name": "support-ml"}
    assert model["licenses"] == [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}]
    assert [(one["name"], one["hashes"]) for one in model["components"]] == [
        (file["path"], [{"alg": "SHA-256", "content": file["sha256"]}])
        for file in graphs.full().section("adapter")["files"]
    ]


def test_the_base_is_the_first_ancestor(model):
    base, *parents = model["pedigree"]["ancestors"]
    assert base["purl"] == f"pkg:huggingface/acme/base-1b@{SHA}"
    assert base["version"] == SHA
    assert [file["name"] for file in base["components"]] == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "modeling_acme.py",
    ]
    assert base["components"][2]["hashes"] == [
        {"alg": "SHA-256", "content": "9d75c1098fc54a1f7bd270f148884f599765d894639c9c4ee891396968c60df2"}
    ]
    assert [one["bom-ref"] for one in parents] == ["parent", "parent #2"]
    assert model["pedigree"]["commits"] == [{"uid": "32a6fcbaa4543f0718079837a574f5835f3143fe"}]
    assert model["pedigree"]["notes"] == "base_model_relation: adapter"


def test_the_model_card(model):
    assert model["modelCard"] == {
        "modelParameters": {
            "modelArchitecture": "AcmeForCausalLM",
            "datasets": [{"ref": "data/tickets"}, {"ref": "data/politeness"}],
        },
        "quantitativeAnalysis": {
            "performanceMetrics": [{"type": "train_loss", "value": "1.2031"}, {"type": "eval_loss", "value": "1.3127"}]
        },
        "considerations": {"useCases": ["answering tickets"]},
    }


def test_what_has_no_place_is_a_property(model):
    said = properties(model)
    assert said["ftlineage:governance:prohibited_use"] == "credit decisions"
    assert said["ftlineage:adapter:config:r"] == "8"
    assert said["ftlineage:adapter:tensors:digest"] == graphs.full().section("adapter")["tensors"]["digest"]
    assert said["ftlineage:base:loaded_as.class"] == "AcmeForCausalLM"
    assert said["ftlineage:preprocessing:image_processor:settings:image_mean"] == "[0.485,0.456,0.406]"
    assert said["ftlineage:unrecorded:preprocessing.AcmeImageProcessor"] == "its revision is not known"


def test_datasets_prompts_and_indexes_are_data(bom):
    found = {one["bom-ref"]: one for one in bom["components"]}
    assert list(found) == [
        "data/tickets",
        "data/politeness",
        "prompts/system",
        "prompts/escalation",
        "chat_templates/default",
        "retrieval/kb",
        "retrieval/kb/embedding_model",
    ]
    tickets = found["data/tickets"]
    assert tickets["licenses"] == [{"license": {"id": "CC-BY-4.0", "acknowledgement": "declared"}}]
    # Digests of rows are no hashes of bytes.
    assert "hashes" not in tickets
    assert properties(tickets)["ftlineage:data:fingerprint:ordered"] == (
        "f20e2416559d7298a806179d6c061360fc4ba8144fdc7fc9ce963d1bd975dfb0"
    )
    assert found["data/politeness"]["data"][0]["contents"]["url"].endswith("/a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd")
    assert found["prompts/escalation"]["hashes"] == [
        {"alg": "SHA-256", "content": "715dc8493c36579a5b116995100f635e3572fdf8703e708ef1a08d943b36774e"}
    ]
    assert found["retrieval/kb/embedding_model"]["purl"] == (
        "pkg:huggingface/acme/embed@cfff27c96089b93150f3553b6ffdd39d0d5d8e78"
    )


def test_the_run_is_a_formulation(bom):
    (formula,) = bom["formulation"]
    (run,) = formula["workflows"]
    assert [one.get("purl", one["name"]) for one in formula["components"]] == [
        "pkg:pypi/peft@0.21.2",
        "pkg:pypi/torch@2.13.0",
        "train.py",
        "notes/try.py",
        "uncommitted.patch",
        "format_ticket",
    ]
    assert {"name": "learning_rate", "value": "2e-05"} in run["inputs"][3]["parameters"]
    assert {"name": "seeds.seed", "value": "42"} in run["inputs"][3]["parameters"]
    assert run["inputs"][4] == {"environmentVars": [{"name": "OMP_NUM_THREADS", "value": "16"}]}
    assert run["outputs"] == [{"type": "artifact", "resource": {"ref": "model"}}]
    assert (run["timeStart"], run["timeEnd"]) == ("2026-11-20T08:00:00Z", "2026-11-20T09:12:41Z")


def test_the_graph(bom):
    graph = {one["ref"]: one.get("dependsOn", []) for one in bom["dependencies"]}
    assert graph["model"] == [
        "base", "parent", "parent #2", "data/tickets", "data/politeness", "prompts/system", "prompts/escalation",
        "chat_templates/default", "retrieval/kb",
    ]  # fmt: skip
    assert graph["retrieval/kb"] == ["retrieval/kb/embedding_model"]


@pytest.mark.parametrize("name", CARDS)
def test_references_lead_somewhere_and_ids_stand_once(name):
    assert graphs.bom_faults(cyclonedx.bom(CARDS[name])) == []


def test_the_check_of_references_can_fail(bom):
    broken = {**bom, "dependencies": [{"ref": "model", "dependsOn": ["nothing"]}]}
    assert graphs.bom_faults(broken) == ["nothing is nowhere"]


def test_equal_names_get_ids_of_their_own():
    refs = References()
    assert [refs.take("a", "b") for _ in range(3)] == ["a/b", "a/b #2", "a/b #3"]
    assert refs.take("a/b #2") == "a/b #2 #2"
    assert refs.take("a/b") == "a/b #4"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("mit", {"license": {"id": "MIT", "acknowledgement": "declared"}}),
        ("llama3.2", {"license": {"name": "llama3.2", "acknowledgement": "declared"}}),
        ("LicenseRef-house", {"license": {"name": "LicenseRef-house", "acknowledgement": "declared"}}),
        ("mit or apache-2.0", {"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}),
    ],
)
def test_only_what_the_list_knows_is_an_id(licence, expected):
    model = cyclonedx.bom(minimal_card(governance=Governance(license=licence)))["metadata"]["component"]
    assert model["licenses"] == [expected]


def test_another_owner_makes_another_document_of_the_same_version():
    first, second = (minimal_card(governance=Governance(owner=owner)) for owner in ("a", "b"))
    assert first.id == second.id
    assert cyclonedx.bom(first)["serialNumber"] != cyclonedx.bom(second)["serialNumber"]
    assert cyclonedx.bom(first) == cyclonedx.bom(first)


def test_a_card_without_times_has_no_timestamp():
    assert "timestamp" not in cyclonedx.bom(minimal_card())["metadata"]
    assert "timestamp" not in cyclonedx.bom(minimal_card(run=RunRecord(finished="yesterday")))["metadata"]


def test_a_bare_card_has_no_run():
    bom = cyclonedx.bom(minimal_card())
    assert "formulation" not in bom
    assert bom["metadata"]["component"]["modelCard"] == {}


def test_thousands_of_packages_and_files():
    packages = [Package(name=f"p{n % 1500}", version=str(n)) for n in range(3000)]
    base = Base(model="x", origin="local", files=[FileRecord(path="x", size=1, sha256="a" * 64)] * 5000)
    bom = cyclonedx.bom(minimal_card(base=base, environment=Environment(packages=packages)))
    assert len(bom["formulation"][0]["components"]) == 3000
    assert graphs.bom_faults(bom) == []


def test_text_that_acts_is_written_out():
    dataset = Dataset(name="a\x1b[2J\u202eb", source=DataSource(kind="memory", id="x\0y"), license="\u202etim")
    body = msgspec.structs.replace(minimal_card().body, name="evil\u2066", data=[dataset])
    bom = cyclonedx.bom(make_card(body))
    assert bom["metadata"]["component"]["name"] == "evil\\u2066"
    assert bom["components"][0]["bom-ref"] == "data/a\\x1b[2J\\u202eb"
    assert bom["components"][0]["licenses"][0]["license"]["name"] == "\\u202etim"
    assert all(part.isprintable() for text in graphs.strings(bom) for part in text.split("\n"))
