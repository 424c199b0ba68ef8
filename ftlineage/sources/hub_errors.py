"""What went wrong between us and the Hub, as our own errors: never a guessed answer, always a next step.

huggingface_hub raises from three families (its own, httpx2's, the system's); a refused connection
belongs to none of the obvious two (trap T10). Everything it can raise for a read is sorted here.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ftlineage.core.private import public_text
from ftlineage.errors import (
    BadReferenceError,
    FtlineageError,
    GatedRepositoryError,
    HubAnswerMalformedError,
    HubRefusedError,
    HubUnreachableError,
    NotCachedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    StorageError,
    UndecidedError,
)

_STATUS_HINTS = {
    401: "The token is not valid: run `hf auth login`, or unset HF_TOKEN",
    403: "The token may not read this; ask its owner for the permission",
}
_SECONDS = re.compile(r"(\d{1,6})")
_RATE_LIMIT = re.compile(r"\bt=(\d{1,6})\b")
_SERVER_ERROR = 500
_TOO_MANY = 429


def endpoint() -> str:
    """Address of the Hub that clients in this process ask."""
    from huggingface_hub import constants

    # An address may carry a password; errors are read by others.
    return public_text(str(constants.ENDPOINT))


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) closes the network for Hub clients."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


@contextlib.contextmanager
def hub_errors(repo: str, *, kind: str, revision: str | None, timeout: float) -> Iterator[None]:
    """Translate what reading from the Hub raises inside the block.

    Args:
        repo: What was asked for, for the sentence.
        kind: ``model``, ``dataset`` or ``space``.
        revision: The revision that was asked for.
        timeout: Seconds each step may take, for the sentence.

    Raises:
        UndecidedError: One of its classes; or BadReferenceError for a name that cannot be one.
    """
    try:
        yield
    except FtlineageError:
        raise
    except Exception as error:
        translated = _translate(error, repo, kind, revision, timeout)
        if translated is None:
            raise
        raise translated from error


def _translate(error: Exception, repo: str, kind: str, revision: str | None, timeout: float) -> FtlineageError | None:
    # The transport module is taken from the client: its name changed between releases.
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    # Some client errors wrap the one that says why.
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return _translate(error.__cause__, repo, kind, revision, timeout)
    match error:
        case errors.OfflineModeIsEnabled() | errors.LocalEntryNotFoundError():
            return NotCachedError(repo=repo, what=revision or "the default branch")
        case errors.HfHubHTTPError():
            return _refusal(error, repo, kind, revision)
        case httpx.TimeoutException():
            return _unreachable(repo, f"no answer within {timeout:g} seconds")
        case httpx.HTTPError():
            return _unreachable(repo, _first_line(error))
        case errors.HFValidationError():
            return BadReferenceError(reference=repo, reason=_first_line(error))
        case OSError() if error.errno is not None:
            return StorageError(path=repo, cause=error.strerror or type(error).__name__)
        case OSError():
            # The client's own checks, such as a body shorter than promised, come as bare OSError.
            return _unreachable(repo, _first_line(error))
        case ValueError() | TypeError() | KeyError() | AttributeError() | AssertionError():
            return HubAnswerMalformedError(
                repo=repo, endpoint=endpoint(), reason=f"it cannot be read ({type(error).__name__})"
            )
        case _:
            return None


def _refusal(error: Any, repo: str, kind: str, revision: str | None) -> UndecidedError:
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return GatedRepositoryError(repo=repo)
        case errors.RepositoryNotFoundError():
            return RepositoryNotFoundError(repo=repo, kind=kind, endpoint=endpoint())
        case errors.RevisionNotFoundError():
            return RevisionNotFoundError(repo=repo, revision=revision or "main")
    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0))
    hint = _STATUS_HINTS.get(
        status, "Look at https://status.huggingface.co and try again" if status >= _SERVER_ERROR else ""
    )
    if status == _TOO_MANY and response is not None:
        hint = _patience(response.headers)
    return HubRefusedError(repo=repo, endpoint=endpoint(), status=status, hint=hint)


def _patience(headers: Mapping[str, str]) -> str:
    """How long to wait: ``Retry-After`` in seconds, or the Hub's own ``RateLimit: "api";r=0;t=55``."""
    wait = _SECONDS.fullmatch(headers.get("Retry-After", "")) or _RATE_LIMIT.search(headers.get("RateLimit", ""))
    return f"Try again in {wait[1]} seconds" if wait else "Too many requests: try again later"


def _unreachable(repo: str, cause: str) -> HubUnreachableError:
    hint = (
        "Check the network and HF_ENDPOINT; with everything in the cache, HF_HUB_OFFLINE=1 and a 40-hex revision work"
    )
    return HubUnreachableError(repo=repo, endpoint=endpoint(), cause=cause, hint=hint)


def _first_line(error: Exception) -> str:
    return public_text((str(error).strip() or type(error).__name__).splitlines()[0].rstrip("."))
