"""Faults of cards: their bytes, their form, what they list and what they claim. One exact sentence each."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import sealed
from tests.faults import harms
from tests.faults.harms import (
    CARD,
    CONFIG,
    Fault,
    edit,
    edited_card,
    first_key,
    listed,
    malformed,
    pickled,
    refused,
    rewritten,
)

_LISTED = "lineage.json lists it"
_PARTS = "the path has an empty, '.' or '..' part"
_OTHER_ID = "lineage.json was changed after it was made: its content has another id than it claims"
_NO_CARD = "there is no lineage.json here, so nothing can be vouched for"
_NEW = f"acme/base@{'f' * 40}"
_OLD = f"acme/base@{sealed.REVISION}"


def _deep(opening: bytes, closing: bytes, count: int) -> bytes:
    return b'"x": ' + opening * count + b"1" * (opening != b"[") + closing * count


def _too_new(version: str) -> Fault:
    return Fault(
        kind="wrong major",
        harm=rewritten(lambda document: document.update(ftlineage=version)),
        code="card.malformed",
        path=CARD,
        message=f"the card has format {version}, this ftlineage reads up to 1",
    )


def _id_mismatch(kind: str, harm: harms.Harm) -> Fault:
    return Fault(kind=kind, harm=harm, code="card.id-mismatch", path=CARD, message=_OTHER_ID)


def _claims(kind: str, harm: harms.Harm, message: str) -> Fault:
    return Fault(kind=kind, harm=harm, code="base.mismatch", path=CONFIG, message=message)


def _another_base_by_name(folder: Path) -> None:
    sealed.rewrite(folder, lambda document: document["base"].update(model="evil/base"))


def _card_of_the_same_adapter_on_another_base(folder: Path) -> None:
    """Not edited by hand: sealed as it should be, beside the very same files."""
    other = folder.parent / "other"
    body = sealed.make_body(sealed.write_adapter(other))
    base = body.base
    assert base is not None
    sealed.seal(other, base=type(base)(model="acme/other", revision="f" * 40, origin="hub"))
    shutil.copy(other / CARD, folder / CARD)


CARDS: dict[str, Fault] = {
    "no card": Fault(kind="removed", harm=harms.remove(CARD), code="card.missing", path=CARD, message=_NO_CARD),
    "card renamed": Fault(
        kind="renamed", harm=harms.rename(CARD, ".lineage.json"), code="card.missing", path=CARD, message=_NO_CARD
    ),
    "card, one bit of a digest": malformed(
        "bit flip",
        edit(CARD, lambda d: d.replace(b'"sha256": "', b'"sha257": "', 1)),
        "$.adapter.files[0]",
        "object missing required field `sha256`",
    ),
    "card, empty": malformed(
        "truncated", edit(CARD, lambda _: b""), "$", "not JSON: Expecting value: line 1 column 1 (char 0)"
    ),
    "card, two in one": malformed(
        "longer", edit(CARD, lambda _: b"{}\n{}"), "$", "not JSON: Extra data: line 2 column 1 (char 3)"
    ),
    "card, 1 GB": malformed(
        "1 GB JSON", harms.grow(CARD, 1 << 30), "$", "1073741824 bytes, more than the 67108864 that are read"
    ),
    "65 lists deep": malformed("deep JSON", first_key(_deep(b"[", b"]", 65)), "$", "nested deeper than 64 levels"),
    "100,000 lists deep": malformed("deep JSON", first_key(_deep(b"[", b"]", 100_000)), "$", "nested too deeply"),
    "100,000 objects deep": malformed("deep JSON", first_key(_deep(b'{"a":', b"}", 100_000)), "$", "nested too deeply"),
    "a key twice": malformed(
        "duplicate key", first_key(b'"name": "other"'), "$", "the key 'name' stands twice in one object"
    ),
    "a key twice, escaped": malformed(
        "duplicate key", first_key(b'"n\\u0061me": "other"'), "$", "the key 'name' stands twice in one object"
    ),
    "a key twice, deep": malformed(
        "duplicate key",
        edit(CARD, lambda d: d.replace(b'"origin": "hub"', b'"origin": "hub", "origin": "local"')),
        "$",
        "the key 'origin' stands twice in one object",
    ),
    "NaN": malformed("not a number", first_key(b'"x": NaN'), "$", "NaN is not JSON"),
    "Infinity": malformed("not a number", first_key(b'"x": -Infinity'), "$", "-Infinity is not JSON"),
    "1e999": malformed("not a number", first_key(b'"x": 1e999'), "$", "a number is too large for a double"),
    "2**53 + 1": malformed(
        "not a number",
        first_key(b'"x": 9007199254740993'),
        "$",
        "the integer 9007199254740993 is beyond 2**53; such numbers are strings",
    ),
    "lone surrogate": malformed("not Unicode", first_key(b'"x": "\\ud800"'), "$", "a string holds a lone surrogate"),
    "UTF-16": malformed("not Unicode", edit(CARD, lambda d: d.decode().encode("utf-16")), "$", "not UTF-8 at byte 0"),
    "format 2": _too_new("2"),
    "format 99.1": _too_new("99.1"),
    "no format": malformed(
        "wrong major", edited_card(lambda d: d.pop("ftlineage")), "$.ftlineage", "expected a format such as '1'"
    ),
    "upwards": refused("path leaves the folder", listed("../secret"), "../secret", _PARTS, where=_LISTED),
    "upwards, of the base": refused("path leaves the folder", listed("../x", "base"), "../x", _PARTS, where=_LISTED),
    "absolute": refused(
        "path leaves the folder", listed("/etc/passwd"), "/etc/passwd", "the path is absolute", where=_LISTED
    ),
    "a drive": refused("path leaves the folder", listed("C:/x"), "C:/x", "the path is absolute", where=_LISTED),
    "NUL": refused(
        "NUL name",
        listed("a\0.json"),
        "a\\x00.json",
        "the name holds a control character",
        shown="'a\\x00.json'",
        where=_LISTED,
    ),
    "newline, listed": refused(
        "newline name", listed("a\nb"), "a\\nb", "the name holds a control character", shown="'a\\nb'", where=_LISTED
    ),
    "a pickle, listed": pickled("added", listed("adapter_model.bin"), "adapter_model.bin", _LISTED),
    "base edited": _id_mismatch("edited card", edited_card(lambda d: d["base"].update(model="evil/base"))),
    "digest edited": _id_mismatch(
        "edited card", edited_card(lambda d: d["adapter"]["files"][0].update(sha256="0" * 64))
    ),
    "key added": _id_mismatch("edited card", edited_card(lambda d: d.update(some_day=1))),
    "id edited": _id_mismatch("edited card", edited_card(lambda d: d.update(id="sha256:" + "0" * 64))),
    "another commit, id made right": _claims(
        "another base",
        rewritten(lambda document: document["base"].update(revision="f" * 40)),
        f"{CONFIG} names the base {_OLD}; the card says {_NEW}",
    ),
    "another name, id made right": _claims(
        "another base",
        _another_base_by_name,
        f"{CONFIG} names the base {_OLD}; the card says evil/base@{sealed.REVISION}",
    ),
    "the card of another base": _claims(
        "another base",
        _card_of_the_same_adapter_on_another_base,
        f"{CONFIG} names the base {_OLD}; the card says acme/other@{'f' * 40}",
    ),
}
