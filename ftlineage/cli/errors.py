"""The error boundary: every exception becomes one sentence, a hint and an exit code; never a traceback.

0 fine, 1 findings, 2 usage, 3 could not decide. An exception nobody foresaw is 3 as well, because
it decided nothing: a crash must never read as "fine" or as "changed".
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from ftlineage.cli import output
from ftlineage.cli.output import Output
from ftlineage.errors import FtlineageError, MismatchError, UsageError

FINE = 0
FINDINGS = 1
USAGE = 2
UNDECIDED = 3
INTERRUPTED = 130
PIPE_CLOSED = 141

_VERDICT = {FINDINGS: "failed", USAGE: "undecided", UNDECIDED: "undecided"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An exception in words: what happened, what to do, and how to leave."""

    kind: str
    message: str
    hint: str | None
    code: int

    def document(self) -> dict[str, Any]:
        """The JSON that stands where a result would have stood."""
        error = {"kind": self.kind, "message": self.message, "hint": self.hint, "exit_code": self.code}
        return {"ok": False, "verdict": _VERDICT[self.code], "error": error}


def answer(error: Exception, out: Output) -> int:
    """Tell the user about an exception and return the exit code."""
    fault = explain(error)
    if out.debug:
        out.complain("".join(traceback.format_exception(error)).rstrip())
    if out.json:
        out.document(fault.document())
    out.complain(output.labelled("error:", fault.message, "red", indent="       ", stream=sys.stderr))
    if fault.hint:
        out.complain(output.hint(fault.hint, indent=" ", stream=sys.stderr))
    return fault.code


def explain(error: Exception) -> Fault:
    """Words and exit code of any exception."""
    if isinstance(error, FtlineageError):
        return _deliberate(error)
    if hasattr(error, "format_message"):  # click's errors; click itself may not be loaded yet
        return _typed_wrong(error)
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("ftlineage"):
        package = error.name.partition(".")[0]
        return Fault(
            kind="missing-package",
            message=f"the Python package {package} is needed here and is not installed",
            hint="Install what training and data need: pip install 'ftlineage[train]'",
            code=USAGE,
        )
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError):
        return Fault(kind="out-of-memory", message="there is not enough memory", hint=None, code=UNDECIDED)
    return Fault(
        kind="bug",
        message=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
        hint="This is a bug in ftlineage. Run the command again with --debug and report what it shows",
        code=UNDECIDED,
    )


def _deliberate(error: FtlineageError) -> Fault:
    code = USAGE if isinstance(error, UsageError) else FINDINGS if isinstance(error, MismatchError) else UNDECIDED
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower()
    return Fault(kind=kind, message=error.sentence or kind, hint=error.hint or None, code=code)


def _typed_wrong(error: Any) -> Fault:
    # Lists of choices come with line breaks and tabs.
    message = re.sub(r"\s+", " ", str(error.format_message())).strip().rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ftlineage"
    return Fault(kind="usage", message=message[:1].lower() + message[1:], hint=f"See `{command} --help`", code=USAGE)


def _system(error: OSError) -> Fault:
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    cause = error.strerror or str(error) or type(error).__name__
    hint = "Free some space and run the command again" if error.errno == errno.ENOSPC else None
    return Fault(kind="system", message=f"{path}: {cause}" if path else cause, hint=hint, code=UNDECIDED)
