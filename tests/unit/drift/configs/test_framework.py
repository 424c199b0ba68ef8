"""Tables: what is refused with which sentence, what patterns match, and whose table wins."""

import tomllib

import pytest

from ftlineage.drift.configs.builtin import BUILTIN
from ftlineage.drift.configs.framework import Pattern, patterns_of, read_framework
from ftlineage.drift.configs.reader import frameworks_of, read_config
from ftlineage.errors import BadArgumentError

SEPARATOR = "\x1f"
HOUSE = """
name = "house"
least = 2
silent = ["trainer.cache"]
[signs]
"trainer.backbone" = 1
"trainer.kind=sft|dpo" = 1
[[references]]
keys = ["trainer.backbone"]
revision = ["backbone_revision"]
remote_code = ["allow_code"]
[[references]]
keys = ["mixture"]
kind = "dataset"
form = "keys"
revision = ["revision"]
[[references]]
keys = ["**.*_data"]
kind = "dataset"
ids = "org/name"
when = { "../kind" = "hub" }
with_any = ["split"]
"""


def house(**changes):
    return read_framework({**tomllib.loads(HOUSE), **changes})


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "frameworks: Object missing required field `name`"),
        ({"name": "x", "sings": {}}, "frameworks: x: Object contains unknown field `sings`"),
        ({"name": "x", "least": "2"}, "frameworks: x: Expected `int`, got `str` - at `$.least`"),
        (
            {"name": "x", "references": [{"keys": ["a"], "kind": "modle"}]},
            "frameworks: x: Invalid enum value 'modle' - at `$.references[0].kind`",
        ),
        (
            {"name": "x", "references": [{"kind": "model"}]},
            "frameworks: x: Object missing required field `keys` - at `$.references[0]`",
        ),
        (
            {"name": "x", "references": [{"keys": ["a"], "revison": ["b"]}]},
            "frameworks: x: Object contains unknown field `revison` - at `$.references[0]`",
        ),
        (
            {"name": "x", "least": 1, "signs": {"a=[": 1}},
            "frameworks: x: signs: '[' is no regular expression: unterminated character set at position 0",
        ),
        ({"name": "x", "least": 1, "signs": {"a..b": 1}}, "frameworks: x: 'a..b' is no path of keys"),
        ({"name": "x", "least": 1, "signs": {"": 1}}, "frameworks: x: '' is no path of keys"),
        ({"name": "x"}, "frameworks: x: needs signs and a least sum of at least 1, or every file would be its"),
    ],
)
def test_a_table_that_cannot_hold_is_refused_with_the_key(document, sentence):
    with pytest.raises(BadArgumentError) as caught:
        read_framework(document)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a.b", "a b", True),
        ("a.b", "x a b", False),
        ("**.b", "b", True),
        ("**.b", "x a b", True),
        ("a.**.b", "a b", True),
        ("a.**.b", "a x y b", True),
        ("*.b", "b", False),
        ("*.b", "a b", True),
        ("{a,c}.b", "c b", True),
        ("{a,c}.b", "d b", False),
        ("*_hub", "wav_hub", True),
        ("**.x.{a*,b}", "x abc", True),
        ("a+b", "aab", False),
    ],
)
def test_patterns(pattern, path, matches):
    joined = "".join(f"{key}{SEPARATOR}" for key in path.split())
    assert Pattern(pattern).matches(joined) is matches


def test_a_table_of_ones_own():
    text = (
        "trainer:\n  backbone: nord/base\n  allow_code: true\n  kind: sft\n  cache: nord/cache\n"
        "mixture:\n  nord/a: 0.5\n  nord/b:\n    revision: main\n"
        "source:\n  kind: hub\n  part:\n    train_data: nord/c\n    split: train\n    eval_data: gpt2\n"
    )
    found = read_config(text, "a.yaml", [house(), *BUILTIN])
    assert [(one.line, one.ref, one.kind, one.revision, one.remote_code, one.via) for one in found] == [
        (2, "nord/base", "model", None, True, "house: trainer.backbone"),
        (7, "nord/a", "dataset", None, False, "house: mixture"),
        (8, "nord/b", "dataset", "main", False, "house: mixture"),
        (13, "nord/c", "dataset", None, False, "house: source.part.train_data"),
    ]
    assert [one.slot.key if one.slot else one.unpinnable for one in found] == [
        "backbone_revision",
        "house reads no revision beside the keys of a mapping",
        "revision",
        "house reads no revision for source.part.train_data",
    ]


def test_the_heavier_table_wins_and_the_earlier_one_of_two_that_weigh_the_same():
    text = "trainer: {backbone: nord/base, kind: sft}\n"
    light, same = house(name="light", least=1, signs={"trainer.kind": 1}), house(name="same")
    assert frameworks_of(text, "a.yaml", [light, house(), same]) == [["house"]]
    assert frameworks_of(text, "a.yaml", [same, house()]) == [["same"]]
    assert frameworks_of("trainer: {kind: x}\n", "a.yaml", [house()]) == [[]]


def test_signs_count_once_and_may_speak_against():
    against = house(name="against", signs={"trainer.backbone": 2, "trainer.kind=sft": -1})
    assert frameworks_of("trainer: [{backbone: a/b}, {backbone: a/c}]\n", "a.yaml", [against]) == [["against"]]
    assert frameworks_of("trainer: {backbone: a/b, kind: sft}\n", "a.yaml", [against]) == [[]]


def test_every_document_of_a_file_is_a_framework_of_its_own():
    text = "trainer: {backbone: nord/base, kind: sft}\n---\nhf_repo: nord/other\n"
    assert [names[:1] for names in frameworks_of(text, "a.yaml", [house(), *BUILTIN])] == [["house"], ["commands"]]
    assert [one.via for one in read_config(text, "a.yaml", [house(), *BUILTIN])] == [
        "house: trainer.backbone",
        "generic: hf_repo",
    ]


def test_the_tables_that_come_with_it():
    names = [framework.name for framework in BUILTIN]
    assert len(names) == len(set(names))
    assert {
        "axolotl",
        "llamafactory",
        "trl",
        "open-instruct",
        "oumi",
        "lm-eval",
        "lighteval",
        "torchtune",
        "truss",
    } <= set(names)
    for framework in BUILTIN:
        assert framework.title, framework.name
        assert framework.docs.startswith("https://"), framework.name
        # A key that may be anything would have every file parsed.
        assert not [key for rule in framework.references for key in rule.keys if key.endswith(".*") or key == "*"]
        for rule in framework.references:
            assert not (rule.form == "keys" and not rule.unpinnable and not rule.revision), framework.name
        assert patterns_of(framework)
