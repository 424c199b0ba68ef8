"""What a file is to the scan, by its name, and for names that say nothing by its first bytes.

Decides which reader a file gets and which files can hold no reference at all, before they are
decoded. Refused without a word: lock files of package managers, data and binary formats.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

FileKind = Literal["python", "notebook", "config", "shell", "dockerfile", "makefile", "urls"]

SNIFFED = 1024

_SUFFIXES: dict[str, FileKind] = {
    ".py": "python", ".pyi": "python", ".pyw": "python", ".ipynb": "notebook",
    ".yaml": "config", ".yml": "config", ".toml": "config", ".json": "config", ".jsonc": "config", ".json5": "config",
    ".sh": "shell", ".bash": "shell", ".zsh": "shell", ".ksh": "shell", ".slurm": "shell", ".sbatch": "shell",
    ".sub": "shell", ".pbs": "shell", ".env": "shell", ".dockerfile": "dockerfile", ".containerfile": "dockerfile",
    ".mk": "makefile", ".mak": "makefile",
    # Languages without a reader: only full URLs, which mean the same everywhere.
    ".js": "urls", ".mjs": "urls", ".cjs": "urls", ".jsx": "urls", ".ts": "urls", ".tsx": "urls", ".go": "urls",
    ".rs": "urls", ".java": "urls", ".kt": "urls", ".swift": "urls", ".c": "urls", ".cc": "urls", ".cpp": "urls",
    ".h": "urls", ".hpp": "urls", ".cs": "urls", ".rb": "urls", ".php": "urls", ".scala": "urls", ".jl": "urls",
    ".r": "urls", ".lua": "urls", ".dart": "urls", ".tf": "urls", ".hcl": "urls", ".nix": "urls", ".bzl": "urls",
    ".cmake": "urls", ".ps1": "urls", ".bat": "urls", ".cfg": "urls", ".ini": "urls", ".conf": "urls",
}  # fmt: skip
# Files whose name says it all, or whose name begins so: `Dockerfile.gpu`, `Makefile.inc`, `.env.example`.
_STEMS: dict[str, FileKind] = {
    "dockerfile": "dockerfile", "containerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile",
    "justfile": "makefile", ".env": "shell", "procfile": "urls",
}  # fmt: skip
# lm-eval names its templates `_default_template_yaml`.
_YAML_TAIL = re.compile(r".*_ya?ml", re.IGNORECASE)
_LOCKS = frozenset(
    {
        "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "poetry.lock", "uv.lock", "pipfile.lock",
        "cargo.lock", "composer.lock", "pdm.lock", "pixi.lock", "conda-lock.yml", "flake.lock", "ftlineage.lock",
    }
)  # fmt: skip
# A Hub repository's own files, downloaded: megabytes of vocabulary that name nothing.
_WEIGHTS = re.compile(r"(tokenizer|vocab|.*\.index|merges|special_tokens_map|added_tokens)\.json", re.IGNORECASE)
_SHEBANG = re.compile(rb"#!\s*\S*?(?:/env\s+(?:-S\s+)?)?[^\s]*?(?P<name>python|bash|zsh|ksh|dash|sh)[\d.]*(?:\s|$)")
# The first line that says something, `key: value` or `- item`, of a file without a suffix.
_YAML_START = re.compile(rb"(?:\s*(?:#[^\n]*)?\n|---[^\n]*\n)*(?:[\w.\-]+:(?:\s|$)|- \S)")

# What at least one reference of each kind of file cannot do without.
_SLUG = rb"[A-Za-z0-9][\w.\-]*/[\w.\-]"
_URL = rb"huggingface\.co|hf\.co|hf://"
_NEEDED: dict[FileKind, re.Pattern[bytes]] = {
    "urls": re.compile(_URL),
    "dockerfile": re.compile(_SLUG),
    "makefile": re.compile(_SLUG),
    "shell": re.compile(_SLUG + rb"|="),
    "notebook": re.compile(rb"\"cells\"|\"worksheets\""),
}
SUPPRESSION = re.compile(rb"ftlineage:\s*ignore")


def kind_by_name(path: PurePath) -> FileKind | None:
    """The kind that a name says; None for no kind, or one that only the content shows."""
    name = path.name.lower()
    if name in _LOCKS or _WEIGHTS.fullmatch(name) is not None:
        return None
    found = _STEMS.get(name) or _SUFFIXES.get(path.suffix.lower()) or _STEMS.get(_stem(name))
    if found is None and _YAML_TAIL.fullmatch(name) is not None:
        return "config"
    return found


def may_be_read(path: PurePath) -> bool:
    """Whether a name is worth opening the file: it has a kind, or no suffix."""
    name = path.name.lower()
    return kind_by_name(path) is not None or "." not in name


def kind_by_content(head: bytes) -> FileKind | None:
    """The kind of a file without a suffix, from its first bytes: a script, or YAML."""
    shebang = _SHEBANG.match(head)
    if shebang is not None:
        return "python" if shebang["name"] == b"python" else "shell"
    return "config" if b"\0" not in head and _YAML_START.match(head) is not None else None


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text; UTF-16 with its mark is text."""
    return b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def can_hold_reference(kind: FileKind, data: bytes) -> bool:
    """Whether the bytes can hold a reference at all; a cheap test before decoding, never wrong about a no."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    needed = _NEEDED.get(kind)
    return needed is None or needed.search(data) is not None or SUPPRESSION.search(data) is not None


def _stem(name: str) -> str:
    return ".env" if name.startswith(".env.") else name.partition(".")[0]
