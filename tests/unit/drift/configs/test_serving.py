"""What each table of a serving or evaluation framework finds, and the files where names are those of an API."""

import pytest

from ftlineage.drift.configs.reader import frameworks_of, read_config
from ftlineage.drift.reference import judge

SHA = "7ae557604adf67be50417f59c2c2f167def9a775"

LM_EVAL = """\
task: mine
dataset_path: nord/rows
dataset_name: main
output_type: multiple_choice
dataset_kwargs:
  trust_remote_code: true
"""
LM_EVAL_LOCAL = """\
task: mine
dataset_path: json
dataset_kwargs:
  data_files:
    validation: hf://datasets/nord/arithmetic/data/x.jsonl
doc_to_text: "{{context}}"
"""
LM_EVAL_RUN = f"model: hf\nmodel_args: pretrained=nord/base,revision={SHA},trust_remote_code=True\ntasks: [gsm8k]\n"
LIGHTEVAL = f'model_parameters:\n  model_name: "nord/base"\n  revision: "{SHA}"\n  trust_remote_code: true\n'
LIGHTEVAL_HOSTED = 'model_parameters:\n  model_name: "openai/nord/base"\n  provider: "openai"\n'
LIGHTEVAL_OLD = 'model:\n  base_params:\n    model_args: "pretrained=nord/base,revision=main"\n'
TRUSS = f"""\
model_name: nord/display name
python_version: py311
resources: {{accelerator: A10G}}
model_cache:
  - repo_id: nord/base
    revision: {SHA}
  - repo_id: nord/other
    revision: main
trt_llm:
  build:
    checkpoint_repository: {{source: HF, repo: nord/engine}}
"""
RAY = """\
applications:
- args:
    llm_configs:
    - model_loading_config:
        model_id: short-name
        model_source: nord/base
      engine_kwargs:
        revision: main
        trust_remote_code: true
    - model_loading_config:
        model_id: nord/other
  import_path: ray.serve.llm:build_openai_app
"""
KSERVE = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
spec:
  predictor:
    model:
      storageUri: hf://nord/base:{SHA}
---
kind: InferenceService
spec:
  predictor:
    model:
      storageUri: hf://nord/other
---
kind: InferenceService
spec: {{predictor: {{model: {{storageUri: "s3://bucket/path"}}}}}}
"""
KAITO = """\
apiVersion: kaito.sh/v1beta1
kind: Workspace
inference:
  preset:
    name: nord/base
"""
KAITO_CATALOGUE = f"models:\n  - name: base\n    version: https://huggingface.co/nord/base/commit/{SHA}\n"
KUBEAI = "apiVersion: kubeai.org/v1\nkind: Model\nspec:\n  url: hf://nord/base\n"
VLLM = "model: nord/base\nrevision: main\ntokenizer: nord/tok\nmax-model-len: 4096\ntensor-parallel-size: 2\n"
STACK = """\
servingEngineSpec:
  modelSpec:
  - name: base
    repository: vllm/vllm-openai
    modelURL: nord/base
    modelRevision: ""
"""
HELM = """\
model_deployments:
  - name: huggingface/base
    client_spec:
      class_name: "helm.clients.huggingface_client.HuggingFaceClient"
      args:
        pretrained_model_name_or_path: nord/base
        revision: main
"""
HAYSTACK = """\
components:
  local:
    type: haystack.components.embedders.sentence_transformers_text_embedder.SentenceTransformersTextEmbedder
    init_parameters: {model: nord/embedder}
  hosted:
    type: haystack.components.generators.openai.OpenAIGenerator
    init_parameters: {model: nord/hosted}
"""
PYANNOTE = (
    "pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n  params:\n    segmentation: nord/seg@v2.1\n"
)
DISTILABEL = """\
distilabel: {version: 1.5}
pipeline:
  steps:
  - step:
      repo_id: nord/rows
      type_info: {name: LoadDataFromHub}
  - step:
      llm: {model: nord/base, type_info: {name: TransformersLLM}}
  - step:
      llm: {model: nord/hosted, type_info: {name: OpenAILLM}}
"""
LITELLM = "model_list:\n- model_name: x\n  litellm_params: {model: huggingface/nord/base, api_base: http://x}\n"
RESULTS = '{"results": {"a": 1}, "versions": {"a": 0}, "model_name": "nord/base", "config": {"model_id": "nord/x"}}'

CASES = [
    ("lm-eval", LM_EVAL, [(2, "nord/rows", "dataset", "floating", True)]),
    (
        "lm-eval",
        LM_EVAL_LOCAL,
        [(2, "json", "dataset", "local", False), (5, "nord/arithmetic", "dataset", "floating", False)],
    ),
    ("lm-eval", LM_EVAL_RUN, [(2, "nord/base", "model", "pinned", True)]),
    ("lighteval", LIGHTEVAL, [(2, "nord/base", "model", "pinned", True)]),
    ("lighteval", LIGHTEVAL_HOSTED, []),
    ("lighteval", LIGHTEVAL_OLD, [(3, "nord/base", "model", "floating", False)]),
    (
        "truss",
        TRUSS,
        [
            (5, "nord/base", "model", "pinned", False),
            (7, "nord/other", "model", "floating", False),
            (11, "nord/engine", "model", "floating", False),
        ],
    ),
    (
        "ray-serve-llm",
        RAY,
        [(6, "nord/base", "model", "floating", True), (11, "nord/other", "model", "floating", False)],
    ),
    ("kserve", KSERVE, [(6, "nord/base", "model", "pinned", False), (12, "nord/other", "model", "floating", False)]),
    ("kaito", KAITO, [(5, "nord/base", "model", "floating", False)]),
    ("kaito", KAITO_CATALOGUE, [(3, "nord/base", "model", "pinned", False)]),
    ("kubeai", KUBEAI, [(4, "nord/base", "model", "floating", False)]),
    ("vllm", VLLM, [(1, "nord/base", "model", "floating", False), (3, "nord/tok", "tokenizer", "floating", False)]),
    ("vllm-production-stack", STACK, [(5, "nord/base", "model", "floating", False)]),
    ("helm", HELM, [(6, "nord/base", "model", "floating", False)]),
    ("haystack", HAYSTACK, [(4, "nord/embedder", "model", "floating", False)]),
    ("pyannote", PYANNOTE, [(4, "nord/seg", "model", "floating", False)]),
    (
        "distilabel",
        DISTILABEL,
        [
            (5, "nord/rows", "dataset", "floating", False),
            (8, "nord/base", "model", "floating", False),
        ],
    ),
    ("hosted", LITELLM, []),
    ("records", RESULTS, []),
]


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_table_finds_what_its_framework_loads(name, text, expected):
    path = "results.json" if text.startswith("{") else "values.yaml"
    assert frameworks_of(text, path)[0][0] == name
    found = []
    for one in read_config(text, path):
        verdict = judge(one, path)[0]
        found.append((verdict.line, verdict.ref, verdict.kind, verdict.status, one.remote_code))
    assert found == expected


ENVIRONMENTS = [
    ("services:\n  tgi:\n    environment:\n      MODEL_ID: nord/base\n      REVISION: main\n", "main"),
    ("services:\n  tgi:\n    environment:\n      - MODEL_ID=nord/base\n      - REVISION=main\n", "main"),
    (
        "containers:\n- env:\n  - name: MODEL_ID\n    value: nord/base\n  - {name: REVISION, value: main}\n",
        "main",
    ),
    ("jobs:\n  x:\n    env:\n      HF_MODEL: nord/base\n", None),
    ('services:\n  x:\n    environment:\n      MODEL_ID: "${MODEL_ID:-nord/base}"\n', None),
]


@pytest.mark.parametrize(
    ("text", "revision"), ENVIRONMENTS, ids=["mapping", "assignments", "pairs", "plain", "default"]
)
def test_variables_of_an_environment(text, revision):
    [one] = read_config(text, "compose.yaml")
    assert (one.ref, one.kind, one.revision) == ("nord/base", "model", revision)
    assert text.splitlines()[one.line - 1].find("nord/base") >= 0


@pytest.mark.parametrize(
    "text",
    [
        "environment:\n  SERVED_MODEL_NAME: nord/base\n",
        "env:\n  MODEL: anthropic/claude-sonnet-4\n",
        "env:\n  MODEL_NAME: openai/gpt-4o\n",
        "env:\n  MODEL_NAME: nord/base\n  OPENAI_BASE_URL: http://localhost\n",
        "env:\n  MODEL_PATH: ./models/base\n",
        "env:\n  MODEL: your-org/your-model\n",
    ],
)
def test_variables_that_load_nothing_from_the_hub(text):
    assert read_config(text, "compose.yaml") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model_name_or_path: nord/base\nmodel_revision: main\n", [("nord/base", "model", "main")]),
        ("rag:\n  embedding_model: nord/embedder\n", [("nord/embedder", "model", None)]),
        ("hf:\n  repo_id: nord/rows\n  repo_type: dataset\n", [("nord/rows", "dataset", None)]),
        ("data:\n  dataset: {path: nord/rows, revision: v2}\n", [("nord/rows", "dataset", "v2")]),
        ("llm:\n  model: nord/base\n  load_in_4bit: true\n", [("nord/base", "model", None)]),
        ("wav2vec2_hub: nord/wav2vec2\n", [("nord/wav2vec2", "model", None)]),
        ("llm:\n  model: nord/base\n", []),
        ("llm:\n  model_name: nord/base\n  api_key: x\n", []),
        ("llm:\n  model_name: nord/base\n  provider: together\n", []),
        ("model_name: base\nbase_model: gpt2\n", []),
        ("base_model: output/base\ntokenizer_name: ./tok\n", []),
        ("hub_model_id: nord/mine\noutput_dir: nord/out\n", []),
    ],
)
def test_files_that_no_framework_claims(text, expected):
    assert [(one.ref, one.kind, one.revision) for one in read_config(text, "params.yaml")] == expected


def test_rows_of_data_are_no_settings():
    row = '{"model_id": "nord/base", "text": "x"}\n'
    assert len(read_config(row * 3, "a.jsonl")) == 3
    assert read_config(row * 101, "a.jsonl") == []
    assert read_config("[" + ",".join([row] * 101) + "]", "a.json") == []
