"""Prompts, indexes and the environment of a server against the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ftlineage.core.finding import Finding, Report
from ftlineage.core.sections import Cpu, Environment, Gpu, Package
from ftlineage.errors import PathNotFoundError
from ftlineage.sources.prompts import observe_prompt
from ftlineage.sources.retrieval import observe_retrieval
from ftlineage.verify.environment_checks import check_environment, environment_changes
from ftlineage.verify.given import Given
from ftlineage.verify.policy import EnvironmentRules, Policy
from ftlineage.verify.runner import verify
from ftlineage.verify.text_change import first_difference
from tests import sealed

TEXT = "You answer politely.\nNever invent an order number.\n"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "faq.md").write_text("Refunds take 5 days.")
    return folder


@pytest.fixture
def folder(tmp_path: Path, index: Path) -> Path:
    folder = sealed.sealed(tmp_path / "out")
    prompts = [observe_prompt("system", TEXT), observe_prompt("secret", "Be brief.", private=True)]
    sealed.seal(folder, prompts=prompts, retrieval=[observe_retrieval("kb", str(index))])
    return folder


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def error_of(report: Report) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.severity == "error"]
    return finding


def test_the_same_prompts_and_index_are_fine(folder: Path, index: Path, tmp_path: Path) -> None:
    prompts = {"system": write(tmp_path / "s.txt", TEXT), "secret": write(tmp_path / "p.txt", "Be brief.")}
    given = Given(prompts=prompts, retrieval={"kb": str(index)})
    assert verify(folder, given=given, policy=Policy(require=("card", "prompts", "retrieval")))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "system",
            TEXT.replace("politely", "rudely"),
            (
                "the prompt system is not the recorded one: line 1 is 'You answer rudely.', the card says "
                "'You answer politely.'"
            ),
        ),
        ("system", TEXT + "More.\n", "the prompt system is not the recorded one: line 3 is 'More.', the card says ''"),
        (
            "system",
            TEXT.replace("\n", "\r\n"),
            (
                "the prompt system is not the recorded one: line 1 is 'You answer politely.\\r', the card says "
                "'You answer politely.'"
            ),
        ),
        ("secret", "Be long.", "the prompt secret is not the recorded one: it is another text"),
        ("other", TEXT, "the card names no prompt other, so nothing vouches for what was given"),
    ],
)
def test_another_prompt_is_named_with_its_line(
    folder: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    report = verify(folder, given=Given(prompts={name: write(tmp_path / "s.txt", text)}))
    error = error_of(report)
    assert (error.code, error.section, error.path, error.message) == ("prompts.changed", "prompts", name, message)


def test_long_lines_are_cut_where_they_differ() -> None:
    left, right = "x" * 500 + "a" + "y" * 500, "x" * 500 + "b" + "y" * 500
    said = first_difference(right, left)
    assert said == f"line 1 is '…{'x' * 24}b{'y' * 47}…', the card says '…{'x' * 24}a{'y' * 47}…'"


def test_a_grown_index_is_named(folder: Path, index: Path) -> None:
    (index / "new.md").write_text("We moved.")
    error = error_of(verify(folder, given=Given(retrieval={"kb": str(index)})))
    assert (error.code, error.path) == ("retrieval.changed", "kb")
    assert error.message == "the index kb is not the recorded one: it has 2 entries, the card says 1"


def test_an_edited_index_is_named(folder: Path, index: Path) -> None:
    (index / "faq.md").write_text("Refunds take 9 days.")
    error = error_of(verify(folder, given=Given(retrieval={"kb": str(index)})))
    assert error.message == "the index kb is not the recorded one: the same number of entries, other content"


def test_what_is_required_and_not_given_leaves_it_undecided(folder: Path, tmp_path: Path) -> None:
    report = verify(
        folder,
        policy=Policy(require=("prompts", "retrieval")),
        given=Given(prompts={"system": write(tmp_path / "s.txt", TEXT)}),
    )
    assert report.verdict == "undecided"
    assert [finding.message for finding in report.findings if finding.severity == "warning"] == [
        "the card names the prompt secret, and no file was given to compare with it",
        "the card names the index kb, and no file was given to compare with it",
    ]
    assert [finding.code for finding in verify(folder).findings] == ["base.absent"]


def test_a_file_that_is_not_there_is_what_was_typed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        verify(folder, given=Given(prompts={"system": tmp_path / "none.txt"}))


# --- environment -------------------------------------------------------------------------------

RECORDED = Environment(
    python="3.11.7",
    cpu=Cpu(capability="AVX512"),
    gpus=[Gpu(name="H100")],
    packages=[
        Package(name="torch", version="2.13.0+cu128", build="cp311-linux"),
        Package(name="transformers", version="5.23.0"),
        Package(name="trl", version="1.16.0"),
        Package(name="rich", version="14.0.0"),
        Package(name="flash-attn", version="2.9"),
    ],
)


def now(**changes: Any) -> Environment:
    return msgspec.structs.replace(RECORDED, **changes)


def packages(**versions: str | None) -> list[Package]:
    kept = {package.name: package for package in RECORDED.packages}
    for name, version in versions.items():
        plain = name.replace("_", "-")
        if version is None:
            del kept[plain]
        else:
            kept[plain] = Package(name=plain, version=version)
    return list(kept.values())


def test_an_equal_environment_has_no_finding() -> None:
    assert check_environment(RECORDED, now(), EnvironmentRules()) == []


@pytest.mark.parametrize(
    ("here", "severity", "message"),
    [
        (now(packages=packages(rich="1.0", trl=None)), None, ""),
        (now(python="3.12.1"), None, ""),
        (
            now(packages=packages(torch="2.13.0+cpu")),
            "warning",
            "torch 2.13.0+cu128 was recorded, 2.13.0+cpu is here",
        ),
        (now(packages=packages(flash_attn=None)), "warning", "flash-attn 2.9 was recorded and is not installed here"),
        (
            now(packages=packages(transformers="5.24.0")),
            "warning",
            "transformers 5.23.0 was recorded, 5.24.0 is here",
        ),
        (now(packages=packages(transformers="5.23.0+local")), None, ""),
        (now(cpu=Cpu(capability="AVX2")), "note", "instruction set AVX512 was recorded, AVX2 is here"),
        (now(gpus=[Gpu(name="A100")]), "note", "GPU H100 was recorded, A100 is here"),
        (now(gpus=[]), None, ""),
    ],
)
def test_differences_are_graded(here: Environment, severity: str | None, message: str) -> None:
    found = check_environment(RECORDED, here, EnvironmentRules())
    assert [(finding.severity, finding.message) for finding in found] == ([(severity, message)] if severity else [])


def test_the_same_version_built_otherwise_matters_for_what_computes() -> None:
    rebuilt = [Package(name="torch", version="2.13.0+cu128", build="cp312-linux"), *RECORDED.packages[1:]]
    (finding,) = check_environment(RECORDED, now(packages=rebuilt), EnvironmentRules())
    assert finding.message == "torch 2.13.0+cu128 (cp311-linux) was recorded, 2.13.0+cu128 (cp312-linux) is here"


def test_single_packages_are_graded_by_the_policy() -> None:
    rules = EnvironmentRules(packages={"Rich": "error"}, numerics="ignore")
    here = now(packages=packages(rich="1.0", torch="1.0"))
    assert [(change.name, change.grade) for change in environment_changes(RECORDED, here, rules)] == [
        ("torch", "ignore"),
        ("rich", "error"),
    ]
    (finding,) = check_environment(RECORDED, here, rules)
    assert (finding.severity, finding.actual) == ("error", {"rich": "1.0"})


def test_many_differences_are_one_finding() -> None:
    recorded = now(packages=[Package(name=f"nvidia-{n}", version="1") for n in range(9)])
    here = now(packages=[Package(name=f"nvidia-{n}", version="2") for n in range(9)])
    (finding,) = check_environment(recorded, here, EnvironmentRules())
    assert finding.message.endswith("; and 5 more differences")
    assert len(finding.expected) == 9


def test_this_interpreter_is_compared_when_asked(folder: Path) -> None:
    torch = [Package(name="torch", version="0.0.1")]
    sealed.seal(folder, environment=Environment(packages=torch))
    (finding,) = [one for one in verify(folder, given=Given(environment=True)).findings if one.code != "base.absent"]
    assert (finding.code, finding.severity) == ("environment.changed", "warning")
    assert finding.message.startswith("torch 0.0.1 was recorded, ")
    strict = Policy(require=("environment",), environment=EnvironmentRules(numerics="error"))
    assert verify(folder, policy=strict).verdict == "failed"


def test_a_card_without_an_environment_leaves_it_undecided(folder: Path) -> None:
    sealed.seal(folder, environment=None)
    report = verify(folder, policy=Policy(require=("environment",)))
    assert report.verdict == "undecided"
    assert report.findings[-1].code == "environment.absent"
