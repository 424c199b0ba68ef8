from __future__ import annotations

import calendar
import os
import time

import pytest

from ftlineage.errors import BadInputError
from ftlineage.signing.sshsig import NAMESPACE
from ftlineage.signing.trust import allowed_signers_line, matches, parse_time, read_trust
from ftlineage.signing.wire import WireError
from tests import keys

KEY = keys.public("ed25519")
OTHER = keys.public("ed25519-other")


def read(text: str):
    return read_trust(text.encode(), shown="signers")


def note(line: str) -> str:
    """What is said about one bad line beside a good one."""
    trust = read(f"{line}\nalice@example.com {KEY.line}\n")
    assert [key.principals for key in trust.keys] == ["alice@example.com"]
    assert len(trust.notes) == 1
    return trust.notes[0]


def test_lines_with_names_options_and_comments():
    trust = read(
        f"# who may sign\n\n"
        f"alice@example.com,bob@example.com {KEY.line} a comment\n"
        f'\t*@example.com  NAMESPACES="file,lineage@*",valid-after="20260101Z",valid-before="202612312359Z" '
        f"{OTHER.line}\r\n"
        f'"carol d@example.com" {KEY.line}\n'
    )

    assert [(key.principals, key.key, key.namespaces, key.line) for key in trust.keys] == [
        ("alice@example.com,bob@example.com", KEY, None, 3),
        ("*@example.com", OTHER, "file,lineage@*", 4),
        ("carol d@example.com", KEY, None, 5),
    ]
    assert trust.keys[1].valid_after == calendar.timegm((2026, 1, 1, 0, 0, 0))
    assert trust.keys[1].valid_before == calendar.timegm((2026, 12, 31, 23, 59, 0))
    assert trust.notes == ()


def test_the_line_we_print_is_the_line_we_read():
    trust = read(allowed_signers_line("alice@example.com", KEY))

    assert (trust.keys[0].principals, trust.keys[0].namespaces, trust.keys[0].key) == (
        "alice@example.com",
        NAMESPACE,
        KEY,
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"ca cert-authority {KEY.line}", "certificate authorities are not supported; list the signers' own keys"),
        (KEY.line, "it begins with a key; the signer's name (alice@example.com) stands before it"),
        ("bob", "the option '' is not known"),
        ("bob ssh-ed25519", "the key is missing"),
        ("bob ssh-ed25519 AAAA", "it is cut off"),
        (f"bob no-touch {KEY.line}", "the option 'no-touch' is not known"),
        (f"bob namespaces=file {KEY.line}", "the option namespaces needs a value in double quotes"),
        (f'bob cert-authority="x" {KEY.line}', "the option cert-authority takes no value in double quotes"),
        (f'bob namespaces="a",namespaces="b" {KEY.line}', "the option namespaces stands twice"),
        (f'bob namespaces="a", {KEY.line}', "the option '' is not known"),
        (f'bob valid-before="soon" {KEY.line}', "'soon' is no time such as 20271231 or 20271231235959Z"),
        (
            f'bob valid-after="20270101Z",valid-before="20260101Z" {KEY.line}',
            "valid-before is not after valid-after",
        ),
        (f'"bob {KEY.line}', "the list of principals has no closing quote"),
    ],
)
def test_lines_that_are_not_trusted(line, reason):
    assert note(line) == f"signers, line 1: {reason}"


def test_public_keys_as_pem_are_named_after_their_file():
    trust = read_trust(keys.pem("p256") + b"\n" + keys.pem("ed25519"), shown="trusted/release.pem")

    assert [(key.principals, key.key) for key in trust.keys] == [
        ("release.pem", keys.public("p256")),
        ("release.pem", keys.public("ed25519")),
    ]


def test_other_pem_blocks_are_noted():
    block = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    broken = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    trust = read_trust(block + broken + keys.pem("p256"), shown="k.pem")

    assert len(trust.keys) == 1
    assert trust.notes == (
        "k.pem, block 1: a block of the kind CERTIFICATE is not supported; give public keys",
        "k.pem, block 2: the PEM block holds no public key",
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"# nobody yet\n", "it is empty"),
        (b"\xff\xfe", "it is neither an allowed_signers file nor PEM"),
        (b"bob ssh-ed25519 AAAA", "it holds no key that can be used; s, line 1: it is cut off"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "it holds a private key, which nobody should share"),
        (b"x" * (4 * 1024 * 1024 + 1), "4194305 bytes, too large for a list of trusted keys"),
    ],
)
def test_files_that_nobody_can_be_trusted_by(data, reason):
    with pytest.raises(BadInputError) as caught:
        read_trust(data, shown="s")

    assert (caught.value.path, caught.value.reason) == ("s", reason)


@pytest.mark.parametrize(
    ("text", "patterns", "expected"),
    [
        ("a@b", "a@b", True),
        ("a@b", "A@b", False),
        ("a@b", "*@b", True),
        ("a@b", "?@b", True),
        ("aa@b", "?@b", False),
        ("a@b", "x,*@b", True),
        ("a@b", "*,!a@b", False),
        ("a@b", "!c@b", False),
        ("", "*", True),
        ("", "?", False),
        ("abc", "a*c*", True),
        ("abcd", "a*c", False),
        ("a[b]", "a[b]", True),
    ],
)
def test_patterns(text, patterns, expected):
    assert matches(text, patterns) is expected


def test_a_pattern_cannot_stall_a_gate():
    begun = time.perf_counter()

    assert not matches("a" * 2000, "a*" * 200 + "b")
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260203Z", (2026, 2, 3, 0, 0, 0)),
        ("202602030405Z", (2026, 2, 3, 4, 5, 0)),
        ("20260203040506z", (2026, 2, 3, 4, 5, 6)),
        ("20260203040506UTC", (2026, 2, 3, 4, 5, 6)),
        ("20260230Z", (2026, 3, 2, 0, 0, 0)),
    ],
)
def test_times_in_utc(text, expected):
    assert parse_time(text) == calendar.timegm(expected)


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(os.name != "posix", reason="the zone of a process cannot be set")
@pytest.mark.usefixtures("berlin")
def test_times_without_z_are_local_and_know_no_summer():
    assert parse_time("20260101") == calendar.timegm((2025, 12, 31, 23, 0, 0))
    assert parse_time("20260701") == calendar.timegm((2026, 6, 30, 23, 0, 0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "202601",
        "2026-01-01",
        "20261301Z",
        "20260100Z",
        "2026010125Z",
        "19700101Z",
        "00000101Z",
        "00010101",
        "19000101",
    ],
)
def test_what_is_no_time(text):
    with pytest.raises(WireError):
        parse_time(text)
