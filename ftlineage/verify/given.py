"""What a server will use beside the version itself: prompts, retrieval indexes, processors, code, this environment.

Decides nothing: it is what a caller names, by the names the card uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare with the card beside the version's own files.

    ``prompts`` and ``retrieval`` go by the card's names; a retrieval index is a path or an address
    as ``ftlineage record --retrieval`` takes it. ``processor`` is a folder or file with the tokenizer
    or processor files that serving loads, ``code`` a file or folder with the preprocessing functions.
    ``environment`` compares this interpreter's packages and this machine. ``revoked`` lists keys
    whose signatures count no longer.
    """

    prompts: Mapping[str, Path] = {}
    retrieval: Mapping[str, str] = {}
    processor: Path | None = None
    code: Path | None = None
    environment: bool = False
    revoked: Path | None = None
