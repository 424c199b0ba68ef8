"""Where a revision goes, so that the file still parses."""

from __future__ import annotations

import pytest

from tests.unit.drift.python.seen import SHA, found_in, pinned


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('A.from_pretrained("o-a/m")', 'A.from_pretrained("o-a/m", revision="<SHA>")'),
        ('A.from_pretrained("o-a/m",)', 'A.from_pretrained("o-a/m", revision="<SHA>",)'),
        ('A.from_pretrained("o-a/m", x=("y"))', 'A.from_pretrained("o-a/m", x=("y"), revision="<SHA>")'),
        ('A.from_pretrained((("o-a/m")))', 'A.from_pretrained((("o-a/m")), revision="<SHA>")'),
        ('A.from_pretrained("o-a/m", **{})', 'A.from_pretrained("o-a/m", **{}, revision="<SHA>")'),
        ('A.from_pretrained("o-a/m", revision="main")', 'A.from_pretrained("o-a/m", revision="<SHA>")'),
        ("A.from_pretrained('o-a/m', revision='main')", "A.from_pretrained('o-a/m', revision='<SHA>')"),
        ('A.from_pretrained("o-a/m", revision=None)', 'A.from_pretrained("o-a/m", revision="<SHA>")'),
        ('R = "main"\nA.from_pretrained("o-a/m", revision=R)', 'R = "<SHA>"\nA.from_pretrained("o-a/m", revision=R)'),
        ('A.from_pretrained("o-a/m", x="é")', 'A.from_pretrained("o-a/m", x="é", revision="<SHA>")'),
        (
            'A.from_pretrained(\n    "o-a/m",\n    x=1,  # why )\n)',
            'A.from_pretrained(\n    "o-a/m",\n    x=1, revision="<SHA>",  # why )\n)',
        ),
        (
            'A.from_pretrained(\n    (\n        "o-a/m"  # )\n    )\n)',
            'A.from_pretrained(\n    (\n        "o-a/m"  # )\n    ), revision="<SHA>"\n)',
        ),
        ('f("hf://datasets/o-a/d/x.csv")', 'f("hf://datasets/o-a/d@<SHA>/x.csv")'),
        ('f("hf://datasets/o-a/d@main/x.csv")', 'f("hf://datasets/o-a/d@<SHA>/x.csv")'),
        (
            'f("https://huggingface.co/o-a/m/resolve/main/x")',
            'f("https://huggingface.co/o-a/m/resolve/<SHA>/x")',
        ),
        (
            'LightevalTaskConfig(hf_repo="o-a/d", hf_subset="x")',
            'LightevalTaskConfig(hf_repo="o-a/d", hf_subset="x", hf_revision="<SHA>")',
        ),
        ('x = {"path": "o-a/m", "revision": "main"}', 'x = {"path": "o-a/m", "revision": "<SHA>"}'),
    ],
)
def test_the_slot_takes_a_commit(before, after):
    assert pinned(before) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'A.from_pretrained("o-a/m", revision="ma" "in")',
            "the revision is not written as one plain string in this file",
        ),
        ('A.from_pretrained("o-a/m", revision=args.rev)', "only a run knows the revision"),
        ('A.from_pretrained("o-a/m", **given)', "arguments handed on may hold a revision"),
        ('LoRARequest("x", 1, "o-a/lora")', "the call takes no revision"),
        ('A.from_pretrained("./out")', "a path on this machine"),
        ("for n in ['o-a/m', 'o-b/m']:\n    A.from_pretrained(n)", "one of several ids that one call loads"),
    ],
)
def test_no_slot_has_a_reason(text, reason):
    found = found_in(text)[0]
    assert (found.slot, found.unpinnable) == (None, reason)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ('A.from_pretrained("o-a/m")', "#"),
        ('A.from_pretrained("o-a/m", revision=\\\n    "main").to( \\\n    "cuda")', None),
        ('A.from_pretrained("o-a/m", revision="main"); x = """\n"""', None),
    ],
)
def test_a_remark_only_where_the_line_ends(text, comment):
    slot = found_in(text)[0].slot
    assert slot is not None
    assert slot.comment == comment


def test_the_slot_of_a_pinned_reference_is_its_commit():
    text = f'A.from_pretrained("o-a/m", revision="{SHA}")'
    slot = found_in(text)[0].slot
    assert slot is not None
    assert text[slot.start : slot.end] == SHA
    assert (slot.key, slot.before, slot.after) == ("revision", "", "")
