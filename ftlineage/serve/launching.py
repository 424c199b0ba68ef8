"""Several targets become one launch: every one verified, kept, and put on one command line.

Decides the order of work: what was typed is judged before anything is read, every target is
verified before any is copied, and nothing is started here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ftlineage.core.finding import Report, Verdict
from ftlineage.errors import MissingExtraError
from ftlineage.serve import vllm_command
from ftlineage.serve.gate import Demands, Proven, keep, prove
from ftlineage.serve.vllm_command import ENGINE, Launch
from ftlineage.serve.vllm_limits import TESTED, version_note
from ftlineage.store.objects import ObjectStore


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the targets: a report each, and the launch if all of them are fine."""

    reports: tuple[Report, ...]
    versions: tuple[Proven, ...] = ()
    launch: Launch | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the reports: one failure fails all."""
        found = {report.verdict for report in self.reports}
        return "failed" if "failed" in found else "undecided" if "undecided" in found else "ok"


def prepare_vllm(
    targets: Mapping[str, Path],
    demands: Demands,
    *,
    max_loras: int | None = None,
    plugins: str = "",
    extra: Sequence[str] = (),
) -> Prepared:
    """Verify versions and make the command line that serves them.

    Args:
        targets: Folders by what was typed.
        demands: What must hold; ``demands.base`` is also what is served, if given.
        max_loras: Adapters in one batch.
        plugins: ``VLLM_PLUGINS`` as it was.
        extra: Further arguments for ``vllm serve``.

    Returns:
        Without a launch if any version is not fine.

    Raises:
        UsageError: What was typed cannot be done, or vLLM cannot serve it.
        UndecidedError: Evidence cannot be had.
        MismatchError: A version changed after it was verified.
    """
    reports = tuple(prove(folder, demands, target=target) for target, folder in targets.items())
    if not all(report.ok for report in reports):
        return Prepared(reports=reports)
    versions = tuple(keep(folder, report) for folder, report in zip(targets.values(), reports, strict=True))
    launch = vllm_command.build_launch(
        versions,
        base=demands.base,
        chat_template=_template_file(versions),
        max_loras=max_loras,
        plugins=plugins,
        extra=extra,
    )
    return Prepared(reports=reports, versions=versions, launch=launch)


def find_engine(variables: Mapping[str, str]) -> str:
    """The ``vllm`` program that would be started.

    Raises:
        MissingExtraError: There is none.
    """
    found = shutil.which("vllm", path=variables.get("PATH"))
    if found is None:
        hint = f"Install it where ftlineage is installed: pip install vllm=={TESTED}"
        raise MissingExtraError(package="vllm", purpose="serving", extra="", hint=hint)
    return found


def engine_note() -> str | None:
    """What to say about the vLLM installed beside ftlineage; None where it is the tested one or elsewhere."""
    from importlib import metadata

    try:
        return version_note(metadata.version("vllm"))
    except metadata.PackageNotFoundError:
        return f"{ENGINE} is not installed in this Python; where it is, ftlineage must be installed too"


def start(program: str, launch: Launch, variables: Mapping[str, str]) -> None:
    """Become the engine; does not return."""
    os.execve(program, list(launch.command), launch.environment(variables))  # noqa: S606 - a list, no shell


def _template_file(versions: Sequence[Proven]) -> Path | None:
    text = vllm_command.shared_template(versions)
    if text is None:
        return None
    store = ObjectStore()
    digest = store.put(text.encode())
    store.get(digest)  # what lay there already is compared with its name
    return store.path(digest).absolute()
