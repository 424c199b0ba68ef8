"""``git clone https://huggingface.co/org/name``, and the commit that is checked out after it."""

from __future__ import annotations

import re
from collections.abc import Callable

from ftlineage.drift.commands.line import read_line
from ftlineage.drift.commands.match import Command
from ftlineage.drift.commands.sights import Sight
from ftlineage.drift.commands.urls import HOSTS
from ftlineage.drift.reference import Kind, Slot

_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
_REMOTE = re.compile(
    rf"(?:https?://(?:[^@/\s]{{1,200}}@)?{HOSTS}/|(?:ssh://)?git@{HOSTS}[:/])(?P<folder>datasets/|spaces/)?"
    rf"(?P<ref>{_NAME}(?:/{_NAME})?)/?"
)
_KINDS: dict[str | None, Kind] = {"datasets/": "dataset", "spaces/": "space"}
_SWITCHES = frozenset(
    ["single_branch", "no_checkout", "bare", "mirror", "q", "quiet", "recursive", "progress", "verbose", "n"]
)
_WHY = "git clone takes the head of a branch: check the commit out behind it"


def cloned(command: Command) -> Sight | None:
    """The repository that a `git clone` of the Hub brings."""
    words = [argument.text for argument in command.args]
    if "clone" not in words[:4] and words[1:3] != ["submodule", "add"]:
        return None
    line = read_line(command.args[words.index("clone") if "clone" in words else 2 :], _SWITCHES)
    for argument in line.words:
        value = argument.values[0]
        found = _REMOTE.fullmatch(value.text.removesuffix(".git"))
        if found is None:
            continue
        kind = _KINDS.get(found["folder"], "model")
        sight = Sight(ref=found["ref"], kind=kind, at=value.at(found.start("ref")), via="git clone")
        flag = next((line.named[name] for name in ("revision", "branch", "b") if name in line.named), None)
        if flag is None or flag.value is None:
            return sight._replace(unpinnable=_WHY)
        given = flag.value.values[0]
        return sight._replace(revision=given.text, revision_known=given.is_known, unpinnable=_WHY)
    return None


def checked_out(command: Command) -> Callable[[Sight], Sight] | None:
    """What a `git checkout` or `git reset --hard` after the clone makes of it."""
    words = [argument.text for argument in command.args]
    verb = next((word for word in words[1:5] if word in {"checkout", "reset", "switch"}), None)
    if verb is None:
        return None
    behind = command.args[words.index(verb) + 1 :]
    given = next((argument.values[0] for argument in behind if not argument.text.startswith("-")), None)
    if given is None or "--" in words:
        return None
    place = Slot(key="git checkout", start=given.at(0), end=given.after(len(given.text)))

    def at(sight: Sight) -> Sight:
        known = given.is_known
        return sight._replace(
            revision=given.text if known else None, revision_known=known, slot=place if known else None, unpinnable=None
        )

    return at
