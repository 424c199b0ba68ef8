"""Tokenizer or processor of a verified version, from the bytes that were verified.

Decides where it comes from: the files saved beside the adapter if there are any, else the base at
its commit. transformers reads these from a folder only, so held bytes are written to a private
folder that nobody else may enter, read from there and removed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ftlineage.core import words
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.core.sections import FileRecord, Preprocessor
from ftlineage.errors import BadArgumentError
from ftlineage.verify.loading.base import BasePlace

_TEMPLATES = "additional_chat_templates"
# With these in the folder, transformers would go and look for a model.
_OTHERS = frozenset({ADAPTER_CONFIG, "config.json", "generation_config.json"})
# Of these, the first that a version has is what people load; a processor stands for its parts.
_AUTO = {
    "processor": "AutoProcessor",
    "tokenizer": "AutoTokenizer",
    "image_processor": "AutoImageProcessor",
    "feature_extractor": "AutoFeatureExtractor",
    "video_processor": "AutoVideoProcessor",
}
_MARKS = {
    "processor_config.json": "processor",
    "tokenizer_config.json": "tokenizer",
    "preprocessor_config.json": "image_processor",
}


def is_processing(path: str) -> bool:
    """Whether a listed file is one that a tokenizer or processor may be read from."""
    pure = PurePosixPath(path)
    if str(pure.parent) == _TEMPLATES:
        return pure.suffix == ".jinja"
    if str(pure.parent) != "." or pure.name in _OTHERS or pure.name.endswith(".index.json"):
        return False
    return pure.suffix in (".json", ".jinja", ".txt", ".model", ".spm", ".tiktoken")


def has_processing(files: Sequence[FileRecord]) -> bool:
    """Whether a tokenizer or processor was saved beside the weights."""
    return any(file.path in _MARKS for file in files)


def from_held(
    files: Mapping[str, bytes],
    recorded: Sequence[Preprocessor],
    *,
    source: str,
    kind: str | None,
    arguments: Mapping[str, Any],
) -> Any:
    """The processing whose files are held.

    Args:
        files: Bytes by name, all of them :func:`is_processing`.
        recorded: What the card says was used.
        source: What a tokenizer calls the place it came from.
        kind: One of the card's kinds; the most comprehensive when None.
        arguments: For ``from_pretrained``.

    Raises:
        BadArgumentError: There is none of that kind.
    """
    here = [found for name, found in _MARKS.items() if name in files]
    cls = _class(recorded, kind, here)
    with tempfile.TemporaryDirectory(prefix="ftlineage-") as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        loaded = cls.from_pretrained(folder, **{"trust_remote_code": False, **arguments, "local_files_only": True})
    if hasattr(loaded, "name_or_path"):
        loaded.name_or_path = source  # the private folder is gone
    return loaded


def from_base(
    place: BasePlace, recorded: Sequence[Preprocessor], *, kind: str | None, arguments: Mapping[str, Any]
) -> Any:
    """The processing that came with the base.

    Raises:
        BadArgumentError: There is none of that kind.
    """
    here = [found for name, found in _MARKS.items() if (place.folder / name).is_file()]
    cls = _class(recorded, kind, here)
    return cls.from_pretrained(place.location, **{"trust_remote_code": False, **arguments, **place.pins})


def _class(recorded: Sequence[Preprocessor], kind: str | None, here: Sequence[str]) -> Any:
    import transformers

    known: dict[str, str] = {one.kind: one.class_ for one in reversed(recorded)}
    known = known or dict.fromkeys(here, "")
    chosen = kind or next((one for one in _AUTO if one in known), None)
    if chosen is None or chosen not in known:
        reason = f"the version has no {words.clean(kind)}" if kind else "the version has no tokenizer or processor"
        raise BadArgumentError(argument="kind", reason=reason)
    named = known[chosen]
    # The auto class of image processors may take another back end here than the one that was trained with.
    own = getattr(transformers, named, None) if chosen != "tokenizer" and named.isidentifier() else None
    return own if hasattr(own, "from_pretrained") else getattr(transformers, _AUTO[chosen])
