"""The YAML at the top of a README: every form people write it in, changed at single places or refused."""

from __future__ import annotations

import pytest

from ftlineage.errors import BadInputError
from ftlineage.export.hub_front_matter import set_keys

SCALARS = {"base_model": "org/base", "library_name": "peft"}
LISTS = {"datasets": ["org/rows"], "tags": ["ftlineage"]}
NEW = "base_model: org/base\nlibrary_name: peft\ndatasets:\n- org/rows\ntags:\n- ftlineage\n"


def merged(text: str) -> str:
    return set_keys(text, SCALARS, LISTS, newline="\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"---\n{NEW}---\n"),
        ("# Mine\n", f"---\n{NEW}---\n\n# Mine\n"),
        ("Text --- with dashes\n---\n", f"---\n{NEW}---\n\nText --- with dashes\n---\n"),
        ("---\n---\n# Mine", f"---\n{NEW}---\n# Mine"),
        ("---\n\n---\n# Mine", f"---\n{NEW}---\n# Mine"),
        ("---\nlicense: mit # why\n---\nx", f"---\nlicense: mit # why\n{NEW}---\nx"),
        ("\ufeff---\nlicense: mit\n---\nx", f"\ufeff---\nlicense: mit\n{NEW}---\nx"),
        ("\n\n---\nlicense: mit\n--- \nx", f"\n\n---\nlicense: mit\n{NEW}--- \nx"),
        ("---\nlicense: mit\n---", f"---\nlicense: mit\n{NEW}---"),
        ("---\n# only a comment\n---\n", f"---\n# only a comment\n{NEW}---\n"),
    ],
)
def test_where_the_keys_go(text: str, expected: str) -> None:
    assert merged(text) == expected
    assert merged(expected) == expected


FULL = "base_model: org/base\nlibrary_name: peft\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("datasets: [org/rows]\ntags: [a, ftlineage]", "datasets: [org/rows]\ntags: [a, ftlineage]"),
        ("datasets: org/rows\ntags: [a]", "datasets: org/rows\ntags: [a, ftlineage]"),
        ("datasets: 'x/y' # mine\ntags: []", "datasets: ['x/y', org/rows] # mine\ntags: [ftlineage]"),
        ("datasets:\ntags: ~", "datasets: [org/rows]\ntags: [ftlineage]"),
        ("datasets: # none yet\ntags: null # x", "datasets: [org/rows] # none yet\ntags: [ftlineage] # x"),
        ("tags: [\n  a, # one\n  b, # two\n]\ndatasets: [org/rows]", None),
        ("datasets:\n- org/rows # kept\ntags:\n- a\n- 'b'  # two", None),
        ("datasets:\n    -   org/rows\ntags:\n  - a\n\n  - b\n# after", None),
        ("tags:\n  - a\nzzz: 1\ndatasets:\n- org/rows", "tags:\n  - a\n  - ftlineage\nzzz: 1\ndatasets:\n- org/rows"),
        ('datasets: ["org/rows"]\n"tags": ["a,]", \'b\']', None),
    ],
)
def test_lists_are_extended_in_the_style_they_have(before: str, after: str | None) -> None:
    import yaml

    text = f"---\n{FULL}{before}\n---\nText\n"
    result = merged(text)
    if after is not None:
        assert result == f"---\n{FULL}{after}\n---\nText\n"
    found = yaml.safe_load(result.split("---\n")[1])
    assert found["tags"][-1] == "ftlineage"
    assert "org/rows" in found["datasets"]
    # Nothing was taken out: what was there is there in its order.
    rest = iter(result)
    assert all(sign in rest for sign in text) or "~" in before or "null" in before
    assert merged(result) == result


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base_model: other/base # was", "base_model: org/base # was"),
        ("base_model: 'org/base'", "base_model: 'org/base'"),
        ("base_model:", "base_model: org/base"),
        ("base_model: [x/y]", "base_model: [x/y, org/base]"),
        ("base_model:\n- x/y\n- org/base", "base_model:\n- x/y\n- org/base"),
        ("base_model:\n- x/y", "base_model:\n- x/y\n- org/base"),
    ],
)
def test_single_values_are_set(before: str, after: str) -> None:
    rest = "library_name: peft\ndatasets: [org/rows]\ntags: [ftlineage]\n"
    assert merged(f"---\n{before}\n{rest}---\n") == f"---\n{after}\n{rest}---\n"


def test_other_keys_keep_every_byte() -> None:
    people = (
        "# my card\nlicense:   apache-2.0\nlanguage:\n    - en   # first\nmodel-index:\n- name: x\n  results: []\n"
        "ftlineage: {id: 'sha256:1', deep: [1, {a: null}]}\nwidget:\n- text: |\n    tags: [x]\n    ---x\n"
    )
    result = merged(f"---\n{people}---\n# Mine\n---\ntags: y\n---\n")
    assert result == f"---\n{people}{NEW}---\n# Mine\n---\ntags: y\n---\n"


def test_the_clients_own_card_reads_the_same_and_keeps_a_key_of_ours() -> None:
    from huggingface_hub import ModelCard

    text = "---\nftlineage:\n  id: sha256:1\n  null_kept: null\nlicense: mit\n---\n# Mine\n"
    found = ModelCard(merged(text))
    assert found.data.to_dict()["ftlineage"] == {"id": "sha256:1", "null_kept": None}
    assert found.data.to_dict()["base_model"] == "org/base"
    assert found.text == "# Mine\n"


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        ("license: [mit", "the YAML at its top is not sound (line 2)"),
        ("a: 1\n\tb: 2", "the YAML at its top is not sound (line 3)"),
        ("a: *missing", "the YAML at its top is not sound (line 2)"),
        ("a: !!python/object:os.system x", "the YAML at its top is not sound (line 2)"),
        ("just words", "what stands between the two --- at its top is no YAML with one key a line"),
        ("- a\n- b", "what stands between the two --- at its top is no YAML with one key a line"),
        ("{a: 1}", "what stands between the two --- at its top is no YAML with one key a line"),
        ("tags: [a]\ntags: [b]", "the YAML at its top has 'tags' twice"),
        ("x: &t [a]\ntags: *t", "tags in the YAML at its top uses an anchor, an alias or a tag"),
        ("tags: &t [a]\nx: *t", "tags in the YAML at its top uses an anchor, an alias or a tag"),
        ("base_model: !!str x", "base_model in the YAML at its top uses an anchor, an alias or a tag"),
        ("base_model: {a: b}", "base_model in the YAML at its top is more than one word"),
        ("base_model: |\n  x", "base_model in the YAML at its top is more than one word"),
        ("tags: {a: b}", "tags in the YAML at its top is no list of names"),
        ("tags:\n- a: b", "tags in the YAML at its top is no list of names"),
        ("tags:\n- |\n  a", "tags in the YAML at its top is no list of names"),
        ("tags: >\n  a", "tags in the YAML at its top is no list of names"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(front: str, reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        merged(f"---\n{front}\n---\n# Mine\n")
    assert caught.value.sentence == f"README.md: {reason}"


def test_yaml_that_is_never_closed_is_refused() -> None:
    with pytest.raises(BadInputError, match="its first line opens YAML with --- and nothing closes it"):
        merged("---\nlicense: mit\n\n# Mine\n")


def test_deep_yaml_is_refused() -> None:
    with pytest.raises(BadInputError, match="not sound"):
        merged(f"---\na: {'[' * 5000}\n---\n")
