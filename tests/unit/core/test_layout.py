"""Which files belong to a version: the list that recording, sealing and verifying share."""

from __future__ import annotations

import pytest

from ftlineage.core.layout import is_object_array, is_pickle, is_recorded, may_hold_recorded, path_fault


@pytest.mark.parametrize(
    "path",
    [
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
        "additional_chat_templates/tool.jinja",
        "second/adapter_config.json",
        "second/README.md",
        "second/training_args.bin",
        "checkpoint-1",
        "a/checkpoint-1/x",
        "adapter_model.bin",
        "modeling.py",
        "runs/adapter_config.json",
        "events.out.tfevents.1",
        "notes.txt",
    ],
)
def test_recorded(path: str) -> None:
    assert is_recorded(path)


@pytest.mark.parametrize(
    "path",
    [
        "lineage.json",
        "lineage.partial.json",
        "model.sig",
        "claims.jsonl",
        "README.md",
        ".gitattributes",
        ".git/config",
        ".cache/huggingface/download/x.metadata",
        "second/.hidden",
        "checkpoint-40/adapter_model.safetensors",
        "checkpoint-40/optimizer.pt",
        "checkpoint-best/adapter_config.json",
        "training_args.bin",
        "trainer_state.json",
        "train_results.json",
        "all_results.json",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "rng_state_3.pth",
        "runs/Nov23_host/events.out.tfevents.1700000000.host.1.0",
    ],
)
def test_not_recorded(path: str) -> None:
    assert not is_recorded(path)


@pytest.mark.parametrize(("folder", "may"), [("second", True), ("runs", True), (".git", False), ("a/.b/c", False)])
def test_folders_that_are_not_entered(folder: str, may: bool) -> None:
    assert may_hold_recorded(folder) is may
    assert may_hold_recorded("checkpoint-7") is False


@pytest.mark.parametrize("path", ["a.bin", "x/b.PT", "c.pkl", "d.pickle", "e.ckpt", "f.joblib", "g.pth", "h.npz"])
def test_pickle_formats(path: str) -> None:
    assert is_pickle(path)


@pytest.mark.parametrize("path", ["a.safetensors", "bin", "a.npy", "pt.json", ".bin"])
def test_not_pickle_formats(path: str) -> None:
    assert not is_pickle(path)


@pytest.mark.parametrize("path", ["a", "a/b.json", "ünï", "a b", "..a", "a..b/c"])
def test_sound_paths(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "the name has 0 characters"),
        ("a" * 1025, "the name has 1025 characters"),
        ("/etc/passwd", "the path is absolute"),
        ("c:/x", "the path is absolute"),
        ("../x", "the path has an empty, '.' or '..' part"),
        ("a/../x", "the path has an empty, '.' or '..' part"),
        ("./x", "the path has an empty, '.' or '..' part"),
        ("a//x", "the path has an empty, '.' or '..' part"),
        ("a/", "the path has an empty, '.' or '..' part"),
        ("a\\b", "the name holds a backslash, which is a separator on other systems"),
        ("a\0b", "the name holds a control character"),
        ("a\x85b", "the name holds a control character"),
        ("a\ud800", "the name is not UTF-8"),
    ],
)
def test_refused_paths(path: str, fault: str) -> None:
    assert path_fault(path) == fault


def npy(descr: str) -> bytes:
    return b"\x93NUMPY\x01\x00v\x00" + f"{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}".encode()


@pytest.mark.parametrize("descr", ["'<f4'", "'|b1'", "[('a', '<i8'), ('b', '<U10')]"])
def test_plain_arrays(descr: str) -> None:
    assert not is_object_array(npy(descr))


@pytest.mark.parametrize("head", [npy("'|O'"), npy("'O'"), b"", b"\x80\x04\x95pickle"])
def test_arrays_of_objects(head: bytes) -> None:
    assert is_object_array(head)
