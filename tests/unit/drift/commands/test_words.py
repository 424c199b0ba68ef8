"""Commands whose words are not where the command stands: in texts, in overrides, behind a cut, in variables."""

from __future__ import annotations

import time

import pytest

from ftlineage.drift.commands.reader import read_command, read_shell
from tests.unit.drift.commands.seen import rows

_BODY = """\
tool.sft \\
  --policy.model_path org-a/name \\
  --rows.dataset org-a/data \\
  --input_key org-a/key
"""


def test_a_document_read_into_a_variable_is_words_of_a_command() -> None:
    expected = [(3, "org-a/name", "model", "floating"), (4, "org-a/data", "dataset", "floating")]
    for opening in ("read -r -d '' args <<EOF", "read -rd '' args << 'EOF' || true", "args=$(cat <<EOF"):
        closing = "EOF\n)" if "$(" in opening else "EOF"
        for use in (
            "launch --module $args",
            'bash -c "launch --module $args"',
            "if true; then\n launch -m ${args}\nfi",
        ):
            text = f"{opening}\n{_BODY}{closing}\n{use}\n"
            assert rows(read_shell(text)) == expected, text


def test_a_document_is_read_once_and_without_a_use() -> None:
    text = f"read -r -d '' args <<EOF\n{_BODY}EOF\n"
    assert rows(read_shell(text)) == rows(read_shell(text + "a --b $args\nc --d $args\n"))
    assert len(read_shell(text)) == 2


def test_documents_that_are_not_read_whole() -> None:
    assert rows(read_shell("read -r -d '' help <<EOF\nuse the model org-a/name well\nEOF\n")) == []
    assert rows(read_shell("read name\ncat <<EOF\n--model org-a/name\nEOF\n")) == []
    assert rows(read_shell("read -r -d '' x\n\ncat <<EOF\n--model org-a/name\nEOF\n")) == []


def test_texts_of_several_lines_keep_their_lines() -> None:
    text = 'ARGS="--model org-a/name \\\n  --dataset org-a/data \\\n"\n'
    expected = [(1, "org-a/name", "model", "floating"), (2, "org-a/data", "dataset", "floating")]
    assert rows(read_shell(text + "python t.py $ARGS\n")) == expected
    plain = 'ARGS="\n--model org-a/name\n--dataset org-a/data\n"\n'
    below = [(line + 1, *rest) for line, *rest in expected]
    assert rows(read_shell(plain + "python t.py $ARGS\n")) == below
    assert rows(read_shell(plain + 'eval "python t.py $ARGS"\n')) == below


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("actor.model.path=org-a/name", "model"),
        ("actor.model=org-a/name", "model"),
        ("reward_model.path=org-a/name", "model"),
        ("++ref.model.name_or_path=org-a/name", "model"),
        ("+a.model_name_or_path=org-a/name", "model"),
        ("a.pretrain=org-a/name", "model"),
        ("critic.model.tokenizer_path=org-a/name", "tokenizer"),
        ("model.path=${MODEL:-org-a/name}", "model"),
        ("dataset=org-a/name", "dataset"),
        ("x.dataset.path=org-a/name", "dataset"),
        ("data.path=org-a/name", "dataset"),
    ],
)
def test_overrides_behind_a_module(word: str, kind: str) -> None:
    for command in ("python3 -m tool.main a.k=1 {} +t.y=z", "python main.py {}", "python main.py -m {}"):
        assert rows(read_shell(command.format(word))) == [(1, "org-a/name", kind, "floating")]


@pytest.mark.parametrize(
    "word",
    [
        "trainer.project_name=org-a/name",
        "rollout.name=org-a/name",
        "output.path=org-a/name",
        "logger.path=org-a/name",
        "data.train_files=org-a/name.parquet",
        "save_model.path=org-a/name",
        "path=org-a/name",
        "rollout.mode=org-a/name",
    ],
)
def test_overrides_that_name_no_repository(word: str) -> None:
    assert rows(read_shell(f"python3 -m model.main a.k=1 {word}")) == []


def test_overrides_that_wait_for_a_run_or_are_paths() -> None:
    text = "python3 -m m a.k=1 a.model.path=$M b.model.path=$HOME/m c.model.path=/m/x data.path=org-a/x.json"
    assert [row[1:] for row in rows(read_shell(text))] == [
        (None, "model", "dynamic"),
        (None, "model", "local"),
        ("/m/x", "model", "local"),
        ("org-a/x.json", "dataset", "local"),
    ]


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        ("vllm serve /m --lora-modules a=org-a/x b=org-a/y", ["org-a/x", "org-a/y"]),
        ('docker run i sh -c "vllm serve /m --lora-modules a=org-a/x b=org-a/y"', ["org-a/x", "org-a/y"]),
        ("vllm serve /m --lora-modules a=/x b=org-a/y c=./z", ["org-a/y"]),
        ("vllm serve --dtype half org-a/x", ["org-a/x"]),
        ("python t.py --prompt_data org-a/x,org-a/y --k 1", ["org-a/x", "org-a/y"]),
        ("python t.py --prompt_data org-a/x@0.5,org-a/y@0.5", ["org-a/x", "org-a/y"]),
        ("python t.py --reward_pretrain org-a/x --critic_pretrain org-a/y", ["org-a/x", "org-a/y"]),
        ("python t.py --ref.pretrain org-a/x --a.b.model_path org-a/y", ["org-a/x", "org-a/y"]),
        ('python t.py --model "${VAR:-org-a/x}" --dataset ${D:-org-a/y}', ["org-a/x", "org-a/y"]),
    ],
)
def test_values_of_flags(text: str, refs: list[str]) -> None:
    assert [row[1] for row in rows(read_shell(text)) if row[3] == "floating"] == refs


@pytest.mark.parametrize(
    "command",
    [
        "swift sft --model O/m --dataset 'O/x' 'O/y#500'",
        "swift sft \\\n --dataset 'O/x' \\\n # 'O/z' \\\n 'O/y#500' \\\n --model O/m",
        "swift sft \\\n --dataset 'O/x' \\\n 'O/y#500' \\ \n --model O/m --val_dataset O/v",
        "swift sft --use_hf false --model O/m",
    ],
)
def test_ids_of_another_hub(command: str) -> None:
    assert rows(read_shell(command)) == []


@pytest.mark.parametrize(
    "command",
    [
        "swift sft --use_hf --model O/m",
        "export USE_HF=1\nswift sft --model O/m",
        "swift sft \\\n # x\n --use_hf true \\\n --model O/m",
    ],
)
def test_programs_that_are_told_to_use_the_hub(command: str) -> None:
    assert [row[1:] for row in rows(read_shell(command))] == [("O/m", "model", "floating")]


def test_a_remark_between_the_lines_does_not_end_a_command() -> None:
    text = "vllm serve \\\n  org-a/x \\\n  # --y z\n  --tokenizer org-a/t\n"
    assert rows(read_shell(text)) == [(2, "org-a/x", "model", "floating"), (4, "org-a/t", "tokenizer", "floating")]
    text = "vllm serve org-a/x\necho try: \\\n # so\n --tokenizer org-a/t\n"
    assert [row[1] for row in rows(read_shell(text))] == ["org-a/x"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("MODEL_PATH=org-a/x\nrunit $MODEL_PATH", 2),
        ("MODEL_PATH=org-a/x\nrunit --model_path ${MODEL_PATH}", 2),
        ("export MODEL=org-a/x\npython t.py --weights $MODEL", 2),
        ("export MODEL_NAME=org-a/x\npython t.py", 1),
        ("export BASE_MODEL=org-a/x\n./run", 1),
        ("HF_MODEL_ID=org-a/x ./run", 1),
    ],
)
def test_variables_with_a_clear_name(text: str, line: int) -> None:
    assert rows(read_shell(text)) == [(line, "org-a/x", "model", "floating")]


@pytest.mark.parametrize(
    "text",
    [
        "MODEL_NAME=org-a/x\nN=$(basename $MODEL_NAME)",
        "MODEL_NAME=org-a/x\npython t.py --run_name $MODEL_NAME",
        "MODEL_NAME=org-a/x\npython t.py --output_dir $MODEL_NAME",
        "OUT=org-a/x\npython model.py --weights $OUT",
        "export SAVE_MODEL_DIR=org-a/x\n./run",
        "export WANDB_PROJECT_MODEL=org-a/x\n./run",
    ],
)
def test_variables_that_name_no_load(text: str) -> None:
    assert [row for row in rows(read_shell(text)) if row[3] == "floating"] == []


def test_hostile_texts_take_no_long_time() -> None:
    begin = time.perf_counter()
    read_command("python model.py\n" + "--model\n" * 60_000)
    read_command("export MODEL=a\n" * 20_000 + "swift sft --model x\n" * 5_000)
    assert time.perf_counter() - begin < 20
