"""Files of frameworks that stand nested in others, or beside none that is known; and their look-alikes."""

import pytest

from ftlineage.drift.configs.reader import frameworks_of, read_config

REPLICAS = """\
nord/service:
  settings:
    metadata:
      weights_repository: "nord/engine"
      vocab_repository: "nord/tok"
nord/second:
  settings:
    model_metadata: {repo_id: nord/second-base}
"""
NESTED = """\
nord/service:
  settings:
    trt_llm:
      build:
        checkpoint_repository: {source: HF, repo: nord/base, revision: main}
        lora_adapters:
          one: {source: HF, repo: nord/one}
    model_cache:
      - repo_id: nord/cached
        revision: main
"""
BENCH = """\
backend:
  name: pytorch
  model: nord/base
  processor: nord/processor
  hub_kwargs: {trust_remote_code: true, revision: main}
"""
BLOCK = """\
runner:
  model: nord/base
  hub_kwargs:
    trust_remote_code: true
    revision: main
"""
FOUNDRY = """\
max_duration: 1ep
model: {name: hf_causal_lm, pretrained_model_name_or_path: gpt2}
tokenizer: {name: nord/tok}
train_loader: {dataset: {hf_name: nord/rows}}
"""
SWIFT = "model: nord/base\ntrain_type: lora\nuse_hf: {hf}\ndataset:\n  - nord/rows#500\n  - local.jsonl\n"
STACK = """\
providers: {inference: [{provider_id: vllm, provider_type: 'remote::vllm'}]}
models:
  - {model_id: nord/remote, provider_id: vllm}
  - {model_id: short, provider_id: sentence-transformers, provider_model_id: nord/embedder}
"""


def seen(text, path="a.yaml"):
    return [(one.ref, one.kind, one.line, one.revision, one.remote_code) for one in read_config(text, path)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            REPLICAS,
            [
                ("nord/engine", "model", 4, None, False),
                ("nord/tok", "tokenizer", 5, None, False),
                ("nord/second-base", "model", 8, None, False),
            ],
        ),
        (
            NESTED,
            [
                ("nord/base", "model", 5, "main", False),
                ("nord/one", "adapter", 7, None, False),
                ("nord/cached", "model", 9, "main", False),
            ],
        ),
        (BENCH, [("nord/base", "model", 3, "main", True), ("nord/processor", "tokenizer", 4, "main", True)]),
        (BLOCK, [("nord/base", "model", 2, "main", True)]),
        (
            FOUNDRY,
            [
                ("gpt2", "model", 2, None, False),
                ("nord/tok", "tokenizer", 3, None, False),
                ("nord/rows", "dataset", 4, None, False),
            ],
        ),
        (
            SWIFT.replace("{hf}", "true"),
            [
                ("nord/base", "model", 1, None, False),
                ("nord/rows", "dataset", 5, None, False),
            ],
        ),
        (STACK, [("nord/embedder", "model", 4, None, False)]),
        (
            "model: nord/base\nfine_tune_type: lora\niters: 10\nval_batches: 2\n",
            [("nord/base", "model", 1, None, False)],
        ),
        (
            "name: x\ncontext_size: 2048\nparameters:\n  model: huggingface://nord/base-gguf/base.gguf\n",
            [("nord/base-gguf", "model", 4, None, False)],
        ),
        (
            "train: {pretrain: nord/base, reward_pretrain: nord/rm}\n",
            [
                ("nord/base", "model", 1, None, False),
                ("nord/rm", "model", 1, None, False),
            ],
        ),
        ("llm_backbone: nord/base\n", [("nord/base", "model", 1, None, False)]),
        ("critic:\n  model: {path: nord/base}\n", [("nord/base", "model", 2, None, False)]),
        ("data:\n  hf_dataset_or_datasets: nord/rows\n", [("nord/rows", "dataset", 2, None, False)]),
        (
            "stages: {vae: nord/vae, controlnet: nord/edges}\n",
            [
                ("nord/vae", "model", 1, None, False),
                ("nord/edges", "model", 1, None, False),
            ],
        ),
        ("speech: {voice_repo_id: nord/voice}\n", [("nord/voice", "model", 1, None, False)]),
    ],
)
def test_what_is_named(text, expected):
    assert seen(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "metadata: {github_repo: nord/code, image_repository: nord/server, helm_repo: nord/charts}\n",
        "metadata: {weights_repository: https://github.com/nord/code}\n",
        "metadata: {weights_repository: ./weights/repo}\n",
        "metadata: {weights_repository: a sentence with nord/name in it}\n",
        "image: {repository: nord/server, tag: v1}\n",
        "settings: {source_repo: nord/code, weights_repository_note: nord/code}\n",
        "release: {push_repo_id: nord/mine, upload_repo: nord/mine, hub_repo_id: nord/mine}\n",
        SWIFT.replace("{hf}", "false"),
        "checkpoint_dir: checkpoints/nord/base\nout_dir: out/finetune\n",
        "stages: {vae: weights/vae.safetensors}\n",
        "model_name_or_path: nord/base\nunified_checkpoint: true\nlearning_rate: 1.0e-5\n",
        "item: {repo: nord/thing, source: HF}\n",
        "model: nord/base\nname: pytorch\n",
        'services: {a: {image: nord/server, command: ["--name", "${NAME:-nord/name}"]}}\n',
    ],
)
def test_look_alikes_are_silent(text):
    assert [one for one in read_config(text, "a.yaml") if not one.is_local] == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('services: {a: {image: vllm/vllm-openai:v1, command: ["--model", "${MODEL:-nord/m}"]}}\n', 1),
        ('services:\n  a:\n    entrypoint: ["python3", "-m", "nord.serve", "--model-path", "${M:-nord/m}"]\n', 3),
        ("services:\n  a:\n    command:\n      - --model-path\n      - ${M:-nord/m}\n", 5),
        ('a:\n  entrypoint: python3 -m nord.serve\n  command: ["--model-path", "${M:-nord/m}"]\n', 3),
        ('containers:\n- image: nord/server\n  args: ["--model-path", "nord/m"]\n', 3),
    ],
)
def test_lists_of_arguments_with_defaults(text, line):
    [one] = read_config(text, "a.yaml")
    assert (one.ref, one.kind, one.line, one.revision) == ("nord/m", "model", line, None)
    assert text.splitlines()[line - 1][one.column - 1 :].startswith("nord/m")


def test_blocks_inside_another_file_are_read_beside_the_fallback():
    assert frameworks_of(NESTED, "a.yaml") == [["commands", "environment", "generic", "truss-blocks"]]
    assert "truss-blocks" not in frameworks_of("trt_llm: {build: {base_model: llama}}\n", "a.yaml")[0]


def test_ids_that_share_the_metadata_of_a_truss_are_not_pinned_by_one_key():
    text = (
        "python_version: py311\nresources: {accelerator: A10G}\nmodel_metadata:\n"
        "  engine_repository: nord/engine\n  tokenizer_repository: nord/tok\n  repo_id: nord/base\n"
    )
    found = read_config(text, "config.yaml")
    assert [(one.ref, one.kind, one.slot is None) for one in found] == [
        ("nord/engine", "model", True),
        ("nord/tok", "tokenizer", True),
        ("nord/base", "model", False),
    ]
    assert found[0].unpinnable == "what is read from model_metadata is the model's own affair"


def test_arguments_of_a_model_server_of_a_truss():
    text = "resources: {accelerator: A10G}\nbuild:\n  model_server: {server}\n  arguments: {model: nord/base}\n"
    assert seen(text.replace("{server}", "VLLM")) == [("nord/base", "model", 4, None, False)]
    assert seen(text.replace("{server}", "TRITON")) == []


@pytest.mark.parametrize("key", ["ref_model_path", "reward_model_path", "draft_model_path", "embedding_model_path"])
def test_roles_of_models_in_any_file(key):
    assert seen(f"train:\n  {key}: nord/base\n") == [("nord/base", "model", 2, None, False)]
    assert seen(f"train:\n  {key}: nord/base\n  api_base: http://localhost\n") == []


@pytest.mark.parametrize("role", ["reward_model", "draft_model", "ref_model"])
def test_blocks_of_models_in_any_file(role):
    assert seen(f"{role}:\n  path: nord/base\n  revision: main\n") == [("nord/base", "model", 2, "main", False)]
    assert seen(f"{role}:\n  path: outputs/base\n") == []
