"""Exit codes of ``ftlineage verify`` from a real shell: 0 fine, 1 findings, 2 what was typed, 3 could not decide."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftlineage.core.sections import Base
from ftlineage.testing.hub import LocalHub
from tests import sealed
from tests.faults.harms import WEIGHTS, flip
from tests.faults.signers import sign, trusted
from tests.integration.cli import run, run_in_shell

Prepare = Callable[[Path], object]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed version ``bot`` with its base, and the files that flags name; copied for each test."""
    root = tmp_path_factory.mktemp("exits")
    base = sealed.write_base(root / "base")
    described = Base(model="acme/base", revision=sealed.REVISION, origin="hub", files=sealed.base_records(base))
    sign(sealed.sealed(root / "bot", base=described))
    (root / "signers").write_text(trusted())
    for name, text in {
        "good": 'require = ["card", "adapter"]',
        "signed": 'require = ["signature"]\n[signature]\ntrust = "signers"',
        "base": 'require = ["base"]',
        "promoted": 'require = ["promotion"]',
        "empty": "",
        "misspelt": 'require = ["adaptor"]',
        "other-base": 'require = ["card"]\n[base]\nallow = ["other/*"]',
    }.items():
        (root / f"{name}.toml").write_text(text + "\n")
    return root


@pytest.fixture
def here(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "here"))


def nothing(_: Path) -> None:
    """As it should be."""


EXITS: dict[str, tuple[int, Prepare, list[str]]] = {
    "fine": (0, nothing, []),
    "fine, quiet": (0, nothing, ["-q"]),
    "fine, with its base": (0, nothing, ["--base", "base"]),
    "fine, every byte of the base": (0, nothing, ["--base", "base", "--full-base"]),
    "fine, signed": (0, nothing, ["--trust", "signers", "--require-signature"]),
    "fine, by policy": (0, nothing, ["--policy", "good.toml"]),
    "fine, by policy and signature": (0, nothing, ["--policy", "signed.toml"]),
    "changed": (1, lambda f: flip(WEIGHTS, -1)(f / "bot"), []),
    "changed, quiet": (1, lambda f: flip(WEIGHTS, -1)(f / "bot"), ["-q"]),
    "no card": (1, lambda f: (f / "bot" / "lineage.json").unlink(), []),
    "a card of half its bytes": (1, lambda f: (f / "bot" / "lineage.json").write_bytes(b'{"ftlineage": "1"'), []),
    "a card of the future": (1, lambda f: (f / "bot" / "lineage.json").write_bytes(b'{"ftlineage": "2"}'), []),
    "a run that did not finish": (
        1,
        lambda f: (f / "bot" / "lineage.json").rename(f / "bot" / "lineage.partial.json"),
        [],
    ),
    "a pickle beside it": (1, lambda f: (f / "bot" / "x.pkl").touch(), []),
    "another base": (1, lambda f: (f / "base" / "model.safetensors").write_bytes(b"other"), ["--base", "base"]),
    "a base without its weights": (1, lambda f: (f / "base" / "model.safetensors").unlink(), ["--base", "base"]),
    "unsigned": (1, lambda f: (f / "bot" / "model.sig").unlink(), ["--trust", "signers", "--require-signature"]),
    "policy: nothing demanded": (1, nothing, ["--policy", "empty.toml"]),
    "policy: never promoted": (1, nothing, ["--policy", "promoted.toml"]),
    "policy: base not allowed": (1, nothing, ["--policy", "other-base.toml"]),
    "no such flag": (2, nothing, ["--bla"]),
    "two targets": (2, nothing, ["bot"]),
    "no such base": (2, nothing, ["--base", "nowhere"]),
    "a file for a base": (2, nothing, ["--base", "signers"]),
    "no such policy": (2, nothing, ["--policy", "nowhere.toml"]),
    "a folder for a policy": (2, nothing, ["--policy", "base"]),
    "a policy that is misspelt": (2, nothing, ["--policy", "misspelt.toml"]),
    "no such trust file": (2, nothing, ["--trust", "nowhere"]),
    "a trust file that is none": (2, lambda f: (f / "signers").write_text("alice\n"), ["--trust", "signers"]),
    "no such list of revoked keys": (2, nothing, ["--trust", "signers", "--revoked", "nowhere"]),
    "no such prompt": (2, nothing, ["--prompt", "system=nowhere.txt"]),
    "a prompt without a name": (2, nothing, ["--prompt", "system"]),
    "the base is demanded and is nowhere": (3, nothing, ["--policy", "base.toml"]),
}


@pytest.mark.parametrize("case", EXITS)
def test_from_the_shell(here: Path, case: str) -> None:
    code, prepare, words = EXITS[case]
    prepare(here)
    done = run(["verify", "bot", *words], cwd=here)
    assert done.code == code, done
    assert "Traceback" not in done.out + done.err
    if code == 2:
        assert done.out == ""
        assert done.err.startswith("error: ")
    else:
        assert done.err == ""
        verdict = {0: "ok: ", 1: "failed: ", 3: "undecided: "}[code]
        said = sum(line.startswith(verdict) for line in done.out.splitlines())
        assert said == (0 if (code, words) == (0, ["-q"]) else 1)


def test_every_code_has_its_cases() -> None:
    assert {code for code, _, _ in EXITS.values()} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("nowhere", 2),
        ("", 2),
        ("bot/tokenizer.json", 2),
        ("bot/lineage.json", 0),
        ("bot/", 0),
        ("hf://bot", 2),
        ("base", 1),
    ],
)
def test_targets(here: Path, target: str, code: int) -> None:
    assert run(["verify", target], cwd=here).code == code


def test_in_a_script_only_fine_goes_on(here: Path) -> None:
    assert run_in_shell("$F verify bot >/dev/null && echo served", cwd=here).out == "served\n"
    flip(WEIGHTS, -1)(here / "bot")
    assert run_in_shell("$F verify bot >/dev/null && echo served", cwd=here).out == ""
    assert run_in_shell("set -o pipefail; $F verify bot | cat >/dev/null; echo $?", cwd=here).out == "1\n"


# --- the Hub -------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "localhub") as hub:
        yield hub


def over_hub(hub: LocalHub, tmp_path: Path, target: str, **more: str) -> tuple[int, str, str]:
    done = run(["verify", target, "--json"], cwd=None, **{**hub.environ(home=tmp_path / "home"), **more})
    document = json.loads(done.out)
    return done.code, document["verdict"], document.get("error", {}).get("kind", "")


def test_the_hub_says_yes_or_no(hub: LocalHub, here: Path, tmp_path: Path) -> None:
    first = hub.upload_folder("acme/bot", here / "bot")
    assert over_hub(hub, tmp_path, "hf://acme/bot") == (0, "ok", "")
    flip(WEIGHTS, -1)(here / "bot")
    second = hub.upload_folder("acme/bot", here / "bot")
    assert over_hub(hub, tmp_path, "hf://acme/bot") == (1, "failed", "")
    assert over_hub(hub, tmp_path, f"hf://acme/bot@{first}") == (0, "ok", "")
    assert over_hub(hub, tmp_path, f"hf://acme/bot@{second}") == (1, "failed", "")


def test_a_hub_that_cannot_say_decides_nothing(hub: LocalHub, here: Path, tmp_path: Path) -> None:
    hub.upload_folder("acme/bot", here / "bot")
    assert over_hub(hub, tmp_path, "hf://acme/nothing") == (3, "undecided", "repository-not-found")
    assert over_hub(hub, tmp_path, "hf://acme/bot@v9") == (3, "undecided", "revision-not-found")
    down = over_hub(hub, tmp_path, "hf://acme/bot", HF_ENDPOINT="http://127.0.0.1:9")
    assert down == (3, "undecided", "hub-unreachable")
    offline = over_hub(hub, tmp_path, "hf://acme/bot", HF_HUB_OFFLINE="1")
    assert offline[:2] == (3, "undecided")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_fails_decides_nothing(hub: LocalHub, here: Path, tmp_path: Path, status: int) -> None:
    hub.upload_folder("acme/bot", here / "bot")
    with hub.faults.status("/api/models/acme/bot", status):
        code, verdict, _ = over_hub(hub, tmp_path, "hf://acme/bot")
    assert (code, verdict) == (3, "undecided")
