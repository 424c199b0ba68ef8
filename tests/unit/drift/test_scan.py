"""The scan as a whole, over trees that people have and trees that want to break it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.drift import pool, reading
from ftlineage.drift.compare import Locked
from ftlineage.drift.reading import Readers, Tables, decode, read_file
from ftlineage.drift.scan import find_upward, scan
from ftlineage.drift.settings import Ignored, Keys, Settings
from ftlineage.drift.walk import Candidate
from ftlineage.errors import BadArgumentError, BadInputError

SHA = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
LOAD = 'from transformers import AutoModel\nAutoModel.from_pretrained("Qwen/Qwen2.5-0.5B")\n'


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def notebook(*cells) -> bytes:
    return codec.pretty_bytes({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def rows(result) -> list[tuple]:
    return [(one.path, one.line, one.ref, one.status, one.rule) for one in result.references]


def run(root: Path, files: Mapping[str, str | bytes], **options):
    write(root, files)
    return scan([Path()], here=root, **options)


def test_every_kind_of_file_is_read(tmp_path):
    cell = {"cell_type": "code", "source": ["x = 1\n", *LOAD.splitlines(keepends=True)]}
    found = run(
        tmp_path,
        {
            "a.py": LOAD,
            "b.ipynb": notebook(cell),
            "c.yaml": "base_model: Qwen/Qwen2.5-0.5B\ndatasets:\n  - path: stanfordnlp/imdb\n    type: alpaca\n",
            "d.sh": "huggingface-cli download Qwen/Qwen2.5-0.5B\n",
            "Dockerfile": "FROM scratch\nRUN huggingface-cli download Qwen/Qwen2.5-0.5B\n",
            "Makefile": "get:\n\thuggingface-cli download Qwen/Qwen2.5-0.5B\n",
            "adapter_config.json": '{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen2.5-0.5B"}',
            "main.go": 'url := "https://huggingface.co/Qwen/Qwen2.5-0.5B/resolve/main/config.json"\n',
            "script": "#!/usr/bin/env python3\n" + LOAD,
        },
    )
    assert {(path, rule) for path, _, ref, _, rule in rows(found) if ref == "Qwen/Qwen2.5-0.5B"} == {
        ("a.py", "FLOAT001"), ("b.ipynb", "FLOAT001"), ("c.yaml", "FLOAT001"), ("d.sh", "FLOAT001"),
        ("Dockerfile", "FLOAT001"), ("Makefile", "FLOAT001"), ("adapter_config.json", "FLOAT007"),
        ("main.go", "FLOAT002"), ("script", "FLOAT001"),
    }  # fmt: skip
    assert (found.files, found.skipped) == (9, ())
    [in_notebook] = [one for one in found.references if one.path == "b.ipynb"]
    assert (in_notebook.cell, in_notebook.cell_line) == (0, 3)


def test_a_loader_of_another_file_is_followed(tmp_path):
    found = run(
        tmp_path,
        {
            "pkg/loading.py": "from transformers import AutoModel\n\ndef fetch(name, revision=None):\n"
            "    return AutoModel.from_pretrained(name, revision=revision)\n",
            "pkg/use.py": 'from pkg.loading import fetch\n\nfetch("Qwen/Qwen2.5-0.5B")\n',
        },
    )
    assert ("pkg/use.py", 3, "Qwen/Qwen2.5-0.5B", "floating", "FLOAT001") in rows(found)


def test_the_result_is_the_same_on_processes(tmp_path, monkeypatch):
    files = {f"m{number:03}.py": LOAD.replace("0.5B", f"{number}B") for number in range(80)}
    one = run(tmp_path, files)
    monkeypatch.setattr(pool, "WORTH_PROCESSES", 10)
    told: list[int] = []
    several = scan([Path()], here=tmp_path, jobs=2, progress=told.append)
    assert rows(several) == rows(one)
    assert len(rows(one)) == sum(told) == 80


def test_a_broken_pool_is_finished_here(tmp_path, monkeypatch):
    write(tmp_path, {f"m{number:03}.py": LOAD for number in range(80)})
    monkeypatch.setattr(pool, "WORTH_PROCESSES", 10)
    monkeypatch.setattr(pool, "_begin", os._exit)  # a worker that dies at its start, as one killed for memory
    assert len(scan([Path()], here=tmp_path, jobs=2).references) == 80


# --- what wants to break it ----------------------------------------------------------------------


def test_what_cannot_be_read_is_noted_and_the_rest_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CODE", 2000)
    files: dict[str, str | bytes] = {
        "bad.py": 'model = AutoModel.from_pretrained("Qwen/Qwen2.5-0.5B"\n',
        "binary.py": b"\x00\x01from_pretrained",
        "deep.json": "[" * 3000 + '"model_name_or_path": "a/b"',
        "lfs.py": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "not.ipynb": '{"cells": ["from_pretrained(',
        "huge.py": "#" * 3000,
        "jinja.yaml": "{% for x in y %}\nmodel_name_or_path: {{ x }}/Qwen/Qwen2.5-0.5B\n{% endfor %}\n",
        "tab.yaml": "base_model: Qwen/Qwen2.5-0.5B\n\t- x\n",
        "good.py": LOAD,
        "latin.py": "# -*- coding: latin-1 -*-\n# caf\xe9\n".encode("latin-1") + LOAD.encode(),
        "utf16.yaml": "base_model: Qwen/Qwen2.5-0.5B\n".encode("utf-16"),
        "mark.py": b"\xef\xbb\xbf" + LOAD.encode(),
        "prose": "This file: is no YAML\n  - at: all: here\n",
    }  # fmt: skip
    found = run(tmp_path, files)
    reasons = dict(found.skipped)
    assert reasons.keys() == {
        "bad.py", "binary.py", "deep.json", "lfs.py", "not.ipynb", "huge.py", "jinja.yaml", "tab.yaml",
    }  # fmt: skip
    assert reasons["binary.py"] == "binary"
    assert reasons["huge.py"] == "3.0 kB, more than the 2.0 kB that are read"
    assert reasons["lfs.py"] == "a pointer of Git LFS: its content is not here"
    assert not [reason for reason in reasons.values() if "the reader failed" in reason]
    assert {path for path, *_ in rows(found)} == {"good.py", "latin.py", "mark.py", "utf16.yaml"}


def test_a_file_that_is_gone_or_forbidden_when_it_is_read(tmp_path):
    readers = Readers(Tables())
    gone = read_file(Candidate(str(tmp_path / "gone.py"), "gone.py"), readers)
    assert gone is not None
    assert gone.note == "gone since it was listed"
    folder = read_file(Candidate(str(tmp_path), "folder.py"), readers)
    assert folder is not None
    assert folder.note == "is a directory"


def test_a_reader_that_fails_costs_its_file_only(tmp_path, monkeypatch):
    def fail(_self, _kind, text, _shown):
        raise RecursionError(text[:5])

    monkeypatch.setattr(Readers, "read", fail)
    found = run(tmp_path, {"a.py": LOAD})
    assert found.skipped == (("a.py", "the reader failed: RecursionError('from ')"),)


def test_a_file_named_that_is_of_no_kind_is_noted(tmp_path):
    write(tmp_path, {"notes.md": "x", "prose": "just words\n"})
    found = scan(["notes.md", "prose"], here=tmp_path)
    assert found.skipped == (("notes.md", "of no kind that is read"), ("prose", "of no kind that is read"))
    assert scan([Path()], here=tmp_path).skipped == ()


def test_a_large_notebook_is_read(tmp_path):
    image = "A" * 20_000_000
    output = {"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}
    cell = {"cell_type": "code", "source": LOAD, "outputs": [output], "metadata": {}, "execution_count": 1}
    write(tmp_path, {"big.ipynb": notebook(cell)})
    assert [(one.ref, one.cell_line) for one in scan([Path()], here=tmp_path).references] == [("Qwen/Qwen2.5-0.5B", 2)]


def test_text_that_no_report_can_hold_is_written_out(tmp_path):
    found = run(tmp_path, {"a.py": LOAD.replace('")', '", revision="v\\ud800")')})
    [one] = found.references
    assert one.revision == "v\\ud800"
    assert "v\\ud800" in one.message


def test_files_that_python_would_warn_about_are_quiet(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(tmp_path, {"a.py": LOAD + 'x = "\\d" is 1\n'})
    assert len(found.references) == 1


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"abc", "utf-8"), (b"\xef\xbb\xbfabc", "utf-8"), ("ä".encode("utf-16"), "utf-16-le"), (b"\xe4", "latin-1")],
)
def test_encodings_and_the_mark_that_stays(data, encoding):
    text, found = decode(data)
    assert found == encoding
    assert text.encode(found) == data


# --- together ------------------------------------------------------------------------------------


def test_comments_settings_and_locks_act_together(tmp_path):
    text = (
        "from datasets import load_dataset\n"
        f'load_dataset("stanfordnlp/imdb", revision="{SHA}")\n'
        'load_dataset("stanfordnlp/imdb")  # ftlineage: ignore[FLOAT001] the newest is wanted\n'
        'load_dataset("rajpurkar/squad")\n'
        'load_dataset("nyu-mll/glue", "mrpc")  # ftlineage: ignore[FLOAT002] not this rule\n'
    )
    settings = Settings(
        keys=Keys(ignore=(Ignored(ref="rajpurkar/*", reason="the owner promised"),)),
        folder=str(tmp_path),
    )
    lock = {("dataset", "stanfordnlp/imdb"): [Locked(wished="main", sha="d" * 40)]}
    found = run(tmp_path, {"a.py": text}, settings=settings, lock=lock)
    assert [(one.line, one.rule) for one in found.references] == [(2, "FLOAT009"), (3, "FLOAT008"), (5, "FLOAT001")]
    assert [(one.reference.line, reason) for one, reason in found.suppressed] == [
        (3, "the newest is wanted"), (4, "the owner promised"),
    ]  # fmt: skip
    assert [(remark.line, remark.is_faulty) for remark in found.remarks] == [(5, False)]


def test_excluded_paths_and_ignored_rules(tmp_path):
    keys = Keys(exclude=("old",), severity={"tests/**": "ignore"}, rules={"FLOAT002": "ignore"})
    branch = LOAD.replace('")', '", revision="main")')
    files = {"old/a.py": LOAD, "tests/a.py": LOAD, "src/a.py": branch, "src/b.py": LOAD}
    found = run(tmp_path, files, settings=Settings(keys=keys, folder=str(tmp_path)))
    assert [one.path for one in found.references] == ["src/b.py"]
    assert sorted(one.reference.path for one, _ in found.suppressed) == ["src/a.py", "tests/a.py"]


def test_users_add_frameworks_and_tools(tmp_path):
    framework = {
        "name": "ours", "least": 1, "signs": {"our_trainer": 1}, "references": [{"keys": ["backbone"], "kind": "model"}]
    }  # fmt: skip
    tools = {"tool": [{"name": "ours", "commands": ["ourctl get-model"], "positional": ["model"]}]}
    files = {"a.yaml": "our_trainer: 1\nbackbone: Qwen/Qwen2.5-0.5B\n", "a.sh": "ourctl get-model Qwen/Qwen2.5-0.5B\n"}
    assert rows(run(tmp_path, files)) == []
    settings = Settings(keys=Keys(frameworks=(framework,), tools=tools), folder=str(tmp_path))
    assert {path for path, *_ in rows(scan([Path()], here=tmp_path, settings=settings))} == {"a.yaml", "a.sh"}


def test_a_table_that_is_wrong_is_refused_before_any_file_is_read(tmp_path):
    with pytest.raises(BadArgumentError, match="frameworks"):
        scan([Path()], here=tmp_path, settings=Settings(keys=Keys(frameworks=({"nam": "x"},))))
    with pytest.raises(BadInputError, match="tools"):
        scan([Path()], here=tmp_path, settings=Settings(keys=Keys(tools={"tol": []})))


def test_find_upward_stops_at_the_top_of_the_repository(tmp_path):
    write(tmp_path, {"x.lock": "", "repo/src/a.py": ""})
    assert find_upward("x.lock", tmp_path / "repo" / "src") == tmp_path / "x.lock"
    (tmp_path / "repo" / ".git").mkdir()
    assert find_upward("x.lock", tmp_path / "repo" / "src") is None
