"""``ftlineage demo``: the whole story offline, on a local stand-in for the Hub."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
import warnings
from pathlib import Path

import click

from ftlineage.cli.lazy import verb
from ftlineage.cli.output import Output
from ftlineage.errors import MissingExtraError

_NEEDED = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "pyarrow")


@verb("ftlineage demo", "ftlineage demo play")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default="ftlineage-demo")
def demo(out: Output, folder: Path) -> int:
    """Train a tiny model for real, record it, verify it, tamper with it, and watch its base move.

    Needs no network and no account: the Hub is a stand-in on this machine. Takes under a minute on
    two cores and leaves the folder to play with.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(package=missing[0], purpose="the demo's fine-tune", extra="train")
    from ftlineage.cli.story.stage import set_up
    from ftlineage.testing.hub import LocalHub

    stage = set_up(folder)
    with LocalHub(stage.hub) as hub:
        # Set before anything imports huggingface_hub, which reads them once, at import.
        os.environ.update(hub.environ(home=stage.home))
        os.environ["FTLINEAGE_CACHE"] = os.environ["FTLINEAGE_HOME"] = str(stage.home)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        _quiet_libraries()
        from ftlineage.cli.story.story import tell_story

        facts = tell_story(stage, hub, out.say if out.json else out.text)
    if out.json:
        out.document(facts)
    else:
        out.text(f"That took {facts['seconds']:.0f} s. Type next:")
        for command in _next(folder):
            out.text(f"  {command}")
    return 0


def _next(folder: Path) -> list[str]:
    first, second, tampered = (shlex.quote(str(folder / name)) for name in ("support-bot", "support-bot-2", "tampered"))
    program = typed_program(sys.argv[0], on_path=shutil.which("ftlineage") is not None)
    return [f"{program} show {first}", f"{program} verify {tampered}", f"{program} diff {first} {second}"]


def typed_program(started_as: str, *, on_path: bool) -> str:
    """What to type for ``ftlineage`` here: its name, the path it was started by, or ``python -m``."""
    if on_path:
        return "ftlineage"
    return "python -m ftlineage" if started_as.endswith("__main__.py") else shlex.quote(started_as)


def _quiet_libraries() -> None:
    """Progress bars and deprecations of other libraries would stand in the middle of the story."""
    warnings.simplefilter("ignore", FutureWarning)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers.utils import logging

    logging.disable_progress_bar()
