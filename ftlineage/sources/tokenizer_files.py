"""Preprocessing as files say it: the tokenizer saved beside an adapter, read without transformers.

Used for adapters trained elsewhere. Templates are taken by transformers' own precedence: files
beat what stands inside ``tokenizer_config.json``. Renderings need the live tokenizer and are left
out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex, text_sha256
from ftlineage.core.sections import ChatTemplate, FileRecord, Preprocessing, Preprocessor, Unrecorded
from ftlineage.errors import BadInputError
from ftlineage.hashing.files import record_files
from ftlineage.sources.processors import clean_file

_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
)
_TEMPLATE = "chat_template.jinja"
_MORE_TEMPLATES = "additional_chat_templates"


def observe_tokenizer_files(folder: Path) -> Preprocessing | Unrecorded:
    """The tokenizer in ``folder``, or why there is none to record.

    Raises:
        BadInputError: ``tokenizer_config.json`` is not a JSON object, or a template is not UTF-8.
    """
    config_path = folder / "tokenizer_config.json"
    if not config_path.exists():
        return Unrecorded(section="preprocessing", reason="the folder holds no tokenizer_config.json")
    config = _read_object(config_path)
    paths = [folder / name for name in _FILES if (folder / name).exists()]
    paths += sorted((folder / _MORE_TEMPLATES).glob("*.jinja"))
    files = [_clean(record, folder) for record in record_files(paths, folder)]
    tokenizer = Preprocessor(kind="tokenizer", class_=str(config.get("tokenizer_class", "unknown")), files=files)
    return Preprocessing(processors=[tokenizer], chat_templates=_templates(folder, config.get("chat_template")))


def _templates(folder: Path, configured: Any) -> list[ChatTemplate]:
    texts: dict[str, str] = {}
    if isinstance(configured, str):
        texts["default"] = configured
    elif isinstance(configured, list):
        texts.update({str(item["name"]): str(item["template"]) for item in configured if isinstance(item, dict)})
    for path in sorted((folder / _MORE_TEMPLATES).glob("*.jinja")):
        texts[path.stem] = _read_text(path)
    if (folder / _TEMPLATE).exists():
        texts["default"] = _read_text(folder / _TEMPLATE)
    return [ChatTemplate(name=name, text=text, sha256=text_sha256(text)) for name, text in sorted(texts.items())]


def _clean(record: FileRecord, folder: Path) -> FileRecord:
    """The record of the form that an observed tokenizer has, so that both kinds of card can be compared."""
    data = (folder / record.path).read_bytes()
    clean = clean_file(record.path, data)
    return record if clean == data else FileRecord(path=record.path, size=len(clean), sha256=sha256_hex(clean))


def _read_object(path: Path) -> dict[str, Any]:
    value = codec.foreign_object(path.read_bytes())
    if value is None:
        raise BadInputError(path=path.name, reason="expected a JSON object")
    return value


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(path=path.name, reason=f"not UTF-8 at byte {error.start}") from error
