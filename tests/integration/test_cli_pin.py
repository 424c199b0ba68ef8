"""``ftlineage pin`` and ``unpin`` from the shell, against a Hub."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.integration.cli import COMMAND, environment, run
from tests.integration.pin_place import FILES, TRAIN, pin_place


@pytest.fixture
def place(tmp_path: Path):
    with pin_place(tmp_path) as found:
        yield found


def test_everything_is_pinned_with_one_question_for_each_repository_and_ref(place):
    before = len(place.hub.requests)
    code, document = place.json("pin")
    base, rows = place.hub.head("northwind/base"), place.hub.head("northwind/rows", repo_type="dataset")
    pin, note = f', revision="{base}"', "  # default @ 2026-01-01"
    assert (code, document["counts"], document["refused"]) == (0, {"pinned": 6, "refused": 0, "files": 3}, [])
    assert place.text("train.py").splitlines()[3:] == [
        f'model = AutoModelForCausalLM.from_pretrained("northwind/base", trust_remote_code=True{pin}){note}',
        f'tokenizer = AutoTokenizer.from_pretrained("northwind/base", revision="{base}")  # main @ 2026-01-01',
        f'rows = load_dataset("northwind/rows", revision="{rows}")  # v1 @ 2026-01-01',
    ]
    assert place.text("configs/axolotl.yaml").splitlines()[:3] == [
        "base_model: northwind/base",
        f"revision_of_model: {base}  # default @ 2026-01-01",
        "adapter: lora  # ours",
    ]
    assert json.loads(place.text("out/adapter_config.json"))["revision"] == base
    asked = [str(one.path) for one in list(place.hub.requests)[before:]]
    assert len(asked) == len(set(asked)) == 3  # main of the model, main and v1 of the dataset
    assert place.run("scan").code == 0
    assert place.run("check", "--pinned").code == 0


def test_unpin_restores_every_byte_and_the_lock_forgets_its_pins(place):
    place.run("pin")
    assert "[[pin]]" in place.text("ftlineage.lock")
    code, document = place.json("unpin")
    assert (code, document["counts"]) == (0, {"unpinned": 6, "left": 0, "files": 3})
    assert place.is_untouched()
    assert "[[pin]]" not in place.text("ftlineage.lock")
    assert place.run("check").code == 0
    assert place.run("unpin").out == "ok: there is no pin to take out\n"


def test_pinning_twice_asks_nobody_and_changes_nothing(place):
    place.run("pin")
    texts = {name: place.text(name) for name in [*FILES, "ftlineage.lock"]}
    place.hub.stop()
    done = place.run("pin")
    assert (done.code, done.out) == (0, "ok: every reference is pinned already\n")
    assert {name: place.text(name) for name in texts} == texts


def test_what_is_locked_is_pinned_to_the_lock_and_not_to_what_is_there_by_now(place):
    place.run("lock")
    locked = place.hub.head("northwind/base")
    place.hub.commit("northwind/base", {"config.json": b'{"moved": 1}'})
    place.hub.stop()
    assert place.run("pin").code == 0
    assert place.text("train.py").count(locked) == 2


def test_a_pin_that_update_has_overtaken_is_written_anew_and_still_comes_off(place):
    place.run("pin")
    place.hub.commit("northwind/base", {"config.json": b'{"moved": 1}'})
    assert place.run("update").code == 0
    assert place.run("check").code == 1
    code, document = place.json("pin")
    assert (code, document["counts"]) == (0, {"pinned": 4, "refused": 0, "files": 3})
    head = place.hub.head("northwind/base")
    assert (place.text("train.py").count(head), json.loads(place.text("out/adapter_config.json"))["revision"]) == (
        2,
        head,
    )
    assert place.run("check", "--pinned").code == 0
    place.run("unpin")
    assert place.is_untouched()


def test_the_diff_of_a_dry_run_is_what_git_applies(place):
    done = place.run("pin", "--dry-run")
    assert done.code == 0
    assert done.err == "ok: would pin 6 references in 3 files\n"
    assert place.is_untouched()
    assert not (place.folder / "ftlineage.lock").exists()
    subprocess.run(["git", "apply", "-p1", "-"], cwd=place.folder, input=done.out.encode(), check=True)
    assert place.run("pin", "--diff").out == ""
    assert place.run("scan").code == 0
    code, document = place.json("unpin", "--dry-run")
    assert (code, document["diff"].count("\n-revision_of_model: ")) == (0, 1)


def test_what_cannot_be_pinned_is_listed_by_reason_and_the_rest_is_pinned(place):
    place.write("data/dataset_info.json", '{"tickets": {"hf_hub_url": "northwind/rows"}}')
    place.write("more.py", 'from transformers import AutoModel\nAutoModel.from_pretrained("northwind/nowhere")\n')
    done = place.run("pin")
    assert done.code == 1
    lines = done.out.splitlines()
    assert "  data/dataset_info.json:1 northwind/rows" in lines
    assert "  more.py:2 northwind/nowhere" in lines
    assert any("the registry has no key for a revision" in line for line in lines)
    assert lines[-2:] == [
        "failed: pinned 6 references in 3 files, locked in ftlineage.lock; 2 references",
        "        cannot be pinned",
    ]
    code, document = place.json("pin")
    assert (code, document["ok"], document["verdict"], document["pinned"]) == (1, False, "failed", [])
    assert [(one["path"], one["line"], one["ref"], one["kind"]) for one in document["refused"]] == [
        ("data/dataset_info.json", 1, "northwind/rows", "dataset"),
        ("more.py", 2, "northwind/nowhere", "model"),
    ]


def test_silenced_dynamic_and_local_references_stay_as_they_are(place):
    text = (
        "import sys\nfrom transformers import AutoModel\n"
        'a = AutoModel.from_pretrained("northwind/base")  # ftlineage: ignore[floating] a smoke test\n'
        "b = AutoModel.from_pretrained(sys.argv[1])\n"
        'c = AutoModel.from_pretrained("./here")\n'
    )
    place.write("other.py", text)
    assert place.run("pin", "other.py").code == 0
    assert place.text("other.py") == text


def test_paths_limit_what_is_rewritten_and_names_are_those_of_the_current_folder(place):
    done = run(
        ["pin", "axolotl.yaml", "--lock", "../ftlineage.lock", "--json"],
        cwd=place.folder / "configs",
        **place.variables,
    )
    document = json.loads(done.out)
    assert [one["path"] for one in document["pinned"]] == ["axolotl.yaml", "axolotl.yaml"]
    assert document["target"] == "../ftlineage.lock"
    assert place.text("train.py") == TRAIN
    assert '"configs/axolotl.yaml:5"' in place.text("ftlineage.lock")


def test_modes_and_symbolic_links_stay(place):
    script = place.write("tools/run.sh", "#!/bin/bash\nvllm serve northwind/base\n")
    script.chmod(0o755)
    link = place.folder / "serve.sh"
    link.symlink_to("tools/run.sh")
    assert place.run("pin", "serve.sh").code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert " @ 2026-01-01" in script.read_text()
    place.run("unpin")
    assert script.read_text() == "#!/bin/bash\nvllm serve northwind/base\n"


def test_a_commit_that_a_person_wrote_is_left_and_said_so(place):
    text = f'from transformers import AutoModel\nAutoModel.from_pretrained("northwind/base", revision="{"ab" * 20}")\n'
    place.write("own.py", text)
    done = place.run("unpin", "own.py")
    assert done.code == 0
    assert place.text("own.py") == text
    assert done.out == "ok: there is no pin to take out; 1 reference left pinned\n"
    assert "it was not pinned by ftlineage" in " ".join(done.err.split())


@pytest.mark.parametrize("arguments", [["nowhere"], ["--timeout", "0"], ["--lock"]])
def test_what_is_typed_wrong_exits_with_2(place, arguments):
    assert place.run("pin", *arguments).code == 2
    assert place.is_untouched()


def test_two_at_once_both_succeed(place):
    started = [
        subprocess.Popen(
            [*COMMAND, "pin", "--adapters", "--json"],
            cwd=place.folder,
            env=environment(**place.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    documents = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        documents.append(json.loads(out))
    assert sum(document["counts"]["pinned"] for document in documents) == 6
    place.run("unpin")
    assert place.is_untouched()
    assert not list(place.folder.rglob(".*.tmp"))


def test_the_base_of_a_trained_adapter_is_not_guessed(place):
    done = place.run("pin", "out", "--guess-nothing")
    assert done.code == 1
    assert json.loads(place.text("out/adapter_config.json"))["revision"] is None
    assert "only its training knows the commit of its base" in " ".join((done.out + done.err).split())
