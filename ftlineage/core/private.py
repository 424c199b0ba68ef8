"""What must not be published: absolute paths, secrets and who runs the machine.

Decides from the text alone, without looking at the machine. Cards get published, so every value
that comes from a user's program passes through :func:`without_private` before it enters one.
"""

from __future__ import annotations

import re
from typing import Any

SECRET = "[secret]"  # noqa: S105 - the mark that stands for one

_DRIVE = re.compile(r"[A-Za-z]:[/\\]|\\\\")
_SEPARATORS = re.compile(r"[/\\]")
# Prefixes that token issuers reserve so that leaks can be found.
_TOKEN = re.compile(
    r"\b(?:hf_|sk-|[rs]k_(?:live|test)_|gsk_|gh[opsu]_|github_pat_|glpat-|AKIA|ASIA|AIza|xox[abps]-|npm_|pypi-|dckr_pat_"
    r"|ya29\.|eyJ[\w-]+\.eyJ)[\w.\-]{12,}"
)
# `?token=...` of a URL.
_QUERY = re.compile(r"(?P<name>[?&][\w\-]*(?:token|secret|password|signature|api_?key)=)[^&\s\"']+", re.IGNORECASE)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)[^/@\s]*@")
# Words of a name, so that `token` is one and `max_new_tokens`, `pad_token` or `tokenizer` are not.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|secret|credentials?|api_?key|private_?key|access_?key|(?:auth|access|hub|hf|bearer)_?token)(?:_|$)"
)
# `/no_think` and `/` are no paths; `/home/ann` is.
_POSIX = re.compile(r"~?/[^/\s]+/|~/")
# Inside a longer text only what begins like a place where people keep files: `file:///home/ann/x`,
# `--config=/scratch/ann/x`. Any other text with slashes (templates, patterns, URLs) stays as it is.
_INNER = re.compile(
    r"(?<![\w/.~])(?:file://(?:localhost)?)?"
    r"(?:/(?:home|Users|root|mnt|media|tmp|var|scratch|data|nfs|srv|opt|workspace|private|Volumes|cluster|lustre|gpfs)/"
    r"|~/|[A-Za-z]:[/\\]+Users[/\\])[^\s\"'`,;:()\[\]{}<>|]+"
)


def without_private(value: Any) -> Any:
    """The same JSON value with absolute paths cut to their last part and secrets struck out.

    A key that names a secret (``api_key``, ``token``) loses its value whatever it is. Keys are cut
    like values; of two that become equal, the later is numbered.
    """
    match value:
        case dict():
            kept: dict[str, Any] = {}
            for key, item in value.items():
                secret = item is not None and names_secret(str(key))
                kept[_free(public_text(str(key)), kept)] = SECRET if secret else without_private(item)
            return kept
        case list():
            return [without_private(item) for item in value]
        case str():
            return public_text(value)
        case _:
            return value


def public_text(text: str) -> str:
    """One text without tokens, URL passwords and absolute paths, of which the last part stays."""
    if is_absolute_path(text):
        return _TOKEN.sub(SECRET, _last_part(text))
    text = _USERINFO.sub(r"\g<scheme>", _INNER.sub(lambda found: _last_part(found[0]), text))
    return _TOKEN.sub(SECRET, _QUERY.sub(rf"\g<name>{SECRET}", text))


def is_absolute_path(text: str) -> bool:
    """Whether a text names a place on one machine, on any operating system."""
    if "\n" in text:
        return False
    return _POSIX.match(text) is not None or _DRIVE.match(text) is not None


def names_secret(name: str) -> bool:
    """Whether a variable or key of this name holds a secret."""
    lower = name.lower()
    return lower == "token" or _SECRET_NAME.search(lower) is not None


def _last_part(path: str) -> str:
    return _SEPARATORS.split(path.rstrip("/\\"))[-1]


def _free(key: str, taken: dict[str, Any]) -> str:
    candidate, number = key, 1
    while candidate in taken:
        number += 1
        candidate = f"{key} ({number})"
    return candidate
