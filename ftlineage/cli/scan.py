"""``ftlineage scan``: floating references, offline."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlineage.cli.errors import FINDINGS, FINE, answer
from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output, write_output
from ftlineage.errors import BadArgumentError, FtlineageError

if TYPE_CHECKING:
    from ftlineage.drift.outcome import Outcome
    from ftlineage.drift.reading import Seen
    from ftlineage.drift.scan import ScanResult
    from ftlineage.drift.settings import Settings

FORMATS = ("text", "json", "sarif", "github", "junit")
SHOWN = ("dynamic", "local", "pinned")
THRESHOLDS = ("error", "warning", "note", "never")
_PATH = click.Path(path_type=Path)


@verb(
    "ftlineage scan",
    "ftlineage scan src configs --since origin/main --format github",
    "ftlineage scan --write-baseline .ftlineage-baseline.json",
    "ftlineage scan --format sarif -o floating.sarif",
)
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="How to write the result.")
@click.option("-o", "--output", type=_PATH, metavar="FILE", help="Write the result there instead of on stdout.")
@click.option("--show", multiple=True, metavar="STATUS", help="Also list dynamic, local or pinned references.")
@click.option("--baseline", type=_PATH, metavar="FILE", help="Report only what this baseline does not know.")
@click.option("--write-baseline", type=_PATH, metavar="FILE", help="Write a baseline of everything found now.")
@click.option("--since", metavar="REV", help="Report only what was added since this Git revision.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings to use instead of the nearest ones.")
@click.option("--force-exclude", is_flag=True, help="Leave out what the settings exclude even if named: for hooks.")
@click.option("--fail-on", type=click.Choice(THRESHOLDS), help="From which severity on to exit with 1.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes for large trees; the cores by default."
)
def scan(out: Output, paths: tuple[Path, ...], *, form: str, **options: Any) -> int:
    """Find references to models and datasets that can change without a commit here.

    PATHS are files and folders, the current folder by default. In a Git repository the files that
    Git tracks or would track are read: Python, notebooks, YAML, TOML, JSON, shell scripts,
    Dockerfiles, Makefiles. Nothing is run and the network is not used.

    Exits with 0 if every reference is pinned (or nothing is as severe as --fail-on), 1 if any
    floats, and 2 if the command line or the settings are wrong.
    """
    if out.json and form not in ("text", "json"):
        raise BadArgumentError(argument="--json", reason=f"cannot be had together with --format {form}")
    if form == "json":
        out = dataclasses.replace(out, json=True)
    try:
        return _scan(out, paths, "json" if out.json else form, options)
    except FtlineageError as error:
        # The boundary looks for --json alone; whoever typed --format json reads a document too.
        return answer(error, out)


def _scan(out: Output, paths: tuple[Path, ...], form: str, options: dict[str, Any]) -> int:
    from ftlineage.drift.outcome import judge_scan
    from ftlineage.drift.settings import find_settings, load_settings

    shown = _statuses(options["show"])
    here = Path.cwd()
    typed = paths or (Path(),)
    settings = load_settings(options["config"]) if options["config"] else find_settings(here)
    result = _run(typed, settings, here, options)
    if options["write_baseline"]:
        return _write_baseline(result, options["write_baseline"], out)
    seen, known = _reported(result, typed, settings, here, options)
    target = " ".join(str(path) for path in typed)
    outcome = judge_scan(result, seen, settings=settings, target=target, known=known, fail_on=options["fail_on"])
    if form == "text" and options["output"] is None:
        _tell(outcome, shown, out)
    else:
        data = _rendered(outcome, form, shown, options["fail_on"] or settings.keys.fail_on)
        _deliver(data, outcome, options["output"], out)
    return FINE if outcome.report.ok else FINDINGS


def _statuses(texts: tuple[str, ...]) -> tuple[str, ...]:
    listed = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    for name in listed:
        if name not in SHOWN:
            raise BadArgumentError(argument=f"--show {name}", reason=f"expected {', '.join(SHOWN)}")
    return tuple(dict.fromkeys(listed))


def _run(paths: tuple[Path, ...], settings: Settings, here: Path, options: dict[str, Any]) -> ScanResult:
    from ftlineage.drift.compare import lock_view
    from ftlineage.drift.lockfile import LOCK_NAME, read_lock
    from ftlineage.drift.scan import find_upward
    from ftlineage.drift.scan import scan as run
    from ftlineage.hashing.parallel import usable_cpus
    from ftlineage.hashing.progress import progress_bar

    lock = find_upward(LOCK_NAME, here)
    view = lock_view(read_lock(lock)) if lock is not None else {}
    with progress_bar(None, "Scanning", " files") as update:
        return run(
            paths,
            settings=settings,
            here=here,
            lock=view,
            force_exclude=options["force_exclude"],
            jobs=options["jobs"] or usable_cpus(),
            progress=update,
        )


def _write_baseline(result: ScanResult, path: Path, out: Output) -> int:
    from ftlineage.core.words import quantity
    from ftlineage.drift.baseline import make_baseline

    findings = sum(one.reference.rule is not None for one in result.seen)
    write_output(path, make_baseline(result.seen, path.parent))
    if out.json:
        out.document({"ok": True, "verdict": "ok", "baseline": str(path), "counts": {"known": findings}})
    out.say(f"{path} knows {quantity(findings, 'finding')}. Use it: ftlineage scan --baseline {path}")
    return FINE


def _reported(
    result: ScanResult, paths: tuple[Path, ...], settings: Settings, here: Path, options: dict[str, Any]
) -> tuple[list[Seen], int]:
    """What is left after the baseline and ``--since``, and how many findings the baseline knows."""
    from ftlineage.drift.baseline import load_baseline, split
    from ftlineage.drift.since import added_since

    seen, known = list(result.seen), 0
    path = options["baseline"]
    if path is None and settings.keys.baseline is not None:
        path = Path(settings.folder) / settings.keys.baseline
    if path is not None:
        seen, known = split(seen, load_baseline(path), path.parent)
    if options["since"]:
        added = added_since(options["since"], paths, here=here)
        seen = [one for one in seen if added.touches(one)]
    return seen, known


def _tell(outcome: Outcome, shown: tuple[str, ...], out: Output) -> None:
    from ftlineage.cli import scan_text

    for line in scan_text.lines(outcome, shown, quiet=out.quiet):
        out.text(line)


def _deliver(data: bytes, outcome: Outcome, path: Path | None, out: Output) -> None:
    from ftlineage.cli import scan_text

    if path is None:
        out.data(data)
        return
    write_output(path, data)
    out.say(f"{path} holds the result: {scan_text.conclusion(outcome)}")


def _rendered(outcome: Outcome, form: str, shown: tuple[str, ...], threshold: str) -> bytes:
    from ftlineage.cli import scan_text
    from ftlineage.core import codec

    if form == "json":
        from ftlineage.drift.formats.document import document

        return codec.pretty_bytes(document(outcome))
    if form == "sarif":
        from ftlineage.drift.formats.sarif import sarif

        return codec.pretty_bytes(sarif(outcome))
    if form == "junit":
        from ftlineage.drift.formats.junit import junit

        return junit(outcome, failing=THRESHOLDS[: THRESHOLDS.index(threshold) + 1] if threshold != "never" else ())
    if form == "github":
        from ftlineage.drift.formats.github import commands

        return "".join(f"{line}\n" for line in commands(outcome)).encode("utf-8", "backslashreplace")
    return "".join(f"{line}\n" for line in scan_text.lines(outcome, shown, quiet=False)).encode(
        "utf-8", "backslashreplace"
    )
