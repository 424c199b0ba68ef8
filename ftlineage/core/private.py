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
    r"\b(?:hf_|sk-|gh[opsu]_|github_pat_|glpat-|AKIA|ASIA|xox[abps]-|pypi-|dckr_pat_|ya29\.|eyJ[\w-]+\.eyJ)[\w.\-]{12,}"
)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)[^/@\s]*@")
# Words of a name, so that `token` is one and `max_new_tokens`, `pad_token` or `tokenizer` are not.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|secret|credentials?|api_?key|private_?key|access_?key|(?:auth|access|hub|hf|bearer)_?token)(?:_|$)"
)
# `/no_think` and `/` are no paths; `/home/ann` is.
_POSIX = re.compile(r"~?/[^/\s]+/|~/")


def without_private(value: Any) -> Any:
    """The same JSON value with absolute paths cut to their last part and secrets struck out.

    A key that names a secret (``api_key``, ``token``) loses its value whatever it is.
    """
    match value:
        case dict():
            return {
                key: SECRET if item is not None and names_secret(str(key)) else without_private(item)
                for key, item in value.items()
            }
        case list():
            return [without_private(item) for item in value]
        case str():
            return public_text(value)
        case _:
            return value


def public_text(text: str) -> str:
    """One text, cut to its last part if it is an absolute path, with tokens and URL passwords struck out."""
    if is_absolute_path(text):
        return _SEPARATORS.split(text.rstrip("/\\"))[-1]
    return _TOKEN.sub(SECRET, _USERINFO.sub(r"\g<scheme>", text))


def is_absolute_path(text: str) -> bool:
    """Whether a text names a place on one machine, on any operating system."""
    if "\n" in text:
        return False
    return _POSIX.match(text) is not None or _DRIVE.match(text) is not None


def names_secret(name: str) -> bool:
    """Whether a variable or key of this name holds a secret."""
    lower = name.lower()
    return lower == "token" or _SECRET_NAME.search(lower) is not None
