"""The adapter section: what was trained, as it lies in a folder.

Decides which kind of weights a folder holds (one PEFT adapter, several, a full fine-tune, bare
tensors) and records every file that a loader might open, with a digest of every tensor. Refused:
pickle formats, because loading them runs code; configurations without their weights; shard indexes
that disagree with the shards. Configurations are recorded in a canonical form, because PEFT writes
sets as lists in random order (trap T14) and local paths into them.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.layout import ADAPTER_CONFIG, is_object_array, is_pickle, is_recorded, may_hold_recorded
from ftlineage.core.private import without_private
from ftlineage.core.sections import Adapter, AdapterMember, FileRecord, Tensor, TensorHeader, Tensors
from ftlineage.errors import BadInputError, CardMalformedError, PathNotFoundError, UnsafeFormatError
from ftlineage.hashing.files import list_files, open_regular, real_file, record_files
from ftlineage.hashing.progress import Update, progress_bar
from ftlineage.hashing.tensors import record_tensors, summarise

MODEL_CONFIG = "config.json"
SAFETENSORS = ".safetensors"
INDEX_SUFFIX = ".safetensors.index.json"

# PEFT turns these into sets and writes them as lists in random order (trap T14); `modules_to_save`
# is a list whose order means nothing.
SET_LISTS = ("exclude_modules", "feedforward_modules", "modules_to_save", "target_modules")
# They say which base it is, and the base section says it better: often they are a local path or null.
_BASE_KEYS = ("base_model_name_or_path", "revision")
_INIT_KEYS = ("init_lora_weights", "init_ia3_weights", "init_weights")
# Initialisations of LoRA that leave the base's weights as they are; every other one (PiSSA, OLoRA,
# CorDA, LoftQ, LoRA-GA) subtracts from them, so the adapter fits only a base changed in the same way.
_HARMLESS_INITS = frozenset({"true", "false", "gaussian", "orthogonal", "eva", "mica"})
_MAX_CONFIG_BYTES = 16 * 1024 * 1024


def observe_adapter(folder: Path) -> Adapter:
    """Record the trained weights in a folder.

    Every file counts but those :func:`ftlineage.core.layout.is_recorded` leaves out (the card's
    own files, ``checkpoint-*/``, hidden files, the Trainer's resume files). Tokenizer files saved
    beside an adapter are served with it, so they are listed too.

    Args:
        folder: An adapter as PEFT saves it, alone or with others in subfolders; a full or merged
            model, in one file or in shards; or bare safetensors.

    Returns:
        The section. ``members`` lists the adapters if there are several or none at the top.

    Raises:
        PathNotFoundError: No such folder.
        BadInputError: No weights here, or a configuration or shard index that does not fit them.
        UnsafeFormatError: A pickle file lies among them.
        UnsafePathError, SafetensorsMalformedError, StorageError: As for hashing.
    """
    if not folder.is_dir():
        raise PathNotFoundError(path=str(folder), hint="Name the folder that the adapter was saved to")
    paths = list_files(folder, keep=is_recorded, enter=may_hold_recorded)
    names = [path.relative_to(folder).as_posix() for path in paths]
    refuse_pickles(folder, names)
    members = [_member(folder, name) for name in names if PurePosixPath(name).name == ADAPTER_CONFIG]
    files, tensors = _hash(folder, names)
    _require_weights(folder, members, tensors)
    _check_indexes(folder, names, tensors)
    alone = next((member for member in members if member.folder == "."), None)
    config = canonical_config(_read_model_config(folder)) if _is_full(names, members) else {}
    return Adapter(
        type=_type(names, members),
        config=alone.config if alone else config,
        config_digest=alone.config_digest if alone else config_digest(config) if config else None,
        files=files,
        tensors=tensors,
        init=alone.init if alone else None,
        target_modules=alone.target_modules if alone else [],
        members=[] if alone and len(members) == 1 else members,
    )


def refuse_pickles(folder: Path, names: Iterable[str]) -> None:
    """Raise for the first file of a format that runs code when loaded.

    Raises:
        UnsafeFormatError: By its name, or because it is a NumPy array of pickled objects.
    """
    for name in names:
        if is_pickle(name) or (name.lower().endswith(".npy") and is_object_array(_head(folder, name))):
            raise UnsafeFormatError(path=name)


def canonical_config(config: dict[str, Any]) -> dict[str, Any]:
    """An adapter's or model's configuration in the form that is equal between two equal runs.

    Lists that stand for sets are sorted, the base's name and revision are left out (they are in
    the base section), absolute paths are cut to their last part, numbers JSON cannot hold are text.
    """
    kept = {key: value for key, value in config.items() if key not in _BASE_KEYS and key != "_name_or_path"}
    clean: dict[str, Any] = without_private(codec.jsonable(_sorted_lists(kept)))
    return dict(sorted(clean.items()))


def config_digest(config: dict[str, Any]) -> str:
    """SHA-256 of a canonical configuration's RFC 8785 bytes."""
    return sha256_hex(codec.canonical_bytes(config))


def changes_base(config: dict[str, Any]) -> bool:
    """Whether a LoRA configuration's initialisation subtracts from the base's own weights (PiSSA, OLoRA, ...).

    Such an adapter gives the trained model only on a base that went through the same
    initialisation; PEFT repeats it when it loads, serving engines do not.
    """
    if str(config.get("peft_type", "")).upper() not in ("LORA", "ADALORA"):
        return False
    init = _init(config)
    return init is not None and init not in _HARMLESS_INITS


def write_adapter_config(folder: Path, *, base_model: str, revision: str | None) -> None:
    """Write the base's name and 40-hex revision into ``adapter_config.json``, in an order that does not vary.

    Everything else in it is kept, known to us or not. Keys are sorted as PEFT sorts them, and so
    are lists that stand for sets (trap T14): the same run writes the same bytes.

    Raises:
        PathNotFoundError, BadInputError, StorageError: The old file cannot be read.
    """
    config = _read_config(folder, ADAPTER_CONFIG)
    config |= {"base_model_name_or_path": base_model, "revision": revision}
    path = folder / ADAPTER_CONFIG
    text = json.dumps(_sorted_lists(config), indent=2, sort_keys=True)  # noqa: TID251 - as PEFT writes it
    # A hidden name, so that a run killed here leaves nothing that counts as part of the adapter.
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.chmod(stat.S_IMODE(path.stat().st_mode))
    temporary.replace(path)


def normalise_modes(folder: Path) -> None:
    """Make recorded files readable as the user's umask allows: safetensors are written 0600 (trap T21)."""
    if os.name != "posix":
        return
    readable = 0o444 & ~_umask()
    for path in list_files(folder, keep=is_recorded, enter=may_hold_recorded):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode | readable != mode and not path.is_symlink():
            path.chmod(mode | readable)


# --- what kind of folder this is -----------------------------------------------------------------


def _member(folder: Path, name: str) -> AdapterMember:
    written = _read_config(folder, name)
    config = canonical_config(written)
    where = PurePosixPath(name).parent
    kind = config.get("peft_type")
    if not isinstance(kind, str):
        raise BadInputError(path=name, reason="peft_type is missing: this is no adapter configuration")
    revision = written.get("revision")
    return AdapterMember(
        name="default" if str(where) == "." else where.name,
        folder=str(where),
        type=kind.lower(),
        config=config,
        config_digest=config_digest(config),
        init=_init(config),
        target_modules=_as_list(config.get("target_modules")),
        revision=revision if isinstance(revision, str) else None,
    )


def _type(names: Sequence[str], members: Sequence[AdapterMember]) -> str:
    kinds = {member.type for member in members}
    if kinds:
        return kinds.pop() if len(kinds) == 1 else "mixed"
    return "full" if _is_full(names, members) else "tensors"


def _is_full(names: Sequence[str], members: Sequence[AdapterMember]) -> bool:
    return not members and MODEL_CONFIG in names


def _require_weights(folder: Path, members: Sequence[AdapterMember], tensors: Tensors) -> None:
    if not tensors.headers:
        raise BadInputError(
            path=str(folder),
            reason="no safetensors weights are here",
            hint="Save the adapter there first: model.save_pretrained(folder)",
        )
    held = {str(PurePosixPath(header.file).parent) for header in tensors.headers}
    for member in members:
        if member.folder not in held:
            raise BadInputError(
                path=str(PurePosixPath(member.folder, ADAPTER_CONFIG)), reason="no safetensors weights lie beside it"
            )


def _check_indexes(folder: Path, names: Iterable[str], tensors: Tensors) -> None:
    """A shard index must name exactly the tensors of its shards: loaders believe it, so a card must too."""
    for name in names:
        if not name.endswith(INDEX_SUFFIX):
            continue
        where = PurePosixPath(name).parent
        listed = _read_config(folder, name).get("weight_map")
        if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
            raise BadInputError(path=name, reason="weight_map is no map from tensors to files")
        claimed = {(tensor, str(where / file)) for tensor, file in listed.items()}
        shards = {file for _, file in claimed}
        found = {(tensor.name, tensor.file) for tensor in tensors.entries if tensor.file in shards}
        if claimed != found:
            tensor, file = min(claimed ^ found)
            missing = "is not there" if (tensor, file) in claimed else "is not in the index"
            raise BadInputError(path=name, reason=f"tensor {tensor} of {file} {missing}")


# --- hashing -------------------------------------------------------------------------------------


def _hash(folder: Path, names: Sequence[str]) -> tuple[list[FileRecord], Tensors]:
    weights = [name for name in names if name.endswith(SAFETENSORS)]
    others = [folder / name for name in names if not name.endswith(SAFETENSORS)]
    total = sum((folder / name).stat().st_size for name in names)
    with progress_bar(total, "Hashing the adapter") as update:
        hashed = [_record_weights(folder, name, update) for name in weights]
        files = record_files(others, folder, update=update)
    entries = itertools.chain.from_iterable(tensors for _, _, tensors in hashed)
    return (
        sorted([*files, *(file for file, _, _ in hashed)], key=lambda file: file.path),
        summarise((header for _, header, _ in hashed), entries),
    )


def _record_weights(folder: Path, name: str, update: Update) -> tuple[FileRecord, TensorHeader, list[Tensor]]:
    return record_tensors(real_file(folder / name, folder), name, update=update)


def _head(folder: Path, name: str) -> bytes:
    with open_regular(real_file(folder / name, folder), shown=name) as file:
        view = memoryview(bytearray(min(file.size, 4096)))
        file.read_at(view, 0)
        return view.tobytes()


# --- configurations ------------------------------------------------------------------------------


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = codec.parse(_read(folder, name))
    except CardMalformedError as error:
        raise BadInputError(path=name, reason=error.reason) from error
    if not isinstance(config, dict):
        raise BadInputError(path=name, reason="expected a JSON object")
    return config


def _read_model_config(folder: Path) -> dict[str, Any]:
    """A model's ``config.json``."""
    config = codec.foreign_object(_read(folder, MODEL_CONFIG))
    if config is None:
        raise BadInputError(path=MODEL_CONFIG, reason="expected a JSON object")
    return config


def _read(folder: Path, name: str) -> bytes:
    with open_regular(real_file(folder / name, folder), shown=name) as file:
        if file.size > _MAX_CONFIG_BYTES:
            raise BadInputError(path=name, reason=f"{file.size} bytes, too large for a configuration")
        data = bytearray(file.size)
        file.read_at(memoryview(data), 0)
    return bytes(data)


def _sorted_lists(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(value, key=str) if key in SET_LISTS and isinstance(value, list) else value
        for key, value in config.items()
    }


def _init(config: dict[str, Any]) -> str | None:
    value = next((config[key] for key in _INIT_KEYS if config.get(key) is not None), None)
    return None if value is None else str(value).lower()


def _as_list(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _umask() -> int:
    """The process's umask, read without changing it where the system shows it: other threads make files too."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("Umask:", 1)[1].split(None, 1)[0], 8)
    except (OSError, IndexError, ValueError):
        mask = os.umask(0o077)
        os.umask(mask)
        return mask
