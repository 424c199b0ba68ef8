"""``python -m ftlineage.testing FOLDER``: serve a LocalHub from a shell, for programs that are no Python tests.

Prints the variables to export, one a line, then serves until interrupted. Logs go nowhere.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType

from ftlineage.testing.hub import LocalHub


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ftlineage.testing", description="A stand-in Hub on this machine.")
    parser.add_argument("folder", type=Path, help="where repositories are kept")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    with LocalHub(chosen.folder, port=chosen.port) as hub:
        for name, value in hub.environ().items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.flush()
        try:
            hub.wait()
        except KeyboardInterrupt:
            return 0
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
