"""``ftlineage launch vllm`` as a user meets it: processes, exit codes, and a program called vllm on the path."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core.sections import Base
from ftlineage.sources.adapter import write_adapter_config
from ftlineage.sources.base import observe_base, resolve_base
from ftlineage.store.cards import read_card_file
from ftlineage.testing.hub import LocalHub
from tests import sealed
from tests.integration.cli import Done, run
from tests.sealed import MODEL, REVISION
from tests.unit.serve.conftest import LORA, make_version

VLLM = f"""#!{os.path.realpath("/usr/bin/env")} python3
import json, os, sys
json.dump({{"argv": sys.argv[1:], "environment": dict(os.environ)}}, open(os.environ["TOLD"], "w"))
"""


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return make_version(tmp_path / "out" / "support-bot")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"FTLINEAGE_HOME": str(tmp_path / "home")}


@pytest.fixture
def engine(tmp_path: Path, home: dict[str, str]) -> dict[str, str]:
    """A program called vllm that writes down how it was started."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "vllm").write_text(VLLM)
    (folder / "vllm").chmod(0o755)
    return {**home, "PATH": f"{folder}:{os.environ['PATH']}", "TOLD": str(tmp_path / "told.json")}


def told(engine: dict[str, str]) -> Any:
    """How vllm was started, or None where it was not."""
    path = Path(engine["TOLD"])
    return json.loads(path.read_text()) if path.exists() else None


def tamper(folder: Path) -> None:
    data = bytearray((folder / "adapter_model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "adapter_model.safetensors").write_bytes(data)


def served(folder: Path) -> str:
    return f"support-bot-{read_card_file(folder).id[7:19]}"


def failed(done: Done, code: int, sentence: str) -> None:
    assert (done.code, done.out) == (code, "")
    assert sentence in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_a_dry_run_prints_one_command_and_starts_nothing(version, engine):
    done = run(["launch", "vllm", str(version), "--dry-run"], **engine)

    assert done.code == 0
    assert done.out.startswith("env -u VLLM_ALLOW_RUNTIME_LORA_UPDATING ")
    assert f"vllm serve {MODEL} \\\n  --revision {REVISION} \\\n" in done.out
    assert f"Serving {version} as {served(version)}." in " ".join(done.err.split())
    assert told(engine) is None


def test_json_is_one_document(version, home):
    done = run(["launch", "vllm", str(version), "--dry-run", "--json", "--", "--port", "8001"], **home)
    document = json.loads(done.out)

    assert done.code == 0
    assert (document["ok"], document["verdict"]) == (True, "ok")
    assert document["reports"][0]["target"] == str(version)
    launch = document["launch"]
    assert launch["engine"] == "vllm"
    assert launch["command"][:3] == ["vllm", "serve", MODEL]
    assert launch["command"][-2:] == ["--port", "8001"]
    assert launch["set"] == {"VLLM_PLUGINS": "ftlineage"}
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" in launch["unset"]
    (adapter,) = launch["adapters"]
    assert (adapter["name"], adapter["card"]) == (served(version), read_card_file(version).id)
    assert Path(adapter["path"]).name == adapter["card"].removeprefix("sha256:")


def test_it_becomes_vllm_with_the_command_it_printed(version, engine):
    printed = json.loads(run(["launch", "vllm", str(version), "--dry-run", "--json", "--", "-tp", "2"], **engine).out)

    done = run(["launch", "vllm", str(version), "--", "-tp", "2"], VLLM_ALLOW_RUNTIME_LORA_UPDATING="1", **engine)
    found = told(engine)

    assert done.code == 0
    assert found is not None
    assert found["argv"] == printed["launch"]["command"][1:]
    assert found["environment"]["VLLM_PLUGINS"] == "ftlineage"
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in found["environment"]
    assert "Removed from vLLM's environment: VLLM_ALLOW_RUNTIME_LORA_UPDATING." in " ".join(done.err.split())


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_tampered_version_is_not_served(version, engine, tmp_path, dry):
    tamper(version)

    done = run(["launch", "vllm", str(version), *dry], **engine)

    failed(done, 1, "error[adapter.changed] adapter_model.safetensors is not what the card says")
    assert told(engine) is None
    assert not (tmp_path / "home" / "versions").exists()


def test_one_bad_version_of_two_stops_both(version, engine, tmp_path):
    other = make_version(tmp_path / "out" / "other", {**LORA, "lora_alpha": 8})
    tamper(other)

    done = run(["launch", "vllm", str(version), str(other), "-q"], **engine)

    failed(done, 1, "error[adapter.changed]")
    assert told(engine) is None


def test_json_of_a_failure_has_no_launch(version, home):
    tamper(version)

    done = run(["launch", "vllm", str(version), "--dry-run", "--json"], **home)
    document = json.loads(done.out)

    assert done.code == 1
    assert (document["ok"], document["verdict"], document["launch"]) == (False, "failed", None)
    assert document["reports"][0]["findings"][0]["code"] == "adapter.changed"


def test_what_a_policy_wants_and_nobody_can_prove_is_3(version, engine, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('require = ["card", "adapter", "base"]\n')

    done = run(["launch", "vllm", str(version), "--policy", str(policy)], **engine)

    assert done.code == 3
    assert told(engine) is None


def test_a_signature_can_be_demanded(version, engine):
    done = run(["launch", "vllm", str(version), "--require-signature"], **engine)

    assert done.code in (1, 3)
    assert "signature.missing" in done.err
    assert told(engine) is None


def test_a_local_base_is_served_from_the_folder_that_was_compared(tmp_path, engine):
    base = sealed.write_base(tmp_path / "base")
    section = Base(model="base", origin="local", files=sealed.base_records(base))
    config = {**LORA, "base_model_name_or_path": "base", "revision": None}
    version = make_version(tmp_path / "out", config, base_section=section)

    without = run(["launch", "vllm", str(version)], **engine)
    done = run(["launch", "vllm", str(version), "--base", str(base)], **engine)

    failed(without, 2, "its base base was a folder hint: Name the folder it lies in: --base PATH")
    assert done.code == 0
    assert told(engine)["argv"][:2] == ["serve", str(base)]
    (base / "model.safetensors").write_bytes(b"base weightz")
    assert run(["launch", "vllm", str(version), "--base", str(base)], **engine).code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["support-bot@production"], "this release has no registry yet"),
        (["nowhere"], "nowhere: no such file or folder"),
        (["{version}", "{version}"], "the target is named twice"),
        (["{version}", "--json"], "--json: vLLM would write to the same stream hint: Add --dry-run"),
        (["{version}", "--", "--revision", "main"], "--revision: it would replace what was verified"),
        (["{version}", "--max-loras", "0"], "--max-loras: less than the 1 version named"),
        (["hf://nonsense"], "not of the form hf://org/repo"),
        ([], "missing argument"),
    ],
)
def test_mistakes_are_usage(version, engine, arguments, sentence):
    words = [word.format(version=version) for word in arguments]
    done = run(["launch", "vllm", *words], **engine)

    assert done.code == 2
    assert sentence in " ".join((done.err + done.out).split())
    assert told(engine) is None


def test_an_adapter_vllm_cannot_serve_is_refused(tmp_path, engine):
    version = make_version(tmp_path / "out", {**LORA, "modules_to_save": ["lm_head"]})

    failed(
        run(["launch", "vllm", str(version)], **engine),
        2,
        f"vLLM cannot serve {served(version)}: it trains whole modules (modules_to_save: lm_head)",
    )


def test_the_rust_front_end_is_refused(version, engine):
    failed(
        run(["launch", "vllm", str(version)], VLLM_USE_RUST_FRONTEND="1", **engine),
        2,
        "VLLM_USE_RUST_FRONTEND=1: the Rust front end runs no Python middleware",
    )


def test_without_vllm_it_says_what_to_install(version, home):
    done = run(["launch", "vllm", str(version)], **home, PATH="/nowhere")

    failed(done, 2, "vllm is needed for serving and is not installed hint: Install it where ftlineage is installed")


def test_a_version_on_the_hub_is_downloaded_verified_and_served(tmp_path, hub: LocalHub, engine):
    hub.create_repo(MODEL)
    hub.upload_folder(MODEL, sealed.write_base(tmp_path / "base"))
    base = observe_base(resolve_base(MODEL))
    out = sealed.write_adapter(tmp_path / "out", LORA)
    write_adapter_config(out, base_model=MODEL, revision=str(base.revision))
    sealed.seal(out, base=base)
    (out / "training_args.bin").write_bytes(b"pickle")
    hub.create_repo("acme/bot")
    hub.upload_folder("acme/bot", out)

    done = run(["launch", "vllm", "hf://acme/bot"], cwd=tmp_path, **{**hub.environ(), **engine})

    assert (done.code, done.out) == (0, "")
    argv = told(engine)["argv"]
    assert argv[:4] == ["serve", MODEL, "--revision", str(base.revision)]
    module = json.loads(argv[argv.index("--lora-modules") + 1])
    assert sorted(path.name for path in Path(module["path"]).iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "lineage.json", "tokenizer.json"
    ]  # fmt: skip


def test_a_hub_that_is_down_is_3(engine):
    done = run(["launch", "vllm", "hf://acme/bot"], **engine, HF_ENDPOINT="http://127.0.0.1:9")

    failed(done, 3, "did not answer for acme/bot")
    assert told(engine) is None
