"""``ftlineage export`` from the shell: what it prints, writes, refuses and costs to start."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest

from tests import sealed
from tests.integration.cli import environment, run, run_in_shell
from tests.unit.export import graphs

JSON = ["slsa", "cyclonedx", "spdx"]


@pytest.fixture
def folder(tmp_path):
    return sealed.sealed(tmp_path / "adapter")


@pytest.mark.parametrize(("form", "key"), [("slsa", "_type"), ("cyclonedx", "bomFormat"), ("spdx", "@graph")])
def test_stdout_is_the_file(folder, tmp_path, form, key):
    printed = run(["export", str(folder), "--format", form])
    assert (printed.code, printed.err) == (0, "")
    assert key in json.loads(printed.out)
    file = tmp_path / "out.json"
    wrote = run(["export", str(folder), "--format", form, "-o", str(file)])
    assert (wrote.code, wrote.out, wrote.err) == (0, "", f"Wrote {file}.\n")
    assert file.read_text("utf-8") == printed.out
    assert run(["export", str(folder), "--format", form, "--json"]).out == printed.out


def test_json_says_what_was_written(folder, tmp_path):
    file = tmp_path / "out.json"
    done = run(["export", str(folder), "--format", "spdx", "-o", str(file), "--json", "-q"])
    data = file.read_bytes()
    assert done.err == ""
    assert json.loads(done.out) == {
        "card": json.loads((folder / "lineage.json").read_bytes())["id"],
        "format": "spdx",
        "path": str(file),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def test_hub_is_a_readme(folder, tmp_path):
    file = tmp_path / "README.md"
    assert run(["export", str(folder), "--format", "hub", "-o", str(file)]).code == 0
    text = file.read_text("utf-8")
    assert text.startswith("---\n")
    assert "base_model: acme/base\n" in text
    assert "base_model_relation: adapter\n" in text
    assert sealed.REVISION in text
    assert run(["export", str(folder), "--format", "hub"]).out == text
    assert json.loads(run(["export", str(folder), "--format", "hub", "--json"]).out)["text"] == text


def test_the_statement_names_the_card_as_it_lies_there(folder):
    path = folder / "lineage.json"
    # Written by another program: the same card in other bytes.
    path.write_text(json.dumps(json.loads(path.read_bytes())))  # noqa: TID251 - not by our own road, on purpose
    *_, own = json.loads(run(["export", str(folder), "--format", "slsa"]).out)["subject"]
    assert own["digest"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    document = json.loads(run(["export", str(path), "--format", "spdx"]).out)
    card = graphs.named(document, "software_File", "card")
    assert card["verifiedUsing"][0]["hashValue"] == own["digest"]["sha256"]


def test_subjects_are_the_bytes_in_the_folder(folder):
    subjects = json.loads(run(["export", str(folder), "--format", "slsa"]).out)["subject"]
    assert {one["name"]: one["digest"]["sha256"] for one in subjects} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }


@pytest.mark.parametrize("form", [*JSON, "hub"])
def test_a_changed_card_is_not_spread(folder, tmp_path, form):
    path = folder / "lineage.json"
    path.write_bytes(path.read_bytes().replace(b'"acme/base"', b'"acme/evil"'))
    done = run(["export", str(folder), "--format", form, "-o", str(tmp_path / "out")])
    assert (done.code, done.out) == (2, "")
    assert "error: malformed lineage card at $.id: the content has the id" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: missing option '--format'. Choose from: slsa, cyclonedx, spdx, hub"),
        (["--format", "sbom"], "error: invalid value for '--format': 'sbom' is not one of"),
        (["--format", "slsa", "-o", "no/such/x.json"], "no/such"),
    ],
)
def test_what_is_typed_wrong(folder, tmp_path, arguments, message):
    done = run(["export", str(folder), *arguments], cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())


def test_a_folder_without_a_card(tmp_path):
    done = run(["export", str(tmp_path), "--format", "slsa"])
    assert done.code == 2
    assert "Traceback" not in done.err


def test_a_reader_that_leaves(folder):
    done = run_in_shell(f"$F export {folder} --format spdx | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.out.splitlines()[0] == "{"
    assert done.err == ""


@pytest.mark.parametrize("form", [*JSON, "hub"])
def test_it_loads_no_heavy_library(folder, form):
    program = (
        "import sys; from ftlineage.cli.main import main; "
        f"code = main(['export', {str(folder)!r}, '--format', {form!r}]); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stderr.split())
    assert "ftlineage" in loaded
    assert not loaded & {"torch", "numpy", "huggingface_hub", "rich", "jinja2", "pyarrow", "cyclonedx", "google"}
