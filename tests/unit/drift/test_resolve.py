from __future__ import annotations

import datetime as dt

import pytest

from ftlineage.drift.journal import Journal
from ftlineage.drift.locking import Ref
from ftlineage.drift.resolve import PATIENCE, WORKERS, ask_all, hub_file, resolve_all
from ftlineage.errors import HubUnreachableError, RepositoryNotFoundError
from ftlineage.hashing.git import object_id
from ftlineage.sources.hub_cache import HubFile
from tests.unit.drift.lock_sample import answer

REF = Ref("model", "tiny-corp/base", "main")


def test_an_answer_holds_commit_date_access_and_digests(hub):
    hub.create_repo("tiny-corp/base", gated="manual")
    sha = hub.commit("tiny-corp/base", {"config.json": "{}", "model.safetensors": "w"})
    asked = resolve_all([REF])
    found = asked.answers[REF]
    assert (found.sha, found.committed_at, found.gated, found.private) == (sha, "2026-01-01T00:02:00Z", True, False)
    by_path = {fact.path: fact for fact in found.files}
    assert by_path["config.json"][1:] == (2, f"git:{object_id('blob', b'{}')}")
    assert by_path["model.safetensors"].digest.startswith("sha256:")
    assert hub_file(by_path["config.json"]) == HubFile(path="config.json", size=2, blob_id=object_id("blob", b"{}"))


def test_what_is_missing_is_told_from_what_nobody_knows(hub):
    hub.commit("tiny-corp/base", {"a": "a"})
    refs = [
        REF._replace(revision="v9"),
        REF._replace(repo="tiny-corp/none"),
        Ref("model", "no such/name/at all", "main"),
    ]
    asked = resolve_all(refs)
    assert (set(asked.missing), asked.failed) == (set(refs), {})
    hub.faults.status("/api/", 404)
    asked = resolve_all([REF])
    assert (asked.missing, list(asked.failed)) == ({}, [REF])


def test_a_hub_that_is_down_is_not_asked_thousands_of_times():
    calls = []

    def ask(number):
        calls.append(number)
        raise HubUnreachableError(repo=str(number), endpoint="there", cause="refused")

    asked = ask_all(range(2000), ask)
    assert len(asked.failed) == 2000
    assert PATIENCE <= len(calls) <= PATIENCE + 4 * WORKERS


def test_failures_of_repositories_do_not_stop_the_rest():
    def ask(number):
        if number % 2:
            raise HubUnreachableError(repo=str(number), endpoint="there", cause="refused")
        return number

    asked = ask_all(range(PATIENCE), ask)
    assert sorted(asked.answers) == [0, 2, 4, 6]
    assert sorted(asked.failed) == [1, 3, 5, 7]


def test_a_bug_is_not_swallowed():
    def ask(_number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_all([1], ask)


def test_a_401_without_the_hubs_own_word_says_nothing(hub):
    hub.faults.status("/api/", 401)
    asked = resolve_all([REF])
    assert list(asked.failed) == [REF]
    assert not isinstance(asked.failed[REF], RepositoryNotFoundError)


# --- the journal ---------------------------------------------------------------------------------

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)


def journal(folder, *, endpoint="https://hub.example", now=NOON):
    return Journal(folder / "ftlineage.lock", endpoint, folder=folder, now=now)


def test_answers_are_kept_for_an_hour_for_one_lock_and_one_hub(tmp_path):
    kept = answer(resolved_at="2026-11-02T11:59:00Z")
    journal(tmp_path).add(REF, kept)
    journal(tmp_path).add(REF._replace(revision="v1"), answer(resolved_at="2026-11-02T10:30:00Z"))
    journal(tmp_path).add(REF._replace(revision="v2"), answer(resolved_at="2026-11-02T12:30:00Z"))
    assert journal(tmp_path).load() == {REF: kept}
    assert journal(tmp_path, endpoint="https://other.example").load() == {}
    assert journal(tmp_path, now=NOON + dt.timedelta(hours=2)).load() == {}
    journal(tmp_path).drop()
    assert journal(tmp_path).load() == {}


def test_half_a_line_spoils_only_itself(tmp_path):
    one = journal(tmp_path)
    one.add(REF, answer(resolved_at="2026-11-02T11:59:00Z"))
    with one.path.open("ab") as stream:
        stream.write(b'\n{"ref":["model","x/y","ma')
    one.add(REF._replace(revision="v1"), answer(resolved_at="2026-11-02T11:59:00Z"))
    assert list(one.load()) == [REF, REF._replace(revision="v1")]


def test_a_journal_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "locking").write_text("a file where a folder should be")
    one = journal(tmp_path)
    one.add(REF, answer())
    assert one.load() == {}


def test_answers_of_the_journal_are_not_asked_for_again(hub, tmp_path):
    kept = answer(resolved_at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    one = Journal(tmp_path / "ftlineage.lock", hub.endpoint, folder=tmp_path)
    one.add(REF, kept)
    assert resolve_all([REF], journal=one).answers == {REF: kept}
    assert len(hub.requests) == 0
