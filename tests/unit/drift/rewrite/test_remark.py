import pytest

from ftlineage.drift.rewrite.lines import line_end, line_number
from ftlineage.drift.rewrite.remark import Wish, read_remarks, wished, write_remark

A, B = "a" * 40, "0123456789" * 4


def test_a_remark_says_the_wish_and_the_day_of_the_commit():
    assert write_remark([Wish("main", "2026-08-20")], "#") == "  # main @ 2026-08-20"
    assert write_remark([Wish("v1.2", "2026-08-20"), Wish("default", "2026-01-02")], "//") == (
        "  // v1.2 @ 2026-08-20; default @ 2026-01-02"
    )


@pytest.mark.parametrize("text", ["two words", "a;b", "a#b", "", "x" * 201, "a\nb", "\ud800", "a\x1b[2Jb"])
def test_a_wish_that_would_not_survive_in_a_comment_gets_none(text):
    assert write_remark([Wish(text, "2026-08-20")], "#") is None


def test_a_date_that_is_none_gets_no_remark():
    assert write_remark([Wish("main", "yesterday")], "#") is None


def test_each_commit_of_a_line_has_its_wish():
    text = f'x = f("{A}"), g("{B}")  # keep  # main @ 2026-08-20; refs/pr/3 @ 2026-01-02\ny = "{B}"\n'
    first, second = read_remarks(text)
    assert (first.sha, first.wish, text[first.start : first.start + 40]) == (A, Wish("main", "2026-08-20"), A)
    assert (second.sha, second.wish.text) == (B, "refs/pr/3")
    assert text[slice(*first.remark)] == "  # main @ 2026-08-20; refs/pr/3 @ 2026-01-02"


@pytest.mark.parametrize(
    "line",
    [
        f'f("{A}")  # main @ 2026-08-20; v1 @ 2026-08-20',  # two wishes, one commit
        f'f("{A}", "{B}")  # main @ 2026-08-20',  # one wish, two commits
        'f("x")  # main @ 2026-08-20',
        f'f("{A}")  # main @ 2026-08-20 or so',
        f'f("{A}") # main @ 2026-08-20',  # a person's: ours have two spaces
        f'f("{A}")  # main@2026-08-20',
        f'f("{A}0")  # main @ 2026-08-20',  # 41 digits
    ],
)
def test_what_is_no_remark_of_ours_is_none(line):
    assert list(read_remarks(line)) == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_remark_ends_its_line_however_lines_end(end):
    (found,) = read_remarks(f"a: {A}  # main @ 2026-08-20{end}")
    assert found.sha == A


def test_in_a_notebook_lines_are_strings_with_escapes():
    text = f'["m = \\"{B}\\"\\nx = f(\\"{A}\\")  # main @ 2026-08-20\\n", "z = \\"{B}\\"  # v1 @ 2026-08-20"]'
    assert [(one.sha, one.wish.text) for one in read_remarks(text, notebook=True)] == [(A, "main"), (B, "v1")]
    assert list(read_remarks(text)) == []


@pytest.mark.parametrize("text", ["default", "None", "null", "~", '""', "''", '\\"\\"', ""])
def test_text_that_says_nothing_names_no_ref(text):
    assert wished(text) is None
    assert Wish(text, "2026-08-20").ref == "default"


def test_text_that_says_something_is_the_ref():
    assert wished("main") == Wish("main", "2026-08-20").ref == "main"


def test_lines_are_counted_as_editors_do():
    text = "a\r\nb\rc\nd"
    assert [line_number(text, text.index(letter)) for letter in "abcd"] == [1, 2, 3, 4]
    assert text[: line_end(text, 3)] == "a\r\nb"
