"""Pins as people will read them, by the real readers."""

from __future__ import annotations

import pytest

from ftlineage.drift.reference import Reference, Slot
from ftlineage.drift.rewrite.pin import pin_text
from ftlineage.drift.rewrite.places import Commit, Key
from ftlineage.drift.rewrite.undo import Kept
from tests.rewriting import commits_for, pinned, reading, sha_of, unpinned

MODEL = sha_of(Key("model", "northwind/base", None))
MAIN = sha_of(Key("model", "northwind/base", "main"))
ROWS = sha_of(Key("dataset", "northwind/rows", None))
NONE = "  # default @ 2026-08-20"

PINS = [
    pytest.param(
        "a.py",
        'AutoModel.from_pretrained("northwind/base")\n',
        f'AutoModel.from_pretrained("northwind/base", revision="{MODEL}"){NONE}\n',
        id="a new argument",
    ),
    pytest.param(
        "a.py",
        "AutoModel.from_pretrained('northwind/base', revision='main')  # noqa: S1\r\n",
        f"AutoModel.from_pretrained('northwind/base', revision='{MAIN}')  # noqa: S1  # main @ 2026-08-20\r\n",
        id="a branch, in the quotes and after the comment of a person",
    ),
    pytest.param(
        "a.py",
        'AutoModel.from_pretrained("northwind/base", revision=None)',
        f'AutoModel.from_pretrained("northwind/base", revision="{MODEL}")  # None @ 2026-08-20',
        id="None",
    ),
    pytest.param(
        "a.py",
        'AutoModel.from_pretrained(\n    "northwind/base",\n    trust_remote_code=True,\n)\n',
        'AutoModel.from_pretrained(\n    "northwind/base",\n'
        f'    trust_remote_code=True, revision="{MODEL}",{NONE}\n)\n',
        id="several lines, with remote code",
    ),
    pytest.param(
        "a.py",
        'A, B = AutoModel.from_pretrained("northwind/base"), load_dataset("northwind/rows")\n',
        f'A, B = AutoModel.from_pretrained("northwind/base", revision="{MODEL}"),'
        f' load_dataset("northwind/rows", revision="{ROWS}")  # default @ 2026-08-20; default @ 2026-08-20\n',
        id="two on a line",
    ),
    pytest.param(
        "axolotl.yaml",
        "base_model: northwind/base\nadapter: lora\ndatasets:\n  - path: northwind/rows\n    type: alpaca\n",
        f"base_model: northwind/base\nrevision_of_model: {MODEL}{NONE}\nadapter: lora\n"
        f"datasets:\n  - path: northwind/rows\n    revision: {ROWS}{NONE}\n    type: alpaca\n",
        id="keys of a framework",
    ),
    pytest.param(
        "adapter_config.json",
        '{"base_model_name_or_path": "northwind/base", "peft_type": "LORA", "revision": null}',
        f'{{"base_model_name_or_path": "northwind/base", "peft_type": "LORA", "revision": "{MODEL}"}}',
        id="JSON has no remark",
    ),
    pytest.param(
        "run.sh",
        "vllm serve northwind/base --port 1\n",
        f"vllm serve northwind/base --revision {MODEL} --port 1{NONE}\n",
        id="a command",
    ),
    pytest.param(
        "run.sh",
        "vllm serve northwind/base \\\n  --port 1\n",
        f"vllm serve northwind/base --revision {MODEL} \\\n  --port 1\n",
        id="a command of two lines has no place for a remark",
    ),
    pytest.param(
        "nb.ipynb",
        '{"cells": [{"cell_type": "code", "metadata": {}, "source": '
        '["m = AutoModel.from_pretrained(\\"northwind/base\\")\\n", "m"]}], "nbformat": 4}',
        '{"cells": [{"cell_type": "code", "metadata": {}, "source": '
        f'["m = AutoModel.from_pretrained(\\"northwind/base\\", revision=\\"{MODEL}\\"){NONE}\\n", "m"]}}], '
        '"nbformat": 4}',
        id="a notebook of one line",
    ),
]
IMPORTS = "from transformers import AutoModel\nfrom datasets import load_dataset\n"


def whole(path: str, text: str) -> str:
    """Code needs its imports."""
    return IMPORTS + text if path.endswith(".py") else text


@pytest.mark.parametrize(("path", "before", "after"), PINS)
def test_what_a_pin_writes_and_that_it_comes_off_again(path, before, after):
    done = pinned(whole(path, before), path)
    assert done.text == whole(path, after)
    assert done.refused == []
    assert unpinned(done, path).text == whole(path, before)


def test_a_pin_says_what_it_did_and_where_it_stands_now():
    done = pinned(
        "base_model: northwind/base\nadapter: lora\ndatasets:\n  - path: northwind/rows\n    type: alpaca\n",
        "axolotl.yaml",
    )
    told = [(one.path, one.line, one.ref, one.kind, one.key, one.wished, one.sha, one.date) for one in done.pins]
    assert told == [
        ("axolotl.yaml", 1, "northwind/base", "model", "revision_of_model", None, MODEL, "2026-08-20"),
        ("axolotl.yaml", 5, "northwind/rows", "dataset", "revision", None, ROWS, "2026-08-20"),
    ]


def test_pinning_again_changes_nothing():
    text = IMPORTS + 'AutoModel.from_pretrained("northwind/base", revision="main")\n'
    done = pinned(text, "a.py")
    again = pinned(done.text, "a.py", done.kept)
    assert (again.text, again.pins, again.refused) == (done.text, [], [])


def test_only_json_and_its_like_is_kept_for_the_lock():
    done = pinned('{"base_model_name_or_path": "northwind/base", "peft_type": "LORA"}', "adapter_config.json")
    assert done.kept == [Kept(path="adapter_config.json", now=f', "revision": "{MODEL}"', was="")]
    assert pinned(IMPORTS + 'AutoModel.from_pretrained("northwind/base")\n', "a.py").kept == []


def test_a_branch_called_default_needs_the_lock_to_come_back():
    text = IMPORTS + 'AutoModel.from_pretrained("northwind/base", revision="default")\n'
    done = pinned(text, "a.py")
    assert [(one.was, one.of) for one in done.kept] == [("default", 1)]
    assert unpinned(done, "a.py").text == text


def test_pins_of_a_file_that_is_pinned_in_part_are_counted_anew():
    one = '{"base_model_name_or_path": "northwind/base", "peft_type": "LORA", "revision": null}'
    first = pinned(one, "adapter_config.json")
    assert (first.kept[0].nth, first.kept[0].of) == (0, 1)
    copy = first.text.replace('"peft_type"', f'"note": "{MODEL}", "peft_type"')
    again = pinned(copy, "adapter_config.json", first.kept)
    assert again.text == copy


# --- refused ---------------------------------------------------------------------------------------


def reasons(text: str, path: str) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in pinned(text, path).refused]


def test_a_reference_without_a_place_is_refused_with_the_reason_of_its_reader():
    text = '{"tickets": {"hf_hub_url": "northwind/rows"}}'
    assert reasons(text, "dataset_info.json") == [
        (1, "the registry has no key for a revision: download the dataset at a commit and name its file")
    ]


def test_one_revision_for_two_repositories_is_refused():
    text = IMPORTS + (
        'REV = "main"\na = AutoModel.from_pretrained("northwind/base", revision=REV)\n'
        'b = AutoModel.from_pretrained("northwind/large", revision=REV)\n'
    )
    reason = "one revision would stand for several repositories or refs"
    assert reasons(text, "a.py") == [(4, reason), (5, reason)]


def test_one_revision_for_a_model_and_its_tokenizer_is_one_edit():
    text = (
        "from transformers import AutoModel, AutoTokenizer\n"
        'REV = "main"\na = AutoModel.from_pretrained("northwind/base", revision=REV)\n'
        'b = AutoTokenizer.from_pretrained("northwind/base", revision=REV)\n'
    )
    done = pinned(text, "a.py")
    assert [(one.line, one.kind) for one in done.pins] == [(3, "model"), (4, "tokenizer")]
    assert done.text == text.replace('"main"\n', f'"{MAIN}"  # main @ 2026-08-20\n')


def test_a_default_that_other_ids_are_loaded_with_is_refused():
    text = IMPORTS + (
        'def load(name: str = "northwind/base", revision: str = "main"):\n'
        "    return AutoModel.from_pretrained(name, revision=revision)\n"
    )
    (refused,) = pinned(text, "a.py").refused
    assert refused.reason == (
        "other ids are loaded with the same revision, and they have no such commit: give each its own, "
        "so it was left as it is"
    )


def reference(text: str, slot: Slot, *, status: str = "floating", revision: str | None = None) -> Reference:
    return Reference(
        path="x.txt", line=1, column=1, ref="northwind/base", kind="model", status=status, rule=None,  # type: ignore[arg-type]
        revision=revision, message="", slot=slot,
    )  # fmt: skip


def test_a_reader_that_does_not_see_the_pin_leaves_the_file_alone():
    text = "load northwind/base\n"
    blind = [reference(text, Slot(key="revision", start=19, end=19, before=" ", comment=None))]
    done = pin_text(text, "x.txt", blind, commits_for(blind), read=lambda *_: blind)
    assert (done.text, done.pins) == (text, [])
    assert [one.reason for one in done.refused] == [
        "the rewritten file would not be read as pinned to this commit, so it was left as it is"
    ]


def test_a_place_that_breaks_the_file_is_refused_and_the_others_are_pinned():
    good = reading("a.py")

    def read(text: str, path: str) -> list[Reference]:
        found = list(good(text, path))
        if found and found[0].status == "floating" and found[0].slot is not None:
            broken = Slot(key="revision", start=found[0].slot.start, end=found[0].slot.start, before="((", comment=None)
            found[0] = reference(text, broken)
        return found

    text = IMPORTS + 'a = AutoModel.from_pretrained("northwind/base")\nb = load_dataset("northwind/rows")\n'
    references = read(text, "a.py")
    done = pin_text(text, "a.py", references, commits_for(references), read=read)
    assert [one.ref for one in done.pins] == ["northwind/rows"]
    assert [one.reason for one in done.refused] == [
        "the file would not load to the same document with it, so it was left as it is"
    ]


def test_a_remark_that_would_break_the_file_is_left_out_and_kept_for_the_lock():
    text = 'x = """\n' + 'AutoModel.from_pretrained("northwind/base")\n"""\n'
    place = text.index('")') + 1

    def read(now: str, _path: str) -> list[Reference]:
        at = now.find(MODEL)
        slot = Slot(key="revision", start=place, end=place, before=', revision="', after='"')
        if at < 0:
            return [reference(now, slot)]
        return [reference(now, slot, status="pinned", revision=MODEL)]

    references = read(text, "a.py")
    done = pin_text(
        text, "a.py", references, {Key("model", "northwind/base", None): Commit(MODEL, "2026-08-20")}, read=read
    )
    assert done.text == text.replace('base"', f'base", revision="{MODEL}"')
    assert [one.now for one in done.kept] == [f', revision="{MODEL}"']


def test_what_the_hub_does_not_have_is_refused_with_its_words():
    text = IMPORTS + 'AutoModel.from_pretrained("northwind/base")\n'
    read = reading("a.py")
    done = pin_text(
        text, "a.py", read(text, "a.py"), {Key("model", "northwind/base", None): "no such model"}, read=read
    )
    assert [(one.line, one.reason) for one in done.refused] == [(3, "no such model")]
