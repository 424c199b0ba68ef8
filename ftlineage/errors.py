"""Every exception ftlineage raises on purpose: data in fields, a sentence, and a hint naming the next step.

Nobody prints or exits here. Three families decide the exit code at the command line:
``UsageError`` (2, what was typed), ``UndecidedError`` (3, could not tell) and
``MismatchError`` (1, evidence that something is not what it claims to be).
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar


@dataclasses.dataclass(kw_only=True, eq=False)
class FtlineageError(Exception):
    """Base of all deliberate errors.

    Subclasses are keyword-only dataclasses; ``template`` is formatted with their fields.
    """

    template: ClassVar[str] = "{hint}"
    hint: str = ""

    def __str__(self) -> str:
        sentence = self.template.format(**vars(self))
        return f"{sentence}. {self.hint}" if self.hint else f"{sentence}."

    @property
    def sentence(self) -> str:
        """The fault alone, without the hint."""
        return self.template.format(**vars(self))

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only constructors do not survive the default pickling of exceptions,
        # and worker processes must be able to send these home.
        return (_rebuild, (type(self), dict(vars(self))))


def _rebuild(kind: type[FtlineageError], fields: dict[str, object]) -> FtlineageError:
    return kind(**fields)  # type: ignore[arg-type]


class UsageError(FtlineageError):
    """What was asked for cannot be done as typed (exit 2)."""


class UndecidedError(FtlineageError):
    """The evidence needed is missing or unreachable (exit 3); never a silent yes."""


class MismatchError(FtlineageError):
    """Something is provably not what it claims to be (exit 1)."""


# --- usage -------------------------------------------------------------------------------------


@dataclasses.dataclass(kw_only=True, eq=False)
class PathNotFoundError(UsageError):
    """A path that was named does not exist."""

    template: ClassVar[str] = "{path}: no such file or folder"
    path: str


@dataclasses.dataclass(kw_only=True, eq=False)
class BadInputError(UsageError):
    """An input exists but cannot be read as what it should be."""

    template: ClassVar[str] = "{path}: {reason}"
    path: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class UnsupportedRowsError(UsageError):
    """Rows of a form that has no fingerprint (unions, two columns of one name, a cell beyond 4 GiB)."""

    template: ClassVar[str] = "column {column!r}: {reason}"
    column: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class BadArgumentError(UsageError):
    """A flag or argument has a value that means nothing."""

    template: ClassVar[str] = "{argument}: {reason}"
    argument: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class BadReferenceError(UsageError):
    """A model, dataset or version reference that cannot be parsed."""

    template: ClassVar[str] = "{reference!r} is not a reference: {reason}"
    reference: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class MissingExtraError(UsageError):
    """An optional library is not installed."""

    template: ClassVar[str] = "{package} is needed for {purpose} and is not installed"
    package: str
    purpose: str
    extra: str

    def __post_init__(self) -> None:
        self.hint = self.hint or f"Install it: pip install 'ftlineage[{self.extra}]'"


@dataclasses.dataclass(kw_only=True, eq=False)
class OutputExistsError(UsageError):
    """The output folder already holds a sealed version."""

    template: ClassVar[str] = "{path} already holds a sealed version ({card})"
    path: str
    card: str


@dataclasses.dataclass(kw_only=True, eq=False)
class OutputNotWritableError(UsageError):
    """The output folder refuses writes."""

    template: ClassVar[str] = "{path} cannot be written: {cause}"
    path: str
    cause: str


@dataclasses.dataclass(kw_only=True, eq=False)
class RunStateError(UsageError):
    """The recording API was called in an order that would make a wrong card."""

    template: ClassVar[str] = "run {name!r}: {reason}"
    name: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class CardMalformedError(UsageError):
    """A lineage card that does not follow the format; ``where`` is a JSON path such as ``$.base.files[0].sha256``."""

    template: ClassVar[str] = "malformed lineage card at {where}: {reason}"
    where: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class CardTooNewError(UsageError):
    """A card of a later major format than this release reads."""

    template: ClassVar[str] = "the card has format {found}, this ftlineage reads up to {supported}"
    found: str
    supported: str
    hint: str = "Upgrade: pip install --upgrade ftlineage"


@dataclasses.dataclass(kw_only=True, eq=False)
class CardMissingError(UsageError):
    """A folder without ``lineage.json``."""

    template: ClassVar[str] = "{path} holds no lineage.json"
    path: str


# --- could not tell ----------------------------------------------------------------------------


@dataclasses.dataclass(kw_only=True, eq=False)
class HubUnreachableError(UndecidedError):
    """The Hub did not answer: refused, timed out, or no network."""

    template: ClassVar[str] = "the Hub at {endpoint} did not answer for {repo}: {cause}"
    repo: str
    endpoint: str
    cause: str


@dataclasses.dataclass(kw_only=True, eq=False)
class HubRefusedError(UndecidedError):
    """The Hub answered with an error status that says nothing about the revision."""

    template: ClassVar[str] = "the Hub at {endpoint} answered {status} for {repo}"
    repo: str
    endpoint: str
    status: int


@dataclasses.dataclass(kw_only=True, eq=False)
class HubAnswerMalformedError(UndecidedError):
    """The Hub, or something between, answered with what cannot be an answer (a login page, no commit id)."""

    template: ClassVar[str] = "the Hub at {endpoint} gave no sound answer for {repo}: {reason}"
    repo: str
    endpoint: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class RepositoryNotFoundError(UndecidedError):
    """No such repository, or it is private and the token does not open it."""

    template: ClassVar[str] = (
        "no {kind} repository {repo} at {endpoint}, or it is private and the token does not open it"
    )
    repo: str
    kind: str
    endpoint: str


@dataclasses.dataclass(kw_only=True, eq=False)
class RevisionNotFoundError(UndecidedError):
    """The repository exists, the revision does not."""

    template: ClassVar[str] = "{repo} has no revision {revision!r}"
    repo: str
    revision: str


@dataclasses.dataclass(kw_only=True, eq=False)
class GatedRepositoryError(UndecidedError):
    """Files are behind an access request."""

    template: ClassVar[str] = "{repo} is gated: its files need an accepted access request and a token"
    repo: str
    hint: str = "Ask for access on its page, then run `hf auth login`"


@dataclasses.dataclass(kw_only=True, eq=False)
class NotCachedError(UndecidedError):
    """Offline, and the local cache does not hold what was asked for."""

    template: ClassVar[str] = "offline, and the cache does not hold {what} of {repo}"
    repo: str
    what: str
    hint: str = "Run once with the network, or name a 40-hex revision that is in the cache"


@dataclasses.dataclass(kw_only=True, eq=False)
class RemoteCodeUnpinnableError(UndecidedError):
    """A model whose code comes from several repositories, while transformers takes one ``code_revision``."""

    template: ClassVar[str] = "{model} runs code from {sources}, and one code_revision cannot pin them all"
    model: str
    sources: str
    hint: str = "Copy the code into the model's own repository, or load without trust_remote_code"


@dataclasses.dataclass(kw_only=True, eq=False)
class StorageError(UndecidedError):
    """The operating system failed while reading or writing (disk full, input/output error)."""

    template: ClassVar[str] = "{path}: {cause}"
    path: str
    cause: str


@dataclasses.dataclass(kw_only=True, eq=False)
class VerificationUndecidedError(UndecidedError):
    """A version was not loaded, because evidence that is demanded is missing; ``report`` says which."""

    template: ClassVar[str] = "{target} was not loaded: {reason}"
    target: str
    reason: str
    report: Any = dataclasses.field(repr=False)


# --- provably wrong ----------------------------------------------------------------------------


@dataclasses.dataclass(kw_only=True, eq=False)
class RevisionMismatchError(MismatchError):
    """A library loaded another revision than the one that was asked for (research note T5)."""

    template: ClassVar[str] = "asked for {repo} at {asked}, got {got}"
    repo: str
    asked: str
    got: str


@dataclasses.dataclass(kw_only=True, eq=False)
class DigestMismatchError(MismatchError):
    """Bytes on disk differ from the digest that vouches for them (research note T11)."""

    template: ClassVar[str] = "{path} is not what it should be: expected {expected}, found {actual}"
    path: str
    expected: str
    actual: str


@dataclasses.dataclass(kw_only=True, eq=False)
class UnsafeFormatError(MismatchError):
    """A file that runs code when loaded (pickle)."""

    template: ClassVar[str] = "{path} is a pickle format: loading it can run code, so it is refused"
    path: str
    hint: str = "Save the adapter as safetensors (save_pretrained's default)"


@dataclasses.dataclass(kw_only=True, eq=False)
class UnsafePathError(MismatchError):
    """A path inside a card or folder that leaves the folder or is no regular file."""

    template: ClassVar[str] = "{path!r} is refused: {reason}"
    path: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class SafetensorsMalformedError(MismatchError):
    """A safetensors file whose header is hostile or broken."""

    template: ClassVar[str] = "{path} is not a sound safetensors file: {reason}"
    path: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class VerificationFailedError(MismatchError):
    """A version was not loaded, because it is not what its card says; ``report`` holds every finding."""

    template: ClassVar[str] = "{target} was not loaded: {reason}"
    target: str
    reason: str
    report: Any = dataclasses.field(repr=False)


@dataclasses.dataclass(kw_only=True, eq=False)
class WeightsMismatchError(MismatchError):
    """Verified weights that do not fit the model they were loaded into, so something would be random or left out."""

    template: ClassVar[str] = "{path} does not fit {model}: {reason}"
    path: str
    model: str
    reason: str


@dataclasses.dataclass(kw_only=True, eq=False)
class ChangedMeanwhileError(MismatchError):
    """A file of the base was touched between its check and the end of its load, so nobody knows what was loaded."""

    template: ClassVar[str] = "{path} of the base changed while it was loaded"
    path: str
    hint: str = "Find out what writes there, then load again"
