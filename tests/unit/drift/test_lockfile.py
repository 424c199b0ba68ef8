from __future__ import annotations

import tomllib

import pytest

from ftlineage.drift.classify import DriftClass, FileFact, file_class
from ftlineage.drift.errors import LockMalformedError, LockMissingError, LockTooNewError
from ftlineage.drift.lockfile import (
    MOST_LISTED,
    Lock,
    from_text,
    group_files,
    make_lock,
    read_lock,
    require_writable,
    to_text,
    write_lock,
)
from tests.unit.drift.lock_sample import A, B, entry

HEAD = 'ftlineage = "1"\n'
GOOD = f"""\
[[reference]]
kind = "model"
id = "tiny-corp/base"
sha = "{A}"
resolved_at = "2026-10-01T08:00:00Z"
"""


def test_the_text_is_in_one_order_whatever_order_the_entries_came_in():
    entries = [
        entry("tiny-corp/z"),
        entry("tiny-corp/a", wished="v2"),
        entry("tiny-corp/a", kind="tokenizer"),
        entry("tiny-corp/a", used=("b.py:10", "b.py:9", "a.py:30", "b.py:9")),
    ]
    text = to_text(Lock(entries=tuple(entries)))
    assert to_text(make_lock(reversed(entries))) == text
    listed = tomllib.loads(text)["reference"]
    assert [(one["id"], one["kind"], one.get("wished")) for one in listed] == [
        ("tiny-corp/a", "model", None),
        ("tiny-corp/a", "model", "v2"),
        ("tiny-corp/a", "tokenizer", None),
        ("tiny-corp/z", "model", None),
    ]
    assert listed[0]["used"] == ["a.py:30", "b.py:9", "b.py:10"]


def test_a_new_reference_only_adds_lines():
    before = to_text(make_lock([entry("tiny-corp/a"), entry("tiny-corp/c")])).splitlines()
    after = to_text(make_lock([entry("tiny-corp/a"), entry("tiny-corp/b"), entry("tiny-corp/c")])).splitlines()
    rest = iter(after)
    assert all(line in rest for line in before)


def test_files_stand_under_the_class_of_their_change_mildest_first():
    facts = [
        FileFact("model.safetensors", 5, f"sha256:{'0' * 64}"),
        FileFact("README.md", None, f"git:{B}"),
        FileFact("config.json", 2, f"git:{A}"),
    ]
    files, folded = group_files(facts, "model")
    assert list(files) == [DriftClass.DOCS, DriftClass.CONFIG, DriftClass.WEIGHTS]
    assert files[DriftClass.DOCS] == {"README.md": f"git:{B}"}
    assert folded == {}
    assert sorted(entry(files=files).facts()) == sorted(facts)


def test_a_class_with_too_many_files_is_one_digest():
    facts = [FileFact(f"{number}.parquet", number, f"sha256:{number:064x}") for number in range(MOST_LISTED + 1)]
    files, folded = group_files([*facts, FileFact("README.md", 1, f"git:{A}")], "dataset")
    assert list(files) == [DriftClass.DOCS]
    assert folded[DriftClass.DATA].endswith(f" {MOST_LISTED + 1} files")
    one = entry("tiny-corp/rows", kind="dataset", files=files, folded=folded)
    assert from_text(to_text(make_lock([one])).encode()).entries == (one,)


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("", "ftlineage", "expected a format such as '1'"),
        ("ftlineage = 1\n", "ftlineage", "expected a format such as '1'"),
        ("nonsense", "its TOML", "Expected '=' after a key"),
        (HEAD + "more = 1\n", "more", "there is no such key in this format"),
        (HEAD + GOOD + 'colour = "red"\n', "reference[0].colour", "there is no such key in this format"),
        (HEAD + "reference = 3\n", "reference", "expected a list of tables"),
        (HEAD + "reference = [3]\n", "reference[0]", "expected `object`, got `int`"),
        (HEAD + GOOD.replace(A, "main"), "reference[0].sha", "expected `str` matching regex"),
        (HEAD + GOOD.replace(A, A + "\\n"), "reference[0].sha", "expected `str` matching regex"),
        (HEAD + GOOD.replace("2026-10-01T08:00:00Z", "today"), "reference[0].resolved_at", "expected `str` matching"),
        (HEAD + GOOD.replace("tiny-corp/base", "../../etc"), "reference[0].id", "expected `str` matching regex"),
        (HEAD + GOOD.replace('"model"', '"thing"'), "reference[0].kind", "invalid enum value 'thing'"),
        (HEAD + GOOD + 'used = ["train.py"]\n', "reference[0].used[0]", "expected `str` matching regex"),
        (HEAD + GOOD + "\n" + GOOD, "reference[1]", "two entries answer the same kind, id and wish"),
        (
            HEAD + GOOD + "[reference.files.weights]\na = 'md5:1'\n",
            "reference[0].files[...][...]",
            "expected `str` match",
        ),
        (HEAD + GOOD + "[reference.files.colour]\n", "reference[0].files", "invalid enum value 'colour'"),
    ],
)
def test_a_malformed_lock_names_the_place(text, where, reason):
    with pytest.raises(LockMalformedError) as caught:
        from_text(text.encode())
    assert caught.value.where == where
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (HEAD.encode() + b"a = " + b"[" * 100_000, "nested too deeply"),
        (HEAD.encode() + b"a = " + b"9" * 10_000, "Exceeds the limit"),
    ],
)
def test_hostile_bytes_are_refused(data, reason):
    with pytest.raises(LockMalformedError, match=reason):
        from_text(data)


def test_a_later_major_is_refused_and_a_later_minor_is_read_but_never_written(tmp_path):
    with pytest.raises(LockTooNewError) as caught:
        from_text(b'ftlineage = "2"\nentries = []\n')
    assert str(caught.value) == (
        "ftlineage.lock has format 2, this ftlineage reads up to 1. Upgrade: pip install --upgrade ftlineage"
    )
    later = from_text(('ftlineage = "1.3"\nsigned = true\n' + GOOD + 'colour = "red"\n').encode())
    assert later.entries[0].sha == A
    with pytest.raises(LockTooNewError, match=r"has format 1\.3, this ftlineage writes up to 1"):
        require_writable(tmp_path, later)


def test_a_lock_on_disk_is_written_whole_and_only_if_it_differs(tmp_path):
    path = tmp_path / "ftlineage.lock"
    with pytest.raises(LockMissingError, match=r"there is no such lock file\. Make it: ftlineage lock"):
        read_lock(path)
    lock = make_lock([entry()])
    assert write_lock(path, lock) is True
    state = path.stat()
    assert write_lock(path, lock) is False
    assert path.stat().st_mtime_ns == state.st_mtime_ns
    assert read_lock(path) == lock
    path.write_bytes(b"")
    with pytest.raises(LockMalformedError):
        read_lock(path)


def test_the_class_on_record_is_that_of_the_rules():
    one = entry()
    assert all(file_class(path, kind=one.kind) is class_ for class_, listed in one.files.items() for path in listed)
