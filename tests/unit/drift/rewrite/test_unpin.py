"""What comes off again, what is left, and what was changed by people in between."""

from __future__ import annotations

from ftlineage.drift.rewrite.move import loosen
from ftlineage.drift.rewrite.places import Commit, Key, is_second
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.drift.rewrite.unpin import unpin_text
from tests.rewriting import pinned, reading, sha_of, unpinned

IMPORTS = "from transformers import AutoModel\n"
FLOATING = IMPORTS + 'm = AutoModel.from_pretrained("northwind/base")\n'
MODEL = sha_of(Key("model", "northwind/base", None))
OTHER = "0123456789" * 4
ADAPTER = '{"base_model_name_or_path": "northwind/base", "peft_type": "LORA", "revision": null}'


def test_what_floats_again_is_told():
    done = unpinned(pinned(FLOATING, "a.py"), "a.py")
    assert [(one.line, one.ref, one.wished, one.sha) for one in done.unpins] == [(2, "northwind/base", None, MODEL)]
    assert done.left == []


def test_a_commit_that_a_person_wrote_is_left_and_said_so():
    text = FLOATING.replace(")", f', revision="{OTHER}")  # good one')
    done = unpin_text(text, "a.py", read=reading("a.py"))
    assert done.text == text
    assert [(one.line, one.sha, one.is_ours, one.reason) for one in done.left] == [
        (2, OTHER, False, "it was not pinned by ftlineage: there is no remark, and the lock file knows none")
    ]


def test_json_without_what_the_lock_kept_is_a_persons():
    done = pinned(ADAPTER, "adapter_config.json")
    alone = unpin_text(done.text, "adapter_config.json", read=reading("adapter_config.json"))
    assert (alone.text, [one.is_ours for one in alone.left]) == (done.text, [False])
    assert unpinned(done, "adapter_config.json").text == ADAPTER


def test_formatted_code_is_unpinned_where_the_remark_still_stands():
    formatted = IMPORTS + (
        f'm = AutoModel.from_pretrained(\n    "northwind/base",\n    revision="{MODEL}",  # default @ 2026-08-20\n)\n'
    )
    done = unpin_text(formatted, "a.py", read=reading("a.py"))
    assert done.text == IMPORTS + 'm = AutoModel.from_pretrained(\n    "northwind/base",\n)\n'


def test_a_pin_in_edited_text_comes_off_and_the_edits_stay():
    done = pinned("base_model: northwind/base\nadapter: lora\n", "axolotl.yaml")
    edited = f"# Ours.\n{done.text}seed: 1\n"
    assert unpin_text(edited, "axolotl.yaml", read=reading("axolotl.yaml")).text == (
        "# Ours.\nbase_model: northwind/base\nadapter: lora\nseed: 1\n"
    )


def test_a_remark_that_cannot_be_true_takes_nothing_out():
    text = IMPORTS + f'm = AutoModel.from_pretrained("northwind/base", revision="{OTHER}")  # {"b" * 40} @ 2026-08-20\n'
    done = unpin_text(text, "a.py", read=reading("a.py"))
    assert done.text == text
    assert [(one.is_ours, one.reason) for one in done.left] == [
        (True, "what stands around the commit is no longer as it was pinned, so it was left as it is")
    ]


def test_copies_of_a_pin_in_json_all_come_off_when_all_were_ours():
    kept = [Kept(path="a.json", now=f'"{MODEL}"', was="null")]
    text = f'[{{"base_model_name_or_path": "northwind/base", "peft_type": "LORA", "revision": "{MODEL}"}}]'
    done = unpin_text(text * 2, "a.json", read=lambda *_: [], kept=kept)
    assert done.text == text.replace(f'"{MODEL}"', "null") * 2


def test_one_of_two_equal_texts_comes_off_by_number_and_neither_when_that_is_gone():
    kept = [Kept(path="a.json", now=f'"{MODEL}"', was="null", nth=1, of=2)]
    both = f'["{MODEL}", "{MODEL}"]'
    assert unpin_text(both, "a.json", read=lambda *_: [], kept=kept).text == f'["{MODEL}", null]'
    three = f'["{MODEL}", "{MODEL}", "{MODEL}"]'
    assert unpin_text(three, "a.json", read=lambda *_: [], kept=kept).text == three


def test_pins_that_the_lock_has_overtaken_are_loosened_and_no_others():
    text = IMPORTS + (
        'a = AutoModel.from_pretrained("northwind/base")\nb = AutoModel.from_pretrained("northwind/large")\n'
    )
    done = pinned(text, "a.py")
    firsts = [one for one in reading("a.py")(done.text, "a.py") if not is_second(one)]
    locked: dict[Key, Commit | str] = {
        Key("model", "northwind/base", None): Commit(OTHER, "2026-09-01"),
        Key("model", "northwind/large", None): Commit(firsts[1].revision or "", "2026-08-20"),
    }
    loose = loosen(done.text, "a.py", firsts, [], locked)
    assert loose.numbers == {0}
    assert loose.text.splitlines()[1] == text.splitlines()[1]
    assert loose.text.splitlines()[2] == done.text.splitlines()[2]
    assert loosen(done.text, "a.py", firsts, [], {}).numbers == frozenset()


def test_lines_a_pin_took_with_their_parent_key_come_off_together():
    text = "task: x\ndataset_path: northwind/rows\ndataset_name: null\noutput_type: generate_until\n"
    done = pinned(text, "task.yaml")
    assert "dataset_kwargs:\n  revision: " in done.text
    assert done.kept == []
    assert unpinned(done, "task.yaml").text == text
