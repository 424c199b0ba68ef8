"""``ftlineage push``: a verified version to the Hub, as one commit that holds what was verified."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.cli.report import tell
from ftlineage.cli.target import folder_of
from ftlineage.core import codec, words
from ftlineage.core.card import CARD_NAME, Card, read_card
from ftlineage.core.digest import is_commit_sha, sha256_hex
from ftlineage.core.finding import Report
from ftlineage.core.layout import CLAIMS_NAME, README_NAME, SIGNATURE_NAME
from ftlineage.core.refs import HUB, HubRef, is_repo
from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    CardMalformedError,
    CardTooNewError,
    StorageError,
    UndecidedError,
)
from ftlineage.sources.hub import HubCommit
from ftlineage.sources.hub_push import PushPlan, Upload

# hf_xet has timeouts of its own: a store that answers 500 was asked for 4 minutes (hf_xet 1.8).
_XET_PATIENCE = {"HF_XET_CLIENT_RETRY_MAX_DURATION": "60s"}


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: where the version is now, and what the commit did."""

    ok: bool
    verdict: str
    target: str
    card: str
    commit: str
    changed: bool
    uploaded: list[str]
    deleted: list[str]


@verb(
    "ftlineage push out/support-bot org/support-bot",
    "ftlineage push out/support-bot org/support-bot --create --private --message 'Retrained on March'",
)
@click.argument("folder", metavar="DIR")
@click.argument("repo", metavar="ORG/REPO")
@click.option("--branch", default="main", show_default=True, metavar="NAME", help="The branch that gets the commit.")
@click.option("--create", is_flag=True, help="Make the repository if there is none.")
@click.option("--private", is_flag=True, help="Make it private.")
@click.option("--message", metavar="TEXT", help="Title of the commit.")
def push(out: Output, folder: str, repo: str, *, branch: str, create: bool, private: bool, message: str | None) -> int:
    """Publish the version in DIR as one commit of a repository on the Hub.

    DIR is verified first, and the commit afterwards by the Hub's own digests. The commit holds the
    files of the card, the card, its signature and claims, and the repository's README with one
    generated block. It is made only if nobody else committed meanwhile.

    Exits with 0 if the version is on the Hub, 1 if it does not verify (nothing is written then),
    2 if the command line is wrong, and 3 if the Hub cannot be asked.
    """
    repo = _checked(repo, branch, create=create, private=private)
    for name, value in _XET_PATIENCE.items():
        os.environ.setdefault(name, value)
    from ftlineage.sources.hub_push import open_repository, plan_push, send
    from ftlineage.verify.runner import verify

    here = folder_of(folder)
    report = verify(here)
    if not report.ok:
        out.say("Nothing was pushed: the folder does not verify.")
        return tell(report, out)
    card, uploads = _version(here, report)
    commit = open_repository(repo, branch, create=create, private=private)
    uploads.append(_readme(here, commit, card))
    plan = plan_push(uploads, commit, listed_before=_listed_there(commit))
    sha = commit.sha
    if not plan.is_empty:
        title = message or f"{words.clean(card.name)}, card {words.short(card.id)}"
        sha = send(repo, plan, branch=branch, parent=commit.sha, message=title)
    return _conclude(out, verify_there(HubRef(repo=repo, revision=sha)), plan, card)


def verify_there(at: HubRef) -> Report:
    """The verdict over the commit as the Hub holds it.

    Raises:
        UndecidedError: The Hub did not answer; the commit stands.
    """
    from ftlineage.verify.runner import verify

    try:
        return verify(str(at))
    except UndecidedError as error:
        error.hint = f"It stands there as commit {at.revision}; check that: ftlineage verify {at}"
        raise


def _checked(repo: str, branch: str, *, create: bool, private: bool) -> str:
    """The repository as ``org/name``; arguments that contradict each other are refused before anything is read."""
    name = repo.removeprefix(HUB)
    if not is_repo(name):
        hint = "For example: ftlineage push out/support-bot org/support-bot"
        raise BadArgumentError(argument=repo, reason="not of the form org/repo", hint=hint)
    if is_commit_sha(branch) or not branch.strip():
        raise BadArgumentError(argument="--branch", reason="a commit is made on a branch, such as main")
    if private and not create:
        raise BadArgumentError(argument="--private", reason="goes with --create; an existing repository stays as it is")
    return name


def _version(folder: Path, report: Report) -> tuple[Card, list[Upload]]:
    """The card and every file that goes with it, each with the bytes that were verified."""
    from ftlineage.hashing.files import real_file
    from ftlineage.hashing.held import read_whole
    from ftlineage.sources.hub_push import read_upload

    def own(name: str) -> bytes:
        return read_whole(real_file(folder / name, folder), shown=name)

    data = own(CARD_NAME)
    card = read_card(data)
    if card.id != report.card or card.body.adapter is None:
        raise StorageError(path=CARD_NAME, cause="it changed while it was verified", hint="Push again")
    uploads = [read_upload(folder, record) for record in card.body.adapter.files]
    uploads.append(Upload(path=CARD_NAME, sha256=sha256_hex(data), content=data))
    for name in (SIGNATURE_NAME, CLAIMS_NAME):
        if (folder / name).exists():
            content = own(name)
            uploads.append(Upload(path=name, sha256=sha256_hex(content), content=content))
    _refuse_more_signed(uploads)
    return card, uploads


def _refuse_more_signed(uploads: list[Upload]) -> None:
    """A signature that covers more than the version would not hold where only the version is."""
    from ftlineage.signing.claims import read_claims
    from ftlineage.signing.oms import read_bundle

    sent = {upload.path: upload.content for upload in uploads}
    signed = {}
    if isinstance(bundle := sent.get(SIGNATURE_NAME), bytes):
        signed[SIGNATURE_NAME] = [read_bundle(bundle).manifest]
    if isinstance(claims := sent.get(CLAIMS_NAME), bytes):
        signed[CLAIMS_NAME] = [claim.manifest for claim in read_claims(claims) if claim.manifest is not None]
    for place, manifests in signed.items():
        more = sorted({name for one in manifests for name, _ in one.resources} - sent.keys())
        if more:
            what = words.clean(more[0]) + (
                f" and {words.quantity(len(more) - 1, 'more file')}" if len(more) > 1 else ""
            )
            reason = f"it covers {what}, which is no part of the version, so it would not hold on the Hub"
            hint = "Move such files away and sign again: ftlineage sign DIR --key FILE --overwrite"
            raise BadInputError(path=place, reason=reason, hint=hint)


def _readme(folder: Path, commit: HubCommit, card: Card) -> Upload:
    """The page: what stands there, or else the folder's own, with the block of this card."""
    from ftlineage.export.hub_card import merge_readme
    from ftlineage.hashing.files import real_file
    from ftlineage.hashing.held import read_whole
    from ftlineage.sources.hub_read import read_hub_file

    there = next((file for file in commit.files if file.path == README_NAME), None)
    if there is not None:
        data = read_hub_file(commit, there)
    elif (folder / README_NAME).exists():
        data = read_whole(real_file(folder / README_NAME, folder), shown=README_NAME)
    else:
        data = b""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8, then push again"
        raise BadInputError(path=README_NAME, reason="it is not UTF-8", hint=hint) from error
    content = merge_readme(text, card, repo=commit.repo).encode()
    return Upload(path=README_NAME, sha256=sha256_hex(content), content=content)


def _listed_there(commit: HubCommit) -> frozenset[str]:
    """What the card that stands in the repository lists; nothing where none can be read."""
    from ftlineage.sources.hub_read import read_hub_file

    there = next((file for file in commit.files if file.path == CARD_NAME), None)
    if there is None or (there.size or 0) > codec.MAX_BYTES:
        return frozenset()
    try:
        adapter = read_card(read_hub_file(commit, there)).body.adapter
    except (CardMalformedError, CardTooNewError):
        return frozenset()
    return frozenset(file.path for file in adapter.files) if adapter is not None else frozenset()


def _conclude(out: Output, there: Report, plan: PushPlan, card: Card) -> int:
    """Say where the version is, or what is wrong with what is there now."""
    if not there.ok:
        out.say(f"{there.target} does not verify: the commit stands, and must not be served.")
        return tell(there, out)
    repo, _, sha = there.target.partition("@")
    done = Pushed(
        ok=True,
        verdict="ok",
        target=there.target,
        card=card.id,
        commit=sha,
        changed=not plan.is_empty,
        uploaded=[upload.path for upload in plan.uploads],
        deleted=list(plan.deletes),
    )
    if out.json:
        out.document(codec.builtins(done))
    elif out.quiet:
        out.text(sha)
    else:
        for line in _sentences(done, repo, card):
            out.text(line)
        out.say(f"Next: ftlineage verify {there.target}")
    return 0


def _sentences(done: Pushed, repo: str, card: Card) -> Iterable[str]:
    name = words.clean(card.name)
    if not done.changed:
        yield f"Nothing to push: {repo} holds {name} {words.short(done.card)} already, as commit {done.commit}."
        return
    files = words.quantity(len(done.uploaded), "file")
    gone = f" and deleted {words.quantity(len(done.deleted), 'file')}" if done.deleted else ""
    yield f"Pushed {name} {words.short(done.card)} to {repo}: wrote {files}{gone} in commit {done.commit}."
