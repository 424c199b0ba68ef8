"""Notebooks: physical places of ids, cells that share names, commands, and slots with JSON's escapes."""

from __future__ import annotations

import json

import pytest

from ftlineage.core import codec
from ftlineage.drift.ipynb import read_cells
from ftlineage.drift.notebook import read_notebook
from ftlineage.drift.reference import Found
from ftlineage.errors import BadInputError
from tests.unit.drift.commands.seen import SHA, filled, rows

LOAD = "from transformers import AutoModel\n"


def code(*lines: str) -> dict:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": list(lines)}


def notebook(*cells: dict) -> str:
    return codec.pretty_bytes({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).decode()


def read(text: str) -> list[Found]:
    return read_notebook(text, "x.ipynb")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def pinned_source(text: str, index: int = 0) -> list[str]:
    """The sources of all cells after one reference is pinned."""
    after = filled(text, read(text)[index])
    assert read(after)[index].revision == SHA
    return ["".join(cell["source"]) for cell in json.loads(after)["cells"]]


def test_places() -> None:
    text = notebook(
        {"cell_type": "markdown", "metadata": {}, "source": ['AutoModel.from_pretrained("org-a/text")']},
        code(LOAD, "\n", 'model = AutoModel.from_pretrained("org-a/name")\n'),
    )
    (found,) = read(text)
    assert (found.ref, found.line, found.cell, found.cell_line) == ("org-a/name", line_of(text, "org-a/name"), 1, 3)
    line = text.split("\n")[found.line - 1]
    assert line[found.column - 1 :].startswith("org-a/name") or line[found.column - 1 :].startswith('\\"org-a/name')
    assert pinned_source(text)[1].endswith(f'from_pretrained("org-a/name", revision="{SHA}")\n')


def test_cells_share_their_names() -> None:
    text = notebook(code(LOAD, 'NAME = "org-a/name"'), code("AutoModel.from_pretrained(NAME)"))
    (found,) = read(text)
    assert (found.ref, found.cell, found.cell_line) == ("org-a/name", 1, 1)


def test_commands() -> None:
    text = notebook(
        code('MODEL = "org-a/var"\n', "!pip install model\n", "!hf download {MODEL} --quiet\n", "x = 1"),
        code("if x:\n", "    !hf download \\\n", '      "org-a/long"\n'),
        code("%%bash\n", "# vllm serve org-a/no\n", "vllm serve org-a/cell\n"),
        code("out = !huggingface-cli download org-a/out\n", "%run train.py --model_name_or_path org-a/run\n"),
        code("%%writefile job.sh\n", "hf download org-a/file\n"),
        code("%%html\n", "hf download org-a/page\n"),
        code('text = """\n', "!hf download org-a/string\n", '"""\n'),
    )
    found = read(text)
    assert [(each.cell, each.cell_line, each.ref) for each in found] == [
        (0, 3, "org-a/var"),
        (1, 3, "org-a/long"),
        (2, 3, "org-a/cell"),
        (3, 1, "org-a/out"),
        (3, 2, "org-a/run"),
        (4, 2, "org-a/file"),
    ]
    assert [each.line for each in found[1:]] == [line_of(text, each.ref or "") for each in found[1:]]
    sources = pinned_source(text, 0)
    assert f"!hf download {{MODEL}} --revision {SHA} --quiet\n" in sources[0]
    assert f'    !hf download \\\n      "org-a/long" --revision {SHA}\n' in pinned_source(text, 1)[1]


def test_sources_of_one_string_and_escapes() -> None:
    cell = {"cell_type": "code", "source": 'é = "\\"\\u00e9😀"\n' + LOAD + 'AutoModel.from_pretrained("org-a/name")'}
    text = json.dumps({"cells": [cell]})  # noqa: TID251 - escapes beyond ASCII are the point
    (found,) = read(text)
    assert (found.line, found.cell, found.cell_line) == (1, 0, 3)
    assert pinned_source(text)[0].endswith(f'from_pretrained("org-a/name", revision="{SHA}")')


def test_a_broken_cell_silences_itself_alone() -> None:
    text = notebook(code("this is no python\n"), code(LOAD, 'AutoModel.from_pretrained("org-a/name")'))
    assert [(each.ref, each.cell) for each in read(text)] == [("org-a/name", 1)]


def test_magics_leave_python_that_parses() -> None:
    text = notebook(
        code("%%capture\n", "%matplotlib inline\n", "?AutoModel\n", LOAD, 'AutoModel.from_pretrained("org-a/name")')
    )
    assert rows(read(text))[0][1:] == ("org-a/name", "model", "floating")


def test_folders_made_here() -> None:
    text = notebook(
        code('tutorial_dir = "tutorial_x"\n', "!mkdir -p tutorial_x\n"), code("!vllm serve tutorial_x/output_a\n")
    )
    assert rows(read(text))[0][3] == "local"


def test_outputs_and_old_formats() -> None:
    outputs = {"outputs": [{"text": ['hf download "org-a/output"'], "source": ["!hf download org-a/no"]}]}
    text = codec.pretty_bytes(
        {"worksheets": [{"cells": [{"cell_type": "code", "input": ["!hf download org-a/old"], **outputs}]}]}
    ).decode()
    assert [each.ref for each in read(text)] == ["org-a/old"]
    assert [(cell.number, cell.kind, cell.source.text) for cell in read_cells(text, "x")] == [
        (0, "code", "!hf download org-a/old")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"cells": [model', "is no notebook: Expecting value: line 1 column 12 (char 11)"),
        ('["model"]', "is no notebook: it has no cells"),
        ('{"model": 1}', "is no notebook: it has no cells"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read(text)
    assert str(caught.value) == f"x.ipynb: {reason}."


def test_large_outputs_are_stepped_over() -> None:
    cell = code("!hf download org-a/name")
    cell["outputs"] = [{"data": {"image/png": "A" * 5_000_000}}]
    assert [each.ref for each in read(notebook(cell))] == ["org-a/name"]
