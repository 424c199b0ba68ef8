"""What each rule means and asks for, in a sentence or two: the same in SARIF and on the page."""

from __future__ import annotations

from ftlineage.drift.revision import Rule

PAGE = "https://github.com/ftlineage/ftlineage/blob/main/docs/scan.md"

HELP: dict[Rule, str] = {
    "FLOAT001": (
        "No revision is named, so each load takes whatever the default branch is by then, and a change upstream "
        "changes behaviour here without a change of code. Name a full commit id."
    ),
    "FLOAT002": "The revision is a branch, and branches move. Name a full commit id.",
    "FLOAT003": "The revision is a tag, and tags on the Hub can be moved or made again. Name a full commit id.",
    "FLOAT004": (
        "The revision is a commit id cut short. The Hub resolves it as a name, a branch can have the same one, and "
        "clients do not treat it as a commit. Write all 40 digits."
    ),
    "FLOAT005": "The revision is a pull-request reference, which its author can change. Name a full commit id.",
    "FLOAT006": (
        "Code of the repository runs here (trust_remote_code and its like) while the revision can move, so whoever can "
        "push there can run code here. Name the commit that was read."
    ),
    "FLOAT007": (
        "adapter_config.json names the base without a commit, so loaders put the adapter on whatever the base is by "
        "then. Write the commit it was trained on as revision."
    ),
    "FLOAT008": (
        "The same repository is pinned in one place and floats in another, so the two can load different files. "
        "Pin both to one commit."
    ),
    "FLOAT009": (
        "The commit in this file is not the one that ftlineage.lock holds for the repository. Lock again, or pin what "
        "the lock says."
    ),
    "FLOAT010": (
        "The comment beside the commit names another ref than ftlineage.lock holds for that commit, so one of them is "
        "wrong. Lock again, or correct the comment."
    ),
}
