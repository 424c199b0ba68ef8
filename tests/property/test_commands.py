"""Whatever a text holds, the readers of commands answer, soon, and with places inside it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.drift.commands.reader import read_command, read_dockerfile, read_makefile, read_shell
from ftlineage.drift.commands.urls import read_urls
from ftlineage.drift.notebook import read_notebook
from ftlineage.drift.reference import Found
from ftlineage.errors import BadInputError

READERS: list[Callable[[str], list[Found]]] = [read_shell, read_dockerfile, read_makefile, read_command, read_urls]
PIECES = st.sampled_from(
    [
        "vllm serve", "org-a/name", "--model", "--model=", "--revision", " ", " ", " ", "\n", "\\\n", "\t",
        "'", '"', "`", "$", "$(", "${", "}", ")", "(", "{", "A=", "$A", "${A:-org-b/x}", "for x in", "; do",
        "done", "if", "fi", "<<EOF\n", "EOF\n", "<<", ">", "|", "&&", "#", "hf download", "python -c",
        "bash -c", "git clone https://huggingface.co/org-a/name", "f() {", "\n}\n", "RUN ", "ENV ", "ARG ",
        'CMD ["', '", "', '"]', "https://huggingface.co/org-a/name/resolve/main/x", "hf://datasets/org-a/name",
        "$@", "$1", "shift", "--model_args pretrained=", ",", "{", '{"model": "', "\x00", "\x01", "\r", "é😀",
        "%%bash\n", "!", "%run ", "lm_eval", ":=", "?=",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200))


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    lines = text.count("\n") + 1
    for read in READERS:
        for found in read("model hf " + text):
            assert 1 <= found.line <= lines
            assert found.lines is None or 1 <= found.lines[0] <= found.lines[1] <= lines
            if found.slot is not None:
                assert 0 <= found.slot.start <= found.slot.end <= len(text) + len("model hf ")


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_notebook(sources: list[str]) -> None:
    cells = [{"cell_type": "code", "source": "model\n" + text.replace("\ud800", "")} for text in sources]
    text = codec.compact_text({"cells": cells})
    try:
        found = read_notebook(text, "x.ipynb")
    except BadInputError:
        return
    assert all(each.line == 1 and each.cell is not None and each.cell < len(cells) for each in found)
    assert all(each.slot is None or 0 < each.slot.start <= each.slot.end < len(text) for each in found)


@pytest.mark.parametrize(
    "piece",
    [
        "$(", "${", "${A:-", "'", '"', "`", "<<A\n", "((", "a=1 ", "x=$x$x\n", "M+=a/b\n", "--model a/b ",
        "f(){ hf download $1; }\nf a/b\n", "https://huggingface.co/a/b/resolve/", "hf://a/",
        "for m in a/b; do\n", "bash -c 'bash -c \"model ", "pretrained=a/b,",
    ],
)  # fmt: skip
def test_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        text = "model hf\n" + (piece * length)[:length]
        start = time.process_time()
        for read in READERS:
            read(text)
        return time.process_time() - start

    seconds(1_000)
    # Ten times the text may cost ten times the time; a hundred times is what a slow rule would cost.
    assert seconds(40_000) < 30 * max(seconds(4_000), 0.02)
