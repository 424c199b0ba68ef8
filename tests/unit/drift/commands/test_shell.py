"""Shell scripts: which words are ids, at which revision, and where one can be written."""

from __future__ import annotations

import pytest

from ftlineage.drift.commands.reader import read_argv, read_command, read_shell
from ftlineage.errors import BadInputError
from tests.unit.drift.commands.seen import SHA, pinned, refs, rows


@pytest.mark.parametrize(
    ("command", "kind", "ref"),
    [
        ("vllm serve org-a/name", "model", "org-a/name"),
        ("vllm serve --enable-lora org-a/name --port 8000", "model", "org-a/name"),
        ("vllm serve --some-new-switch org-a/name", "model", "org-a/name"),
        ("python -m vllm.entrypoints.openai.api_server --model=org-a/name", "model", "org-a/name"),
        ("vllm serve /models/base --lora-modules sql=org-a/name", "adapter", "org-a/name"),
        ("""vllm serve /models/x --speculative-config '{"model": "org-a/name"}'""", "model", "org-a/name"),
        ("python3 -m sglang.launch_server --model-path org-a/name --tp 8", "model", "org-a/name"),
        ("text-generation-launcher --model-id org-a/name", "model", "org-a/name"),
        ("docker run ghcr.io/huggingface/text-generation-inference:3 --model-id org-a/name", "model", "org-a/name"),
        ("docker run --gpus all vllm/vllm-openai:latest --model org-a/name", "model", "org-a/name"),
        ("docker run -e MODEL_ID=org-a/name ghcr.io/huggingface/text-embeddings-inference:1", "model", "org-a/name"),
        ("hf download org-a/name config.json onnx/model.onnx", "model", "org-a/name"),
        ("hf download --include '*.json' '*.txt' org-a/name", "model", "org-a/name"),
        ("huggingface-cli download --repo-type dataset org-a/name", "dataset", "org-a/name"),
        ("hf download org-a/name --repo-type=space", "space", "org-a/name"),
        ("tune download org-a/name --output-dir /tmp/x", "model", "org-a/name"),
        ("litgpt download org-a/name", "model", "org-a/name"),
        ("llama-server -hf org-a/name:Q4_K_M", "model", "org-a/name"),
        ("ollama run hf.co/org-a/name:Q8_0", "model", "org-a/name"),
        ("mlc_llm chat HF://org-a/name", "model", "org-a/name"),
        ("lm_eval --model hf --model_args pretrained=org-a/name,dtype=float --tasks x", "model", "org-a/name"),
        ("lm-eval run --model vllm --model_args dtype=auto pretrained=org-a/name", "model", "org-a/name"),
        ("accelerate launch -m lm_eval --model_args pretrained=/x,peft=org-a/name", "adapter", "org-a/name"),
        ('lighteval accelerate "model_name=org-a/name,dtype=float16" "leaderboard|arc|0"', "model", "org-a/name"),
        ("trl sft --model_name_or_path org-a/name", "model", "org-a/name"),
        ("llamafactory-cli train --adapter_name_or_path org-a/name", "adapter", "org-a/name"),
        ("oumi train -c x.yaml --model.model_name=org-a/name", "model", "org-a/name"),
        ("accelerate launch train.py --model_name_or_path org-a/name", "model", "org-a/name"),
        ("deepspeed train.py --dataset_name 'org-a/name'", "dataset", "org-a/name"),
        ('python train.py --tokenizer-name="org-a/name"', "tokenizer", "org-a/name"),
        ("python train.py --lora_path org-a/name", "adapter", "org-a/name"),
        ("python main.py +model.path=org-a/name trainer.nodes=1", "model", "org-a/name"),
        ("python main.py actor.model.path=org-a/name", "model", "org-a/name"),
        ("helm install x chart --set model.name=org-a/name,replicas=2", "model", "org-a/name"),
        ("ray job submit -- python t.py --base_model org-a/name", "model", "org-a/name"),
        ("modal run serve.py --model-name org-a/name", "model", "org-a/name"),
        ("srun --nodes 2 bash -c 'vllm serve org-a/name'", "model", "org-a/name"),
        ('eval "python t.py --model org-a/name"', "model", "org-a/name"),
        ("git clone https://huggingface.co/org-a/name", "model", "org-a/name"),
        ("git lfs clone https://u:$TOKEN@huggingface.co/datasets/org-a/name.git dir", "dataset", "org-a/name"),
        ("wget -q https://huggingface.co/org-a/name/resolve/main/x.bin", "model", "org-a/name"),
        ("curl -LO 'https://hf-mirror.com/datasets/org-a/name/resolve/main/x.csv'", "dataset", "org-a/name"),
        ("USE_HF=1 swift sft --model org-a/name", "model", "org-a/name"),
        ("swift sft --use_hf true --dataset org-a/name#500", "dataset", "org-a/name"),
        ("python t.py --dataset wikitext --model-name x", "dataset", "wikitext"),
        ("python t.py --model_name_or_path gpt2", "model", "gpt2"),
        ("path=$(hf download org-a/name)", "model", "org-a/name"),
        ("if hf download org-a/name; then echo done; fi", "model", "org-a/name"),
    ],
)  # fmt: skip
def test_one_command(command: str, kind: str, ref: str) -> None:
    assert rows(read_shell(command)) == [(1, ref, kind, "floating")] or (
        rows(read_shell(command))[-1] == (1, ref, kind, "floating")
        and all(row[3] == "local" for row in rows(read_shell(command))[:-1])
    )


@pytest.mark.parametrize(
    "command",
    [
        "# vllm serve org-a/name",
        "echo hf download org-a/name",
        "printf 'vllm serve org-a/name'",
        "hf upload org-a/name . --repo-type dataset",
        "python t.py --hub_model_id org-a/name --push_to_hub",
        "python t.py --output_dir org-a/model-name",
        "python t.py --wandb-project org-a/name",
        "pip install git+https://github.com/org-a/name",
        "git clone https://github.com/org-a/model-name",
        "docker pull org-a/model-name:latest",
        "docker build -t org-a/model-name .",
        "vllm serve /data/x --served-model-name org-a/name | grep -v local",
        "llamafactory-cli train --dataset identity,alpaca_en_demo",
        "swift sft --model org-a/name --dataset org-a/data",
        "modelscope download --model org-a/name",
        "python eval.py --model anthropic/claude --judge_model openai/gpt-4o",
        "python bench.py --base-url http://localhost --model org-a/name",
        """curl http://localhost/v1 -d '{"model": "org-a/name"}'""",
        "lm_eval --model local-chat-completions --tasks a/b",
        "pytest tests/models/test_x.py -k model",
        "python t.py --model_name_or_path path/to/model",
        "python t.py --model <org>/<name>",
        "tune download org-a/name --source kaggle",
        "mkdir -p runs/model && cd runs/model",
        "cp a/model b/model",
        "wget https://huggingface.co/org-a/name",
    ],
)
def test_silent(command: str) -> None:
    assert [row for row in rows(read_shell(command)) if row[3] != "local"] == []


@pytest.mark.parametrize(
    "command",
    [
        "python t.py --model_name_or_path ./out/model",
        "vllm serve /models/llama",
        'python t.py --model "$OUTPUT_DIR/model"',
        "vllm serve ${MODEL_DIR}/llama",
        "lm_eval --model_args pretrained=./out,dtype=float",
        "mkdir tutorial && hf download gpt2 --local-dir tutorial/gpt2-a; vllm serve tutorial/gpt2-a",
    ],
)
def test_local(command: str) -> None:
    assert rows(read_shell(command))[-1][3] == "local"


@pytest.mark.parametrize(
    ("command", "revision"),
    [
        (f"vllm serve org-a/name --revision {SHA}", SHA),
        ("vllm serve org-a/name --revision=main", "main"),
        (f"trl sft --model_name_or_path org-a/name --model_revision '{SHA}'", SHA),
        (f"python t.py --model_name_or_path org-a/name --model_revision {SHA}", SHA),
        (f"python t.py --model_name_or_path org-a/name --revision {SHA}", SHA),
        (f"python t.py --reward_model_path org-a/name --reward_model_revision {SHA} --model_revision main", SHA),
        (f"python t.py --tokenizer_name org-a/name --tokenizer_revision {SHA}", SHA),
        (f"python t.py --dataset_name org-a/name --model_revision {SHA}", None),
        (f"python t.py --model.name org-a/name --model.revision {SHA}", SHA),
        (f"lm_eval --model_args pretrained=org-a/name,revision={SHA}", SHA),
        (f"REV={SHA}\nvllm serve org-a/name --revision $REV", SHA),
        ("vllm serve org-a/name --revision ${REV:-v1.0}", "v1.0"),
        (f"git clone https://huggingface.co/org-a/name\ncd name && git checkout {SHA}", SHA),
        ("git clone -b dev https://huggingface.co/org-a/name", "dev"),
        (f"wget https://huggingface.co/org-a/name/resolve/{SHA}/x.bin", SHA),
        (f"docker run -e REVISION={SHA} -e MODEL_ID=org-a/name ghcr.io/huggingface/text-generation-inference", SHA),
        (f"export REVISION={SHA} MODEL_ID=org-a/name", SHA),
    ],
)
def test_revision(command: str, revision: str | None) -> None:
    found = [each for each in read_shell(command) if each.ref == "org-a/name"]
    assert [each.revision for each in found] == [revision]
    assert found[0].revision_known


def test_a_revision_known_only_when_it_runs_is_dynamic() -> None:
    assert rows(read_shell("vllm serve org-a/name --revision $REV")) == [(1, "org-a/name", "model", "dynamic")]
    assert rows(read_shell('hf download "$1"')) == [(1, None, "model", "dynamic")]


def test_constants_are_reported_where_they_are_used() -> None:
    script = 'ORG=org-a\nMODEL=${ORG}/name\n\npython a.py --model $MODEL\npython b.py --tokenizer "${MODEL}"\n'
    assert rows(read_shell(script)) == [
        (4, "org-a/name", "model", "floating"),
        (5, "org-a/name", "tokenizer", "floating"),
    ]


def test_defaults_and_alternatives_are_reported_where_they_are_written() -> None:
    script = """\
MODEL=${1:-org-a/default}
: "${DATA:=org-a/data}"
if [ "$2" = big ]; then
  BASE=org-a/big
else
  BASE=org-a/small
fi
MODELS=(org-b/one
        "org-b/two")
for model in "${MODELS[@]}"; do
  hf download "$model"
done
python t.py --model $MODEL --dataset $DATA --base_model $BASE
"""
    found = read_shell(script)
    assert rows(found) == [
        (1, "org-a/default", "model", "floating"),
        (2, "org-a/data", "dataset", "floating"),
        (4, "org-a/big", "model", "floating"),
        (6, "org-a/small", "model", "floating"),
        (8, "org-b/one", "model", "floating"),
        (9, "org-b/two", "model", "floating"),
    ]
    assert {each.slot for each in found} == {None}
    assert (
        found[0].unpinnable == "only a default is written here: a revision for it would hold for every other id as well"
    )
    assert found[-1].unpinnable == "one word of this command serves several ids"


def test_functions_are_followed() -> None:
    script = (
        """\
fetch() {
  local repo=$1; shift
  hf download "$repo" "$@"
}
fetch org-a/one
fetch "org-a/two" \\
  --repo-type dataset --revision """
        f"{SHA}\n"
    )
    found = read_shell(script)
    assert rows(found) == [
        (3, None, "model", "dynamic"),
        (5, "org-a/one", "model", "floating"),
        (6, "org-a/two", "dataset", "pinned"),
    ]
    assert [each.lines for each in found] == [(3, 3), (5, 5), (6, 7)]
    assert found[1].unpinnable == "the revision has to go through the shell function that loads it"


def test_words_kept_in_lists_and_texts() -> None:
    script = """\
ARGS=(--model org-a/one
  --port 1)
OPTS="--model_name_or_path org-a/two --bf16"
vllm serve "${ARGS[@]}"
python t.py $OPTS
"""
    found = read_shell(script)
    assert [(each.line, each.column, each.ref) for each in found] == [(1, 15, "org-a/one"), (3, 28, "org-a/two")]
    assert pinned(read_shell, script).startswith(f"ARGS=(--model org-a/one --revision {SHA}\n")


def test_documents_inside() -> None:
    script = """\
python - <<'EOF'
from transformers import AutoModel
AutoModel.from_pretrained("org-a/one")
EOF
cat > run.sh <<EOF2
vllm serve org-a/two
EOF2
python -c "from transformers import AutoModel; AutoModel.from_pretrained('org-a/three')"
"""
    found = read_shell(script)
    assert [(each.line, each.ref) for each in found] == [(3, "org-a/one"), (6, "org-a/two"), (8, "org-a/three")]
    assert f'AutoModel.from_pretrained("org-a/one", revision="{SHA}")' in pinned(read_shell, script, 0)
    assert f"""AutoModel.from_pretrained('org-a/three', revision=\\"{SHA}\\")\"""" in pinned(read_shell, script, 2)


def test_remote_code() -> None:
    assert rows(read_shell("vllm serve org-a/name --trust-remote-code --tokenizer org-a/tok")) == [
        (1, "org-a/name", "model", "floating"),
        (1, "org-a/name", "code", "floating"),
        (1, "org-a/tok", "tokenizer", "floating"),
    ]
    assert len(read_shell("python t.py --model org-a/name --trust_remote_code False")) == 1
    assert rows(read_shell("lm_eval --model_args pretrained=org-a/name,trust_remote_code=True"))[1][2] == "code"


def test_several_ids_of_one_flag() -> None:
    command = "python t.py --dataset_mixer_list org-a/one 1.0 org-a/two 0.5 --dataset org-b/one,org-b/two"
    assert refs(read_shell(command)) == ["org-a/one", "org-a/two", "org-b/one", "org-b/two"]
    assert refs(read_shell("""python t.py --dataset_mixer '{"org-a/one": 0.5, "org-a/two": 1}'""")) == [
        "org-a/one",
        "org-a/two",
    ]


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("vllm serve org-a/name --port 1", f"vllm serve org-a/name --revision {SHA} --port 1"),
        ('hf download "org-a/name" x.json', f'hf download "org-a/name" --revision {SHA} x.json'),
        ("vllm serve org-a/name --revision main", f"vllm serve org-a/name --revision {SHA}"),
        ('vllm serve org-a/name --revision="main"', f'vllm serve org-a/name --revision="{SHA}"'),
        ("trl sft --model_name_or_path=org-a/name", f"trl sft --model_name_or_path=org-a/name --model_revision {SHA}"),
        (
            'lm_eval --model_args pretrained="org-a/name",dtype=float',
            f'lm_eval --model_args pretrained="org-a/name,revision={SHA}",dtype=float',
        ),
        ("wget https://hf.co/org-a/name/resolve/main/x", f"wget https://hf.co/org-a/name/resolve/{SHA}/x"),
        ("M=org-a/name\nvllm serve $M -q", f"M=org-a/name\nvllm serve $M --revision {SHA} -q"),
        ("srun bash -c 'vllm serve org-a/name'", f"srun bash -c 'vllm serve org-a/name --revision {SHA}'"),
    ],
)
def test_slot(command: str, after: str) -> None:
    assert pinned(read_shell, command) == after


def test_a_remark_fits_only_behind_an_unbroken_line() -> None:
    one, two = read_shell("vllm serve org-a/one\nvllm serve org-a/two \\\n  --port 1\n")
    assert one.slot is not None
    assert two.slot is not None
    assert (one.slot.comment, one.lines) == ("#", (1, 1))
    assert (two.slot.comment, two.lines) == (None, (2, 3))
    first, second = read_shell("hf download org-a/one && \\\n  hf download org-a/two\n")
    assert first.slot is not None
    assert second.slot is not None
    assert (first.slot.comment, second.slot.comment) == (None, "#")
    (inside,) = read_command("vllm serve org-a/one")
    assert inside.slot is not None
    assert inside.slot.comment is None


def test_list_of_words() -> None:
    text = 'run(["vllm", "serve", "org-a/name",\n     "--port", port])\n'
    spans = [("vllm", 5, 11), ("serve", 13, 20), ("org-a/name", 22, 34), ("--port", 41, 49), (None, 51, 55)]
    (found,) = read_argv(spans, text)
    assert (found.line, found.column, found.lines) == (1, 24, (1, 2))
    assert found.slot is not None
    slot = found.slot
    filled = text[: slot.start] + slot.before + SHA + slot.after + text[slot.end :]
    assert filled.startswith(f'run(["vllm", "serve", "org-a/name", "--revision", "{SHA}",\n')


def test_installers_are_too_large() -> None:
    with pytest.raises(BadInputError) as caught:
        read_shell("model\n" * 200_000, "install.sh")
    assert str(caught.value) == "install.sh: has more than 1,000,000 characters."
