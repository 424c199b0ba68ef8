"""Which files of a model repository a load reads: they are the base, the rest is company.

Decided from names alone, so that a repository at one commit has one list whatever happens to be in
the local cache. Weights are chosen as transformers chooses them: ``model.safetensors``, then its
shards, then the pickle forms. Variants and subfolders are not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftlineage.core.layout import is_recorded

_INDEX = ".index.json"
# In transformers' order of preference: one file, then shards with an index.
_WEIGHTS = (
    re.compile(r"model\.safetensors"),
    re.compile(r"model-\d+-of-\d+\.safetensors|model\.safetensors\.index\.json"),
    re.compile(r"pytorch_model\.bin"),
    re.compile(r"pytorch_model-\d+-of-\d+\.bin|pytorch_model\.bin\.index\.json"),
)
# transformers applies an adapter that it finds beside a model without being asked.
_ADAPTER = re.compile(r"adapter_model\.(safetensors|bin)")
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx")
_SMALL_SUFFIXES = (".json", ".jinja", ".model", ".spm", ".tiktoken", ".codes")
_VOCABULARY = re.compile(r"(.*[_.-])?(vocab|merges)([_.-].*)?\.txt")
_TEMPLATES = "additional_chat_templates/"


def load_files(paths: Iterable[str]) -> list[str]:
    """The files that loading model, tokenizer and processor reads, sorted; code (``*.py``) included.

    Args:
        paths: All files of the repository or folder, with ``/``.
    """
    listed = [path for path in paths if is_recorded(path)]
    return sorted({*_weights(listed), *(path for path in listed if _is_small(path))})


def is_weight(path: str) -> bool:
    """Whether a file holds tensors: too large to fetch only to look at it."""
    return path.endswith(_WEIGHT_SUFFIXES)


def _weights(paths: list[str]) -> list[str]:
    root = [path for path in paths if "/" not in path]
    adapters = [path for path in root if _ADAPTER.fullmatch(path)]
    for pattern in _WEIGHTS:
        chosen = [path for path in root if pattern.fullmatch(path)]
        if any(is_weight(path) for path in chosen):
            return [*chosen, *adapters]
    # No name that transformers knows: everything that may hold tensors counts.
    return [path for path in root if is_weight(path)]


def _is_small(path: str) -> bool:
    if path.endswith(".py") or (path.startswith(_TEMPLATES) and path.endswith(".jinja")):
        return True
    if "/" in path or path.endswith(_INDEX):
        return False
    return path.endswith(_SMALL_SUFFIXES) or _VOCABULARY.fullmatch(path) is not None
