"""``pretrained=org/name,revision=...``: several settings in one word, as evaluation harnesses take them."""

from __future__ import annotations

import re

from ftlineage.drift.commands.ids import hits
from ftlineage.drift.commands.sights import Sight
from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import REASONS, How, Value
from ftlineage.drift.reference import Kind, Slot

_SETTING = re.compile(r"(?P<key>[A-Za-z_]\w{0,60})=(?P<value>[^,\s]*)")
_ENTRY = re.compile(r'"(?P<key>[A-Za-z_]\w{0,60})"\s*:\s*"?(?P<value>[^",}\s]*)')
_KINDS: dict[str, Kind] = {
    "pretrained": "model", "model_name": "model", "model": "model", "model_name_or_path": "model",
    "tokenizer": "tokenizer", "peft": "adapter", "delta": "adapter", "adapter_weights": "adapter",
    "lora_local_path": "adapter", "base_model": "model", "path": "model",
}  # fmt: skip
_YES = frozenset({"true", "1", "yes"})


def read_settings(value: Value, via: str, tools: Tools) -> list[Sight]:
    """The references of one such word; a JSON object is read the same way."""
    entries = _ENTRY if value.text.startswith("{") else _SETTING
    pairs = {found["key"]: found for found in entries.finditer(value.text)}
    revision = pairs.get("revision")
    code = pairs.get("trust_remote_code")
    is_json = entries is _ENTRY
    sights = []
    for key, found in pairs.items():
        kind = _KINDS.get(key)
        if kind is None or (key == "model" and "pretrained" in pairs):
            continue
        inner = value.part(*found.span("value"))
        for hit in hits(inner, kind, tools):
            sight = Sight(ref=hit.ref, kind=kind, at=inner.at(hit.start), via=f"{via} {key}", is_local=hit.is_local)
            if not hit.is_local:
                own = revision if kind == "model" else pairs.get(f"{key}_revision")
                sight = _pinned(sight, value, own, found.end("value"), is_json=is_json)
                if own is None and inner.how is not How.HERE:
                    sight = sight._replace(slot=None, unpinnable=REASONS[inner.how])
            remote = code is not None and code["value"].lower() in _YES and kind == "model"
            sights.append(sight._replace(remote_code=remote))
    return sights


def _pinned(sight: Sight, value: Value, revision: re.Match[str] | None, end: int, *, is_json: bool) -> Sight:
    if revision is not None:
        given = value.part(*revision.span("value"))
        known = given.is_known
        end = given.after(len(given.text))
        slot = Slot(key="revision", start=given.at(0), end=end, comment=None) if known else None
        return sight._replace(revision=given.text if known else None, revision_known=known, slot=slot)
    if sight.kind != "model":
        return sight._replace(unpinnable="the revision that stands here is the model's")
    if is_json:
        return sight._replace(unpinnable="write a revision beside it: an object in a command is not rewritten")
    place = value.after(end)
    return sight._replace(slot=Slot(key="revision", start=place, end=place, before=",revision=", comment=None))
