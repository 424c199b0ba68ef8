"""The gate before serving: reads a version and runs every check over what it read.

Decides what is read and in which order: the card first, because nothing else can be judged without
it; then who signed; then every listed byte; then the base, if it is on this machine; then what was
given beside the version (prompts, indexes, processors). Whatever is wrong inside a version that
exists is a finding, never an exception; only a target that does not exist is one. Imports no torch,
NumPy or Hub client for a folder, so that a gate costs milliseconds.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, PARTIAL_NAME, Card, read_card
from ftlineage.core.digest import sha256_hex
from ftlineage.core.finding import Finding, Report, make_report
from ftlineage.core.refs import is_hub
from ftlineage.core.sections import Base
from ftlineage.errors import (
    BadInputError,
    CardMalformedError,
    FtlineageError,
    PathNotFoundError,
    StorageError,
)
from ftlineage.verify import base_checks, checks, policy
from ftlineage.verify.effect.acting import check_acting
from ftlineage.verify.effect.base_tensors import read_base_tensors
from ftlineage.verify.effect.landing import cannot_tell, check_landing
from ftlineage.verify.folder import FolderVersion, observe_base
from ftlineage.verify.given import Given, Judged, judge_given
from ftlineage.verify.policy import Fact, Policy
from ftlineage.verify.preprocessing.stage import explained, judge_preprocessing
from ftlineage.verify.signatures.stage import judge_signatures
from ftlineage.verify.version import VersionFiles, is_unanswered

# Sections of findings about the version's own files: with one of them, what the files do is not asked.
_FILES = frozenset({"adapter", "path", "preprocessing"})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with the card it was reached by; no card where none could be read and trusted."""

    report: Report
    card: Card | None


def verify(
    target: str | os.PathLike[str],
    *,
    policy: Policy | str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    full_base: bool = False,
    trust: str | os.PathLike[str] | None = None,
    require_signature: bool = False,
    given: Given | None = None,
) -> Report:
    """Compare a version with its card, and with what a policy demands.

    Args:
        target: A folder, the ``lineage.json`` in it, or ``hf://org/repo[@revision]``, which is
            compared by the Hub's own digests without downloading weights.
        policy: A policy file or value; the card and the adapter must be proven without one.
        base: A folder with the base's files, to be compared too. Without it the Hub cache is
            looked at, and a base that is nowhere on this machine is only noted.
        full_base: Read every byte of the base even if it was hashed before.
        trust: An ``allowed_signers`` file or PEM public keys: whose signatures count.
        require_signature: Fail without a signature by a key of the trust file.
        given: What else the server will use, to be compared too.

    Returns:
        The verdict with its findings; falsy if anything is not as the card says.

    Raises:
        PathNotFoundError: A path that was named does not exist.
        BadInputError: ``target`` is a file that is no ``lineage.json``; the policy or the trust
            file is none.
        UndecidedError: The Hub gave no answer that proves anything.
    """
    demanded = as_policy(policy, trust=trust, require_signature=require_signature)
    given = given or Given()
    folder = _base_folder(base)
    begun = time.perf_counter()
    version = open_version(target)
    run = Verification(version, version.name or str(target), policy=demanded, given=given)
    return run.all(folder, full_base=full_base, begun=begun).report


def as_policy(
    demanded: Policy | str | os.PathLike[str] | None,
    *,
    trust: str | os.PathLike[str] | None = None,
    require_signature: bool = False,
) -> Policy:
    """A policy value from what a caller gave; arguments go before what the policy says."""
    if demanded is None:
        demanded = policy.DEFAULT
    elif not isinstance(demanded, Policy):
        demanded = policy.load_policy(Path(demanded))
    if trust is not None:
        if not os.path.isfile(trust):  # noqa: PTH113 - answers False where pathlib raises
            raise PathNotFoundError(path=str(trust), hint="--trust names an allowed_signers file or PEM public keys")
        rules = msgspec.structs.replace(demanded.signature, trust=str(trust))
        demanded = msgspec.structs.replace(demanded, signature=rules)
    return demanded.requiring("signature") if require_signature else demanded


def open_version(target: str | os.PathLike[str]) -> VersionFiles:
    """The place a target names.

    Raises:
        PathNotFoundError, BadInputError: There is no such folder or card.
        UndecidedError: The Hub cannot say.
    """
    if isinstance(target, str) and is_hub(target):
        from ftlineage.verify.remote import open_hub_version

        return open_hub_version(target)
    return FolderVersion(_folder(target))


class Verification:
    """One verification as it goes: what was found so far, and what nobody could prove.

    Args:
        version: The place the version is read from.
        target: What the report and commands in hints call it.
        policy: What must be proven.
        given: What else the server will use.
    """

    def __init__(self, version: VersionFiles, target: str, *, policy: Policy, given: Given | None = None) -> None:
        self.version = version
        self.target = target
        self.policy = policy
        self.given = given or Given()
        self.findings: list[Finding] = []
        self.absent: dict[Fact, Finding] = {}
        self.counts = {"files": 0, "tensors": 0, "bytes": 0, "base_files": 0}
        self._again = ""
        self._card_sha256 = ""

    def all(self, base: Path | None, *, full_base: bool, begun: float) -> Outcome:
        """Every check; each only if the one before allows to judge it."""
        self.findings += policy.check_not_empty(self.policy)
        card = self._card()
        if card is not None:
            self._again = _record_command(self.target, card.body.base)
            self._signatures(card)
            configs = self._adapter(card)
            self._base(card, configs, base, full=full_base)
            self._given(card)
            self._promotion()
        findings, undecided = policy.close(self.policy, self.findings, self.absent)
        findings = [self.version.advise(finding) for finding in findings]
        report = make_report(
            findings,
            target=self.target,
            card=card.id if card is not None else None,
            seconds=round(time.perf_counter() - begun, 6),
            counts=self.counts,
            undecided=undecided,
        )
        return Outcome(report=report, card=card)

    def _card(self) -> Card | None:
        """The card, if it is one that can judge files."""
        try:
            data = self.version.read(CARD_NAME, codec.MAX_BYTES)
            card = read_card(data)
        except FtlineageError as error:
            # What the Hub does not answer says nothing about the card; what a disk does not give, does.
            if is_unanswered(error):
                raise
            self.findings.append(checks.card_fault(self._with_hint(error)))
            return None
        found = checks.check_card(card)
        self._card_sha256 = sha256_hex(data)
        self.findings += found
        return None if any(finding.severity == "error" for finding in found) else card

    def _signatures(self, card: Card) -> None:
        now = dt.datetime.now(dt.UTC)
        self._judged(
            judge_signatures(self.version, card, self._card_sha256, self.policy, revoked=self.given.revoked, now=now)
        )

    def _adapter(self, card: Card) -> dict[str, dict[str, Any]]:
        """Every listed byte, and nothing beside it; the configurations, by path, that are as recorded."""
        adapter = card.body.adapter
        if adapter is None:
            return {}
        listing = self.version.list()
        expected = checks.expected_tensors(adapter.tensors)
        seen = self.version.observe(adapter.files, expected)
        lost = {file.size for file in adapter.files if isinstance(seen[file.path].fault, PathNotFoundError)}
        unlisted = self.version.digests([name for name in listing.files if name not in seen], lost)
        self.findings += checks.check_refused(listing.refused, set(seen))
        self.findings += checks.check_presence(adapter.files, seen, unlisted, again=self._again)
        configs = {}
        for file in adapter.files:
            found = checks.check_file(file, seen[file.path], expected.get(file.path), again=self._again)
            found = explained(self.version, file, found, card.body.preprocessing, again=self._again)
            self.findings += found
            data = seen[file.path].data
            if data is not None and not found:
                configs[file.path] = _parse_config(data)
        self.counts |= {
            "files": len(adapter.files),
            "tensors": sum(len(file.tensors or ()) for file in seen.values()),
            "bytes": sum(file.size or 0 for file in seen.values()),
        }
        return configs

    def _base(self, card: Card, configs: Mapping[str, dict[str, Any]], base: Path | None, *, full: bool) -> None:
        claimed = card.body.base
        kind = card.body.adapter.type if card.body.adapter is not None else ""
        self.findings += base_checks.check_pinned(claimed, kind=kind)
        self.findings += base_checks.check_claims(claimed, configs)
        self.findings += base_checks.check_initialisation(configs)
        self.findings += policy.check_base_allowed(claimed, self.policy.base)
        # A full model is served without its base, so that one is only compared when it is named.
        if claimed is None or (kind == "full" and base is None):
            return
        folder = base or _cached(claimed)
        seen = observe_base(folder, base_checks.compared_files(claimed), full=full) if folder is not None else {}
        where = str(base) if base is not None else "the Hub cache"
        changed = base_checks.check_files(claimed, seen, where=where, whole=base is not None)
        self.findings += changed
        self.counts["base_files"] = sum(found.fault is None for found in seen.values())
        unseen = base_checks.check_seen(claimed, seen) if base is None else None
        if unseen is not None:
            self.absent["base"] = unseen
        self._acts(card, configs, None if changed else folder)

    def _acts(self, card: Card, configs: Mapping[str, dict[str, Any]], base: Path | None) -> None:
        """What the adapter does to a base whose files are as recorded; one that was changed is not asked."""
        adapter = card.body.adapter
        if adapter is None or any(finding.section in _FILES for finding in self._errors()):
            return
        self.findings += check_acting(adapter, configs)
        why = "the base is not on this machine"
        try:
            tensors = read_base_tensors(base) if base is not None else None
        except FtlineageError as error:
            tensors, why = None, f"a file of the base cannot be read ({error.sentence})"
        if tensors is not None:
            self.findings += check_landing(adapter, configs, tensors)
        else:
            self.absent["acts"] = cannot_tell(why)

    def _errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "error"]

    def _given(self, card: Card) -> None:
        if not any(finding.section in _FILES for finding in self._errors()):
            proven = self.counts["base_files"] > 0 and "base" not in self.absent
            self._judged(judge_preprocessing(self.version, card, self.given, base_proven=proven))
        for judged in judge_given(card, self.given, self.policy.environment, required=self.policy.require):
            self._judged(judged)

    def _judged(self, judged: Judged) -> None:
        self.findings += judged.findings
        if judged.absent is not None:
            self.absent[judged.fact] = judged.absent

    def _promotion(self) -> None:
        if "promotion" in self.policy.require:
            self.absent["promotion"] = checks.not_promoted(self.target)

    def _with_hint(self, error: FtlineageError) -> FtlineageError:
        """The error with words that fit a card."""
        match error:
            case PathNotFoundError():
                unfinished = f"{PARTIAL_NAME} is there: the run that wrote it was never sealed"
                record = f"Record it: ftlineage record {checks.typed(self.target)} --base org/name@<40-hex commit>"
                return PathNotFoundError(path=CARD_NAME, hint=unfinished if self._is_unfinished() else record)
            case StorageError():
                return BadInputError(path=CARD_NAME, reason=error.cause, hint=error.hint)
            case BadInputError():
                return CardMalformedError(where="$", reason=error.reason)
        return error

    def _is_unfinished(self) -> bool:
        try:
            self.version.read(PARTIAL_NAME, codec.MAX_BYTES)
        except PathNotFoundError:
            return False
        except FtlineageError:
            return True
        return True


# --- what was given ------------------------------------------------------------------------------


def _folder(target: str | os.PathLike[str]) -> Path:
    path = Path(target)
    # os.path answers False where pathlib raises: a parent that may not be entered, a name with NUL.
    if os.path.isdir(path):  # noqa: PTH112
        return path
    if os.path.isfile(path):  # noqa: PTH113
        if path.name == CARD_NAME:
            return path.parent
        raise BadInputError(path=str(target), reason=f"neither a folder nor a {CARD_NAME}", hint="Name the folder")
    raise PathNotFoundError(path=str(target))


def _base_folder(base: str | os.PathLike[str] | None) -> Path | None:
    if base is None or os.path.isdir(base):  # noqa: PTH112 - see _folder
        return None if base is None else Path(base)
    hint = "--base names a folder with the base's files"
    if os.path.exists(base):  # noqa: PTH110 - see _folder
        raise BadInputError(path=str(base), reason="a base is a folder, and this is a file", hint=hint)
    raise PathNotFoundError(path=str(base), hint=hint)


def _cached(base: Base) -> Path | None:
    """The base's snapshot in the Hub cache, if it is there."""
    from ftlineage.sources.hub_cache import snapshot_folder

    if base.origin != "hub" or base.revision is None:
        return None
    folder = snapshot_folder(base.model, base.revision)
    return folder if os.path.isdir(folder) else None  # noqa: PTH112 - see _folder


def _parse_config(data: bytes) -> dict[str, Any]:
    """A configuration whose digest is right; one that is no object claims nothing."""
    try:
        config = codec.parse(data)
    except CardMalformedError:
        return {}
    return config if isinstance(config, dict) else {}


def _record_command(target: str, base: Base | None) -> str:
    name = "org/name@<40-hex commit>"
    if base is not None and base.origin == "hub" and base.revision is not None:
        name = checks.typed(f"{base.model}@{base.revision}")
    return f"ftlineage record {checks.typed(target)} --base {name} --overwrite"
