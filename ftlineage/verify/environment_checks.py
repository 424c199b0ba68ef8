"""Is this the environment it was made in? Differences graded by whether they can change an answer.

Decides what counts: recorded packages that differ here or are not here, the machine's arithmetic,
the system. Packages that are here and were not recorded count for nothing: a server has more than a
training. All differences of one severity are one finding, because an environment is one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ftlineage.core import words
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.packages import normalised, part_of, step_between
from ftlineage.core.sections import Cpu, Environment, Package
from ftlineage.verify.policy import EnvironmentRules, Grade

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_SHOWN = 4


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: what it is, as recorded and as it is here, how much it matters."""

    name: str
    recorded: str
    here: str
    grade: Grade


def check_environment(recorded: Environment, here: Environment, rules: EnvironmentRules) -> list[Finding]:
    """What differs, at most one finding a severity.

    Args:
        recorded: The card's section.
        here: This interpreter and machine; what is unknown on either side is not compared.
        rules: How much each kind of difference matters.
    """
    changes = [change for change in environment_changes(recorded, here, rules) if change.grade != "ignore"]
    findings = []
    for severity in _SEVERITIES:
        graded = [change for change in changes if change.grade == severity]
        if graded:
            findings.append(_finding(severity, graded))
    return findings


def environment_changes(recorded: Environment, here: Environment, rules: EnvironmentRules) -> list[Change]:
    """Every difference with its grade, packages that compute first."""
    found = [*_packages(recorded.packages, here.packages, rules), *_machine(recorded, here, rules)]
    return sorted(found, key=lambda change: part_of(change.name) != "numerics")


def cannot_tell(recorded: Environment | None) -> Finding:
    """The environment was to be compared and cannot be."""
    if recorded is None:
        message, hint = "the card records no environment, so this one cannot be compared with it", None
    else:
        message = "this interpreter has no torch, so it is not the one that serves, and was not compared"
        hint = "Run verify with the Python of the server: python -m ftlineage verify ..."
    return Finding(code="environment.absent", severity="note", section="environment", message=message, hint=hint)


def _packages(recorded: list[Package], here: list[Package], rules: EnvironmentRules) -> Iterator[Change]:
    installed = {normalised(package.name): package for package in here}
    single: Mapping[str, Grade] = {normalised(name): grade for name, grade in rules.packages.items()}
    for package in recorded:
        name = normalised(package.name)
        now = installed.get(name)
        if now is not None and (now.version, now.build) == (package.version, package.build):
            continue
        part = part_of(name)
        # Who serves needs no trainer: only code that computes is missed.
        usual = rules.others if now is None and part == "libraries" else getattr(rules, part)
        if now is not None and part != "numerics" and _is_rebuild(package, now):
            usual = rules.others
        yield Change(
            name=name,
            recorded=_version(package, now),
            here="not installed" if now is None else _version(now, package),
            grade=single.get(name, usual),
        )


def _machine(recorded: Environment, here: Environment, rules: EnvironmentRules) -> Iterator[Change]:
    before, now = recorded.cpu or Cpu(), here.cpu or Cpu()
    pairs = [
        ("instruction set", before.capability, now.capability, rules.hardware),
        ("architecture", before.architecture, now.architecture, rules.hardware),
        ("driver", recorded.driver, here.driver, rules.hardware),
        ("CUDA", recorded.cuda, here.cuda, rules.hardware),
        ("system", recorded.os, here.os, rules.others),
        ("Python", recorded.python, here.python, rules.others),
    ]
    for name, old, new, grade in pairs:
        if old is not None and new is not None and old != new:
            yield Change(name=name, recorded=words.clean(old), here=words.clean(new), grade=grade)
    if recorded.gpus and here.gpus:
        old_gpus, new_gpus = (", ".join(sorted({gpu.name for gpu in side.gpus})) for side in (recorded, here))
        if old_gpus != new_gpus:
            yield Change(name="GPU", recorded=words.clean(old_gpus), here=words.clean(new_gpus), grade=rules.hardware)


def _is_rebuild(one: Package, other: Package) -> bool:
    return one.version == other.version or step_between(one.version, other.version) == "build"


def _version(package: Package, other: Package | None) -> str:
    build = f" ({package.build})" if package.build and other is not None and package.version == other.version else ""
    return words.clean(package.version + build)


def _finding(severity: Severity, changes: list[Change]) -> Finding:
    said = [
        f"{change.name} {change.recorded} was recorded, {change.here} is here"
        if change.here != "not installed"
        else f"{change.name} {change.recorded} was recorded and is not installed here"
        for change in changes[:_SHOWN]
    ]
    more = len(changes) - _SHOWN
    if more > 0:
        said.append(f"and {words.quantity(more, 'more difference')}")
    return Finding(
        code="environment.changed",
        severity=severity,
        section="environment",
        expected={change.name: change.recorded for change in changes},
        actual={change.name: change.here for change in changes},
        message="; ".join(said),
        hint="Serve with the recorded versions, or evaluate again in this environment before serving"
        if severity != "note"
        else None,
    )
