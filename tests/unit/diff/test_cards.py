"""Diff of two cards: the sentences people read, the order, and identity."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from ftlineage.core import codec
from ftlineage.core import sections as s
from ftlineage.core.card import Card, CardBody, make_card, read_document
from ftlineage.diff.cards import diff_cards
from ftlineage.diff.fields import Element
from tests.unit.cli.sample import (
    ADAPTER,
    BASE,
    CHAT_TEMPLATE,
    CODE,
    ENVIRONMENT,
    FULL,
    RECIPE,
    SYSTEM_PROMPT,
    commit,
    file,
    full_card,
    sha,
)

replace = msgspec.structs.replace


def changed(**sections: Any) -> Card:
    return make_card(replace(FULL, **sections))


def only(before: CardBody, after: CardBody) -> Element:
    """The one element that differs."""
    elements = diff_cards(make_card(before), make_card(after)).elements
    assert len(elements) == 1
    return elements[0]


def sentence(**sections: Any) -> tuple[str, str, str]:
    element = only(FULL, replace(FULL, **sections))
    return element.section, element.name, element.summary


def test_equal_cards():
    assert codec.builtins(diff_cards(full_card(), full_card())) == {"same": True, "elements": []}


def test_what_is_outside_identity_is_not_compared():
    other = changed(name="other", run=s.RunRecord(), governance=s.Governance(owner="x"), unrecorded=[])
    assert diff_cards(full_card(), other).same


def test_a_claimed_id_is_not_believed():
    document = full_card().document()
    document["base"]["model"] = "org/other"
    forged = read_document(document)
    assert forged.id == full_card().id
    assert not diff_cards(full_card(), forged).same


DATA = FULL.data[0]
TENSORS = cast("s.Tensors", ADAPTER.tensors)
MOVED = commit("moved")
WEIGHTS = [file("config.json", 812), s.FileRecord(path="model.safetensors", size=1, sha256=sha("w"))]


@pytest.mark.parametrize(
    ("after", "summary"),
    [
        (
            replace(BASE, revision=MOVED),
            f"The revision {commit('base')[:12]} -> {MOVED[:12]}; all files are equal.",
        ),
        (
            replace(BASE, model="org/b", revision=None, files=[], origin="local"),
            f"The model org/base-model-1b -> org/b; the revision was {commit('base')[:12]}; 5 files removed; origin hub -> local.",  # noqa: E501
        ),
        (
            replace(BASE, revision=MOVED, files=[*BASE.files[:2], WEIGHTS[1], *BASE.files[3:]]),
            f"The revision {commit('base')[:12]} -> {MOVED[:12]}; 1 file differs (model.safetensors).",
        ),
        (
            replace(BASE, loaded_as=s.LoadedAs(class_="LlamaForCausalLM", dtype="float32", attention="sdpa")),
            "All files are equal; loaded_as.dtype bfloat16 -> float32.",
        ),
    ],
)
def test_base(after: s.Base, summary: str):
    assert sentence(base=after) == ("base", "base", summary)


def adapter_with(count: int, **fields: Any) -> s.Adapter:
    entries = [replace(item, sha256=sha("new")) if n < count else item for n, item in enumerate(TENSORS.entries)]
    return replace(ADAPTER, tensors=replace(TENSORS, entries=entries, digest=sha(f"new{count}")), **fields)


def test_adapter():
    assert sentence(adapter=adapter_with(2)) == ("adapter", "adapter", "2 tensors differ.")
    config = {**ADAPTER.config, "r": 16}
    element = only(FULL, replace(FULL, adapter=adapter_with(48, config=config, config_digest=sha("c"))))
    assert element.summary == "48 tensors differ; r 8 -> 16."
    assert element.detail["config"] == [{"field": "r", "before": 8, "after": 16}]
    assert len(element.detail["tensors"]["changed"]) == 48
    renamed = replace(ADAPTER, files=[file("renamed.safetensors", 1)])
    assert sentence(adapter=renamed) == ("adapter", "adapter", "The weights are equal.")
    other = replace(ADAPTER, type="full", tensors=None, config={}, config_digest=None)
    assert sentence(adapter=other)[2].startswith("48 tensors removed; bias none -> null; ")
    two = [
        s.AdapterMember(name=name, folder=name, type="LORA", config={}, config_digest=sha(name)) for name in ("a", "b")
    ]
    before = replace(FULL, adapter=replace(ADAPTER, members=two))
    after = replace(FULL, adapter=adapter_with(1, members=[two[0], replace(two[1], config_digest=sha("z"))]))
    assert only(before, after).summary.endswith("1 adapter differs (b).")


def fingerprint(ordered: str, unordered: str | None = None, algorithm: str = "arrow-rows-v1") -> s.Fingerprint:
    return s.Fingerprint(algorithm=algorithm, ordered=sha(ordered), unordered=unordered and sha(unordered))


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({"rows": 9_950, "fingerprint": fingerprint("n", "m")}, "The rows differ: 10,003 rows before, 9,950 after."),
        ({"fingerprint": fingerprint("n", "m")}, "The rows differ, 10,003 rows as before."),
        ({"fingerprint": fingerprint("n", "unordered")}, "The same rows in another order."),
        ({"fingerprint": None}, "The rows have a fingerprint on one side only."),
        (
            {"fingerprint": fingerprint("ordered", algorithm="v2")},
            "The fingerprints are of different algorithms and cannot be compared.",
        ),
        ({"license": "mit"}, "The rows are equal; license cc-by-4.0 -> mit."),
        (
            {"prepared": None},
            "The rows are equal; what the trainer saw of them differs (templating, tokenising or packing).",
        ),
        (
            {"schema": [*DATA.schema, s.Column(name="new", type="string")], "fingerprint": fingerprint("n")},
            "The rows differ, 10,003 rows as before; 1 column added (new).",
        ),
        (
            {"source": s.DataSource(kind="hub", id="o/d", commit=MOVED)},
            f"The rows are equal; the commit is {MOVED[:12]} now.",
        ),
        ({"role": "eval"}, "The rows are equal; role train -> eval."),
    ],
)
def test_data(fields: dict[str, Any], summary: str):
    assert sentence(data=[replace(DATA, **fields), FULL.data[1]]) == ("data", "tickets", summary)


def test_a_dataset_without_fingerprints():
    before = replace(FULL, data=[replace(DATA, fingerprint=None)])
    after = replace(FULL, data=[replace(DATA, fingerprint=None, rows=5)])
    assert only(before, after).summary == "The rows have no fingerprint on either side."


def test_added_and_removed_elements():
    diff = diff_cards(
        full_card(), changed(data=[FULL.data[1]], prompts=[*FULL.prompts, s.Prompt(name="z", sha256=sha("z"))])
    )
    assert [(e.section, e.name, e.change, e.summary) for e in diff.elements] == [
        ("data", "tickets", "removed", "Only the first version has it."),
        ("prompts", "z", "added", "Only the second version has it."),
    ]
    assert sentence(recipe=None) == ("recipe", "recipe", "Only the first version has it.")


PRE = FULL.preprocessing


@pytest.mark.parametrize(
    ("fields", "name", "summary"),
    [
        (
            {"chat_templates": [s.ChatTemplate(name="default", text="x", sha256=sha("x"))]},
            "chat template default",
            f"The text differs, {len(CHAT_TEMPLATE)} characters before, 1 after.",
        ),
        (
            {"processors": [replace(PRE.processors[0], settings={"padding_side": "left", "model_max_length": 4096})]},
            "tokenizer",
            "padding_side right -> left.",
        ),
        (
            {"processors": [replace(PRE.processors[0], revision=MOVED)]},
            "tokenizer",
            f"Files and settings are equal; revision {commit('base')[:12]} -> {MOVED[:12]}.",
        ),
        (
            {"processors": [replace(PRE.processors[0], files=[PRE.processors[0].files[0]])]},
            "tokenizer",
            "1 file removed (tokenizer_config.json).",
        ),
        (
            {"renderings": [s.Rendering(probe="two-turns", template="default", sha256=sha("other"))]},
            "renderings by default",
            "The same messages come out as other text in 1 of 1 probe conversation.",
        ),
        (
            {"renderings": [*PRE.renderings, s.Rendering(probe="tools", template="default", sha256=sha("tools"))]},
            "renderings by default",
            "1 probe conversation added (tools).",
        ),
        ({"settings": {**PRE.settings, "max_length": 512}}, "settings", "settings.max_length 1024 -> 512."),
        ({"code": [replace(PRE.code[0], sha256=sha("y"))]}, "format to_messages", "The source text differs."),
        (
            {"code": [replace(PRE.code[0], constants={"mean": [0.5, 0.5]})]},
            "format to_messages",
            "mean null -> 0.5, 0.5.",
        ),
    ],
)
def test_preprocessing(fields: dict[str, Any], name: str, summary: str):
    assert sentence(preprocessing=replace(PRE, **fields)) == ("preprocessing", name, summary)


def test_prompts():
    new = s.Prompt(name="system", text="Be kind.", sha256=sha("Be kind."), variables=["company"])
    assert sentence(prompts=[new, FULL.prompts[1]]) == (
        "prompts",
        "system",
        f"The text differs, {len(SYSTEM_PROMPT)} characters before, 8 after.",
    )
    private = replace(FULL.prompts[0], text=None)
    assert sentence(prompts=[private, FULL.prompts[1]])[2] == "The text is the same and was made private."
    hidden = replace(FULL.prompts[1], sha256=sha("other"))
    assert sentence(prompts=[FULL.prompts[0], hidden]) == ("prompts", "escalation", "The text differs.")
    unfilled = replace(FULL.prompts[0], variables=[])
    assert sentence(prompts=[unfilled, FULL.prompts[1]])[2] == "variables company -> []."


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({"digest": "sha256:x", "count": 18_210}, "The content differs: 18,204 entries before, 18,210 after."),
        ({"digest": "sha256:x"}, "The content differs, 18,204 entries as before."),
        ({"version": "IndexHNSW"}, "The content is equal; version IndexFlatIP -> IndexHNSW."),
        ({"chunking": {"size": 256, "overlap": 64}}, "The content is equal; chunking.size 512 -> 256."),
        (
            {"embedding_model": s.EmbeddingModel(model="org/minilm", revision=MOVED)},
            f"The content is equal; embedding_model.revision {commit('minilm')[:12]} -> {MOVED[:12]}.",
        ),
    ],
)
def test_retrieval(fields: dict[str, Any], summary: str):
    assert sentence(retrieval=[replace(FULL.retrieval[0], **fields)]) == ("retrieval", "kb", summary)


def test_recipe_and_code():
    arguments = {**RECIPE.arguments, "learning_rate": 0.0001}
    assert sentence(recipe=replace(RECIPE, arguments=arguments))[2] == "learning_rate 0.0002 -> 0.0001."
    assert sentence(recipe=replace(RECIPE, seeds={"seed": 1}))[2] == "seeds.data_seed 42 -> null; seeds.seed 42 -> 1."
    many = dict.fromkeys(RECIPE.arguments, "x")
    assert sentence(recipe=replace(RECIPE, arguments=many))[2].endswith("; 2 more fields differ.")
    long = {**RECIPE.arguments, "lr_scheduler_type": "x" * 100}
    assert sentence(recipe=replace(RECIPE, arguments=long))[2] == "lr_scheduler_type differs."
    code = replace(CODE, commit=MOVED, diff=None, dirty=False, untracked=[])
    assert sentence(code=code)[2] == (
        f"The commit {commit('code')[:12]} -> {MOVED[:12]}; the uncommitted changes differ; "
        "1 untracked file removed (notes/prompt-ideas.txt); dirty true -> false."
    )


def test_environment_grades_packages():
    packages = [
        s.Package(name="torch", version="2.13.0", build="cpu"),
        s.Package(name="transformers", version="6.0.0"),
        s.Package(name="peft", version="0.21.3"),
        s.Package(name="numpy", version="2.5.0"),
        s.Package(name="trl", version="not a version"),
        s.Package(name="requests", version="3"),
        *ENVIRONMENT.packages[:2],
    ]
    element = only(FULL, replace(FULL, environment=replace(ENVIRONMENT, packages=packages, python="3.12.1")))
    assert element.summary == (
        "numpy 2.4.1 -> 2.5.0; torch 2.13.0 (cu128) -> 2.13.0 (cpu); peft 0.21.2 -> 0.21.3; 2 more fields differ; "
        "python 3.11.7 -> 3.12.1; 1 other package differs."
    )
    graded = [(change["name"], change["part"], change["step"]) for change in element.detail["packages"]]
    assert graded == [
        ("numpy", "numerics", "minor"),
        ("torch", "numerics", "build"),
        ("peft", "libraries", "patch"),
        ("transformers", "libraries", "major"),
        ("trl", "libraries", "major"),
        ("requests", "others", "added"),
    ]


def test_order_is_by_what_can_matter():
    other = changed(
        base=replace(BASE, revision=MOVED),
        adapter=adapter_with(1),
        data=[replace(DATA, rows=1, fingerprint=fingerprint("n")), replace(FULL.data[1], license="mit")],
        preprocessing=replace(PRE, settings={}),
        prompts=[],
        retrieval=[],
        recipe=None,
        code=None,
        environment=None,
        parents=[],
    )
    assert [(e.section, e.name) for e in diff_cards(full_card(), other).elements] == [
        ("adapter", "adapter"),
        ("data", "tickets"),
        ("preprocessing", "settings"),
        ("prompts", "escalation"),
        ("prompts", "system"),
        ("retrieval", "kb"),
        ("recipe", "recipe"),
        ("code", "code"),
        ("environment", "environment"),
        ("parents", "support-bot"),
        ("base", "base"),  # the same files under another commit
        ("data", "politeness"),  # the same rows under another license
    ]


def test_keys_of_a_later_release_are_compared():
    document = full_card().document()
    document["ftlineage"] = "1.7"
    document["base"]["mood"] = "good"
    document["weather"] = {"wind": 3}
    document["preprocessing"]["new"] = [1]
    elements = diff_cards(full_card(), read_document(document)).elements
    assert [(e.section, e.name, e.change, e.summary) for e in elements] == [
        ("base", "base", "changed", "All files are equal; mood null -> good."),
        ("preprocessing", "settings", "changed", "new null -> 1."),
        ("weather", "weather", "added", "Only the second version has it."),
    ]


def test_another_writing_of_the_same_values_is_named():
    document = full_card().document()
    document["data"].reverse()
    document["future"] = None
    del document["retrieval"][0]["evidence"]
    elements = diff_cards(full_card(), read_document(document)).elements
    assert [(e.section, e.summary) for e in elements] == [
        ("data", "The same values, written differently."),
        ("retrieval", "The content is equal; evidence observed -> null."),
        ("future", "The same values, written differently."),
    ]


def test_repeated_names_are_paired_in_order():
    twice = [DATA, replace(DATA, role="eval")]
    after = [DATA, replace(DATA, role="test")]
    assert only(replace(FULL, data=twice), replace(FULL, data=after)).name == "tickets (2)"


def test_hostile_text_does_not_act():
    prompt = s.Prompt(name="p", role="\x1b[2J\u202e", sha256=sha("p"))
    after = replace(FULL, prompts=[*FULL.prompts, replace(prompt, role="user")])
    summary = only(replace(FULL, prompts=[*FULL.prompts, prompt]), after).summary
    assert summary == "role \\x1b[2J\\u202e -> user."
