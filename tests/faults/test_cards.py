"""Hostile cards: refused with one sentence and the place, whatever lies in the folder beside them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlineage.core import codec
from ftlineage.core.finding import Finding
from ftlineage.verify.runner import verify
from tests import sealed

MALFORMED, MISMATCH = "card.malformed", "card.id-mismatch"


def card(folder: Path) -> bytes:
    return (folder / "lineage.json").read_bytes()


def only(folder: Path) -> Finding:
    begun = time.monotonic()
    report = verify(folder)
    assert time.monotonic() - begun < 20
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert len(found) == 1, found
    assert (report.ok, report.verdict, report.card) == (False, "failed", None)
    assert found[0].message.isprintable()
    assert found[0].hint
    return found[0]


# --- bytes that are no card ----------------------------------------------------------------------


def insert(text: bytes) -> Callable[[bytes], bytes]:
    """The card with one more key at the front."""
    return lambda data: b"{" + text + b"," + data[1:]


BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "not JSON: Expecting value"),
    "one NUL": (lambda _: b"\0", "not JSON"),
    "half of it": (lambda d: d[: len(d) // 2], "not JSON"),
    "two of them": (lambda d: d + d, "not JSON: Extra data"),
    "with a byte order mark": (lambda d: b"\xef\xbb\xbf" + d, "not JSON"),
    "in UTF-16": (lambda d: d.decode().encode("utf-16"), "not UTF-8 at byte 0"),
    "in Latin-1": (lambda d: d.replace(b"support-bot", b"b\xe4r"), "not UTF-8 at byte"),
    "a list": (lambda _: b"[]", "expected an object"),
    "a number": (lambda _: b"1", "expected an object"),
    "null": (lambda _: b"null", "expected an object"),
    "an empty object": (lambda _: b"{}", "$.ftlineage: expected a format such as '1'"),
    "a comment": (lambda d: b"// card\n" + d, "not JSON"),
    "a trailing comma": (lambda d: d.rstrip()[:-1] + b",}", "not JSON"),
    "a key twice": (insert(b'"name": "other"'), "the key 'name' stands twice in one object"),
    "a key twice, escaped": (insert(b'"n\\u0061me": "other"'), "the key 'name' stands twice in one object"),
    "a key twice, deep": (
        lambda d: d.replace(b'"origin": "hub"', b'"origin": "hub", "origin": "local"'),
        "the key 'origin' stands twice in one object",
    ),
    "NaN": (insert(b'"x": NaN'), "NaN is not JSON"),
    "Infinity": (insert(b'"x": Infinity'), "Infinity is not JSON"),
    "a float beyond doubles": (insert(b'"x": 1e999'), "a number is too large for a double"),
    "an integer beyond 2**53": (insert(b'"x": 9007199254740993'), "is beyond 2**53"),
    "an integer of a million digits": (insert(b'"x": ' + b"9" * 1_000_000), "is beyond 2**53"),
    "a lone surrogate": (insert(b'"x": "\\ud800"'), "a string holds a lone surrogate"),
    "a lone surrogate as key": (insert(b'"\\ud800": 1'), "a string holds a lone surrogate"),
    "nested 65 deep": (insert(b'"x": ' + b"[" * 65 + b"]" * 65), "nested deeper than 64 levels"),
    "nested 100,000 deep": (insert(b'"x": ' + b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
    "objects 100,000 deep": (insert(b'"x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "nested too deeply"),
}


@pytest.mark.parametrize("case", BYTES)
def test_bytes_that_are_no_card(folder: Path, case: str) -> None:
    change, words = BYTES[case]
    (folder / "lineage.json").write_bytes(change(card(folder)))
    found = only(folder)
    assert (found.code, found.path) == (MALFORMED, "lineage.json")
    assert words in found.message


def test_a_card_of_a_gigabyte_is_not_read(folder: Path) -> None:
    with (folder / "lineage.json").open("r+b") as out:
        out.truncate(1 << 30)
    begun = time.monotonic()
    assert only(folder).message == "malformed lineage card at $: 1073741824 bytes, more than the 67108864 that are read"
    assert time.monotonic() - begun < 1


# --- sections of the wrong form ------------------------------------------------------------------


def at(*where: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Put a value at a place of the document; the id is made right again afterwards."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in where[:-1]:
            place = place[key]
        if value is DELETE:
            del place[where[-1]]
        else:
            place[where[-1]] = value

    return change


DELETE = object()
FILE = ("adapter", "files", 0)
TENSOR = ("adapter", "tensors", "entries", 0)

FORMS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no base key": (at("base", value=DELETE), "missing required field `base`"),
    "no unrecorded key": (at("unrecorded", value=DELETE), "missing required field `unrecorded`"),
    "data is null": (at("data", value=None), "$.data"),
    "adapter is a list": (at("adapter", value=[]), "$.adapter"),
    "name is a number": (at("name", value=7), "$.name"),
    "format is a number": (at("ftlineage", value=1), "$.ftlineage"),
    "format is empty": (at("ftlineage", value=""), "$.ftlineage"),
    "format is 1.x": (at("ftlineage", value="1.x"), "$.ftlineage"),
    "revision is a branch": (at("base", "revision", value="main"), "$.base.revision"),
    "revision is short": (at("base", "revision", value="0123456"), "$.base.revision"),
    "revision in capitals": (at("base", "revision", value="A" * 40), "$.base.revision"),
    "revision with a newline": (at("base", "revision", value=sealed.REVISION + "\n"), "$.base.revision"),
    "origin is unknown": (at("base", "origin", value="moon"), "$.base.origin"),
    "digest is short": (at(*FILE, "sha256", value="ab"), "$.adapter.files[0].sha256"),
    "digest in capitals": (at(*FILE, "sha256", value="A" * 64), "$.adapter.files[0].sha256"),
    "digest with its algorithm": (at(*FILE, "sha256", value="sha256:" + "0" * 64), "$.adapter.files[0].sha256"),
    "digest is null": (at(*FILE, "sha256", value=None), "$.adapter.files[0].sha256"),
    "no digest": (at(*FILE, "sha256", value=DELETE), "$.adapter.files[0]"),
    "size is negative": (at(*FILE, "size", value=-1), "$.adapter.files[0].size"),
    "size is text": (at(*FILE, "size", value="1"), "$.adapter.files[0].size"),
    "size is a float": (at(*FILE, "size", value=1.5), "$.adapter.files[0].size"),
    "path is null": (at(*FILE, "path", value=None), "$.adapter.files[0].path"),
    "shape is negative": (at(*TENSOR, "shape", value=[-1]), "$.adapter.tensors.entries[0].shape[0]"),
    "files are an object": (at("adapter", "files", value={}), "$.adapter.files"),
    "run did not finish": (at("run", "complete", value=False), "the run that wrote this card did not finish"),
    "a file twice": (
        lambda d: d["adapter"]["files"].append(d["adapter"]["files"][0]),
        "adapter_config.json stands twice",
    ),
    "a header twice": (
        lambda d: d["adapter"]["tensors"]["headers"].append(d["adapter"]["tensors"]["headers"][0]),
        "adapter_model.safetensors stands twice",
    ),
    "a tensor twice": (
        lambda d: d["adapter"]["tensors"]["entries"].append(d["adapter"]["tensors"]["entries"][0]),
        "lora_A.weight of adapter_model.safetensors stands twice",
    ),
    "a tensor of no file": (
        at(*TENSOR, "file", value="x.safetensors"),
        "x.safetensors is not among the adapter's files",
    ),
    "a tensor less": (
        lambda d: d["adapter"]["tensors"]["entries"].pop(),
        "$.adapter.tensors.count: 3 tensors are listed",
    ),
    "count is wrong": (at("adapter", "tensors", "count", value=5), "$.adapter.tensors.count: 4 tensors are listed"),
    "tensors' digest is wrong": (at("adapter", "tensors", "digest", value="0" * 64), "not the digest of the tensors"),
    "a tensor's digest is wrong": (at(*TENSOR, "sha256", value="0" * 64), "not the digest of the tensors"),
}


@pytest.mark.parametrize("case", FORMS)
def test_sections_of_the_wrong_form(folder: Path, case: str) -> None:
    change, words = FORMS[case]
    sealed.rewrite(folder, change)
    found = only(folder)
    assert (found.code, found.path) == (MALFORMED, "lineage.json")
    assert words in found.message


@pytest.mark.parametrize("version", ["2", "2.0", "10", "99.1"])
def test_a_later_major_is_refused_with_the_way_out(folder: Path, version: str) -> None:
    sealed.rewrite(folder, at("ftlineage", value=version))
    found = only(folder)
    assert found.message == f"the card has format {version}, this ftlineage reads up to 1"
    assert found.hint == "Upgrade: pip install --upgrade ftlineage"


# --- paths ---------------------------------------------------------------------------------------

PATHS = {
    "../secret": "the path has an empty, '.' or '..' part",
    "a/../../secret": "the path has an empty, '.' or '..' part",
    "./adapter_config.json": "the path has an empty, '.' or '..' part",
    "a//b": "the path has an empty, '.' or '..' part",
    "": "the name has 0 characters",
    "/etc/passwd": "the path is absolute",
    "C:\\Windows\\x": "the name holds a backslash",
    "C:/Windows/x": "the path is absolute",
    "..\\secret": "the name holds a backslash",
    "a\0.json": "the name holds a control character",
    "a\nb.json": "the name holds a control character",
    "\u202ejson.a": "the name holds a control character",
    "x" * 1025: "the name has 1025 characters",
}


@pytest.mark.parametrize("section", ["adapter", "base"])
@pytest.mark.parametrize("path", PATHS)
def test_paths_that_leave_or_lie(folder: Path, section: str, path: str) -> None:
    (folder.parent / "secret").write_bytes(b"x")
    record = {"path": path, "size": 1, "sha256": "0" * 64}
    sealed.rewrite(folder, lambda document: document[section]["files"].append(record))
    found = only(folder)
    assert found.code == "path.unsafe"
    assert PATHS[path] in found.message
    assert "lineage.json lists it" in found.message


@pytest.mark.parametrize("path", ["adapter_model.bin", "x.pt", "sub/x.PKL"])
def test_a_card_that_lists_a_pickle(folder: Path, path: str) -> None:
    record = {"path": path, "size": 1, "sha256": "0" * 64}
    sealed.rewrite(folder, lambda document: document["adapter"]["files"].append(record))
    found = only(folder)
    assert (found.code, found.path) == ("adapter.unsafe-format", path)


@pytest.mark.parametrize("value", [None, "no files"])
def test_a_card_that_lists_nothing_vouches_for_nothing(folder: Path, value: str | None) -> None:
    change = at("adapter", value=None) if value is None else at("adapter", "files", value=[])
    sealed.rewrite(folder, change)
    assert only(folder).code == "adapter.missing"


# --- the id --------------------------------------------------------------------------------------

IDENTITY = {
    "base model": at("base", "model", value="evil/base"),
    "base revision": at("base", "revision", value="f" * 40),
    "adapter config": at("adapter", "config", "r", value=4),
    "a file's digest": at(*FILE, "sha256", value="0" * 64),
    "a file's size": at(*FILE, "size", value=1),
    "a file less": lambda d: d["adapter"]["files"].pop(),
    "evidence": at("base", "evidence", value="declared"),
    "a parent more": lambda d: d["parents"].append({"relation": "continued"}),
    "an unknown key": at("some_day", value=1),
    "an unknown key inside": at("base", "some_day", value=1),
    "a field that is null made absent": at("base", "code_revision", value=DELETE),
    "the id itself": at("id", value="sha256:" + "0" * 64),
}


@pytest.mark.parametrize("case", IDENTITY)
def test_any_edit_inside_the_identity_is_seen(folder: Path, case: str) -> None:
    document = codec.parse(card(folder))
    IDENTITY[case](document)
    (folder / "lineage.json").write_bytes(codec.pretty_bytes(document))
    found = only(folder)
    assert (found.code, found.path) == (MISMATCH, "lineage.json")
    assert found.expected == document["id"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", found.actual)


def test_a_card_claiming_another_base_with_its_id_made_right_is_seen_by_the_adapters_claim(folder: Path) -> None:
    sealed.rewrite(folder, at("base", "revision", value="f" * 40))
    report = verify(folder)
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [("base.mismatch", "adapter_config.json")]


@pytest.mark.parametrize("where", ["path", "model", "tensor"])
def test_what_a_card_says_cannot_write_to_the_terminal(folder: Path, where: str) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    change = {
        "path": lambda d: d["adapter"]["files"].append({"path": f"x{evil}", "size": 1, "sha256": "0" * 64}),
        "model": lambda d: d["base"].update(model=evil),
        "tensor": lambda d: d["adapter"]["tensors"]["entries"][0].update(file=evil),
    }[where]
    sealed.rewrite(folder, change)
    for finding in verify(folder).findings:
        assert finding.message.isprintable()


def test_what_a_card_says_cannot_become_a_command(folder: Path) -> None:
    """Hints are pasted into shells."""
    evil = "acme/base; rm -rf ~"
    (folder / "tokenizer.json").unlink()
    sealed.rewrite(folder, at("base", "model", value=evil))
    found = next(finding for finding in verify(folder).findings if finding.code == "adapter.missing")
    assert str(found.hint).endswith(f"--base '{evil}@{sealed.REVISION}' --overwrite")


def test_what_a_folder_holds_cannot_become_a_command(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "$(reboot).json")
    found = next(finding for finding in verify(folder).findings if finding.code == "adapter.missing")
    assert found.hint == "Rename it back: mv '$(reboot).json' tokenizer.json"
