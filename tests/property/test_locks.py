"""Locks of any content: written and read back they are the same, and drift depends on digests alone."""

from __future__ import annotations

import contextlib
import string
import typing

from hypothesis import given
from hypothesis import strategies as st

from ftlineage.drift.classify import DriftClass, FileFact, classify, file_class
from ftlineage.drift.errors import LockMalformedError, LockTooNewError
from ftlineage.drift.lockfile import Entry, from_text, group_files, make_lock, to_text
from ftlineage.drift.moved import compare_files
from ftlineage.drift.reference import Kind

HEX = "0123456789abcdef"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NAME = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(typing.get_args(Kind))
DIGEST = st.one_of(
    st.text(HEX, min_size=64, max_size=64).map("sha256:{}".format),
    st.text(HEX, min_size=40, max_size=40).map("git:{}".format),
)
NAMES = st.one_of(
    TEXT, st.sampled_from(["README.md", "config.json", "model.safetensors", "tokenizer.json", "a.py", "x.parquet"])
)
FACT = st.builds(FileFact, NAMES, st.one_of(st.none(), st.integers(0, 10**12)), DIGEST)
FACTS = st.lists(FACT, max_size=6, unique_by=lambda fact: fact.path)
MOMENT = st.datetimes().map(lambda at: at.strftime(f"{at.year:04}-%m-%dT%H:%M:%SZ"))
PLACE = st.tuples(TEXT, st.integers(1, 10**6)).map(lambda pair: f"{pair[0]}:{pair[1]}")


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(KINDS)
    files, folded = group_files(draw(FACTS), kind)
    if draw(st.booleans()):
        folded = {DriftClass.DATA: f"sha256:{draw(st.text(HEX, min_size=64, max_size=64))} 1234 files"}
    return Entry(
        kind=kind,
        id=draw(st.one_of(NAME, st.tuples(NAME, NAME).map("/".join))),
        wished=draw(
            st.one_of(
                st.none(),
                st.text(
                    st.characters(min_codepoint=33, exclude_characters="\x7f", exclude_categories=["Cs"]),
                    min_size=1,
                    max_size=20,
                ),
            )
        ),
        sha=draw(st.text(HEX, min_size=40, max_size=40)),
        committed_at=draw(st.one_of(st.none(), MOMENT)),
        resolved_at=draw(MOMENT),
        private=draw(st.booleans()),
        gated=draw(st.booleans()),
        used=tuple(
            sorted(
                set(draw(st.lists(PLACE, max_size=4))),
                key=lambda one: (one.rpartition(":")[0], int(one.rpartition(":")[2])),
            )
        ),
        files=files,
        folded=folded,
    )


@given(st.lists(entries(), max_size=5, unique_by=lambda one: one.key))
def test_a_lock_that_is_written_reads_back(listed):
    lock = make_lock(listed)
    text = to_text(lock)
    assert from_text(text.encode()) == lock
    assert to_text(from_text(text.encode())) == text
    assert to_text(make_lock(reversed(listed))) == text


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(data):
    for tried in (data, b'ftlineage = "1"\n' + data):
        with contextlib.suppress(LockMalformedError, LockTooNewError):
            from_text(tried)


@given(FACTS, KINDS, st.randoms(use_true_random=False))
def test_drift_depends_on_paths_and_digests_alone_and_through_the_lock_it_is_the_same(facts, kind, random):
    files, folded = group_files(facts, kind)
    now = [fact for fact in facts if random.random() < 0.7]
    now = [fact._replace(digest=f"git:{'0' * 40}") if random.random() < 0.3 else fact for fact in now]
    random.shuffle(now)
    kept = Entry(kind=kind, id="a/b", sha="0" * 40, resolved_at="2026-01-01T00:00:00Z", files=files, folded=folded)
    expected = classify(facts, now, kind=kind)
    assert compare_files(kept.facts(), kept.folded, now, kind=kind) == expected
    changed = {file.path for file in expected.files}
    assert changed == {fact.path for fact in set(facts) ^ set(now)}
    assert expected.class_ == max(
        (file_class(path, kind=kind) for path in changed), key=lambda one: one.rank, default=DriftClass.NONE
    )
