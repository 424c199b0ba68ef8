"""How two environments differ, packages graded by how likely they change what is computed."""

from __future__ import annotations

from typing import Any

from ftlineage.core import words
from ftlineage.diff.fields import Difference, Part, field_changes, field_clauses, keyed, without

# Packages whose code computes: another version can change numbers, tokens or templates.
_TRAINING = frozenset(
    {
        "accelerate",
        "bitsandbytes",
        "datasets",
        "deepspeed",
        "flash-attn",
        "jinja2",
        "liger-kernel",
        "numpy",
        "peft",
        "pillow",
        "pyarrow",
        "safetensors",
        "sentencepiece",
        "tiktoken",
        "tokenizers",
        "torch",
        "torchaudio",
        "torchvision",
        "transformers",
        "triton",
        "trl",
        "unsloth",
        "vllm",
        "xformers",
    }
)


def environment(before: Part, after: Part) -> Difference:
    """Software and hardware; packages that compute come first, then Python and the machine."""
    packages = package_changes(before.get("packages") or [], after.get("packages") or [])
    computing = [
        {"field": change["name"], "before": change["before"], "after": change["after"]}
        for change in packages
        if change["part"] == "training"
    ]
    fields = field_changes(without(before, "packages"), without(after, "packages"))
    clauses = field_clauses(computing) + field_clauses(fields)
    others = len(packages) - len(computing)
    if others:
        clauses.append(f"{words.quantity(others, 'other package')} {'differs' if others == 1 else 'differ'}")
    return Difference(clauses=clauses, detail={"fields": fields, "packages": packages})


def package_changes(before: list[Part], after: list[Part]) -> list[dict[str, Any]]:
    """Packages that differ: ``{name, before, after, part, step}``, those that compute first.

    ``part`` is ``training`` or ``other``. ``step`` is ``added`` or ``removed``, or the first part of
    the version that differs: ``major``, ``minor``, ``patch``, ``build``.
    """
    changes = [
        {
            "name": name,
            "before": _version(left),
            "after": _version(right),
            "part": "training" if _computes(name) else "other",
            "step": _step(left, right),
        }
        for name, left, right in keyed(before, after, lambda package: package["name"])
        if left != right
    ]
    return sorted(changes, key=lambda change: change["part"] != "training")


def _computes(name: str) -> bool:
    plain = name.lower().replace("_", "-").replace(".", "-")
    return plain in _TRAINING or plain.startswith("nvidia-")


def _version(package: Part | None) -> str | None:
    if package is None:
        return None
    build = package.get("build")
    return str(package["version"]) + (f" ({build})" if build else "")


def _step(before: Part | None, after: Part | None) -> str:
    from packaging.version import InvalidVersion, Version

    if before is None or after is None:
        return "added" if before is None else "removed"
    try:
        left, right = Version(before["version"]), Version(after["version"])
    except InvalidVersion:
        return "major"  # no order to speak of, so the widest step
    if (left.epoch, left.major) != (right.epoch, right.major):
        return "major"
    if left.minor != right.minor:
        return "minor"
    return "build" if left.public == right.public else "patch"
