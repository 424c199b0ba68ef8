import pytest

from ftlineage.drift.rewrite.edits import Edit, apply, largest, overlap, shifted


def edit(start: int, end: int, new: str) -> Edit:
    return Edit(start=start, end=end, new=new)


def test_edits_are_made_in_the_order_of_the_text():
    edits = [edit(4, 5, "E"), edit(0, 1, "AA"), edit(2, 2, "-")]
    assert apply("abcdef", edits) == "AAb-cdEf"
    assert shifted(edits) == [6, 0, 3]


def test_insertions_at_one_offset_keep_their_order_and_come_before_what_is_replaced_there():
    edits = [edit(1, 1, "x"), edit(1, 2, "B"), edit(1, 1, "y")]
    assert apply("abc", edits) == "axyBc"
    assert shifted(edits) == [1, 3, 2]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ((0, 2), (2, 4), False),
        ((0, 3), (2, 4), True),
        ((1, 1), (0, 3), True),
        ((0, 0), (0, 3), False),
        ((3, 3), (0, 3), False),
        ((1, 1), (1, 1), False),
        ((1, 2), (1, 2), True),
    ],
)
def test_what_overlaps(one, other, meet):
    first, second = edit(one[0], one[1], "x"), edit(other[0], other[1], "y")
    assert overlap(first, second) is meet
    assert overlap(second, first) is meet


@pytest.mark.parametrize("edits", [[edit(0, 3, ""), edit(2, 4, "")], [edit(2, 9, "")], [edit(3, 2, "")]])
def test_edits_that_cannot_be_made_are_refused(edits):
    with pytest.raises(ValueError, match="overlaps another or leaves the text"):
        apply("abcd", edits)


def test_the_most_items_that_hold_together_are_found_with_few_questions():
    asked = []

    def holds(items: list[int]) -> bool:
        asked.append(items)
        return not {3, 11} & set(items)

    assert largest(range(16), holds) == ([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15], [3, 11])
    assert len(asked) < 20
    assert largest([], holds) == ([], [])
