"""Command lines that a file puts together, in strings and in lists."""

from __future__ import annotations

import pytest

from tests.unit.drift.python.seen import seen


def test_a_variable_is_put_into_a_command():
    assert seen("""
        path = "org-a/m1"
        cmd = f"python -m serve.worker --model-path {path} --port 80"
        os.system(cmd)
    """) == ["2:46 model org-a/m1 - floating"]


def test_a_command_that_grows_is_read_piece_by_piece():
    assert seen("""
        cmd = "python3 train.py"
        cmd += " --tokenizer org-a/tok"
        cmd += f" --model_name_or_path org-a/m1 --out {out}"
    """) == ["2:22 tokenizer org-a/tok - floating", "3:32 model org-a/m1 - floating"]


def test_a_loop_over_rows_gives_each_id_at_its_row():
    assert seen("""
        for kind, path in [("a", "org-a/m1"), ("b", "org-b/m2")]:
            cmd = f"python -m serve.{kind} --model-path {path}"
    """) == ["1:27 model org-a/m1 - floating", "1:46 model org-b/m2 - floating"]


@pytest.mark.parametrize(
    "line",
    [
        'subprocess.run("python -m serve.worker --model-path org-a/m1", shell=True)',
        'subprocess.Popen(f"vllm serve org-a/m1 --port {port}", shell=True)',
        'os.system("vllm serve " + "org-a/m1")',
        'popen(["python3", "-m", "serve.worker", "--model-path", "org-a/m1", "--port", str(port)])',
        'args = [sys.executable, "-m", "serve.worker", "--model-path", "org-a/m1"]',
        'cmd.extend(["--model-path", "org-a/m1"])',
        'argv = shlex.split("torchrun train.py --model org-a/m1")',
        'return_code = f"{sys.executable} -m serve --model org-a/m1"',
    ],
)
def test_what_runs_a_command_is_read(line: str):
    assert seen(line) == [f"1:{line.index('org-a') + 1} model org-a/m1 - floating"]


@pytest.mark.parametrize(
    "line",
    [
        'parser.add_argument("--x", help="for example --model org-a/m1")',
        'raise ValueError("pass --model org-a/m1 to the program")',
        'print("python -m serve --model org-a/m1")',
        'note = "run it with --model org-a/m1"',
        'names = ["--", "a/b"]',
    ],
)
def test_sentences_that_speak_of_commands_are_not_read(line: str):
    assert seen(line) == []


def test_an_id_that_only_a_run_knows_is_dynamic_in_a_command():
    assert seen("""
        MODELS = ["org-a/m1"]
        cmd = f"vllm serve --model {path}"
    """) == ["2:29 model - - dynamic"]


def test_combinations_are_bounded():
    rows = ", ".join(f'"org-a/m{number}"' for number in range(100))
    found = seen(f"for one in [{rows}]:\n    cmd = f'vllm serve {{one}} --tokenizer {{one}}'")
    assert 32 <= len(found) <= 64
