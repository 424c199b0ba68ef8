"""What a file writes: names under which it saves models, ids to which it uploads.

What it saves under a bare name and loads again is local; what it only uploads is nobody's reference.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from ftlineage.drift.python.calls import dotted
from ftlineage.drift.python.emit import Findings
from ftlineage.drift.python.evaluate import Evaluator
from ftlineage.drift.python.scope import Place
from ftlineage.drift.python.values import Text

TOKENS = ("save_pretrained", "output_dir", "save_model(", "save_dir", "save_path", "save_to_disk", "push_to_hub(",
          "create_repo(", "upload_", "hub_model_id")  # fmt: skip
_FOLDERS = frozenset({"output_dir", "save_dir", "save_directory", "save_path"})
_TARGETS = frozenset({"hub_model_id", "hub_repo_id", "push_to_hub_model_id"})
_UPLOAD = re.compile(
    r"push_.*|.*_push|upload.*|create_(repo|commit|branch|tag|collection|model_card|pull_request)|delete_.*"
    r"|update_repo.*|move_repo|save_to_hub|add_space_.*|.*_to_hub"
)


def is_upload(name: str) -> bool:
    """Whether a call of this name writes to the Hub."""
    return _UPLOAD.fullmatch(name) is not None


def note_written(ev: Evaluator, findings: Findings, nodes: Iterable[tuple[ast.expr, Place]]) -> None:
    """Note what the calls among some nodes write, and what options and fields are named for it."""
    for node, place in nodes:
        if isinstance(node, ast.Call):
            _note(ev, findings, node, place)
    for name in _FOLDERS:
        for default, place in ev.file.options.get(name, ()):
            _save(ev, findings, default, place)


def _note(ev: Evaluator, findings: Findings, call: ast.Call, place: Place) -> None:
    name = dotted(call.func).rpartition(".")[2]
    if name.startswith(("save_pretrained", "save_model", "save_to_disk")) and call.args:
        _save(ev, findings, call.args[0], place)
    uploads = is_upload(name)
    for one in call.keywords:
        if one.arg in _FOLDERS:
            _save(ev, findings, one.value, place)
        elif uploads or one.arg in _TARGETS:
            _silence(ev, findings, one.value, place)
    for node in call.args if uploads else ():
        _silence(ev, findings, node, place)


def _save(ev: Evaluator, findings: Findings, node: ast.expr, place: Place) -> None:
    for one in ev.values(node, place):
        if isinstance(one, Text) and one.text and "/" not in one.text:
            findings.saved.add(one.text)


def _silence(ev: Evaluator, findings: Findings, node: ast.expr, place: Place) -> None:
    for one in ev.values(node, place):
        if isinstance(one, Text):
            findings.consumed.add(id(one.node))
