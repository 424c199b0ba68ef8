"""What must be proven before a version may be served: a TOML file, read strictly, and what it decides.

An allow-list: ``require`` names the facts that must be proven; a fact that nobody could prove leaves
the verdict undecided or fails it, and a policy that requires nothing refuses everything, because
"nothing is demanded" is how gates get switched off by mistake. A policy can raise the severity of a
finding, never lower it. Refused: unknown keys, facts and codes that are misspelt, and a relative
path that cannot be found beside the policy file.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from ftlineage.core import words
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import Base
from ftlineage.errors import BadInputError, PathNotFoundError

Fact = Literal[
    "card", "adapter", "base", "acts", "preprocessing", "prompts", "retrieval", "environment", "signature", "promotion"
]
Grade = Literal["error", "warning", "note", "ignore"]
FACTS: tuple[Fact, ...] = get_args(Fact)
MAX_BYTES = 1024 * 1024

_CODE = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*")
# Facts whose absence is worth a note even where nobody demands them.
_NOTED: frozenset[Fact] = frozenset({"base"})
# Facts that somebody must have made: without them the gate fails, it does not doubt.
_FAILING: frozenset[Fact] = frozenset({"signature", "promotion"})
_ORDER: dict[Severity, int] = {"note": 0, "warning": 1, "error": 2}


class SignatureRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose signatures count.

    ``trust`` is an ``allowed_signers`` file or PEM public keys, ``revoked`` a list of keys that
    count no longer, both relative to the policy file. ``signers`` are patterns of identities;
    anybody in the trust file when empty.
    """

    trust: str | None = None
    revoked: str | None = None
    signers: tuple[str, ...] = ()


class BaseRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bases may be served: patterns of Hub names; any when empty."""

    allow: tuple[str, ...] = ()


class EnvironmentRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a difference between the recorded environment and this one matters.

    ``numerics`` are packages whose code computes (PyTorch, kernels), any difference in version or
    build; ``libraries`` those that decide what is computed (transformers, PEFT, tokenizers);
    ``hardware`` the processor's instruction set, GPUs, driver and CUDA; ``others`` the rest.
    ``packages`` decides for single names.
    """

    numerics: Grade = "warning"
    libraries: Grade = "warning"
    hardware: Grade = "note"
    others: Grade = "ignore"
    packages: dict[str, Grade] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gate demands."""

    require: tuple[Fact, ...] = ()
    signature: SignatureRules = SignatureRules()
    base: BaseRules = BaseRules()
    environment: EnvironmentRules = EnvironmentRules()
    severity: dict[str, Severity] = {}

    def requiring(self, *facts: Fact) -> Policy:
        """The same policy with more facts required."""
        return msgspec.structs.replace(self, require=tuple(dict.fromkeys((*self.require, *facts))))


# What `ftlineage verify` demands when no policy is named; docs/policy.md shows it as a file.
DEFAULT = Policy(require=("card", "adapter"))


# --- reading -------------------------------------------------------------------------------------


def load_policy(path: Path) -> Policy:
    """The policy in a file.

    Raises:
        PathNotFoundError: No such file, or no such trust file beside it.
        BadInputError: It is not a policy; names the key.
    """
    try:
        data = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise BadInputError(path=str(path), reason=(error.strerror or "cannot be read").lower()) from error
    if data is None:
        if path.exists():
            raise BadInputError(path=str(path), reason="a policy is a TOML file, and this is none")
        raise PathNotFoundError(path=str(path), hint="--policy names a TOML file; see docs/policy.md")
    policy = read_policy(data, shown=str(path))
    return msgspec.structs.replace(policy, signature=_beside(path, policy.signature))


def read_policy(data: bytes, *, shown: str) -> Policy:
    """The policy in the bytes of a TOML file.

    Args:
        data: The file's content.
        shown: What errors call it.

    Raises:
        BadInputError: It is not a policy; names the key.
    """
    import tomllib

    if len(data) > MAX_BYTES:
        raise BadInputError(path=shown, reason=f"{len(data)} bytes, too large for a policy")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInputError(path=shown, reason=f"not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: numbers of thousands of digits too
        raise BadInputError(path=shown, reason=words.clean(f"not TOML: {error}")) from error
    try:
        policy = msgspec.convert(document, Policy)
    except msgspec.ValidationError as error:
        raise BadInputError(path=shown, reason=words.clean(str(error)), hint=_hint(document)) from error
    strange = next((code for code in policy.severity if _CODE.fullmatch(code) is None), None)
    if strange is not None:
        reason = f"severity: {words.clean(strange)!r} is no finding code such as adapter.init"
        raise BadInputError(path=shown, reason=reason, hint="docs/findings.md lists them")
    return policy


def _hint(document: Mapping[str, Any]) -> str:
    wanted = document.get("require")
    unknown = [fact for fact in wanted if fact not in FACTS] if isinstance(wanted, list) else []
    return f"require may name: {', '.join(FACTS)}" if unknown else ""


def _beside(policy: Path, rules: SignatureRules) -> SignatureRules:
    found: dict[str, str] = {}
    for key, name in (("trust", rules.trust), ("revoked", rules.revoked)):
        if name is not None:
            path = _expanded(policy.parent, name)
            if not path.is_file():
                raise PathNotFoundError(path=words.clean(str(path)), hint=f"{policy} names it as signature.{key}")
            found[key] = str(path)
    return msgspec.structs.replace(rules, **found)


def _expanded(folder: Path, name: str) -> Path:
    """A path as it is meant: relative to the policy, ``~`` for homes; what names no home stays as it is."""
    try:
        return folder / Path(name).expanduser()
    except (RuntimeError, ValueError):  # ~nobody-here; a NUL
        return folder / name


# --- deciding ------------------------------------------------------------------------------------


def check_not_empty(policy: Policy) -> list[Finding]:
    """The policy demands something."""
    if policy.require:
        return []
    return [
        Finding(
            code="policy.empty",
            section="policy",
            message="the policy requires nothing, so it would let anything pass",
            hint='Say what must be proven, for example: require = ["card", "adapter", "base", "signature"]',
        )
    ]


def check_base_allowed(base: Base | None, rules: BaseRules) -> list[Finding]:
    """The base is one of those that may be served."""
    if not rules.allow:
        return []
    name = base.model if base is not None and base.origin == "hub" else None
    if name is not None and any(fnmatch.fnmatchcase(name, pattern) for pattern in rules.allow):
        return []
    what = "no base that the Hub knows" if name is None else f"the base {words.clean(name)}"
    message = f"the card names {what}, which the policy does not allow"
    hint = f"Allowed: {words.clean(', '.join(rules.allow))}"
    return [
        Finding(
            code="base.refused", section="base", expected=list(rules.allow), actual=name, message=message, hint=hint
        )
    ]


def is_signer(identity: str | None, rules: SignatureRules) -> bool:
    """Whether an identity is among those the policy names; anybody is where it names none."""
    return not rules.signers or any(fnmatch.fnmatchcase(identity or "", pattern) for pattern in rules.signers)


def raise_severities(findings: Iterable[Finding], policy: Policy) -> list[Finding]:
    """The findings as severe as the policy wants them; never less severe than they are."""
    return [
        msgspec.structs.replace(finding, severity=wanted)
        if (wanted := policy.severity.get(finding.code)) is not None and _ORDER[wanted] > _ORDER[finding.severity]
        else finding
        for finding in findings
    ]


def close(policy: Policy, findings: Sequence[Finding], absent: Mapping[Fact, Finding]) -> tuple[list[Finding], bool]:
    """Judge what nobody could prove.

    Args:
        policy: What is demanded.
        findings: What was found so far.
        absent: Facts that could not be decided, each with the finding that says why.

    Returns:
        All findings, and whether evidence that is demanded is missing.
    """
    result = list(findings)
    undecided = False
    for fact, finding in absent.items():
        if fact not in policy.require:
            result += [finding] if fact in _NOTED else []
        elif fact in _FAILING:
            result.append(msgspec.structs.replace(finding, severity="error"))
        else:
            result.append(msgspec.structs.replace(finding, severity="warning"))
            undecided = True
    return raise_severities(result, policy), undecided
