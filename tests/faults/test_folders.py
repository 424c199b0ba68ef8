"""Folders that are not what their card says: one fault, one finding, the file named, nothing unsafe opened."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.verify.runner import verify
from tests import safetensors_bytes, sealed

WEIGHTS = "adapter_model.safetensors"
CHANGED, MISSING, UNLISTED = "adapter.changed", "adapter.missing", "adapter.unlisted"
UNSAFE, PICKLE = "path.unsafe", "adapter.unsafe-format"

Harm = Callable[[Path], object]


def put(name: str, data: bytes = b"x") -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return harm


def edit(name: str, change: Callable[[bytes], bytes]) -> Harm:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def replaced(name: str, make: Callable[[Path], object]) -> Harm:
    def harm(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return harm


def bind(path: Path) -> None:
    # A socket's name may have 107 bytes, a test's folder has more.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def another_adapter(folder: Path) -> Path:
    other = folder.parent / "other"
    tensors = {name: (kind, shape, data[::-1]) for name, (kind, shape, data) in sealed.TENSORS.items()}
    sealed.write_adapter(other, {**sealed.CONFIG, "r": 4}, tensors)
    sealed.seal(other)
    return other


def swap_with_another(name: str) -> Harm:
    return lambda folder: shutil.copy(another_adapter(folder) / name, folder / name)


def swap_inside(folder: Path) -> None:
    one, two = (folder / name for name in ("tokenizer.json", "chat_template.jinja"))
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def leave(name: str) -> Harm:
    def harm(folder: Path) -> None:
        secret = folder.parent / "secret"
        secret.write_bytes((folder / name).read_bytes())
        (folder / name).unlink()
        (folder / name).symlink_to("../secret")

    return harm


def hide_behind_linked_folder(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x.json").write_bytes(b"{}")
    (folder / "sub").symlink_to(outside)


def move_down(folder: Path) -> None:
    (folder / "x").mkdir()
    (folder / "tokenizer.json").rename(folder / "x" / "tokenizer.json")


def loop(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")


def loop_one(path: Path) -> None:
    path.symlink_to(path.name)


ODD = os.fsdecode(b"adapter_\xff.json")

# what is done to the folder, the code, the path, a part of the sentence
ONE_FAULT: dict[str, tuple[Harm, str, str, str]] = {
    # bytes
    "weights: one bit": (edit(WEIGHTS, lambda d: d[:-1] + bytes([d[-1] ^ 1])), CHANGED, WEIGHTS, "tensor "),
    "weights: first tensor byte": (
        edit(WEIGHTS, lambda d: d[:-128] + bytes([d[-128] ^ 128]) + d[-127:]),
        CHANGED,
        WEIGHTS,
        "layers.0.self_attn.q_proj.lora_A.weight differs",
    ),
    "weights: header space": (edit(WEIGHTS, lambda d: d.replace(b'"pt"', b'"np"')), CHANGED, WEIGHTS, "re-serialised"),
    "weights: a tensor renamed": (
        edit(WEIGHTS, lambda d: d.replace(b".1.self", b".2.self")),
        CHANGED,
        WEIGHTS,
        "missing",
    ),
    "weights: other dtype": (edit(WEIGHTS, lambda d: d.replace(b'"F32"', b'"I32"', 1)), CHANGED, WEIGHTS, "differs"),
    "weights: truncated": (edit(WEIGHTS, lambda d: d[:-1]), CHANGED, WEIGHTS, "no longer a sound safetensors file"),
    "weights: one byte longer": (edit(WEIGHTS, lambda d: d + b"\0"), CHANGED, WEIGHTS, "belong to no tensor"),
    "weights: empty": (edit(WEIGHTS, lambda _: b""), CHANGED, WEIGHTS, "0 bytes, too short for a header"),
    "weights: a pickle inside": (
        edit(WEIGHTS, lambda _: b"\x80\x04\x95" + b"\0" * 99),
        CHANGED,
        WEIGHTS,
        "header claims",
    ),
    "weights: a huge header": (edit(WEIGHTS, lambda d: b"\xff" * 8 + d[8:]), CHANGED, WEIGHTS, "header claims 184467"),
    "weights: all zero": (
        edit(WEIGHTS, lambda d: d[:-128] + bytes(128)),
        CHANGED,
        WEIGHTS,
        "lora_A.weight (and 3 more) differs",
    ),
    "config: one bit": (
        edit("adapter_config.json", lambda d: d.replace(b"2", b"3", 1)),
        CHANGED,
        "adapter_config.json",
        "",
    ),
    "config: other base": (
        edit("adapter_config.json", lambda d: d.replace(b"acme/base", b"evil/base")),
        CHANGED,
        "adapter_config.json",
        "the same size, other bytes",
    ),
    "config: re-serialised": (
        edit("adapter_config.json", lambda d: codec.compact_text(codec.parse(d)).encode()),
        CHANGED,
        "adapter_config.json",
        "bytes, the card says",
    ),
    "config: not JSON": (edit("adapter_config.json", lambda _: b"{"), CHANGED, "adapter_config.json", "1 bytes"),
    "config: 17 MB": (
        edit("adapter_config.json", lambda _: b" " * (17 << 20)),
        CHANGED,
        "adapter_config.json",
        "17825792 bytes, more than the 16777216 that are read",
    ),
    "template: a space": (edit("chat_template.jinja", lambda d: d + b" "), CHANGED, "chat_template.jinja", "16 bytes"),
    "template: line ends": (
        edit("chat_template.jinja", lambda d: d.replace(b"\n", b"\r\n")),
        CHANGED,
        "chat_template.jinja",
        "16 bytes, the card says 15",
    ),
    "tokenizer: empty": (edit("tokenizer.json", lambda _: b""), CHANGED, "tokenizer.json", "0 bytes, the card says 38"),
    "weights of another adapter": (swap_with_another(WEIGHTS), CHANGED, WEIGHTS, "(and 3 more) differs"),
    "config of another adapter": (
        swap_with_another("adapter_config.json"),
        CHANGED,
        "adapter_config.json",
        "the same size, other bytes",
    ),
    # presence
    "weights gone": (lambda f: (f / WEIGHTS).unlink(), MISSING, WEIGHTS, "is missing"),
    "config gone": (lambda f: (f / "adapter_config.json").unlink(), MISSING, "adapter_config.json", "is missing"),
    "renamed": (lambda f: (f / WEIGHTS).rename(f / "model.safetensors"), MISSING, WEIGHTS, "it was renamed"),
    "renamed to a pickle": (
        lambda f: (f / WEIGHTS).rename(f / "adapter_model.bin"),
        MISSING,
        WEIGHTS,
        "it was renamed",
    ),
    "other case": (lambda f: (f / "tokenizer.json").rename(f / "Tokenizer.json"), MISSING, "tokenizer.json", "renamed"),
    "moved into a folder": (
        move_down,
        MISSING,
        "tokenizer.json",
        "x/tokenizer.json has its bytes",
    ),
    "moved out of sight": (lambda f: (f / WEIGHTS).rename(f / f".{WEIGHTS}"), MISSING, WEIGHTS, "is missing"),
    "link to nothing": (replaced(WEIGHTS, lambda p: p.symlink_to("gone")), MISSING, WEIGHTS, "is missing"),
    # added
    "pickle beside it": (put("adapter_model.bin"), PICKLE, "adapter_model.bin", "can run code when it is loaded"),
    "pickle, capitals": (put("ADAPTER.PT"), PICKLE, "ADAPTER.PT", "can run code when it is loaded"),
    "empty pickle": (put("x.pkl", b""), PICKLE, "x.pkl", "the card does not list it"),
    "pickle in a folder": (put("a/b/c/x.pth"), PICKLE, "a/b/c/x.pth", "can run code"),
    "code beside it": (put("modeling_llama.py"), UNLISTED, "modeling_llama.py", "is code that the card does not list"),
    "second weights": (
        put("model.safetensors"),
        UNLISTED,
        "model.safetensors",
        "is weights that the card does not list",
    ),
    "broken second weights": (put("x.safetensors", b"\xff"), UNLISTED, "x.safetensors", "is weights"),
    "shard index": (put("model.safetensors.index.json"), UNLISTED, "model.safetensors.index.json", "is a file"),
    "second adapter": (put("x/adapter_config.json", b"{}"), UNLISTED, "x/adapter_config.json", "is a file"),
    "second template": (
        put("additional_chat_templates/t.jinja"),
        UNLISTED,
        "additional_chat_templates/t.jinja",
        "chat",
    ),
    "generation config": (put("generation_config.json"), UNLISTED, "generation_config.json", "is a file"),
    "look-alike name": (
        put("аdapter_config.json"),  # noqa: RUF001 - the Cyrillic letter is the test
        UNLISTED,
        "аdapter_config.json",  # noqa: RUF001
        "'\\u0430dapter_config.json' is a file that the card does not list",
    ),
    "composed otherwise": (put("cafe\u0301.json"), UNLISTED, "cafe\u0301.json", "'cafe\\u0301.json' is a file"),
    "no-break space": (put("tokenizer.json\u00a0"), UNLISTED, "tokenizer.json\u00a0", "'tokenizer.json\\xa0' is"),
    # names
    "newline in a name": (put("a\nb.json"), UNSAFE, "a\\nb.json", "the name holds a control"),
    "escape sequence in a name": (put("\x1b[2Jx"), UNSAFE, "\\x1b[2Jx", "'\\x1b[2Jx' is refused"),
    "reversed name": (put("\u202egnp.json"), UNSAFE, "\\u202egnp.json", "the name holds a control"),
    "name not UTF-8": (put(ODD), UNSAFE, "adapter_\\udcff.json", "the name is not UTF-8"),
    "backslash in a name": (put("a\\b.json"), UNSAFE, "a\\b.json", "the name holds a backslash"),
    # kinds
    "pipe for weights": (replaced(WEIGHTS, os.mkfifo), UNSAFE, WEIGHTS, "it is a named pipe, not a regular file"),
    "pipe for the config": (replaced("adapter_config.json", os.mkfifo), UNSAFE, "adapter_config.json", "a named pipe"),
    "pipe beside it": (lambda f: os.mkfifo(f / "pipe"), UNSAFE, "pipe", "it is a named pipe, not a regular file"),
    "socket for weights": (replaced(WEIGHTS, bind), UNSAFE, WEIGHTS, "it is a socket, not a regular file"),
    "folder for weights": (replaced(WEIGHTS, Path.mkdir), UNSAFE, WEIGHTS, "it is a folder, not a regular file"),
    "folder for the template": (replaced("chat_template.jinja", Path.mkdir), UNSAFE, "chat_template.jinja", "a folder"),
    "folder for the card": (replaced("lineage.json", Path.mkdir), UNSAFE, "lineage.json", "it is a folder"),
    "pipe for the card": (replaced("lineage.json", os.mkfifo), UNSAFE, "lineage.json", "it is a named pipe"),
    "device for weights": (
        replaced(WEIGHTS, lambda p: p.symlink_to("/dev/zero")),
        UNSAFE,
        WEIGHTS,
        "leaves the folder",
    ),
    # links
    "link out of the folder": (leave(WEIGHTS), UNSAFE, WEIGHTS, "the symbolic link leaves the folder"),
    "the card links out": (leave("lineage.json"), UNSAFE, "lineage.json", "the symbolic link leaves the folder"),
    "link to the passwords": (lambda f: (f / "x").symlink_to("/etc/passwd"), UNSAFE, "x", "leaves the folder"),
    "link to a folder outside": (hide_behind_linked_folder, UNSAFE, "sub", "the symbolic link leaves the folder"),
    "link to the root": (lambda f: (f / "root").symlink_to("/"), UNSAFE, "root", "leaves the folder"),
    "link to itself": (replaced(WEIGHTS, loop_one), UNSAFE, WEIGHTS, "the symbolic link loops"),
    "the card links to itself": (replaced("lineage.json", loop_one), UNSAFE, "lineage.json", "the symbolic link loops"),
    "folder that contains itself": (lambda f: (f / "me").symlink_to("."), UNSAFE, "me", "it is a folder"),
}


@pytest.mark.parametrize("case", ONE_FAULT)
def test_one_fault_is_one_finding(folder: Path, case: str) -> None:
    harm, code, path, words = ONE_FAULT[case]
    assert verify(folder)
    harm(folder)
    begun = time.monotonic()
    report = verify(folder)
    assert time.monotonic() - begun < 5
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [(code, path)]
    assert words in found[0].message
    assert found[0].message.isprintable()
    assert found[0].hint
    assert (report.verdict, report.ok) == ("failed", False)


def codes(folder: Path) -> list[tuple[str, str | None]]:
    return sorted((one.code, one.path) for one in verify(folder).findings if one.severity == "error")


def test_two_faults_are_two_findings(folder: Path) -> None:
    swap_inside(folder)
    assert codes(folder) == [(CHANGED, "chat_template.jinja"), (CHANGED, "tokenizer.json")]


def test_a_loop_of_two_links(folder: Path) -> None:
    loop(folder)
    assert codes(folder) == [(UNSAFE, "a"), (UNSAFE, "b")]


def test_everything_gone_but_the_card(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "lineage.json":
            path.unlink()
    assert codes(folder) == [(MISSING, name) for name in sorted(sealed_names())]


def sealed_names() -> list[str]:
    return [WEIGHTS, "adapter_config.json", "chat_template.jinja", "tokenizer.json"]


def test_a_card_moved_to_another_adapter(folder: Path) -> None:
    other = another_adapter(folder)
    shutil.copy(other / "lineage.json", folder / "lineage.json")
    assert codes(folder) == [(CHANGED, "adapter_config.json"), (CHANGED, WEIGHTS)]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert codes(tmp_path) == [("card.missing", "lineage.json")]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to the superuser")
@pytest.mark.parametrize("name", sealed_names())
def test_a_file_that_may_not_be_read(folder: Path, name: str) -> None:
    (folder / name).chmod(0)
    assert codes(folder) == [(CHANGED, name)]


@pytest.mark.parametrize("name", [*sealed_names(), "lineage.json"])
def test_a_file_that_cannot_be_read(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails, or the file is not ours to read (which a superuser's test cannot have otherwise)."""
    real = os.open

    def broken(path: object, *rest: object, **more: object) -> int:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", broken)
    report = verify(folder)
    found = [finding for finding in report.findings if finding.severity == "error"]
    code = "card.malformed" if name == "lineage.json" else CHANGED
    assert [(finding.code, finding.path) for finding in found] == [(code, name)]
    assert "permission denied" in found[0].message


def test_a_file_that_changes_while_it_is_verified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlineage.hashing import files

    real = files.OpenFile.read_at

    def touching(self: files.OpenFile, view: memoryview, offset: int) -> None:
        real(self, view, offset)
        if self.shown == "tokenizer.json":
            (folder / "tokenizer.json").write_bytes(b"{}")

    monkeypatch.setattr(files.OpenFile, "read_at", touching)
    report = verify(folder)
    found = [finding for finding in report.findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [(CHANGED, "tokenizer.json")]
    assert "the file changed while it was read" in found[0].message


def test_a_folder_full_of_strangers_is_judged_in_time(folder: Path) -> None:
    for number in range(2000):
        (folder / f"{number}.json").write_bytes(b"")
    begun = time.monotonic()
    assert len(codes(folder)) == 2000
    assert time.monotonic() - begun < 10


def test_weights_that_only_lie_deeper(folder: Path) -> None:
    deep = folder / "/".join("d" * 100 for _ in range(9))
    deep.mkdir(parents=True)
    (deep / "x.bin").write_bytes(safetensors_bytes.write({}))
    assert [code for code, _ in codes(folder)] == [PICKLE]
