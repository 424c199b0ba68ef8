"""Installed distributions with their builds, read from folder names.

Decides what tells apart two builds of one version: the local part of the version (``+cpu``) stays
in it; ``build`` is Conda's build string, else where a direct install came from (Git commit, archive
digest, ``editable``, ``local``), else the platform tag of a wheel with compiled code. Local paths
and URLs are refused: they name people's folders and may hold tokens.

``importlib.metadata`` parses every METADATA file; names and versions stand in the folder names
already, which is what makes this fast enough to run in every training.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import ftlineage
from ftlineage.core import codec
from ftlineage.core.packages import normalised
from ftlineage.core.sections import Package

_DIST_INFO = ".dist-info"
_EGG_INFO = ".egg-info"
_PYTHON_TAG = re.compile(r"-py\d+(?:\.\d+)?$")
_OWN = "ftlineage"


def installed_packages(search: Iterable[str] | None = None, prefix: str | None = None) -> list[Package]:
    """Every installed distribution once, sorted by normalised name.

    Args:
        search: Folders in the order Python looks through them; ``sys.path`` by default. The first
            distribution of a name wins, as it does for imports.
        prefix: Where Conda keeps its ``conda-meta``; ``sys.prefix`` by default.
    """
    found: dict[str, Package] = {}
    for folder in dict.fromkeys(_search_path() if search is None else search):
        for package in _in_folder(folder):
            found.setdefault(package.name, package)
    for package in _conda(Path(sys.prefix if prefix is None else prefix)):
        # pip may have replaced what Conda installed; Conda's record stays behind then.
        if found.get(package.name, package).version == package.version:
            found[package.name] = package
    # Run from a checkout, or installed as editable, the folder name may lag behind.
    found[_OWN] = Package(name=_OWN, version=ftlineage.__version__)
    return [found[name] for name in sorted(found)]


def _search_path() -> list[str]:
    """``sys.path`` without what setuptools adds when something imports it: its copies serve itself alone."""
    return [folder for folder in sys.path if not folder.rstrip("/\\").endswith("_vendor")]


def _in_folder(folder: str) -> Iterator[Package]:
    try:
        with os.scandir(folder or ".") as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith((_DIST_INFO, _EGG_INFO)))
    except OSError:  # a zip file, or not there
        return
    for entry in names:
        # What pip could not remove on Windows is left behind with a tilde in front.
        if entry.startswith("~"):
            continue
        place = Path(folder or ".", entry)
        name, version = _name_and_version(place)
        if name and version:
            build = _build(place) if entry.endswith(_DIST_INFO) else None
            yield Package(name=normalised(name), version=version, build=build)


def _name_and_version(place: Path) -> tuple[str, str]:
    stem = _PYTHON_TAG.sub("", place.name.removesuffix(_DIST_INFO).removesuffix(_EGG_INFO))
    name, _, version = stem.rpartition("-")
    if name and version[:1].isdigit():
        return name, version
    header = _header(place / "METADATA") or _header(place / "PKG-INFO") or _header(place)
    return header.get("name", ""), header.get("version", "")


def _header(path: Path) -> dict[str, str]:
    """Header fields of a metadata file, names in lower case, up to the first empty line."""
    head = _read(path).partition("\n\n")[0]
    fields = (line.partition(":") for line in head.splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in fields}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _build(place: Path) -> str | None:
    try:
        held = os.listdir(place)  # noqa: PTH208 - names are all that is needed, and this is the hot loop
    except OSError:
        return None
    if "direct_url.json" in held:
        return _origin(_read(place / "direct_url.json"))
    return _platform(_read(place / "WHEEL")) if "WHEEL" in held else None


def _origin(text: str) -> str | None:
    """Where a direct install came from (PEP 610), without its URL."""
    match codec.foreign_object(text):
        case {"vcs_info": {"vcs": str(kind), "commit_id": str(commit)}}:
            return f"{kind}+{commit}"
        case {"archive_info": {"hashes": {"sha256": str(digest)}}}:
            return f"sha256:{digest}"
        case {"archive_info": {"hash": str(digest)}}:
            return digest.replace("=", ":", 1)
        case {"archive_info": _}:
            return "archive"
        case {"dir_info": info}:
            return "editable" if isinstance(info, dict) and info.get("editable") else "local"
    return None


def _platform(wheel: str) -> str | None:
    """The tag of a wheel with compiled code; those of pure Python are the same everywhere."""
    if "Root-Is-Purelib: true" in wheel:
        return None
    lines = wheel.splitlines()
    tags = sorted(line.partition(":")[2].strip() for line in lines if line.startswith("Tag:"))
    number = next((line.partition(":")[2].strip() for line in lines if line.startswith("Build:")), None)
    return "-".join([*([number] if number else []), tags[-1]]) if tags else None


def _conda(prefix: Path) -> Iterator[Package]:
    """Conda's packages with their build strings, from the names of its records."""
    try:
        names = sorted(os.listdir(prefix / "conda-meta"))  # noqa: PTH208
    except OSError:
        return
    for entry in names:
        parts = entry.removesuffix(".json").rsplit("-", 2)
        if entry.endswith(".json") and len(parts) == 3:  # noqa: PLR2004 - name, version, build
            yield Package(name=normalised(parts[0]), version=parts[1], build=parts[2])
