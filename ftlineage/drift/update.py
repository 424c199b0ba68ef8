"""Moving locked references to where they point now, on purpose and not before they are old enough.

Decides for one id the same commit in all its entries of one wish, so that a model and its tokenizer
move together. With a minimum age the newest commit that is old enough is taken, never one behind the
locked one. Left alone: entries locked by a commit alone, which name nothing that could move.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ftlineage.core.words import parse_time
from ftlineage.drift.classify import Drift
from ftlineage.drift.lockfile import Entry, Lock, make_lock
from ftlineage.drift.locking import Answer, Ref, Want, make_entry
from ftlineage.drift.moved import compare_files
from ftlineage.drift.resolve import Asked, ask_all, resolve, resolve_all
from ftlineage.sources.hub import TIMEOUT
from ftlineage.sources.hub_history import History, list_commits


class Updated(NamedTuple):
    """One entry that moved: before, after, and what that changes."""

    before: Entry
    after: Entry
    drift: Drift


class Newest(NamedTuple):
    """Where wishes stand: ``asked`` what may be taken, ``waiting`` heads that are too young, each commit by wish."""

    asked: Asked[Ref, Answer]
    waiting: dict[Ref, str]


def movable(lock: Lock, ids: Collection[str] = ()) -> list[Entry]:
    """The entries to look at: all, or those of some ids, without those locked by a commit alone."""
    return [entry for entry in lock.entries if (not ids or entry.id in ids) and entry.wished != entry.sha]


def ref_of(entry: Entry) -> Ref:
    """What an entry follows."""
    return Want(entry.key, None, ()).ref


def newest(entries: Iterable[Entry], *, min_age: dt.timedelta, now: dt.datetime, timeout: float = TIMEOUT) -> Newest:
    """Where each entry's wish stands now, or stood ``min_age`` ago; raises nothing."""
    listed = list(entries)
    heads = resolve_all({ref_of(entry) for entry in listed}, timeout=timeout)
    if not min_age:
        return Newest(heads, {})
    locked: dict[Ref, set[str]] = {}
    for entry in listed:
        locked.setdefault(ref_of(entry), set()).add(entry.sha)
    moved = {ref: answer for ref, answer in heads.answers.items() if locked[ref] != {answer.sha}}
    older = ask_all(sorted(moved), lambda ref: _old_enough(ref, moved[ref], locked[ref], now - min_age, timeout))
    taken = {ref: answer for ref, answer in older.answers.items() if answer is not None}
    waiting = {ref: moved[ref].sha for ref, answer in older.answers.items() if answer is None or answer != moved[ref]}
    still = {ref: answer for ref, answer in heads.answers.items() if ref not in moved}
    asked = Asked({**still, **taken}, {**heads.missing, **older.missing}, {**heads.failed, **older.failed})
    return Newest(asked, waiting)


def _old_enough(ref: Ref, head: Answer, locked: Collection[str], before: dt.datetime, timeout: float) -> Answer | None:
    """The answer for the newest commit that is old enough; None where that is the one that is locked."""
    history = list_commits(
        ref.repo,
        head.sha,
        repo_type=ref.repo_type,
        until=lambda mark: mark.sha in locked or _is_old(mark.date, before),
        timeout=timeout,
    )
    sha = choose(history, locked, before)
    if sha == head.sha:
        return head
    return None if sha is None or set(locked) == {sha} else resolve(ref._replace(revision=sha), timeout)


def choose(history: History, locked: Collection[str], before: dt.datetime) -> str | None:
    """The newest commit made before a time, or a locked one where that is newer; None where there is neither.

    Args:
        history: Commits, newest first, down to a locked one or one old enough.
        locked: Commits that are held already.
        before: Younger commits are not taken; one without a date counts as young.
    """
    return next((mark.sha for mark in history.commits if mark.sha in locked or _is_old(mark.date, before)), None)


def _is_old(date: str | None, before: dt.datetime) -> bool:
    at = parse_time(date)
    return at is not None and at <= before


def apply(lock: Lock, entries: Collection[Entry], answers: Mapping[Ref, Answer]) -> tuple[Lock, list[Updated]]:
    """The lock with entries at the commits of the answers; one at its commit already stays as it is, dates too."""
    moved: list[Updated] = []
    for entry in entries:
        answer = answers.get(ref_of(entry))
        if answer is None or answer.sha == entry.sha:
            continue
        after = make_entry(Want(entry.key, None, entry.used), answer)
        drift = compare_files(entry.facts(), entry.folded, answer.files, kind=entry.kind)
        moved.append(Updated(entry, after, drift))
    replaced = {one.before.key: one.after for one in moved}
    return make_lock([replaced.get(entry.key, entry) for entry in lock.entries], lock.pins), moved
