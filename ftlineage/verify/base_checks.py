"""Checks of the base: pinned, claimed alike by card and adapter, and the same bytes where they can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import Base, FileRecord
from ftlineage.errors import PathNotFoundError
from ftlineage.sources.adapter import changes_base
from ftlineage.verify.checks import Observed, typed

# Nothing reads these when a model is loaded; people delete them and download without them.
_INERT_SUFFIXES = frozenset({".md", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"})
_INERT_NAMES = frozenset({".gitattributes", ".gitignore", "LICENSE", "NOTICE", "LICENSE.txt"})


def check_pinned(base: Base | None, *, kind: str) -> list[Finding]:
    """The card says exactly which base: a 40-hex commit, or the digests of a local folder's files.

    Args:
        base: The card's section.
        kind: The adapter's type. A full model is served without its base, so there an unknown one
            is a gap in the lineage and not a danger.
    """
    severity: Severity = "warning" if kind == "full" else "error"
    if base is None:
        message = "the card does not say which base the adapter belongs to"
    elif base.origin == "hub" and base.revision is None:
        message = f"the card does not say which commit of {words.clean(base.model)} the adapter belongs to"
    elif base.origin == "local" and not base.files:
        message = f"the card names the local base {words.clean(base.model)} without any digest"
    else:
        return []
    hint = "Record it again with the commit it was trained on: ftlineage record DIR --base org/name@<40-hex commit>"
    return [
        Finding(code="base.unpinned", severity=severity, section="base", path=CARD_NAME, message=message, hint=hint)
    ]


def check_claims(base: Base | None, configs: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """``adapter_config.json``, which loaders believe, names the base and commit that the card names.

    Args:
        base: The card's section.
        configs: Every adapter configuration in the folder, by path.
    """
    if base is None or base.origin != "hub" or base.revision is None:
        return []
    findings = []
    for path, config in configs.items():
        model, revision = config.get("base_model_name_or_path"), config.get("revision")
        if model == base.model and revision == base.revision:
            continue
        if model == base.model and revision is None:
            code, claim = "base.unpinned", "names no revision, so loaders take whatever the base is by then"
        else:
            code, claim = "base.mismatch", f"names the base {_reference(model, revision)}"
        findings.append(
            Finding(
                code=code,
                section="base",
                path=path,
                expected=_reference(base.model, base.revision),
                actual=_reference(model, revision),
                message=f"{path} {claim}; the card says {_reference(base.model, base.revision)}",
                hint="Do not serve it before it is known which base it was trained on; then record it again",
            )
        )
    return findings


def check_files(base: Base, seen: Mapping[str, Observed], *, where: str, whole: bool) -> list[Finding]:
    """The base's files are those the adapter was trained on.

    Args:
        base: The card's section.
        seen: Each file that was looked for, as it lies there.
        where: The place looked at, for the sentence.
        whole: Whether absence is a fault (a folder that was named) or not (a cache).

    Returns:
        At most one finding, which names the largest file that differs: a base is one thing.
    """
    wrong = [file for file in base.files if file.path in seen and _is_wrong(file, seen[file.path], whole=whole)]
    if not wrong:
        return []
    worst = max(wrong, key=lambda file: (file.size, file.path))
    found = seen[worst.path]
    more = f" (and {words.quantity(len(wrong) - 1, 'other file')})" if len(wrong) > 1 else ""
    message = f"{words.clean(worst.path)} of the base in {where} {_fault(found)}{more}"
    return [
        Finding(
            code="base.changed",
            section="base",
            path=worst.path,
            expected=worst.sha256,
            actual=found.sha256,
            message=message,
            hint=_way_back(base),
        )
    ]


def check_seen(base: Base, seen: Mapping[str, Observed]) -> Finding | None:
    """The base's bytes were looked at, all of them; a note says which were not, and why."""
    compared = compared_files(base)
    missing = sum(file.path not in seen or isinstance(seen[file.path].fault, PathNotFoundError) for file in compared)
    name = _reference(base.model, base.revision)
    if not compared:
        message = f"the card lists no files of the base {name}, so its bytes were not compared"
    elif not missing:
        return None
    elif base.origin == "local":
        message = f"the base {name} was a local folder, so its bytes were not compared"
    elif missing == len(compared):
        message = f"the base {name} is not in the Hub cache, so its bytes were not compared"
    else:
        message = (
            f"{missing} of {len(compared)} files of the base {name} are not in the Hub cache and were not compared"
        )
    hint = "Name its folder to compare them: --base PATH" if compared else None
    return Finding(code="base.absent", severity="note", section="base", message=message, hint=hint)


def check_initialisation(configs: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Initialisations that changed the base's own weights (PiSSA, OLoRA, ...): servers do not repeat them."""
    return [
        Finding(
            code="adapter.init",
            severity="warning",
            section="adapter",
            path=path,
            actual=config.get("init_lora_weights"),
            message=(
                f"{path}: the initialisation {words.clean(str(config.get('init_lora_weights')))} changed the base's "
                "own weights; an engine that does not repeat it serves another model"
            ),
            hint="Save it converted: save_pretrained(..., path_initial_model_for_weight_conversion=...)",
        )
        for path, config in configs.items()
        if changes_base(dict(config))
    ]


def compared_files(base: Base) -> Sequence[FileRecord]:
    """The files of a base that matter when it is loaded."""
    return [file for file in base.files if not _is_inert(file.path)]


def _is_wrong(file: FileRecord, found: Observed, *, whole: bool) -> bool:
    if isinstance(found.fault, PathNotFoundError):
        return whole
    return found.fault is not None or (found.size, found.sha256) != (file.size, file.sha256)


def _fault(found: Observed) -> str:
    match found.fault:
        case None:
            return "is not the one the adapter was trained on"
        case PathNotFoundError():
            return "is missing"
        case error:
            return f"cannot be read: {getattr(error, 'reason', None) or getattr(error, 'cause', error.sentence)}"


def _is_inert(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix.lower() in _INERT_SUFFIXES or pure.name in _INERT_NAMES


def _reference(model: object, revision: object) -> str:
    name = words.clean(str(model)) if model is not None else "(none)"
    return f"{name}@{words.clean(str(revision))}" if revision is not None else name


def _way_back(base: Base) -> str:
    if base.origin == "local" or base.revision is None:
        return "Use the base that the adapter was trained on, or train the adapter again on this one"
    return f"Use the base at its commit: hf download {typed(base.model)} --revision {base.revision}"
