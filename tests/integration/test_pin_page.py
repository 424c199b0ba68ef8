"""``docs/pin.md`` says what happens: its files are pinned by its commands, and its outputs compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.integration.pin_place import pin_place

PAGE = (Path(__file__).parents[2] / "docs" / "pin.md").read_text()
SECONDS = re.compile(r" \(\d+(\.\d+)? m?s\)")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_shows_what_the_commands_do(tmp_path):
    before, after = (block.partition("\n")[2] for block in blocks("python"))
    sessions = [re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:] for block in blocks("console")]
    states = {0: after, len(sessions) - 1: before}
    with pin_place(tmp_path) as place:
        place.write("train.py", "# train.py\n" + before)
        for number, session in enumerate(sessions):
            for line, output in zip(session[::2], session[1::2], strict=True):
                done = place.run(*shlex.split(line)[1:])
                assert SECONDS.sub("", done.out) == output, line
            assert place.text("train.py").partition("\n")[2] == states[number]


def test_what_the_page_lists_as_keys_is_in_the_document(tmp_path):
    with pin_place(tmp_path) as place:
        code, document = place.json("pin", "--dry-run", "--guess-nothing")
    assert code == 1  # the base of the adapter is not guessed
    listed = re.findall(r"^\| (`[^|]*`) \|", PAGE.partition("one document:")[2], re.MULTILINE)
    keys = {key for cell in listed for key in re.findall(r"`(\w+)`", cell)}
    assert keys == document.keys() - {"target", "seconds"}
    pinned = PAGE.partition("| `pinned` |")[2].partition("\n")[0]
    assert set(re.findall(r"`(\w+)`", pinned)) == document["pinned"][0].keys()
