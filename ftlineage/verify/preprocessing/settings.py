"""What a tokenizer's or processor's file says, against the settings that a card recorded of the live object.

Decides which file speaks of which processor, which keys are settings, and when two ways of writing
one mean the same. Files are read as transformers 5 reads them: a part inside
``processor_config.json`` beats ``preprocessor_config.json``, template files beat what stands in
``tokenizer_config.json``. Nothing here needs transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.private import without_private
from ftlineage.core.sections import ChatTemplate, Preprocessing, Preprocessor
from ftlineage.verify.preprocessing.words import Change

PREPROCESSOR_CONFIG = "preprocessor_config.json"
VIDEO_CONFIG = "video_preprocessor_config.json"
PROCESSOR_CONFIG = "processor_config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENIZER = "tokenizer.json"
TEMPLATE = "chat_template.jinja"
LEGACY_TEMPLATE = "chat_template.json"
TEMPLATE_FOLDER = "additional_chat_templates"
SPECIAL_TOKENS = "special_tokens_map.json"
_OTHERS = frozenset(
    {
        "added_tokens.json", "merges.txt", "sentencepiece.bpe.model", "special_tokens_map.json", "spiece.model",
        "tokenizer.model", "vocab.json", "vocab.txt",
    }
)  # fmt: skip
_CONFIGS = frozenset({PREPROCESSOR_CONFIG, VIDEO_CONFIG, PROCESSOR_CONFIG, TOKENIZER_CONFIG})

# Set by how an object was loaded and saved, not by what it is; the recording leaves them out too.
_PASSING = frozenset(
    {
        "_name_or_path", "_processor_class", "_valid_processor_keys", "auto_map", "chat_template",
        "feature_extractor_type", "files_loaded", "is_local", "local_files_only", "name_or_path", "processor_class",
        "transformers_version",
    }
)  # fmt: skip
_PARTS = ("image_processor", "feature_extractor", "video_processor")
_SIZES = frozenset({"size", "crop_size", "pad_size"})
_BOOKKEEPING = frozenset({"files_unavailable", "added_tokens", "special_tokens", "vocab_size", "vocabulary"})
_TOKEN_FLAGS = ("special", "lstrip", "rstrip", "normalized", "single_word")


def is_preprocessing_file(path: str) -> bool:
    """Whether a file of a version decides how input is made: tokenizer, processor or chat template."""
    pure = PurePosixPath(path)
    return pure.name in _CONFIGS | _OTHERS | {TOKENIZER, LEGACY_TEMPLATE} or template_name(path) is not None


def template_name(path: str) -> str | None:
    """The name of the template in a template file, or None for any other file."""
    pure = PurePosixPath(path)
    if pure.name == TEMPLATE:
        return "default"
    return pure.stem if pure.suffix == ".jinja" and pure.parent.name == TEMPLATE_FOLDER else None


def file_changes(name: str, data: bytes, preprocessing: Preprocessing) -> list[Change]:
    """Every setting in a file that is not what the card says of the processor that reads it.

    Args:
        name: The file's own name.
        data: Its bytes, of any content.
        preprocessing: The card's section.

    Returns:
        Changes by name; none when the file says nothing that the card records otherwise.
    """
    config = codec.foreign_object(data)
    if config is None:
        return []
    match name:
        case "preprocessor_config.json":
            return _best(config, of_kind(preprocessing, "image_processor", "feature_extractor", "video_processor"))
        case "video_preprocessor_config.json":
            return _best(config, of_kind(preprocessing, "video_processor"))
        case "processor_config.json":
            return [*_processor_changes(config, preprocessing)]
        case "tokenizer_config.json" | "special_tokens_map.json":
            return _tokenizer_config_changes(name, config, preprocessing)
        case "tokenizer.json":
            return _tokenizer_changes(config, of_kind(preprocessing, "tokenizer"))
    return []


def of_kind(preprocessing: Preprocessing, *kinds: str) -> list[Preprocessor]:
    """The card's processors of some kinds, the one that training used first."""
    return [one for one in preprocessing.processors if one.kind in kinds and one.settings]


def config_changes(config: Mapping[str, Any], settings: Mapping[str, Any], prefix: str = "") -> list[Change]:
    """Settings of a processor's config that differ from the recorded ones, by name, sorted.

    A key that one side lacks is a difference: classes fill what is missing with defaults of their own.
    """
    named = {codec.jsonable(key): value for key, value in config.items()}
    own = {key: as_recorded(value) for key, value in named.items() if key not in _PASSING and value is not None}
    changes = []
    for key in sorted(own.keys() | (settings.keys() - _BOOKKEEPING)):
        card, found = settings.get(key), own.get(key)
        if not _same(key, card, found):
            added, gone = key not in settings, key not in own
            changes.append(Change(f"{prefix}{key}", card=card, found=found, added=added, gone=gone))
    return changes


def as_recorded(value: Any) -> Any:
    """A value of a file in the form that the recording gives it."""
    from ftlineage.sources.plain import plain

    return without_private(plain(value))


def _same(key: str, card: Any, found: Any) -> bool:
    if codec.canonical_bytes(card) == codec.canonical_bytes(found):
        return True
    # Older files write `"size": 224`; the live object knows which sides that means.
    sides = list(card.values()) if key in _SIZES and isinstance(card, dict) else []
    return bool(sides) and type(found) is int and all(type(side) is int and side == found for side in sides)


def _best(config: Mapping[str, Any], processors: Sequence[Preprocessor], prefix: str = "") -> list[Change]:
    """The changes against the processor that a config fits best: a card may hold several of one kind."""
    found = [config_changes(config, processor.settings, prefix) for processor in processors]
    return min(found, key=len, default=[])


def _processor_changes(config: Mapping[str, Any], preprocessing: Preprocessing) -> Iterator[Change]:
    parts = {part: config[part] for part in _PARTS if isinstance(config.get(part), dict)}
    rest = {key: value for key, value in config.items() if key not in parts}
    yield from _best(rest, of_kind(preprocessing, "processor"))
    for part, own in parts.items():
        yield from _best(own, of_kind(preprocessing, part), f"{part}.")


def _tokenizer_config_changes(name: str, config: Mapping[str, Any], preprocessing: Preprocessing) -> list[Change]:
    found = [[*_against_tokenizer(name, config, one.settings)] for one in of_kind(preprocessing, "tokenizer")]
    return min(found, key=len, default=[])


def _against_tokenizer(name: str, config: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Change]:
    """Live values that the file names; what it does not name has a default that only its class knows."""
    for key in sorted(settings.keys() - _BOOKKEEPING):
        if config.get(key) is not None and name == TOKENIZER_CONFIG:
            found = _json(config[key])
            if codec.canonical_bytes(found) != codec.canonical_bytes(settings[key]):
                yield Change(key, card=settings[key], found=found)
    recorded = settings.get("special_tokens")
    tokens: dict[str, Any] = recorded if isinstance(recorded, dict) else {}
    for key, card in sorted(tokens.items()):
        token = _token(config.get(key))
        if key != "extra" and token != card:
            yield Change(key, card=card, found=token, gone=token is None)
    for key in sorted(key for key in config if key.endswith("_token") and tokens):
        token = _token(config[key])
        if token is not None and key not in tokens and key not in settings:
            yield Change(key, card=None, found=token, added=True)


def _token(value: Any) -> str | None:
    token = value.get("content") if isinstance(value, dict) else value
    return _json(token) if isinstance(token, str) else None


def _json(value: Any) -> Any:
    try:
        return without_private(codec.jsonable(value))
    except RecursionError:
        return "nested too deeply"


def _tokenizer_changes(config: Mapping[str, Any], tokenizers: Sequence[Preprocessor]) -> list[Change]:
    found = [[*_against_vocabulary(config, one.settings)] for one in tokenizers]
    return min(found, key=len, default=[])


def _against_vocabulary(config: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Change]:
    added = [token for token in config.get("added_tokens") or () if isinstance(token, dict)]
    model = config.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    recorded, size = settings.get("added_tokens"), settings.get("vocab_size")
    if isinstance(vocabulary, dict) and isinstance(size, int):
        count = len(vocabulary.keys() | {str(token.get("content")) for token in added})
        if count != size:
            yield Change("vocab_size", card=size, found=count)
    if isinstance(recorded, dict):
        seen = {"count": len(added), "sha256": added_tokens_digest(added)}
        if seen["count"] != recorded.get("count"):
            yield Change("the number of added tokens", card=recorded.get("count"), found=seen["count"])
        elif seen["sha256"] != recorded.get("sha256"):
            yield Change("the digest of added tokens", card=recorded.get("sha256"), found=seen["sha256"])


def added_tokens_digest(added: Sequence[Mapping[str, Any]]) -> str:
    """The digest that the recording makes of a tokenizer's added tokens, from ``tokenizer.json``."""
    rows = sorted(
        (
            [token.get("id"), str(token.get("content")), *(bool(token.get(flag)) for flag in _TOKEN_FLAGS)]
            for token in added
        ),
        key=codec.canonical_bytes,
    )
    by_number = all(isinstance(row[0], int) for row in rows)
    return sha256_hex(
        codec.canonical_bytes(codec.jsonable(sorted(rows, key=lambda row: row[0]) if by_number else rows))
    )


# --- templates ---------------------------------------------------------------------------------


def template_texts(files: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Templates that a loader would find among files: by name, the file and the text as bytes."""
    found: dict[str, tuple[str, bytes]] = {}
    for name in (TOKENIZER_CONFIG, PROCESSOR_CONFIG, LEGACY_TEMPLATE):
        config = codec.foreign_object(files[name]) if name in files else None
        for key, text in _configured((config or {}).get("chat_template")):
            found[key] = (name, text.encode("utf-8", "surrogatepass"))
    for path, data in sorted(files.items()):
        own = template_name(path)
        if own is not None:
            found[own] = (path, data)
    return found


def _configured(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "default", value
    elif isinstance(value, dict):
        yield from ((str(name), text) for name, text in value.items() if isinstance(text, str))
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and isinstance(item.get("template"), str):
                yield str(item.get("name")), item["template"]


def templates_named(preprocessing: Preprocessing, name: str) -> list[ChatTemplate]:
    """The card's templates of a name; a second text of one name is recorded as ``processor.default``, ``training``."""
    every = preprocessing.chat_templates
    return [one for one in every if one.name == name] + [one for one in every if one.name.endswith(f".{name}")]
