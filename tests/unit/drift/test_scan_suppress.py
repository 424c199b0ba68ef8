"""Comments that silence findings: where they reach, what they must say."""

from __future__ import annotations

from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.drift.reference import Reference
from ftlineage.drift.suppress import apply, find_directives


def reference(line=1, rule="FLOAT001", **changes) -> Reference:
    values: dict[str, Any] = {
        "path": "a.py", "line": line, "column": 1, "ref": "org/name", "kind": "model", "status": "floating",
        "rule": rule, "revision": None, "message": "",
    }  # fmt: skip
    return Reference(**values | changes)


def silences(text, kind="python", **changes) -> bool:
    kept, silenced, _ = apply([reference(**changes)], find_directives(text, kind))
    assert len(kept) + len(silenced) == 1
    return bool(silenced)


@pytest.mark.parametrize(
    ("comment", "rule", "silent"),
    [
        ("# ftlineage: ignore[FLOAT001] the head is what we test", "FLOAT001", True),
        ("# ftlineage: ignore[FLOAT001] the head is what we test", "FLOAT006", False),
        ("# ftlineage: ignore[FLOAT001, float006]: both", "FLOAT006", True),
        ("# ftlineage:ignore[floating] - any", "FLOAT002", True),
        ("# ftlineage: ignore[all] any", "FLOAT002", True),
        ("# something first # ftlineage: ignore[FLOAT001] why", "FLOAT001", True),
        ("# ftlineage: ignore[FLOAT001]", "FLOAT001", False),
        ("# ftlineage: ignore[FLOAT001]  --  ", "FLOAT001", False),
        ("# ftlineage: ignore because", "FLOAT001", False),
        ("# ftlineage: ignore[] because", "FLOAT001", False),
        ("# ftlineage: ignore[FLOAT099] because", "FLOAT001", False),
        ("# ftlineage: ignored[FLOAT001] because", "FLOAT001", False),
        ("# ftlineage: ignore-file[FLOAT001] generated", "FLOAT001", True),
        ("# nosec", "FLOAT006", True),
        ("# nosec B615", "FLOAT001", True),
        ("#nosec: B101,B615", "FLOAT001", True),
        ("# nosec B101 B615", "FLOAT008", True),
        ("# nosec huggingface_unsafe_download", "FLOAT002", True),
        ("# nosec B615 - a local folder", "FLOAT001", True),
        ("# nosec B615", "FLOAT006", False),
        ("# nosec B101", "FLOAT001", False),
        ("# nosecurity", "FLOAT001", False),
    ],
)
def test_what_a_comment_silences(comment, rule, silent):
    assert silences(f"load()  {comment}\n", rule=rule) is silent


def test_nosec_is_pythons_alone():
    assert not silences("hf download org/name  # nosec\n", kind="shell")
    assert silences("hf download org/name  # ftlineage: ignore[floating] why\n", kind="shell")


def test_every_line_of_the_statement_counts_and_no_other():
    text = "load(\n    'a',  # ftlineage: ignore[floating] why\n)\nload('b')\n"
    assert silences(text, line=1, lines=(1, 3))
    assert not silences(text, line=4, lines=(4, 4))
    assert not silences(text, line=1)


def test_a_comment_on_its_own_line_speaks_for_the_next_statement():
    text = "# ftlineage: ignore[floating] why\n# more words\n\nload('a')\nload('b')\n"
    assert silences(text, line=4)
    assert not silences(text, line=5)
    assert silences("x:\n  // ftlineage: ignore[floating] why\n  y\n", kind="config", line=3)


def test_a_file_level_comment_may_stand_anywhere():
    assert silences("load('a')\n\n# ftlineage: ignore-file[floating] generated\n", line=1)


def test_text_in_strings_of_python_is_no_comment():
    text = 'x = "# ftlineage: ignore[floating] why"\ny = """\n# nosec\n"""\n'
    assert find_directives(text, "python") == []
    assert find_directives(f"{text}z = (\n", "python") != []  # does not parse: lines are all there is


def test_json_says_it_in_a_string():
    text = '{\n  "_why": "ftlineage: ignore[FLOAT001] kept by hand",\n  "path": "org/name",\n  "other": "org/b"\n}\n'
    [directive] = find_directives(text, "config")
    assert directive.reason == "kept by hand"
    assert silences(text, kind="config", line=3)
    assert not silences(text, kind="config", line=4)


def notebook(*cells: str, pretty: bool) -> str:
    listed = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    document = {"cells": [{"cell_type": "markdown", "source": "# nosec"}, *listed]}
    return codec.pretty_bytes(document).decode() if pretty else codec.compact_text(document)


@pytest.mark.parametrize("pretty", [True, False])
def test_notebooks_are_read_by_cell(pretty):
    text = notebook("a = 1\nload('a')  # ftlineage: ignore[floating] a demo\n", "x\nload('a')\n", pretty=pretty)
    physical = next((number for number, line in enumerate(text.splitlines(), 1) if "ftlineage" in line), 1)
    here = {"line": physical, "lines": (physical, physical), "cell_line": 2}
    assert silences(text, kind="notebook", cell=1, **here)
    assert not silences(text, kind="notebook", cell=2, **here)
    assert not silences(text, kind="notebook", cell=1, line=physical, cell_line=1)


def test_a_notebook_with_a_source_in_one_string_and_one_that_is_none():
    text = codec.compact_text({"cells": [{"cell_type": "code", "source": "load()  # nosec"}, 3, {"cell_type": "code"}]})
    assert silences(text, kind="notebook", cell=0, line=1, cell_line=1)
    assert find_directives('{"cells": "nosec"}', "notebook") == []
    assert find_directives("nosec {", "notebook") == []


def test_faults_are_told_with_the_way_out():
    faults = {
        "ignore[FLOAT001]": "it gives no reason: write one behind the bracket",
        "ignore why": "it names no rule: write ignore[floating] or ignore[FLOAT001]",
        "ignore[FLOAT011] why": "FLOAT011 is no rule: they are FLOAT001 to FLOAT010, or floating for all",
    }
    for text, fault in faults.items():
        [directive] = find_directives(f"# ftlineage: {text}\n", "python")
        assert directive.fault == fault


def test_apply_says_who_did_what():
    directives = find_directives("a  # ftlineage: ignore[floating] one\nb  # nosec\n", "python")
    kept, silenced, used = apply([reference(1), reference(1, None, status="pinned"), reference(3)], directives)
    assert [each.line for each in kept] == [1, 3]
    assert [(each.line, reason) for each, reason in silenced] == [(1, "one")]
    assert used == {0}
