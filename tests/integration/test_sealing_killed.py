"""kill -9 at any moment of sealing: afterwards there is no card, or a card that verifies."""

import json
from pathlib import Path

import pytest

from tests.integration.scripts import finish, start

pytestmark = pytest.mark.heavy

ROUNDS = 40

#: Trains once, then forks children that seal in a loop, and kills each after a random delay.
#: The base is a folder: a Hub client's threads would not survive the fork.
DRIVER = '''
import json
import os
import random
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import torch
from peft import LoraConfig

import ftlineage
from ftlineage.core.card import CARD_NAME

torch.set_num_threads(1)
base_folder, out, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rows = [{"text": f"My card {number} is late."} for number in range(4)]


def prepared(rank):
    """An adapter, or several in one model, so that versions differ in their files."""
    with ftlineage.run("bot", out=out.with_name("unused")) as run:
        model, tokenizer = run.base(base_folder).load(dtype="float32")
        # Not zero: an adapter that cannot act does not verify.
        acting = {"r": rank, "init_lora_weights": False}
        adapted = run.get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"], **acting))
        for name in ("second", "third")[: rank - 1]:
            adapted.add_adapter(name, LoraConfig(target_modules=["k_proj"], **acting))
        return adapted, tokenizer


def sealed(adapted, tokenizer):
    with ftlineage.run("bot", out=out, overwrite=True) as run:
        run.base(base_folder)
        run.dataset("tickets", rows)
        return run.seal(adapted, processor=tokenizer)


warnings.simplefilter("ignore")
models = [prepared(rank) for rank in (1, 2, 3)]
ids = set()
durations = []
for model in models:
    begun = time.perf_counter()
    ids.add(sealed(*model).id)
    durations.append(time.perf_counter() - begun)
draw = random.Random(20260801)
# Follows the machine, which others may be using by now: longer after a kill that came too early.
window = 2 * durations[-1]
outcomes = []
for number in range(rounds):
    child = os.fork()
    if child == 0:
        try:
            for turn in range(number, number + 1000):
                sealed(*models[turn % 3])
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    time.sleep(draw.uniform(0, window))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status):
        outcomes.append("the child failed by itself")
    elif not (out / CARD_NAME).exists():
        outcomes.append("no card")
        window *= 1.15
    else:
        report = ftlineage.verify(out)
        window = max(window / 1.1, 2 * min(durations))
        outcomes.append("ok" if report.ok and report.card in ids else str([f.message for f in report.findings]))
# Whatever the last one left, the next run cleans up and seals.
last = sealed(*models[1])
left = sorted(path.name for path in out.iterdir() if path.name.startswith("."))
print(json.dumps({"outcomes": outcomes, "last": ftlineage.verify(out).card == last.id, "left": left}), flush=True)
os._exit(0)
'''


def test_kill_9_never_leaves_a_wrong_card(
    workplace: Path, tiny_causal: Path, tmp_path: Path, child_environment: dict[str, str]
) -> None:
    script = workplace / "driver.py"
    script.write_text(DRIVER, encoding="utf-8")

    code, output, errors = finish(
        start(
            [str(script), str(tiny_causal), str(tmp_path / "out"), str(ROUNDS)],
            folder=workplace,
            environment=child_environment,
        ),
        seconds=200,
    )

    assert code == 0, errors
    assert "Traceback" not in errors, errors
    told = json.loads(output.splitlines()[-1])
    assert len(told["outcomes"]) == ROUNDS
    assert set(told["outcomes"]) <= {"ok", "no card"}, told["outcomes"]
    # Both must have been seen often enough for the test to mean something.
    assert told["outcomes"].count("ok") >= ROUNDS // 4
    assert told["last"]
    assert told["left"] == []
