"""From a target to bytes an engine may serve: found, verified, kept.

Decides the order: the version is verified where it lies, with everything that is demanded; then a
copy is made that is compared byte by byte with the card that was verified. So what an engine opens
is what was judged, whatever happens to the source in between. Refused: whatever fails, and
whatever cannot be decided.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.finding import Report
from ftlineage.core.layout import ADAPTER_CONFIG, CLAIMS_NAME, SIGNATURE_NAME, is_recorded
from ftlineage.core.sections import Base
from ftlineage.errors import BadArgumentError, BadInputError
from ftlineage.serve.errors import VersionRefusedError, VersionUndecidedError
from ftlineage.serve.names import served_name
from ftlineage.store.cards import read_card_file
from ftlineage.store.versions import keep_version

if TYPE_CHECKING:
    from ftlineage.sources.hub import HubCommit

HUB = "hf://"
_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold before a version is served.

    ``base`` is a folder with the base's files. ``policy`` and ``trust`` are files, see
    :func:`ftlineage.verify.runner.verify`.
    """

    base: Path | None = None
    full_base: bool = False
    policy: Path | None = None
    trust: Path | None = None
    require_signature: bool = False


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was verified, and the read-only folder with exactly the bytes that were.

    ``config`` is what its ``adapter_config.json`` says, which is what engines believe; empty
    without one.
    """

    name: str
    card: Card
    config: dict[str, Any]
    folder: Path
    report: Report

    @property
    def base(self) -> Base:
        """The card's section; a version whose base is unknown cannot be served on one."""
        if self.card.body.base is None:
            raise BadInputError(path=str(self.folder / CARD_NAME), reason="the card names no base")
        return self.card.body.base


def download_version(target: str) -> Path:
    """A snapshot of ``hf://org/repo[@revision]``, at the commit the revision is now.

    Raises:
        BadArgumentError: It is no such reference.
        UndecidedError: The Hub gave no answer that proves a commit, or a file cannot be had.
        DigestMismatchError: A downloaded file is not what the commit says.
    """
    from ftlineage.sources.hub import download_snapshot, resolve_revision

    repo, at, revision = target.removeprefix(HUB).partition("@")
    if not _REPO.fullmatch(repo) or (at and not revision):
        raise BadArgumentError(argument=target, reason="not of the form hf://org/repo or hf://org/repo@revision")
    commit = resolve_revision(repo, revision or None)
    return download_snapshot(commit, allow_patterns=_wanted(commit))


def prove(folder: Path, demands: Demands, *, target: str | None = None) -> Report:
    """Verify a folder as demanded.

    Args:
        folder: The version.
        demands: What must hold.
        target: What the report calls it; the folder if not given.

    Raises:
        UsageError: The policy, trust file or base that was named cannot be used.
        UndecidedError: Evidence cannot be had.
    """
    from ftlineage.verify.runner import verify

    report = verify(
        folder,
        base=demands.base,
        full_base=demands.full_base,
        policy=demands.policy,
        trust=demands.trust,
        require_signature=demands.require_signature,
    )
    return report if target is None else msgspec.structs.replace(report, target=target)


def keep(folder: Path, report: Report, *, version: int | None = None) -> Proven:
    """Make the copy that an engine is given.

    Args:
        folder: Where the version lies.
        report: Its verification.
        version: Its number in the registry, if it has one.

    Raises:
        VersionRefusedError, VersionUndecidedError: The report is no yes.
        DigestMismatchError: The bytes are not those that were verified.
        StorageError, OutputNotWritableError: The copy cannot be made.
    """
    if not report.ok or report.card is None:
        raise refusal(report)
    kept = keep_version(folder, report.card)
    card = read_card_file(kept)
    # The name is outside the id: two versions that differ only in name share one copy, not one name.
    name = served_name(read_card_file(folder).name, report.card, version=version)
    return Proven(name=name, card=card, config=_config(kept, card), folder=kept, report=report)


def refusal(report: Report, name: str | None = None) -> VersionRefusedError | VersionUndecidedError:
    """Why a version is not served, by its findings' codes: whole sentences may name places on this machine."""
    codes = sorted({finding.code for finding in report.findings if finding.severity == "error"})
    name = name or words.clean(report.target)
    hint = f"See what is wrong: ftlineage verify {words.clean(report.target)}"
    if report.verdict == "undecided":
        return VersionUndecidedError(name=name, reason="it could not be verified", hint=hint)
    return VersionRefusedError(name=name, reason=", ".join(codes) or "it was not verified", hint=hint)


def _config(kept: Path, card: Card) -> dict[str, Any]:
    listed = {file.path for file in card.body.adapter.files} if card.body.adapter is not None else set()
    if ADAPTER_CONFIG not in listed:
        return {}
    return codec.foreign_object((kept / ADAPTER_CONFIG).read_bytes()) or {}


def _wanted(commit: HubCommit) -> list[str]:
    """The files a card speaks of and what is written about them; as patterns, where brackets mean something."""
    own = {CARD_NAME, SIGNATURE_NAME, CLAIMS_NAME}
    names = (file.path for file in commit.files if is_recorded(file.path) or file.path in own)
    return [name.replace("[", "[[]") for name in names]
