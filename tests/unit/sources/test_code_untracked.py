from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Code, FileRecord
from ftlineage.hashing.files import file_sha256
from ftlineage.sources import untracked
from ftlineage.sources.code import observe_code
from tests.unit.sources.gitrepo import git, repository, write


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return repository(tmp_path / "repo", {"train.py": "1\n", ".gitignore": "ignored/\n"})


def observed(repo: Path, **kwargs) -> Code:
    found = observe_code(repo, **kwargs)
    assert isinstance(found, Code), found
    return found


def paths(repo: Path, **kwargs) -> list[str]:
    return [file.path for file in observed(repo, **kwargs).untracked]


def test_new_source_files_by_digest(repo):
    write(repo, {"b/prep.py": "prep\n", "a.yaml": "x: 1\n"})

    assert observed(repo).untracked == [
        FileRecord(path="a.yaml", size=5, sha256=sha256_hex(b"x: 1\n")),
        FileRecord(path="b/prep.py", size=5, sha256=sha256_hex(b"prep\n")),
    ]
    assert observed(repo).dirty is False


def test_what_does_not_look_like_code_is_left_out(repo):
    write(repo, dict.fromkeys(["rows.jsonl", "metrics.json", "log.txt", "t.csv", "m.safetensors", "README.md"], "x"))
    write(repo, dict.fromkeys(["requirements-dev.txt", "Makefile", "UPPER.PY", "nb.ipynb"], "x"))

    assert paths(repo) == ["Makefile", "UPPER.PY", "nb.ipynb", "requirements-dev.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "ignored/x.py",
        ".venv/lib/python3.11/site-packages/x/y.py",
        "env2/pyvenv.cfg",
        "env3/conda-meta/history",
        "wandb/run-1/files/config.yaml",
        "mlruns/0/meta.yaml",
        "outputs/2026-01-01/.hydra/config.yaml",
        "node_modules/x/index.js",
        "src/__pycache__/x.py",
        ".ftlineage/registry/a.yaml",
    ],
)
def test_places_of_tools_are_left_out(repo, name):
    write(repo, {name: "x"})
    if name.startswith("env"):  # known by what lies at its top, not by its name
        write(repo, {f"{name.partition('/')[0]}/lib/deep/x.py": "x"})

    assert paths(repo) == []


@pytest.mark.parametrize("card", ["lineage.json", "lineage.partial.json"])
def test_folders_of_versions_are_left_out(repo, card):
    write(repo, {f"out/v1/{card}": "{}", "out/v1/checkpoint-5/config.yaml": "x", "out/notes.py": "x"})

    assert paths(repo) == ["out/notes.py"]


def test_the_output_folder_of_the_run_is_left_out(repo, tmp_path, monkeypatch):
    write(repo, {"out/modelling_custom.py": "x", "out/deep/y.py": "y", "outer.py": "z"})
    monkeypatch.chdir(repo)

    assert paths(repo, exclude=[Path("out")]) == ["outer.py"]
    assert paths(repo, exclude=[repo / "out", tmp_path / "elsewhere"]) == ["outer.py"]


def test_a_card_at_the_top_does_not_hide_the_repository(repo):
    write(repo, {"lineage.json": "{}", "new.py": "x"})

    assert paths(repo) == ["new.py"]


def test_links_folders_large_files_and_inner_repositories_are_left_out(repo, tmp_path):
    write(tmp_path, {"secret.py": "password\n"})
    (repo / "link.py").symlink_to(tmp_path / "secret.py")
    (repo / "folder.py").mkdir()
    os.mkfifo(repo / "pipe.py")
    write(repo, {"large.py": b"#" * (1024 * 1024 + 1), "full.py": b"#" * (1024 * 1024)})
    repository(repo / "vendored", {"inner.py": "x\n"})

    assert paths(repo) == ["full.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_or_act_on_a_terminal(repo):
    for name in (b"caf\xe9.py", b"a\nb.py", "ü.py".encode()):
        Path(os.fsdecode(os.fsencode(repo) + b"/" + name)).write_text("x")

    found = observed(repo)
    assert [file.path for file in found.untracked] == [r"a\nb.py", r"caf\xe9.py", "ü.py"]
    codec.canonical_bytes(codec.builtins(found))  # fit for a card


def test_an_unreadable_file_is_named(repo, monkeypatch):
    write(repo, {"a.py": "a", "b.py": "b"})

    def refuse(path, **_):
        if path.name == "a.py":
            raise PermissionError
        return "0" * 64

    monkeypatch.setattr(
        "ftlineage.sources.untracked.file_sha256", refuse
    )  # root may read anything, so no real file will do
    found = observed(repo)
    assert [file.path for file in found.untracked] == ["b.py"]
    assert found.incomplete == "untracked file a.py could not be read"


def test_a_file_that_goes_while_looking_is_as_if_never_there(repo, monkeypatch):
    write(repo, {"a.py": "a", "b.py": "b"})

    def vanish(path, **_):
        path.unlink()
        return file_sha256(path)

    monkeypatch.setattr("ftlineage.sources.untracked.file_sha256", vanish)
    assert (observed(repo).untracked, observed(repo).incomplete) == ([], None)


def test_a_list_without_end_is_refused_in_words(repo, monkeypatch):
    monkeypatch.setattr(untracked, "MAX_UNTRACKED", 3)
    write(repo, {f"f{number}.py": "x" for number in range(3)})
    assert len(paths(repo)) == 3
    write(repo, {"f3.py": "x"})

    assert paths(repo) == []
    assert observed(repo).incomplete == "untracked files: more than 3 source files; commit them, or ignore them"


def test_a_repository_set_not_to_show_untracked_files(repo):
    write(repo, {"a.py": "a"})
    git(repo, "config", "status.showUntrackedFiles", "no")

    assert paths(repo) == []
    assert observed(repo).incomplete == "untracked files: Git is set not to show them (status.showUntrackedFiles)"


def test_many_untracked_data_files_cost_little(repo):
    for number in range(1500):
        (repo / f"row{number}.json").write_bytes(b"")

    assert (paths(repo), observed(repo).incomplete) == ([], None)
