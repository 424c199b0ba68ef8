"""Fuzz one target, or all of them in turn.

    python -m fuzz                          every target, a minute each
    python -m fuzz card --seconds 600
    python -m fuzz --keep                   then add to the corpus what reached new code, and nothing twice
    python -m fuzz card --replay FILE       run one case; nothing is caught

What the engine learns lies in ``build/fuzz/TARGET``, and a case that fails in
``build/fuzz/crash-TARGET-*``: copy it into ``fuzz/corpus/TARGET``, where the tests replay it for ever.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "build" / "fuzz"
CORPUS = HERE / "corpus"
# Larger cases are not kept: the tests run all of them each time.
LARGEST = 8192
# What the checks promise to cope with is far below what makes a case slow to run.
_LIMITS = ("-max_len=65536", "-timeout=20", "-rss_limit_mb=3072", "-print_final_stats=1", "-reload=0")


def main(arguments: Sequence[str]) -> int:
    """Fuzz what was asked for; 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", help="one of the functions in fuzz/targets.py")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="merge what was learned into fuzz/corpus")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run this case and nothing else")
    parser.add_argument("--engine", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.engine is not None:
        return engine(options.target, options.engine)
    if options.replay is not None:
        return replay(options.target, options.replay)
    found = 0
    for name in [options.target] if options.target else target_names():
        found |= fuzz(name, options.seconds)
        if options.keep:
            found |= keep(name)
    return int(found != 0)


def target_names() -> list[str]:
    """All targets, without importing what they test."""
    return sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


def fuzz(name: str, seconds: int) -> int:
    """Let the engine work on one target in a process of its own."""
    learned = WORK / name
    learned.mkdir(parents=True, exist_ok=True)
    print(f"== {name}: {seconds} s", flush=True)
    words = [f"-max_total_time={seconds}", f"-artifact_prefix={WORK}/crash-{name}-", *_dictionary(), *_LIMITS]
    return _start(name, [str(learned), str(CORPUS / name), *words])


def keep(name: str) -> int:
    """Add to the corpus the smallest cases that go from one line to another as no case of the corpus does."""
    from fuzz.targets import TARGETS

    known = sorted((CORPUS / name).iterdir())
    learned = sorted((path for path in (WORK / name).iterdir()), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as scratch:
        run = TARGETS[name](Path(scratch))
        seen = set().union(*(steps(run, path.read_bytes()) for path in known))
        for path in learned:
            data = path.read_bytes()
            new = steps(run, data) - seen if len(data) <= LARGEST else set()
            if new:
                seen |= new
                (CORPUS / name / f"learned-{path.name[:12]}").write_bytes(data)
    print(f"{name}: {len(list((CORPUS / name).iterdir())) - len(known)} cases more")
    return 0


def steps(run: Callable[[bytes], None], data: bytes) -> set[tuple[str, int, int]]:
    """Every step from one line of the package to the next that a case takes, in this thread."""
    found: set[tuple[str, int, int]] = set()

    def enter(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if event != "call" or "/ftlineage/" not in frame.f_code.co_filename:
            return None
        last = frame.f_lineno

        def line(frame: FrameType, event: str, _: object) -> Any:
            nonlocal last
            if event == "line":
                found.add((frame.f_code.co_filename, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        run(data)
    finally:
        sys.settrace(None)
    return found


def replay(name: str, file: Path) -> int:
    """Run one case as the tests do."""
    from fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory() as scratch:
        TARGETS[name](Path(scratch))(file.read_bytes())
    return 0


def engine(name: str, words: Sequence[str]) -> int:
    """Become the fuzzing engine; it never returns."""
    import atheris

    with atheris.instrument_imports(include=["ftlineage", "rfc8785"]):
        from fuzz.targets import TARGETS
    with tempfile.TemporaryDirectory(prefix="ftlineage-fuzz-") as scratch:
        run = TARGETS[name](Path(scratch))
        run(b"")  # imports what is imported late, before anything is measured
        atheris.Setup([name, *words], run)
        atheris.Fuzz()
    return 0


def _start(name: str, words: Sequence[str]) -> int:
    done = subprocess.run([sys.executable, "-m", "fuzz", name, "--engine", *words], cwd=HERE.parent, check=False)
    return done.returncode


def _dictionary() -> list[str]:
    return [f"-dict={HERE / 'json.dict'}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
