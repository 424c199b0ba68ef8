"""Two processes on this machine train together: one card, both hear of it, and of every failure."""

from pathlib import Path

import pytest

from ftlineage.store.cards import load_card
from ftlineage.testing.hub import LocalHub
from tests.integration.recording import check_sound
from tests.integration.scripts import TRAIN, finish, start

pytestmark = pytest.mark.heavy

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
# With --cpu it would want MPI; the script itself asks for the CPU.
ACCELERATE = [
    "-m",
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_processes=2",
    "--num_machines=1",
    "--mixed_precision=no",
]


def told(output: str, word: str) -> list[list[str]]:
    """Lines of the script that begin with a word, by rank; launchers print lines of their own between."""
    lines = [line[line.index(f"{word} ") :].split() for line in output.splitlines() if f"{word} " in line]
    return sorted(lines)


def launch(launcher: list[str], *words: str, folder: Path, out: Path, environment: dict[str, str]) -> str:
    """Run the training script under a launcher; what both processes printed."""
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    process = start([*launcher, "train.py", str(out), *words], folder=folder, environment=environment)
    code, output, errors = finish(process, seconds=240)
    assert code == 0, errors[-4000:]
    return output


def test_torchrun(acme: LocalHub, workplace: Path, tmp_path: Path, child_environment: dict[str, str]) -> None:
    out = tmp_path / "out"
    output = launch(TORCHRUN, "stray", folder=workplace, out=out, environment=child_environment)

    # A failure on rank 0 reaches rank 1, and neither waits for the other.
    assert told(output, "refused") == [["refused", rank, str(out / "leftover.bin")] for rank in ("0", "1")]
    card = load_card(out)
    assert told(output, "sealed") == [["sealed", rank, card.id, "2"] for rank in ("0", "1")]
    assert card.section("recipe")["world_size"] == 2
    (kept,) = out.glob(".ftlineage-unsealed-*")
    assert (kept / "adapter_model.safetensors").exists()


def test_accelerate_launch(acme: LocalHub, workplace: Path, tmp_path: Path, child_environment: dict[str, str]) -> None:
    out = tmp_path / "out"
    output = launch(ACCELERATE, folder=workplace, out=out, environment=child_environment)

    card = load_card(out)
    assert told(output, "sealed") == [["sealed", rank, card.id, "2"] for rank in ("0", "1")]
    check_sound(card, out, private=[tmp_path, workplace])
