from __future__ import annotations

import copy
import hashlib

import pytest

from ftlineage.core import codec
from ftlineage.signing.errors import SignatureMalformedError
from ftlineage.signing.statement import (
    IGNORED,
    OMS_PREDICATE,
    is_ignored,
    make_statement,
    read_manifest,
    read_statement,
)
from tests.keys import FILES

DOCUMENT = codec.parse(make_statement("bot", FILES))


def changed(change) -> bytes:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return codec.canonical_bytes(document)


def rooted(change) -> bytes:
    """A change with the root digest made to fit, so that nothing else gives it away."""

    def both(document):
        change(document)
        digests = [entry["digest"] for entry in document["predicate"]["resources"]]
        try:
            root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
            document["subject"][0]["digest"]["sha256"] = root
        except (ValueError, TypeError, IndexError):
            return  # there is none that fits

    return changed(both)


def resources(document):
    return document["predicate"]["resources"]


def serialization(document):
    return document["predicate"]["serialization"]


def fault_of(data: bytes) -> str:
    with pytest.raises(SignatureMalformedError) as caught:
        read_manifest(data)
    return f"{caught.value.where}: {caught.value.reason}"


def test_what_is_said_is_read_back():
    manifest = read_manifest(make_statement("bot", reversed(FILES)))

    assert manifest.name == "bot"
    assert manifest.resources == FILES
    assert manifest.ignore_paths == IGNORED
    assert manifest.allow_symlinks is False
    assert manifest.root == hashlib.sha256(bytes.fromhex("a" * 64 + "b" * 64 + "c" * 64)).hexdigest()


def test_the_form_is_fixed():
    assert make_statement("bot", FILES) == make_statement("bot", reversed(FILES)) == codec.canonical_bytes(DOCUMENT)
    assert DOCUMENT["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [
            ".cache/huggingface", ".git", ".gitattributes", ".github", ".gitignore", "README.md",
            "claims.jsonl", "model.sig",
        ],
    }  # fmt: skip


def test_names_are_sorted_by_code_point():
    manifest = read_manifest(
        make_statement("m", [("a/b", "1" * 64), ("a-b", "2" * 64), ("B", "3" * 64), ("é", "4" * 64)])
    )

    assert [name for name, _ in manifest.resources] == ["B", "a-b", "a/b", "é"]


def test_ignored_paths_are_whole_names_from_the_top():
    assert [name for name in ("README.md", ".git/config", ".cache/huggingface/x") if is_ignored(name)] == [
        "README.md", ".git/config", ".cache/huggingface/x",
    ]  # fmt: skip
    assert not any(
        map(is_ignored, ("sub/README.md", ".gitmodules", ".cache/x", "readme.md", "lineage.json", "sub/.git/x"))
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../secret", "the path has an empty, '.' or '..' part"),
        ("a/../b", "the path has an empty, '.' or '..' part"),
        ("/etc/passwd", "the path is absolute"),
        ("C:/x", "the path is absolute"),
        ("a\\b", "the name holds a backslash, which is a separator on other systems"),
        ("a\0b", "the name holds a control character"),
        ("a\nb", "the name holds a control character"),
        ("a//b", "the path has an empty, '.' or '..' part"),
        ("\u202egpj.exe", "the name holds a control character"),
        ("", "the name has 0 characters"),
        ("x" * 2000, "the name has 2000 characters"),
    ],
)
def test_names_that_no_folder_may_have(name, reason):
    data = rooted(lambda document: resources(document)[0].update(name=name))

    assert fault_of(data) == f"$.predicate.resources[0].name: {name[:80]!a}: {reason}"
    data = changed(lambda document: serialization(document).update(ignore_paths=["x", name]))
    assert fault_of(data).startswith("$.predicate.serialization.ignore_paths[1]: ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda document: resources(document)[1].update(name="adapter_model.safetensors"),
            "$.predicate.resources[1].name: 'adapter_model.safetensors' stands twice",
        ),
        (
            lambda document: resources(document)[0].update(digest="A" * 64),
            "$.predicate.resources[0].digest: it is not 64 lower-case hex digits",
        ),
        (
            lambda document: resources(document)[0].update(digest="a" * 63),
            "$.predicate.resources[0].digest: it is not 64 lower-case hex digits",
        ),
        (
            lambda document: resources(document)[0].update(digest=5),
            "$.predicate.resources[0].digest: it is not 64 lower-case hex digits",
        ),
        (
            lambda document: resources(document)[0].update(algorithm="blake3"),
            "$.predicate.resources[0].algorithm: it is not sha256",
        ),
        (lambda document: resources(document)[0].pop("name"), "$.predicate.resources[0].name: it is no text"),
        (
            lambda document: resources(document).clear(),
            "$.predicate.resources: it is missing, empty, too long or no list",
        ),
        (
            lambda document: document["subject"].append(document["subject"][0]),
            "$.subject: 2 subjects, and a signature over a folder has one",
        ),
        (
            lambda document: document.update(subject=[]),
            "$.subject: it is missing, empty or no list",
        ),
        (
            lambda document: document["predicate"].update(annotations={}),
            "$.predicate: the key 'annotations' is not known",
        ),
        (lambda document: document.update(extra=1), "$: the key 'extra' is not known"),
        (
            lambda document: document.update(_type="https://in-toto.io/Statement/v0.1"),
            "$._type: 'https://in-toto.io/Statement/v0.1' is not https://in-toto.io/Statement/v1",
        ),
        (
            lambda document: serialization(document).update(method="shards", shard_size=100),
            "$.predicate.serialization.method: 'shards' is not supported; sign whole files",
        ),
        (
            lambda document: serialization(document).update(hash_type="blake2b"),
            "$.predicate.serialization.hash_type: 'blake2b' is not supported; sign with sha256",
        ),
        (
            lambda document: serialization(document).update(allow_symlinks="false"),
            "$.predicate.serialization.allow_symlinks: it is missing or no boolean",
        ),
        (
            lambda document: serialization(document).update(ignore_paths=["sub"]),
            "$.predicate.serialization.ignore_paths: 'sub/part-1.bin' is listed and ignored at once",
        ),
        (
            lambda document: document.update(predicateType="https://slsa.dev/provenance/v1"),
            "$.predicateType: 'https://slsa.dev/provenance/v1' is not https://model_signing/signature/v1.0",
        ),
        (
            lambda document: document.update(predicateType="https://model_signing/Digests/v0.1"),
            "$.predicateType: made by model_signing 0.2, an experiment before the standard; sign it again",
        ),
    ],
)
def test_statements_that_are_refused(change, fault):
    assert fault_of(rooted(change)) == fault


def test_the_root_digest_is_computed_again():
    data = changed(lambda document: resources(document)[0].update(digest="d" * 64))

    assert fault_of(data) == "$.subject[0].digest: it is not the digest of the files listed"


def test_the_root_alone_binds_no_names():
    # Why files are compared by name: another name in the same place keeps the root.
    renamed = [("adapter_model.safetensorz", "a" * 64), *FILES[1:]]

    assert read_manifest(make_statement("bot", renamed)).root == read_manifest(make_statement("bot", FILES)).root


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "$: not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "$: it is missing or no object"),
        (b'{"_type": 1, "_type": 2}', "$: the key '_type' stands twice in one object"),
        (b'{"x": NaN}', "$: NaN is not JSON"),
        (b"\xff", "$: not UTF-8 at byte 0"),
        (b"[" * 100_000, "$: nested too deeply"),
    ],
)
def test_bytes_that_are_no_statement(data, fault):
    assert fault_of(data) == fault


def test_other_predicates_are_read_for_their_subjects():
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}, {"name": "b", "digest": {"gitCommit": "1" * 40}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {}},
    }
    statement = read_statement(codec.canonical_bytes(document))

    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    assert statement.subjects == (("a", {"sha256": "0" * 64}), ("b", {"gitCommit": "1" * 40}))
    assert statement.manifest is None
    assert read_statement(make_statement("bot", FILES)).predicate_type == OMS_PREDICATE


@pytest.mark.parametrize("files", [[], [("../x", "a" * 64)], [("x", "short")], [("x", "a" * 64), ("x", "b" * 64)]])
def test_nothing_is_signed_that_nobody_would_accept(files):
    with pytest.raises((SignatureMalformedError, ValueError)):
        make_statement("bot", files)
