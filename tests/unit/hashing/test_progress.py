"""Progress bars: silent and free without a terminal, on stderr with one."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from ftlineage.hashing import progress
from ftlineage.hashing.progress import no_update, progress_bar


def test_without_a_terminal_nothing_is_imported_or_written() -> None:
    program = (
        "import sys\nfrom ftlineage.hashing.progress import progress_bar\n"
        "with progress_bar(10, 'x') as update:\n    update(10)\nassert 'tqdm' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_with_a_terminal_every_thread_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    with progress_bar(4000, "hashing") as update:
        threads = [threading.Thread(target=lambda: [update(1) for _ in range(1000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert update is not no_update


def test_hidden_inside_a_block_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    with progress.hidden_progress(), progress_bar(1, "x") as update:
        assert update is no_update
    with progress_bar(1, "x") as update:
        assert update is not no_update


def test_a_closed_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with progress_bar(1, "x") as update:
        assert update is no_update


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is simulated")
@pytest.mark.parametrize(("seconds", "shown"), [(0.0, False), (1.4, True)])
def test_on_a_terminal_only_long_work_shows_a_bar(seconds: float, shown: bool) -> None:
    import os
    import pty
    import termios

    program = f"""
import sys, time
from ftlineage.hashing.progress import progress_bar
with progress_bar(4_000_000, "Hashing the adapter") as update:
    for _ in range(4):
        time.sleep({seconds} / 4)
        update(1_000_000)
print("done")
"""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))  # a new one has no width, and a bar of no width is not drawn
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.set_blocking(ours, False)
    try:
        written = os.read(ours, 100_000)
    except BlockingIOError:
        written = b""
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.stdout == b"done\n"
    assert (b"Hashing the adapter" in written) is shown
    assert (b"4.00M" in written) is shown
