"""``ftlineage`` and ``python -m ftlineage``: the shortest road to the version, else to the commands.

``--version`` is answered before anything else is imported, because scripts ask it often.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on ``sys.argv`` and return its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from ftlineage import __version__

        sys.stdout.write(f"ftlineage {__version__}\n")
        return 0
    from ftlineage.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
