"""What each table of a training framework finds in a small file of it: line, column, id, kind, verdict."""

import pytest

from ftlineage.drift.configs.reader import frameworks_of, read_config
from ftlineage.drift.reference import judge

SHA = "7ae557604adf67be50417f59c2c2f167def9a775"

AXOLOTL = f"""\
base_model: nord/base-7b
revision_of_model: {SHA}
tokenizer_config: nord/tok
trust_remote_code: true
datasets:
  - path: nord/alpaca
    type: alpaca
  - path: json
    data_files: a/b.json
    type: completion
  - {{path: "nord/flow", revision: v1.0, type: alpaca}}
pretraining_dataset: c4
lora_model_dir: ./outputs/lora
attn_implementation: kernels-community/flash-attn2
output_dir: outputs/run
hub_model_id: nord/mine
sequence_len: 2048
micro_batch_size: 1
"""
LLAMAFACTORY = """\
### model
model_name_or_path: nord/Base-4B
adapter_name_or_path: saves/a/lora,nord/lora
trust_remote_code: true

dataset: identity,alpaca_en_demo
template: llama3
finetuning_type: lora
output_dir: saves/base/sft
export_dir: saves/merged
"""
LLAMAFACTORY_V1 = "model: nord/Base-4B\npeft_config:\n  name: lora\n  adapter_name_or_path: ./outputs/x\n"
REGISTRY = """\
{
  "alpaca_en": {
    "hf_hub_url": "nord/alpaca_en",
    "ms_hub_url": "other/alpaca_en"
  },
  "mine": {"file_name": "mine.json", "formatting": "sharegpt"}
}
"""
TRL = """\
# a comment names nord/other
model_name_or_path:
  nord/Base-0.5B
dataset_name:
  imdb
teacher_model_name_or_path: nord/teacher
teacher_model_revision: main
learning_rate: 2.0e-4
use_peft: true
hub_model_id: nord/mine
"""
HANDBOOK = """\
model_name_or_path: nord/base
model_revision: refs/pr/3
dataset_mixer:
  nord/first: 1.0
  "nord/second": 0.5
dataset_mixture:
  datasets:
    - id: nord/third
      config: all
learning_rate: 1e-5
"""
OPEN_INSTRUCT = """\
model_name_or_path: nord/base
model_revision: main
tokenizer_name: nord/tok
use_slow_tokenizer: true
dataset_mixer_list:
  - nord/first
  - 1.0
  - nord/second
  - 0.5
dataset_mixer_eval_list: nord/third 32 nord/fourth 16
"""
OUMI = f"""\
model:
  model_name: "nord/base"
  model_revision: "prequantized"
  tokenizer_name: nord/tok
  tokenizer_kwargs:
    revision: {SHA}
  trust_remote_code: True
data:
  train:
    datasets:
      - dataset_name: "text_sft"
        dataset_kwargs:
          hf_dataset_path: nord/rows
          processor_name: nord/processor
      - dataset_name: nord/alpaca
training:
  trainer_type: TRL_SFT
  output_dir: output/base.lora
"""
OUMI_HOSTED = (
    "model:\n  model_name: meta-llama/llama-4-maverick\nengine: OPENROUTER\ngeneration:\n  max_new_tokens: 9\n"
)
TORCHTUNE = """\
# tune download nord/base
tokenizer:
  _component_: torchtune.models.llama3.llama3_tokenizer
  path: /tmp/base/tokenizer.model
dataset:
  _component_: torchtune.datasets.instruct_dataset
  source: nord/grammar
dataset_val:
  _component_: torchtune.datasets.text_completion_dataset
  source: csv
"""
NEMO = """\
policy:
  model_name: nord/base
  tokenizer:
    name: ${policy.model_name}
  dtensor_cfg: {enabled: true}
checkpointing: {checkpoint_dir: results/grpo}
"""
UNSLOTH = "model_name: nord/base-4bit\nload_in_4bit: true\nmax_seq_length: 2048\ndataset: nord/alpaca\n"
MERGEKIT = """\
merge_method: ties
base_model: nord/base@v0.1
models:
  - model: nord/one
  - model: nord/two+nord/lora
  - model: ./local/three
tokenizer_source: union
"""
AUTOTRAIN = """\
task: llm-sft
base_model: nord/base
project_name: mine
data:
  path: nord/rows
  train_split: train
hub:
  username: ${HF_USERNAME}
"""
VERL = (
    "actor_rollout_ref:\n  model:\n    path: nord/base\n  rollout: {name: vllm}\ncritic:\n  model: {path: ~/models/x}\n"
)
AI_TOOLKIT = (
    "job: extension\nconfig:\n  process:\n    - type: sd_trainer\n      model:\n        name_or_path: nord/flux\n"
)
LEROBOT = """\
{"dataset": {"repo_id": "nord/pusht", "revision": null},
 "policy": {"type": "act", "repo_id": "nord/mine", "path": "nord/act"}}
"""
SWIFT = """\
[
  {"ms_dataset_id": "other/alpaca", "hf_dataset_id": "nord/alpaca"},
  {"ms_dataset_id": "other/x", "subsets": [{"name": "a"}]}
]
"""
ADAPTER = """\
{
  "base_model_name_or_path": "nord/base",
  "peft_type": "LORA",
  "revision": null
}
"""

# name of the table, file, text, and for each reference: line, column, id, kind, status, rule, remote code
CASES = [
    ("axolotl", "train.yml", AXOLOTL, [
        (1, 13, "nord/base-7b", "model", "pinned", None, True),
        (3, 19, "nord/tok", "tokenizer", "pinned", None, True),
        (6, 11, "nord/alpaca", "dataset", "floating", "FLOAT001", False),
        (8, 11, "json", "dataset", "local", None, False),
        (11, 12, "nord/flow", "dataset", "floating", "FLOAT003", False),
        (12, 22, "c4", "dataset", "floating", "FLOAT001", False),
        (14, 22, "kernels-community/flash-attn2", "code", "floating", "FLOAT001", False),
    ]),
    ("llamafactory", "sft.yaml", LLAMAFACTORY, [
        (2, 21, "nord/Base-4B", "model", "floating", "FLOAT001", True),
        (3, 23, "saves/a/lora", "adapter", "local", None, False),
        (3, 36, "nord/lora", "adapter", "floating", "FLOAT001", False),
    ]),
    ("llamafactory", "export.yaml", LLAMAFACTORY_V1, [
        (1, 8, "nord/Base-4B", "model", "floating", "FLOAT001", False),
        (4, 25, "./outputs/x", "adapter", "local", None, False),
    ]),
    ("llamafactory-registry", "info.json", REGISTRY, [
        (3, 19, "nord/alpaca_en", "dataset", "floating", "FLOAT001", False),
    ]),
    ("trl", "sft.yaml", TRL, [
        (3, 3, "nord/Base-0.5B", "model", "floating", "FLOAT001", False),
        (5, 3, "imdb", "dataset", "floating", "FLOAT001", False),
        (6, 29, "nord/teacher", "model", "floating", "FLOAT002", False),
    ]),
    ("trl", "dpo.yaml", HANDBOOK, [
        (1, 21, "nord/base", "model", "floating", "FLOAT005", False),
        (4, 3, "nord/first", "dataset", "floating", "FLOAT001", False),
        (5, 3, "nord/second", "dataset", "floating", "FLOAT001", False),
        (8, 11, "nord/third", "dataset", "floating", "FLOAT001", False),
    ]),
    ("open-instruct", "tulu.yaml", OPEN_INSTRUCT, [
        (1, 21, "nord/base", "model", "floating", "FLOAT002", False),
        (3, 17, "nord/tok", "tokenizer", "floating", "FLOAT002", False),
        (6, 5, "nord/first", "dataset", "floating", "FLOAT001", False),
        (8, 5, "nord/second", "dataset", "floating", "FLOAT001", False),
        (10, 26, "nord/third", "dataset", "floating", "FLOAT001", False),
        (10, 40, "nord/fourth", "dataset", "floating", "FLOAT001", False),
    ]),
    ("oumi", "train.yaml", OUMI, [
        (2, 15, "nord/base", "model", "floating", "FLOAT002", True),
        (4, 19, "nord/tok", "tokenizer", "pinned", None, True),
        (13, 28, "nord/rows", "dataset", "floating", "FLOAT001", False),
        (14, 27, "nord/processor", "tokenizer", "floating", "FLOAT001", False),
        (15, 23, "nord/alpaca", "dataset", "floating", "FLOAT001", False),
    ]),
    ("oumi", "infer.yaml", OUMI_HOSTED, []),
    ("torchtune", "ft.yaml", TORCHTUNE, [
        (7, 11, "nord/grammar", "dataset", "floating", "FLOAT001", False),
        (10, 11, "csv", "dataset", "local", None, False),
    ]),
    ("nemo", "grpo.yaml", NEMO, [(2, 15, "nord/base", "model", "floating", "FLOAT001", False)]),
    ("unsloth", "ft.yaml", UNSLOTH, [
        (1, 13, "nord/base-4bit", "model", "floating", "FLOAT001", False),
        (4, 10, "nord/alpaca", "dataset", "floating", "FLOAT001", False),
    ]),
    ("mergekit", "merge.yml", MERGEKIT, [
        (2, 13, "nord/base", "model", "floating", "FLOAT003", False),
        (4, 12, "nord/one", "model", "floating", "FLOAT001", False),
        (5, 12, "nord/two", "model", "floating", "FLOAT001", False),
        (5, 21, "nord/lora", "adapter", "floating", "FLOAT001", False),
        (6, 12, "./local/three", "model", "local", None, False),
    ]),
    ("autotrain", "llm.yml", AUTOTRAIN, [
        (2, 13, "nord/base", "model", "floating", "FLOAT001", False),
        (5, 9, "nord/rows", "dataset", "floating", "FLOAT001", False),
    ]),
    ("verl", "ppo.yaml", VERL, [(3, 11, "nord/base", "model", "floating", "FLOAT001", False)]),
    ("diffusion-trainers", "flux.yaml", AI_TOOLKIT, [(6, 23, "nord/flux", "model", "floating", "FLOAT001", False)]),
    ("lerobot", "train_config.json", LEROBOT, [
        (1, 25, "nord/pusht", "dataset", "floating", "FLOAT001", False),
        (2, 60, "nord/act", "model", "floating", "FLOAT001", False),
    ]),
    ("swift-registry", "info.json", SWIFT, [
        (2, 54, "nord/alpaca", "dataset", "floating", "FLOAT001", False),
    ]),
    ("peft", "adapter_config.json", ADAPTER, [
        (2, 30, "nord/base", "model", "floating", "FLOAT007", False),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_table_finds_what_its_framework_loads(name, path, text, expected):
    assert frameworks_of(text, path)[0][0] == name
    found = []
    for one in read_config(text, path):
        verdict = judge(one, path)[0]
        place = (verdict.line, verdict.column, verdict.ref, verdict.kind)
        found.append((*place, verdict.status, verdict.rule, one.remote_code))
    assert [one for one in found if one[4] != "dynamic"] == expected


def test_what_a_finding_is_called_by():
    via = {one.ref: one.via for one in read_config(AXOLOTL, "a.yml")}
    assert via["nord/base-7b"] == "axolotl: base_model"
    assert via["nord/alpaca"] == "axolotl: datasets.path"
    assert [one.via for one in read_config(ADAPTER, "adapter_config.json")] == ["adapter_config.json"]


def test_the_lines_of_a_reference_are_those_of_its_key_and_value():
    assert [one.lines for one in read_config(TRL, "sft.yaml")] == [(2, 3), (4, 5), (6, 6)]


def test_a_value_that_a_run_decides_is_dynamic():
    dynamic = [one for one in read_config(NEMO, "grpo.yaml") if one.line == 4]
    # `ids = "org/name"` rules say nothing of values without a shape.
    assert dynamic == []
    [one] = read_config(
        "base_model: ${BASE}\ndatasets: [{path: a/b}]\nsequence_len: 1\nmicro_batch_size: 1\n", "a.yml"
    )[:1]
    assert (one.ref, one.line) == (None, 1)
    assert judge(one, "a.yml")[0].status == "dynamic"
