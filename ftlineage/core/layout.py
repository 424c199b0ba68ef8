"""What belongs to a version's folder, decided from relative paths alone.

One rule set for recording, sealing and verifying: :func:`is_recorded` says which files a card must
list, :func:`is_pickle` which formats are refused, :func:`path_fault` which names no card may hold.
Recorded is everything a loader might open; the list of exceptions is short and exact, because
every exception is a place where unlisted bytes can lie unseen.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ftlineage.core.card import CARD_NAME, PARTIAL_NAME

ADAPTER_CONFIG = "adapter_config.json"
SIGNATURE_NAME = "model.sig"
CLAIMS_NAME = "claims.jsonl"
README_NAME = "README.md"

# The card itself, what is written about it, and the page people edit: top level only.
OWN_FILES = frozenset({CARD_NAME, PARTIAL_NAME, SIGNATURE_NAME, CLAIMS_NAME, README_NAME})

# Left at the top level by the Trainer, read only by a Trainer that resumes, never by a server (vLLM
# skips the same names). They hold times and host-dependent pickles, so no two runs have them equal.
_BY_PRODUCTS = re.compile(
    r"training_args\.bin|trainer_state\.json|(all|train|eval|predict|test)_results\.json"
    r"|optimizer\.(bin|pt)|scheduler\.pt|scaler\.pt|rng_state(_\d+)?\.pth"
)
# Resumable states of the Trainer; nothing loads an adapter from there unless told that very path, and
# the Hub's push leaves out the same folders.
_CHECKPOINT = "checkpoint-"
_EVENTS = "events.out.tfevents."

PICKLE_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".dill", ".joblib", ".mar", ".npz", ".pickle", ".pkl", ".pt", ".pt2", ".pth"}
)
_NUMPY_MAGIC = b"\x93NUMPY"
_OBJECT_TYPE = re.compile(rb"'[|<>=]?O\d*'")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DRIVE = re.compile(r"[A-Za-z]:")
MAX_PATH = 1024


def is_recorded(path: str) -> bool:
    """Whether a file is part of a version and must be listed in its card.

    Left out are only: the card's own files; anything with a part that begins with a dot (``.git``,
    ``.cache``, ``.gitattributes``); the Trainer's ``checkpoint-*/`` folders and its resume files
    such as ``training_args.bin`` at the top level; TensorBoard event files under ``runs/``.

    Args:
        path: Relative to the version's folder, with ``/``.
    """
    folder, _, name = path.rpartition("/")
    if name.startswith("."):
        return False
    if not folder:
        return name not in OWN_FILES and _BY_PRODUCTS.fullmatch(name) is None
    return may_hold_recorded(folder) and not (path.startswith("runs/") and name.startswith(_EVENTS))


def may_hold_recorded(folder: str) -> bool:
    """Whether a folder can hold recorded files at all; one that cannot is not even listed."""
    parts = folder.split("/")
    return not any(part.startswith(".") for part in parts) and not parts[0].startswith(_CHECKPOINT)


def is_pickle(path: str) -> bool:
    """Whether the name is of a format that can run code, or hide pickled objects, when loaded."""
    return PurePosixPath(path).suffix.lower() in PICKLE_SUFFIXES


def is_object_array(head: bytes) -> bool:
    """Whether a ``.npy`` file's first bytes announce pickled Python objects, or are no array's at all."""
    return not head.startswith(_NUMPY_MAGIC) or _OBJECT_TYPE.search(head) is not None


def path_fault(path: str) -> str | None:
    """Why a relative path is refused, or None for a sound one.

    The same rule holds for names found in a folder and names claimed by a card: what this allows
    means the same file on every operating system and stays inside the folder.
    """
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    if not path or len(path) > MAX_PATH:
        return f"the name has {len(path)} characters"
    if _CONTROL.search(path):
        return "the name holds a control character"
    if "\\" in path:
        return "the name holds a backslash, which is a separator on other systems"
    if path.startswith("/") or _DRIVE.match(path):
        return "the path is absolute"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "the path has an empty, '.' or '..' part"
    return None
