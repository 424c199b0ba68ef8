"""The base's tensors by name and shape, from the headers of its safetensors files; no tensor is read.

Decides which files a loader takes the base from (one file, or the shards of an index). A base that
has only pickle files, or none here, gives None: what an adapter lands on cannot be told then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.errors import FtlineageError, PathNotFoundError
from ftlineage.hashing.files import real_file
from ftlineage.hashing.held import read_whole
from ftlineage.hashing.tensors import read_header

CONFIG = "config.json"
_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"(?!adapter_)[\w.-]+\.safetensors")
_MAX_JSON_BYTES = 64 * 1024 * 1024

Shape = tuple[int, ...]


class BaseTensors(msgspec.Struct, frozen=True, kw_only=True):
    """A base as its files have it: ``tensors`` by name, None for a shape that is not here; ``config.json``."""

    tensors: dict[str, Shape | None]
    config: dict[str, Any]

    @property
    def is_quantised(self) -> bool:
        """Whether the weights are packed, so that their shapes are not those of the modules."""
        return isinstance(self.config.get("quantization_config"), dict)


def read_base_tensors(folder: Path) -> BaseTensors | None:
    """Names and shapes of a base's tensors.

    Args:
        folder: The base, or its snapshot in the Hub cache, whose files are links.

    Returns:
        None if no safetensors file of the base is there.

    Raises:
        SafetensorsMalformedError, UnsafePathError, StorageError: A file of the base cannot be read.
    """
    tensors: dict[str, Shape | None] = {}
    for name in _shards(folder, tensors):
        try:
            header = read_header(real_file(folder / name, folder), shown=name)
        except PathNotFoundError:
            continue  # a shard that is not in the cache: the index still names its tensors
        tensors |= {tensor.name: tensor.shape for tensor in header.tensors}
    return BaseTensors(tensors=tensors, config=_object(folder, CONFIG) or {}) if tensors else None


def _shards(folder: Path, tensors: dict[str, Shape | None]) -> Sequence[str]:
    if (folder / _WHOLE).exists():
        return [_WHOLE]
    index = _object(folder, _INDEX)
    listed = index.get("weight_map") if index is not None else None
    if isinstance(listed, dict):
        tensors |= dict.fromkeys(listed)
        return sorted({name for name in listed.values() if isinstance(name, str) and _SHARD.fullmatch(name)})
    return sorted(path.name for path in folder.glob("*.safetensors") if _SHARD.fullmatch(path.name))


def _object(folder: Path, name: str) -> dict[str, Any] | None:
    try:
        data = read_whole(real_file(folder / name, folder), limit=_MAX_JSON_BYTES, shown=name)
    except FtlineageError:
        return None
    return codec.foreign_object(data)
