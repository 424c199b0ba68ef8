"""The lock file's ``[[pin]]`` tables: written, read strictly, and kept by whoever writes the lock for other reasons."""

from __future__ import annotations

import pytest

from ftlineage.drift.errors import LockMalformedError
from ftlineage.drift.lockfile import from_text, make_lock, to_text
from ftlineage.drift.locking import build, plan
from ftlineage.drift.rewrite.undo import Kept
from ftlineage.drift.update import apply

SHA = "0123456789" * 4
PINS = (
    Kept(path="a.json", now=f',\n\t"revision": "{SHA}"', was=""),
    Kept(path="b.json", now=f'"{SHA}"', was="null", nth=1, of=2),
)


def test_pins_are_written_in_one_order_and_read_back():
    lock = make_lock([], reversed(PINS))
    assert from_text(to_text(lock).encode()) == lock == make_lock([], PINS)
    assert to_text(lock).partition("\n\n")[2] == (
        f'[[pin]]\npath = "a.json"\nnow = ",\\u000a\\u0009\\"revision\\": \\"{SHA}\\""\nwas = ""\n\n'
        f'[[pin]]\npath = "b.json"\nnow = "\\"{SHA}\\""\nwas = "null"\nnth = 1\nof = 2\n'
    )


def test_locking_and_updating_keep_them():
    lock = make_lock([], PINS)
    assert build(plan([], lock, looked_at=lambda _: True), {})[0].pins == PINS
    assert apply(lock, [], {})[0].pins == PINS


@pytest.mark.parametrize(
    ("table", "where"),
    [
        (f'path = ""\nnow = "{SHA}"\nwas = ""', "pin[0].path"),
        ('path = "a"\nnow = "short"\nwas = ""', "pin[0].now"),
        (f'path = "a"\nnow = "{SHA}"\nwas = 1', "pin[0].was"),
        (f'path = "a"\nnow = "{SHA}"\nwas = ""\nof = 0', "pin[0].of"),
        (f'path = "a"\nnow = "{SHA}"\nwas = ""\nmore = 0', "pin[0].more"),
        (f'path = "a"\nnow = "{SHA}"', "pin[0]"),
    ],
)
def test_a_pin_that_does_not_follow_the_format_is_named(table, where):
    with pytest.raises(LockMalformedError) as caught:
        from_text(f'ftlineage = "1"\n[[pin]]\n{table}\n'.encode())
    assert caught.value.where == where


def test_pins_are_a_list_of_tables():
    with pytest.raises(LockMalformedError) as caught:
        from_text(b'ftlineage = "1"\npin = "x"\n')
    assert (caught.value.where, caught.value.reason) == ("pin", "expected a list of tables")
