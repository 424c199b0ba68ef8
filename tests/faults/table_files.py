"""Faults of files: their bytes, presence, names and kinds. One fault, one finding, one exact sentence."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults import harms
from tests.faults.harms import (
    CARD,
    CONFIG,
    TEMPLATE,
    TOKENIZER,
    WEIGHTS,
    Fault,
    changed,
    edit,
    flip,
    missing,
    pickled,
    processing,
    put,
    refused,
    remove,
    rename,
    replaced,
    unlisted,
    unsound,
)

_LAYER = "base_model.model.model.layers"
_FIRST, _LAST = f"{_LAYER}.0.self_attn.q_proj.lora_A.weight", f"{_LAYER}.1.self_attn.q_proj.lora_B.weight"
_SAME_SIZE, _TEMPLATE = "the same size, other bytes", "another chat template than the card's"
_RESERIALISED = "re-serialised: every tensor is the same, but the header or their order in the file is another"
_PIPE, _SOCKET = "it is a named pipe, not a regular file", "it is a socket, not a regular file"
_FOLDER, _OUT = "it is a folder, not a regular file", "the symbolic link leaves the folder"
_LOOP = "the symbolic link loops or is followed where none may be"
_CONTROL = "the name holds a control character"
_BACKSLASH = "the name holds a backslash, which is a separator on other systems"

BYTES: dict[str, Fault] = {
    "weights, last bit": changed("bit flip", flip(WEIGHTS, -1), WEIGHTS, f"tensor {_LAST} differs"),
    "weights, first tensor byte": changed("bit flip", flip(WEIGHTS, -128, 7), WEIGHTS, f"tensor {_FIRST} differs"),
    "weights, metadata": changed(
        "bit flip", edit(WEIGHTS, lambda d: d.replace(b'"pt"', b'"pu"')), WEIGHTS, _RESERIALISED
    ),
    "weights, length prefix": unsound(
        "bit flip",
        flip(WEIGHTS, 7),
        "the header claims 72057594037928440 bytes, more than the 100000000 that are allowed",
    ),
    "weights, a tensor's name": changed(
        "bit flip",
        edit(WEIGHTS, lambda d: d.replace(b".1.self_attn.q_proj.lora_A", b".3.self_attn.q_proj.lora_A")),
        WEIGHTS,
        f"tensor {_LAYER}.1.self_attn.q_proj.lora_A.weight is missing; "
        f"tensor {_LAYER}.3.self_attn.q_proj.lora_A.weight was added",
    ),
    "weights, a dtype": changed(
        "bit flip", edit(WEIGHTS, lambda d: d.replace(b'"F32"', b'"I32"', 1)), WEIGHTS, f"tensor {_FIRST} differs"
    ),
    "config, one bit": changed("bit flip", flip(CONFIG, 30), CONFIG, _SAME_SIZE),
    "template, one bit": processing("bit flip", flip(TEMPLATE, 0), TEMPLATE, _TEMPLATE),
    "tokenizer, one bit": processing("bit flip", flip(TOKENIZER, -1), TOKENIZER, f"{_SAME_SIZE}; it is no JSON object"),
    "weights, one byte shorter": unsound(
        "truncated", edit(WEIGHTS, lambda d: d[:-1]), f"tensor '{_LAST}' ends at byte 640, the file at 639"
    ),
    "weights, cut in the header": unsound(
        "truncated", edit(WEIGHTS, lambda d: d[:100]), "the header claims 504 bytes, the file ends before"
    ),
    "weights, empty": unsound("truncated", edit(WEIGHTS, lambda _: b""), "0 bytes, too short for a header"),
    "config, half": changed("truncated", edit(CONFIG, lambda d: d[:100]), CONFIG, "100 bytes, the card says 219"),
    "tokenizer, empty": processing(
        "truncated", edit(TOKENIZER, lambda _: b""), TOKENIZER, "0 bytes, the card says 38; it is no JSON object"
    ),
    "weights, one byte longer": unsound(
        "longer", edit(WEIGHTS, lambda d: d + b"\0"), "1 bytes at the end belong to no tensor"
    ),
    "template, a space": processing("longer", edit(TEMPLATE, lambda d: d + b" "), TEMPLATE, _TEMPLATE),
    "template, line ends": processing(
        "longer", edit(TEMPLATE, lambda d: d.replace(b"\n", b"\r\n")), TEMPLATE, _TEMPLATE
    ),
    "weights, other metadata": changed(
        "re-serialised", edit(WEIGHTS, lambda d: d.replace(b'"pt"', b'"np"')), WEIGHTS, _RESERIALISED
    ),
    "config, compact": changed("re-serialised", harms.reserialised(CONFIG), CONFIG, "180 bytes, the card says 219"),
    "tokenizer, compact": processing(
        "re-serialised",
        harms.reserialised(TOKENIZER),
        TOKENIZER,
        "33 bytes, the card says 38; its vocabulary, merges or rules are not those of the card",
    ),
    "weights, zeros": changed(
        "replaced", edit(WEIGHTS, lambda d: d[:-128] + bytes(128)), WEIGHTS, f"tensor {_FIRST} (and 3 more) differs"
    ),
    "weights, a pickle inside": unsound(
        "replaced",
        edit(WEIGHTS, lambda _: b"\x80\x04\x95" + b"\0" * 99),
        "the header claims 9766016 bytes, the file ends before",
    ),
    "config, no JSON": changed("replaced", edit(CONFIG, lambda _: b"{"), CONFIG, "1 bytes, the card says 219"),
    "weights of another adapter": changed(
        "swapped with another adapter",
        harms.swap_with_another(WEIGHTS),
        WEIGHTS,
        f"tensor {_FIRST} (and 3 more) differs",
    ),
    "config of another adapter": changed(
        "swapped with another adapter", harms.swap_with_another(CONFIG), CONFIG, _SAME_SIZE
    ),
    "config, 1 GB": changed(
        "1 GB JSON",
        harms.grow(CONFIG, 1 << 30),
        CONFIG,
        "it cannot be read: 1073741824 bytes, more than the 16777216 that are read",
    ),
    "config, another base": changed(
        "another base", edit(CONFIG, lambda d: d.replace(b"acme/base", b"evil/base")), CONFIG, _SAME_SIZE
    ),
}

PRESENCE: dict[str, Fault] = {
    "weights gone": missing("removed", remove(WEIGHTS), WEIGHTS),
    "config gone": missing("removed", remove(CONFIG), CONFIG),
    "template gone": missing("removed", remove(TEMPLATE), TEMPLATE),
    "tokenizer gone": missing("removed", remove(TOKENIZER), TOKENIZER),
    "moved out of sight": missing("removed", rename(WEIGHTS, f".{WEIGHTS}"), WEIGHTS),
    "link to nothing": missing("removed", replaced(WEIGHTS, lambda p: p.symlink_to("gone")), WEIGHTS),
    "renamed": missing("renamed", rename(WEIGHTS, "model.safetensors"), WEIGHTS, now="model.safetensors"),
    "renamed to a pickle": missing("renamed", rename(WEIGHTS, "adapter_model.bin"), WEIGHTS, now="adapter_model.bin"),
    "other case": missing("renamed", rename(TOKENIZER, "Tokenizer.json"), TOKENIZER, now="Tokenizer.json"),
    "moved into a folder": missing("renamed", rename(TOKENIZER, "x/tokenizer.json"), TOKENIZER, now="x/tokenizer.json"),
    "renamed to a look-alike": missing(
        "look-alike", rename(TOKENIZER, "t\u043ekenizer.json"), TOKENIZER, now="'t\\u043ekenizer.json'"
    ),
    "pickle": pickled("added", put("adapter_model.bin"), "adapter_model.bin"),
    "pickle, capitals": pickled("added", put("ADAPTER.PT"), "ADAPTER.PT"),
    "pickle, empty": pickled("added", put("x.pkl", b""), "x.pkl"),
    "pickle in a folder": pickled("added", put("a/b/c/x.pth"), "a/b/c/x.pth"),
    "code": unlisted("added", put("modeling_llama.py"), "modeling_llama.py", "code"),
    "second weights": unlisted("added", put("model.safetensors"), "model.safetensors", "weights"),
    "second weights, broken": unlisted("added", put("x.safetensors", b"\xff"), "x.safetensors", "weights"),
    "weights of llama.cpp": unlisted("added", put("x.gguf"), "x.gguf", "weights"),
    "shard index": unlisted("added", put("model.safetensors.index.json"), "model.safetensors.index.json"),
    "second adapter": unlisted("added", put("x/adapter_config.json", b"{}"), "x/adapter_config.json"),
    "second template": unlisted("added", put("more/t.jinja"), "more/t.jinja", "a chat template"),
    "generation config": unlisted("added", put("generation_config.json"), "generation_config.json"),
}

NAMES: dict[str, Fault] = {
    "Cyrillic letter": unlisted(
        "look-alike", put("\u0430dapter_config.json"), "\u0430dapter_config.json", shown="'\\u0430dapter_config.json'"
    ),
    "composed otherwise": unlisted("look-alike", put("cafe\u0301.json"), "cafe\u0301.json", shown="'cafe\\u0301.json'"),
    "full-width dot": unlisted(
        "look-alike", put("tokenizer\uff0ejson"), "tokenizer\uff0ejson", shown="'tokenizer\\uff0ejson'"
    ),
    "no-break space": unlisted(
        "look-alike", put("tokenizer.json\u00a0"), "tokenizer.json\u00a0", shown="'tokenizer.json\\xa0'"
    ),
    "newline": refused("newline name", put("a\nb.json"), "a\\nb.json", _CONTROL, shown="'a\\nb.json'"),
    "only a newline": refused("newline name", put("\n"), "\\n", _CONTROL, shown="'\\n'"),
    "escape sequence": refused("control name", put("\x1b[2Jx"), "\\x1b[2Jx", _CONTROL, shown="'\\x1b[2Jx'"),
    "written backwards": refused("control name", put("\u202egnp"), "\\u202egnp", _CONTROL, shown="'\\u202egnp'"),
    "not UTF-8": refused(
        "control name",
        put(os.fsdecode(b"a\xff.json")),
        "a\\udcff.json",
        "the name is not UTF-8",
        shown="'a\\udcff.json'",
    ),
    "backslash": refused("control name", put("a\\b.json"), "a\\b.json", _BACKSLASH),
}

KINDS_OF_FILES: dict[str, Fault] = {
    "pipe for weights": refused("FIFO", replaced(WEIGHTS, os.mkfifo), WEIGHTS, _PIPE),
    "pipe for the config": refused("FIFO", replaced(CONFIG, os.mkfifo), CONFIG, _PIPE),
    "pipe for the card": refused("FIFO", replaced(CARD, os.mkfifo), CARD, _PIPE),
    "pipe beside it": refused("FIFO", lambda f: os.mkfifo(f / "pipe"), "pipe", _PIPE),
    "socket for weights": refused("socket or device", replaced(WEIGHTS, harms.bind), WEIGHTS, _SOCKET),
    "device for weights": refused(
        "socket or device", replaced(WEIGHTS, lambda p: p.symlink_to("/dev/zero")), WEIGHTS, _OUT
    ),
    "folder for weights": refused("folder as file", replaced(WEIGHTS, Path.mkdir), WEIGHTS, _FOLDER),
    "folder for the config": refused("folder as file", replaced(CONFIG, Path.mkdir), CONFIG, _FOLDER),
    "folder for the template": refused("folder as file", replaced(TEMPLATE, Path.mkdir), TEMPLATE, _FOLDER),
    "folder for the tokenizer": refused("folder as file", replaced(TOKENIZER, Path.mkdir), TOKENIZER, _FOLDER),
    "folder for the card": refused("folder as file", replaced(CARD, Path.mkdir), CARD, _FOLDER),
}

LINKS: dict[str, Fault] = {
    "weights link out": refused("link out", harms.leave(WEIGHTS), WEIGHTS, _OUT),
    "config links out": refused("link out", harms.leave(CONFIG), CONFIG, _OUT),
    "card links out": refused("link out", harms.leave(CARD), CARD, _OUT),
    "link to the passwords": refused("link out", lambda f: (f / "x").symlink_to("/etc/passwd"), "x", _OUT),
    "link to a folder outside": refused("link out", harms.hide_behind_linked_folder, "sub", _OUT),
    "link to the root": refused("link out", lambda f: (f / "root").symlink_to("/"), "root", _OUT),
    "weights link to themselves": refused("link loop", replaced(WEIGHTS, harms.link_to_itself), WEIGHTS, _LOOP),
    "card links to itself": refused("link loop", replaced(CARD, harms.link_to_itself), CARD, _LOOP),
    "folder that contains itself": refused("link loop", lambda f: (f / "me").symlink_to("."), "me", _FOLDER),
}

FILES = {**BYTES, **PRESENCE, **NAMES, **KINDS_OF_FILES, **LINKS}
