"""One live tokenizer, processor, image processor or feature extractor as a card value.

Decides which object is of which kind, what its files are and which settings matter. Files are what
``save_pretrained`` writes, in the form in which a process that did nothing else with the object
would have written them, because two of them hold the past of the process (measured on
transformers 5.23):

- ``tokenizer.json``: ``truncation`` and ``padding`` of the last call; both are set to null.
- ``tokenizer_config.json``: whether the tokenizer came from a local folder, whether the Hub was
  offline, and the processor it was last saved with; these keys are dropped.

Nothing else was found to vary between processes, hash seeds or load roads. ``size`` and ``sha256``
are those of this form, for which :func:`clean_file` is the definition; it needs no transformers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.private import without_private
from ftlineage.core.sections import FileRecord, Preprocessor
from ftlineage.errors import BadArgumentError
from ftlineage.sources.plain import plain

Kind = Literal["tokenizer", "processor", "image_processor", "feature_extractor", "video_processor"]

# By class name: importing transformers' video base class needs torchvision. Most special first.
_KINDS: dict[str, Kind] = {
    "PreTrainedTokenizerBase": "tokenizer",
    "ProcessorMixin": "processor",
    "BaseVideoProcessor": "video_processor",
    "ImageProcessingMixin": "image_processor",
    "FeatureExtractionMixin": "feature_extractor",
}
_PROCESSOR_CONFIG = "processor_config.json"

# Set by how and where the object was loaded, not by what it is.
_PASSING = frozenset({"is_local", "local_files_only", "processor_class", "name_or_path", "files_loaded"})
_PASSING_SETTINGS = _PASSING | {"auto_map", "_processor_class", "_name_or_path", "chat_template"}
# The head of tokenizer.json as the tokenizers library writes it; the rest can be tens of megabytes.
_TOKENIZER_STATE = re.compile(
    rb'\A(\{\n  "version": "[^"\n]*",\n  "truncation": ).{1,4096}?(,\n  "padding": ).{1,4096}?(,\n  "added_tokens": )',
    re.DOTALL,
)
_TOKENIZER_VALUES = (
    "model_max_length",
    "padding_side",
    "truncation_side",
    "add_bos_token",
    "add_eos_token",
    "add_prefix_space",
    "split_special_tokens",
    "clean_up_tokenization_spaces",
    "model_input_names",
)


def kind_of(value: object) -> Kind:
    """Which of the card's five kinds a live object is.

    Raises:
        BadArgumentError: It is none of transformers' preprocessing classes.
    """
    kind = _find_kind(value)
    if kind is None:
        raise BadArgumentError(
            argument="processors",
            reason=f"{type(value).__qualname__} is no tokenizer, processor, image processor or feature extractor",
            hint="Give user functions and transforms as functions=",
        )
    return kind


def is_processor(value: object) -> bool:
    """Whether a live object is of one of the card's five kinds."""
    return _find_kind(value) is not None


def _find_kind(value: object) -> Kind | None:
    names = {ancestor.__name__ for ancestor in type(value).__mro__}
    return next((kind for name, kind in _KINDS.items() if name in names), None)


def with_parts(value: object) -> Iterator[object]:
    """The object, then, for a composed processor, its tokenizer and its other parts.

    Parts that are models (audio tokenizers) are named in the processor's own settings.
    """
    yield value
    if kind_of(value) == "processor":
        parts = (getattr(value, name, None) for name in _part_names(value))
        yield from (part for part in parts if _find_kind(part) is not None)


def observe_processor(value: object, *, source: str | None = None, revision: str | None = None) -> Preprocessor:
    """Record one object, without its parts.

    An object that cannot be saved (a slow tokenizer without its vocabulary) keeps its settings; the
    class of the error is then in ``settings["files_unavailable"]``.

    Args:
        value: The live object; it is not changed.
        source: Hub repository, or the name of the folder, it was loaded from.
        revision: The Hub commit it was loaded at, 40 hex digits.

    Raises:
        BadArgumentError: The object is of no known kind.
    """
    kind = kind_of(value)
    settings = tokenizer_settings(value) if kind == "tokenizer" else _config_settings(value)
    files, failure = _saved_files(value, kind)
    if failure is not None:
        settings["files_unavailable"] = failure
    return Preprocessor(
        kind=kind,
        class_=type(value).__name__,
        source=without_private(source),
        revision=revision,
        files=files,
        settings=settings,
    )


def tokenizer_settings(tokenizer: Any) -> dict[str, Any]:
    """What decides how text becomes ids, from the live object: files miss attributes set after loading."""
    values = {name: getattr(tokenizer, name, None) for name in _TOKENIZER_VALUES}
    added = sorted(
        (index, str(token), *(bool(getattr(token, flag, False)) for flag in _TOKEN_FLAGS))
        for index, token in tokenizer.added_tokens_decoder.items()
    )
    vocabulary = {} if getattr(tokenizer, "is_fast", False) else {"vocabulary": _vocabulary(tokenizer)}
    return {
        "vocab_size": len(tokenizer),
        **{name: codec.jsonable(value) for name, value in values.items() if value is not None},
        "special_tokens": _special_tokens(tokenizer),
        "added_tokens": {"count": len(added), "sha256": sha256_hex(codec.canonical_bytes(codec.jsonable(added)))},
        **vocabulary,
    }


_TOKEN_FLAGS = ("special", "lstrip", "rstrip", "normalized", "single_word")


def _vocabulary(tokenizer: Any) -> str:
    """A digest of ids by token, for slow tokenizers: some of them save no vocabulary file."""
    return sha256_hex(codec.canonical_bytes(codec.jsonable(dict(tokenizer.get_vocab()))))


def clean_file(path: str, data: bytes) -> bytes:
    """The bytes of a saved preprocessing file without traces of the process that wrote it.

    Args:
        path: Name relative to the folder it was saved in.
        data: Its bytes.

    Returns:
        The bytes whose digest the card holds; for most files ``data`` itself, as for what cannot be cleaned.
    """
    try:
        match path.rpartition("/")[2]:
            case "tokenizer.json":
                return _clean_tokenizer(data)
            case "tokenizer_config.json" | "preprocessor_config.json":
                return _clean_config(data, dropped=_PASSING)
            case "processor_config.json":
                return _clean_config(data, dropped=_PASSING - {"processor_class"})
    except (ValueError, RecursionError):
        # Lone surrogates, infinite numbers, depth: no tokenizer wrote this, so there is nothing to clean.
        return data
    return data


def _clean_tokenizer(data: bytes) -> bytes:
    cleaned, count = _TOKENIZER_STATE.subn(rb"\1null\2null\3", data, count=1)
    if count:
        return cleaned
    value = codec.foreign_object(data)
    if value is None:
        return data
    # Another layout than the library's own: equal values still give equal bytes.
    return codec.pretty_bytes({**value, "truncation": None, "padding": None})


def _clean_config(data: bytes, *, dropped: frozenset[str]) -> bytes:
    value = codec.foreign_object(data)
    if value is None:
        return data
    return codec.pretty_bytes(without_private({key: item for key, item in value.items() if key not in dropped}))


def _part_names(processor: Any) -> list[str]:
    return list(processor.get_attributes())


def _special_tokens(tokenizer: Any) -> dict[str, Any]:
    named = {name: str(token) for name, token in sorted(tokenizer.special_tokens_map.items()) if isinstance(token, str)}
    extra = [str(token) for token in getattr(tokenizer, "extra_special_tokens", None) or []]
    return {**named, "extra": extra} if extra else named


def _config_settings(value: Any) -> dict[str, Any]:
    own = value.to_dict()
    parts = set(_part_names(value)) if kind_of(value) == "processor" else set()
    kept = {
        key: plain(item)
        for key, item in sorted(own.items())
        if key not in _PASSING_SETTINGS and key not in parts and item is not None
    }
    settings: dict[str, Any] = without_private(kept)
    return settings


def _saved_files(value: Any, kind: Kind) -> tuple[list[FileRecord], str | None]:
    """Records of the files of one object, and the class of the error if it cannot be saved."""
    if kind == "processor":
        # Its save_pretrained would save the parts again and write its name into their state.
        return [_file_record(_PROCESSOR_CONFIG, value.to_json_string().encode())], None
    with tempfile.TemporaryDirectory(prefix="ftlineage-") as folder:
        root = Path(folder)
        try:
            value.save_pretrained(folder)
        except Exception as error:  # noqa: BLE001 - third-party code, hours into a run: the card says what is missing
            return [], type(error).__name__
        names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return [_file_record(name, (root / name).read_bytes()) for name in names], None


def _file_record(name: str, data: bytes) -> FileRecord:
    clean = clean_file(name, data)
    return FileRecord(path=name, size=len(clean), sha256=sha256_hex(clean))


def named_templates(value: Any) -> Mapping[str, str]:
    """Chat templates of a tokenizer or processor by name; the only one is called ``default``."""
    found = getattr(value, "chat_template", None)
    if isinstance(found, str):
        return {"default": found}
    if isinstance(found, Mapping):
        return {str(name): str(text) for name, text in found.items()}
    return {}
