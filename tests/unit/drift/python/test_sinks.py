"""Every kind of loading call, with the kind of what it loads."""

from __future__ import annotations

import pytest

from ftlineage.drift.reference import Found, judge
from tests.unit.drift.python.seen import SHA, seen


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('AutoModelForCausalLM.from_pretrained("org-a/m")', "model org-a/m - floating"),
        ('transformers.AutoTokenizer.from_pretrained("gpt2")', "tokenizer gpt2 - floating"),
        ('AutoProcessor.from_pretrained(pretrained_model_name_or_path="org-a/m")', "tokenizer org-a/m - floating"),
        ('Tokenizer.from_pretrained("bert-base-cased")', "tokenizer bert-base-cased - floating"),
        ('DiffusionPipeline.from_pretrained("org-a/sd", variant="fp16")', "model org-a/sd - floating"),
        ('PeftModel.from_pretrained(base, "org-a/lora")', "adapter org-a/lora - floating"),
        ('PeftModel.from_pretrained(base, model_id="org-a/lora")', "adapter org-a/lora - floating"),
        ('PeftModel.from_pretrained(base, "org-a/lora/part")', "adapter org-a/lora - floating"),
        ('AutoPeftModelForCausalLM.from_pretrained("org-a/lora")', "adapter org-a/lora - floating"),
        ('PeftConfig.from_pretrained("org-a/lora")', "adapter org-a/lora - floating"),
        ('FastLanguageModel.from_pretrained(model_name="org-a/m", max_seq_length=1)', "model org-a/m - floating"),
        ('SetFitModel.from_pretrained("org-a/m")', "model org-a/m - floating"),
        ('GLiNER.from_pretrained("org-a/m")', "model org-a/m - floating"),
        ('load_dataset("org-a/d", "main")', "dataset org-a/d - floating"),
        ('datasets.load_dataset(path="imdb")', "dataset imdb - floating"),
        ('load_dataset_builder("wikitext")', "dataset wikitext - floating"),
        ('get_dataset_config_names("org-a/d")', "dataset org-a/d - floating"),
        ('hf_hub_download("org-a/d", "f", repo_type="dataset")', "dataset org-a/d - floating"),
        ('HfApi().snapshot_download(repo_id="org-a/s", repo_type="space")', "space org-a/s - floating"),
        ('hf_hub_url("org-a/m", "f")', "model org-a/m - floating"),
        ('pipeline("text-generation", "gpt2")', "model gpt2 - floating"),
        ('SentenceTransformer("all-MiniLM-L6-v2")', "model all-MiniLM-L6-v2 - floating"),
        ('CrossEncoder("org-a/ce")', "model org-a/ce - floating"),
        ('SparseEncoder("org-a/se")', "model org-a/se - floating"),
        ('LLM("org-a/m")', "model org-a/m - floating"),
        ('AsyncEngineArgs(model="org-a/m")', "model org-a/m - floating"),
        ('SFTTrainer(model="org-a/m", args=args)', "model org-a/m - floating"),
        ('GRPOTrainer(model=model, reward_funcs=["org-a/rm", score])', "model org-a/rm - floating"),
        ('HuggingFaceEmbeddings(model_name="org-a/m")', "model org-a/m - floating"),
        ('HuggingFaceEmbedding(model_name="org-a/m")', "model org-a/m - floating"),
        ('SentenceTransformersTextEmbedder(model="org-a/m")', "model org-a/m - floating"),
        ('pipe.load_lora_weights("org-a/lora")', "adapter org-a/lora - floating"),
        ('model.load_adapter("org-a/lora", adapter_name="x")', "adapter org-a/lora - floating"),
        ('LoRARequest("name", 1, "org-a/lora")', "adapter org-a/lora - floating"),
        ('timm.create_model("hf_hub:org-a/m")', "model org-a/m - floating"),
        ('open_clip.create_model_and_transforms("hf-hub:org-a/m")', "model org-a/m - floating"),
        ('SequenceTagger.load("org-a/m")', "model org-a/m - floating"),
        ('WhisperModel("org-a/m")', "model org-a/m - floating"),
        ('get_kernel("kernels-community/activation")', "code kernels-community/activation - floating"),
        ('pd.read_parquet("hf://datasets/org-a/d/x.parquet")', "dataset org-a/d - floating"),
        ('fetch("https://huggingface.co/org-a/m/resolve/main/config.json")', "model org-a/m main floating"),
        (f'fetch("https://huggingface.co/datasets/org-a/d/resolve/{SHA}/x")', "dataset org-a/d SHA pinned"),
        ('HfFileSystem().open("datasets/org-a/d/x.csv")', "dataset org-a/d - floating"),
        ('subprocess.run(["vllm", "serve", "org-a/m", "--port", "1"])', "model org-a/m - floating"),
        ('os.system("vllm serve org-a/m --port 1")', "model org-a/m - floating"),
        ('snapshot_download_with_retry("org-a/m")', "model org-a/m - floating"),
        ('hf_dataset(path="org-a/d", split="test")', "dataset org-a/d - floating"),
        ('LightevalTaskConfig(name="x", hf_repo="org-a/d", hf_subset="y")', "dataset org-a/d - floating"),
        (f'ModelMeta(name="org-a/m", revision="{SHA}")', "model org-a/m SHA pinned"),
        ('lm_eval.simple_evaluate(model="hf", model_args={"pretrained": "gpt2"})', "model gpt2 - floating"),
    ],
)
def test_what_a_call_loads(call, expected):
    assert [line.split(" ", 1)[1] for line in seen(call)] == [expected]


def test_a_metric_is_a_space_whose_code_runs():
    assert seen(
        'import evaluate as ev\nev.load("accuracy")\nev.load("f1", module_type="comparison")\nev.load("./mine.py")'
    ) == [
        "2:10 space evaluate-metric/accuracy - floating",
        "2:10 code evaluate-metric/accuracy - floating",
        "3:10 space evaluate-comparison/f1 - floating",
        "3:10 code evaluate-comparison/f1 - floating",
        "4:10 space ./mine.py - local",
    ]


def test_an_engine_loads_model_and_tokenizer_by_revisions_of_their_own():
    assert seen(f'LLM(model="org-a/m", tokenizer="org-a/t", revision="main", tokenizer_revision="{SHA}")') == [
        "1:12 model org-a/m main floating",
        "1:33 tokenizer org-a/t SHA pinned",
    ]


def test_the_revision_in_a_trainers_config_counts():
    assert seen(f"""
        config = GRPOConfig(model_init_kwargs={{"revision": "{SHA}"}})
        GRPOTrainer(model="org-a/m", args=config)
    """) == ["2:20 model org-a/m SHA pinned"]


def test_revisions_within_model_kwargs_count():
    call = 'HuggingFaceEmbeddings(model_name="org-a/m", model_kwargs={"revision": "v1", "trust_remote_code": True})'
    assert seen(call) == ["1:35 model org-a/m v1 floating", "1:35 code org-a/m v1 floating"]


def test_onnx_and_model_of_one_entry_have_their_own_revisions():
    assert seen(f"""
        Model(
            path="org-a/m", revision="{SHA}",
            onnx_path="org-a/o", onnx_revision="main",
        )
    """) == ["2:11 model org-a/m SHA pinned", "3:16 model org-a/o main floating"]


@pytest.mark.parametrize("switch", ["trust_remote_code=True", '**{"trust_remote_code": True}'])
def test_remote_code_is_a_finding_of_its_own(switch):
    assert seen(f'AutoModel.from_pretrained("org-a/m", {switch})') == [
        "1:28 model org-a/m - floating",
        "1:28 code org-a/m - floating",
    ]


def test_remote_code_of_a_pinned_model_is_none():
    call = f'AutoModel.from_pretrained("org-a/m", revision="{SHA}", trust_remote_code=True)'
    assert seen(call) == ["1:28 model org-a/m SHA pinned"]


def test_a_kernel_is_code_beside_the_model():
    assert seen('AutoModel.from_pretrained("org-a/m", attn_implementation="org-k/flash@v1:attend")') == [
        "1:28 model org-a/m - floating",
        "1:59 code org-k/flash v1 floating",
    ]


@pytest.mark.parametrize(
    "call",
    [
        'load_dataset("json", data_files="x.json")',
        'AutoModel.from_pretrained("./out")',
        'AutoModel.from_pretrained("outputs/checkpoint-1")',
        'AutoModel.from_pretrained("org-a/m/deep")',
        'AutoModel.from_pretrained(os.path.join("a", "b"))',
        'AutoModel.from_pretrained("org-a/m", local_files_only=True)',
        'model.save_pretrained("mine"); AutoModel.from_pretrained("mine")',
        'AutoModel.from_pretrained(snapshot_folder := "~/models/x")',
    ],
)
def test_paths_and_builders_are_local(call):
    assert [line.rpartition(" ")[2] for line in seen(call)] == ["local"]


@pytest.mark.parametrize(
    "text",
    [
        'import tiktoken\ntiktoken.from_pretrained("gpt2")',
        'from modelscope import AutoModel\nAutoModel.from_pretrained("org-a/m")',
        'import seaborn as sns\nsns.load_dataset("iris")',
        'model.push_to_hub("org-a/m")',
        'TrainingArguments(output_dir="org-a/out", hub_model_id="org-a/m")',
        'client.chat.completions.create(model="org-a/m", messages=[])',
        '{"model": "org-a/m", "messages": []}',
        'ChatOpenAI(model_name="org-a/m")',
        'print("org-a/m")',
        'MODELS = ["org-a/m", "org-b/m"]',
        'def f():\n    """Loads ``AutoModel.from_pretrained("org-a/m")``."""',
        '# AutoModel.from_pretrained("org-a/m")',
        'if name == "org-a/m": pass',
        'parser.add_argument("--x", help="such as org-a/m")',
        'requests.get("application/json")',
        'AutoModel.from_pretrained("path/to/model")',
        'AutoModel.from_pretrained("your-name/model")',
        'pipeline("text-classification", model=AutoModel.from_config(config))',
        'timm.create_model("resnet50")',
        '@register_dataset("org-a/d")\nclass D: pass',
        'p.add_argument("--repo_id", default="org-a/m")\nargs = p.parse_args()\ndata.push_to_hub(args.repo_id)',
        "def load_dataset(**kwargs):\n    return {}\nload_dataset('org-a/d')",
    ],
)
def test_look_alikes_are_silent(text):
    assert seen(text) == []


def test_a_constant_given_to_a_loader_by_keyword_is_one_finding():
    assert seen("""
        REPO = "org-a/d"
        hf_hub_download(repo_id=REPO, filename="x", repo_type="dataset")
    """) == ["2:25 dataset org-a/d - floating"]


def test_the_library_puts_its_owner_before_a_bare_name():
    def asked(ref: str, via: str) -> str:
        (reference,) = judge(Found(ref=ref, kind="model", line=1, via=via), "a.py")
        return reference.repository

    assert asked("all-MiniLM-L6-v2", "SentenceTransformer") == "sentence-transformers/all-MiniLM-L6-v2"
    assert asked("org-a/m", "SentenceTransformer") == "org-a/m"
    assert asked("gpt2", "AutoModel.from_pretrained") == "gpt2"
