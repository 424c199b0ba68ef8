"""How two environments differ, packages graded by how likely they change what is computed."""

from __future__ import annotations

from typing import Any

from ftlineage.core import words
from ftlineage.core.packages import Step, part_of, step_between
from ftlineage.diff.fields import Difference, Part, field_changes, field_clauses, keyed, without

_ORDER: dict[str, int] = {"numerics": 0, "libraries": 1, "others": 2}


def environment(before: Part, after: Part) -> Difference:
    """Software and hardware; packages that compute come first, then Python and the machine."""
    packages = package_changes(before.get("packages") or [], after.get("packages") or [])
    computing = [
        {"field": change["name"], "before": change["before"], "after": change["after"]}
        for change in packages
        if change["part"] != "others"
    ]
    fields = field_changes(without(before, "packages"), without(after, "packages"))
    clauses = field_clauses(computing) + field_clauses(fields)
    others = len(packages) - len(computing)
    if others:
        clauses.append(f"{words.quantity(others, 'other package')} {'differs' if others == 1 else 'differ'}")
    return Difference(clauses=clauses, detail={"fields": fields, "packages": packages})


def package_changes(before: list[Part], after: list[Part]) -> list[dict[str, Any]]:
    """Packages that differ: ``{name, before, after, part, step}``, those that compute first.

    ``part`` is ``numerics``, ``libraries`` or ``others`` (:mod:`ftlineage.core.packages`). ``step`` is
    ``added`` or ``removed``, or the first part of the version that differs: ``major``, ``minor``,
    ``patch``, ``build``.
    """
    changes = [
        {
            "name": name,
            "before": _version(left),
            "after": _version(right),
            "part": part_of(name),
            "step": _step(left, right),
        }
        for name, left, right in keyed(before, after, lambda package: package["name"])
        if left != right
    ]
    return sorted(changes, key=lambda change: _ORDER[change["part"]])


def _version(package: Part | None) -> str | None:
    if package is None:
        return None
    build = package.get("build")
    return str(package["version"]) + (f" ({build})" if build else "")


def _step(before: Part | None, after: Part | None) -> Step:
    if before is None or after is None:
        return "added" if before is None else "removed"
    return step_between(before["version"], after["version"])
