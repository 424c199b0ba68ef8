"""One public name for a repository, whatever URL a clone was made from.

Decides that ``git@host:org/repo.git``, ``ssh://git@host:2222/org/repo`` and
``https://user:token@host/org/repo/`` are all ``https://host/org/repo``: two people who cloned by
different roads get the same card. Refused: user names, passwords and tokens, queries, and local
paths, which say where somebody keeps his files and nothing else.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WEB = ("https", "http")
_SHELL = ("ssh", "git", "git+ssh", "ssh+git")
# `host:path` or `user@host:path`; a single letter before the colon is a Windows drive.
_SCP = re.compile(r"(?:[^@/\s]*@)?(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9][A-Za-z0-9._\-]+):(?!//)(?P<path>[^\s]+)")


def repository_name(url: str) -> str | None:
    """The name of a repository, or None where a URL has none that may be published.

    Args:
        url: A remote's URL as it stands in Git's settings.
    """
    text = url.strip()
    match = _SCP.fullmatch(text)
    if match is not None:
        return _name(match["host"].lower(), match["path"])
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = _bracketed(parts.hostname)
    if host is None:
        return None
    if parts.scheme in _WEB:
        default = {"https": 443, "http": 80}[parts.scheme]
        return _name(host if port in (None, default) else f"{host}:{port}", parts.path)
    # The port of SSH says nothing about the web; the host alone names the service.
    return _name(host, parts.path) if parts.scheme in _SHELL else None


def _bracketed(host: str | None) -> str | None:
    return f"[{host}]" if host and ":" in host else host


def _name(host: str, path: str) -> str | None:
    clean = path.strip("/").removesuffix(".git").rstrip("/")
    return f"https://{host}/{clean}" if clean else None
