"""A card with every section filled, the way a real run fills it; and one that holds hostile text everywhere."""

from __future__ import annotations

import hashlib

import msgspec

from ftlineage.core import sections as s
from ftlineage.core.card import NO_ID, Card, CardBody, make_card


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def commit(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def file(path: str, size: int) -> s.FileRecord:
    return s.FileRecord(path=path, size=size, sha256=sha(path))


CHAT_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

SYSTEM_PROMPT = """\
You answer customers of {{ company }} politely and briefly.
Never promise a refund; say that a colleague will look into it.

If the question is about a card, ask for the last four digits and nothing else."""

BASE = s.Base(
    model="org/base-model-1b",
    requested="main",
    revision=commit("base"),
    origin="hub",
    files=[
        file("config.json", 812),
        file("generation_config.json", 180),
        file("model.safetensors", 2_471_645_608),
        file("tokenizer.json", 17_209_920),
        file("tokenizer_config.json", 54_528),
    ],
    loaded_as=s.LoadedAs(class_="LlamaForCausalLM", dtype="bfloat16", attention="sdpa"),
)

COLUMNS = [
    s.Column(name="id", type="int64"),
    s.Column(name="messages", type="list<struct<role: string, content: string>>"),
    s.Column(name="intent", type="string"),
]

DATA = [
    s.Dataset(
        name="tickets",
        source=s.DataSource(
            kind="file", id="tickets.jsonl", split="train", format="jsonl", files=[file("tickets.jsonl", 4_812_340)]
        ),
        rows=10_003,
        schema=COLUMNS,
        fingerprint=s.Fingerprint(algorithm="arrow-rows-v1", ordered=sha("ordered"), unordered=sha("unordered")),
        prepared=s.Prepared(
            rows=9_870,
            columns=[s.Column(name="input_ids", type="list<int32>"), s.Column(name="labels", type="list<int64>")],
            fingerprint=s.Fingerprint(algorithm="arrow-rows-v1", ordered=sha("prepared")),
        ),
        license="cc-by-4.0",
        personal_data="removed",
    ),
    s.Dataset(
        name="politeness",
        role="eval",
        source=s.DataSource(
            kind="hub", id="org/politeness-eval", requested="v2", commit=commit("eval"), config="en", split="test"
        ),
        rows=500,
        schema=COLUMNS[:2],
        fingerprint=s.Fingerprint(algorithm="arrow-rows-v1", ordered=sha("eval")),
    ),
]

PREPROCESSING = s.Preprocessing(
    processors=[
        s.Preprocessor(
            kind="tokenizer",
            class_="PreTrainedTokenizerFast",
            source="org/base-model-1b",
            revision=commit("base"),
            files=[file("tokenizer.json", 17_209_920), file("tokenizer_config.json", 54_528)],
            settings={"padding_side": "right", "model_max_length": 4096},
        )
    ],
    chat_templates=[s.ChatTemplate(name="default", text=CHAT_TEMPLATE, sha256=sha(CHAT_TEMPLATE))],
    renderings=[s.Rendering(probe="two-turns", template="default", sha256=sha("rendering"))],
    settings={"max_length": 1024, "packing": False, "assistant_only_loss": True},
    code=[s.CodeDigest(name="to_messages", role="format", sha256=sha("to_messages"), path="train.py")],
)

PROMPTS = [
    s.Prompt(name="system", text=SYSTEM_PROMPT, sha256=sha(SYSTEM_PROMPT), variables=["company"]),
    s.Prompt(name="escalation", role="tool", sha256=sha("private")),
]

RETRIEVAL = [
    s.Retrieval(
        name="kb",
        kind="faiss",
        version="IndexFlatIP",
        digest="sha256:" + sha("kb"),
        count=18_204,
        embedding_model=s.EmbeddingModel(model="org/minilm", revision=commit("minilm")),
        chunking={"size": 512, "overlap": 64},
    )
]

ADAPTER = s.Adapter(
    type="lora",
    config={"peft_type": "LORA", "r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "bias": "none", "use_dora": False},
    config_digest=sha("config"),
    files=[file("adapter_config.json", 1_034), file("adapter_model.safetensors", 2_269_312)],
    tensors=s.Tensors(
        count=48,
        parameters=563_200,
        digest=sha("tensors"),
        entries=[
            s.Tensor(
                file="adapter_model.safetensors",
                name=f"base_model.model.model.layers.{layer}.self_attn.{target}.lora_{side}.weight",
                dtype="F32",
                shape=[8, 2048] if side == "A" else [2048, 8],
                sha256=sha(f"{layer}{target}{side}"),
            )
            for layer in range(12)
            for target in ("q_proj", "v_proj")
            for side in "AB"
        ],
    ),
    init="default (random A, zero B)",
    target_modules=["q_proj", "v_proj"],
)

RECIPE = s.Recipe(
    method="SFT",
    trainer="SFTTrainer",
    arguments={
        "learning_rate": 0.0002,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": 3,
        "per_device_train_batch_size": 8,
        "warmup_ratio": 0.03,
    },
    seeds={"seed": 42, "data_seed": 42},
    world_size=2,
    script=s.Script(path="train.py", sha256=sha("train.py")),
)

CODE = s.Code(
    repository="https://example.org/team/support-bot.git",
    commit=commit("code"),
    dirty=True,
    diff=sha("diff"),
    untracked=[file("notes/prompt-ideas.txt", 412)],
)

ENVIRONMENT = s.Environment(
    python="3.11.7",
    implementation="CPython",
    os="Linux 6.1 (Debian 12)",
    cpu=s.Cpu(model="AMD EPYC 7R13", architecture="x86_64", capability="AVX2", threads=8),
    gpus=[s.Gpu(name="NVIDIA L4", capability="8.9", memory=24_152_899_584)],
    driver="570.86.15",
    cuda="12.8",
    packages=[
        s.Package(name="accelerate", version="1.12.0"),
        s.Package(name="datasets", version="5.2.0"),
        s.Package(name="numpy", version="2.4.1"),
        s.Package(name="peft", version="0.21.2"),
        s.Package(name="torch", version="2.13.0", build="cu128"),
        s.Package(name="transformers", version="5.23.0"),
        s.Package(name="trl", version="1.16.0"),
    ],
    determinism={"deterministic_algorithms": False, "cudnn_benchmark": False},
    variables={"CUDA_VISIBLE_DEVICES": "0,1", "TOKENIZERS_PARALLELISM": "false"},
)

FULL = CardBody(
    ftlineage="1",
    id=NO_ID,
    name="support-bot",
    base=BASE,
    preprocessing=PREPROCESSING,
    data=DATA,
    prompts=PROMPTS,
    retrieval=RETRIEVAL,
    adapter=ADAPTER,
    recipe=RECIPE,
    code=CODE,
    environment=ENVIRONMENT,
    parents=[s.Parent(relation="continued", card="sha256:" + sha("parent"), name="support-bot")],
    run=s.RunRecord(
        started="2026-08-14T09:12:03Z",
        finished="2026-08-14T09:16:15Z",
        steps=120,
        epochs=3.0,
        metrics={"train_loss": 0.4213377, "eval_accuracy": 0.914},
        flops="812345678901234",
        recorded_by="ftlineage 0.1.0",
    ),
    governance=s.Governance(owner="support team", license="apache-2.0", intended_use="answering customers"),
    unrecorded=[s.Unrecorded(section="data", element="snapshot", reason="no snapshot was asked for")],
)


def full_card() -> Card:
    return make_card(FULL)


def declared_card() -> Card:
    """The card of an adapter that another tool trained: little is known, and that is said."""
    replace = msgspec.structs.replace
    return make_card(
        replace(
            FULL,
            name="from-axolotl",
            base=replace(BASE, evidence="declared", loaded_as=None),
            data=[replace(DATA[0], prepared=None, evidence="declared")],
            preprocessing=s.Preprocessing(),
            prompts=[],
            retrieval=[],
            recipe=None,
            code=None,
            environment=None,
            parents=[],
            run=s.RunRecord(recorded_by="ftlineage 0.1.0"),
            governance=s.Governance(),
            unrecorded=[
                s.Unrecorded(section="recipe", reason="trained by another tool"),
                s.Unrecorded(section="code", reason="trained by another tool"),
                s.Unrecorded(section="environment", reason="trained by another tool"),
            ],
        )
    )


HOSTILE = "<script>alert(1)</script>\u202etxt.exe\x1b[2J\x1b]0;owned\x07[bold red]:smile:{{ 7*7 }}"


def hostile_card() -> Card:
    """Every free text holds markup, escape sequences, direction overrides and template syntax; one is huge."""
    replace = msgspec.structs.replace
    return make_card(
        replace(
            FULL,
            name=HOSTILE,
            base=replace(BASE, model=HOSTILE, requested=HOSTILE, loaded_as=s.LoadedAs(class_=HOSTILE)),
            data=[
                replace(
                    DATA[0],
                    name="x" * 100_000,
                    role=HOSTILE,
                    source=s.DataSource(kind="file", id=HOSTILE, format=HOSTILE),
                    schema=[s.Column(name=HOSTILE, type=HOSTILE)],
                )
            ],
            preprocessing=s.Preprocessing(
                chat_templates=[s.ChatTemplate(name=HOSTILE, text=HOSTILE * 20_000, sha256=sha(HOSTILE))],
                settings={HOSTILE: HOSTILE},
            ),
            prompts=[s.Prompt(name=HOSTILE, role=HOSTILE, text=HOSTILE + "\n" + HOSTILE, sha256=sha(HOSTILE))],
            retrieval=[s.Retrieval(name=HOSTILE, kind=HOSTILE, digest=HOSTILE, chunking={HOSTILE: HOSTILE})],
            adapter=replace(ADAPTER, type=HOSTILE, target_modules=[HOSTILE] * 500, config={HOSTILE: HOSTILE}),
            recipe=s.Recipe(method=HOSTILE, arguments={HOSTILE: HOSTILE}, seeds={HOSTILE: 1}),
            code=s.Code(repository=HOSTILE),
            environment=s.Environment(
                python=HOSTILE,
                packages=[s.Package(name=HOSTILE, version=HOSTILE)] * 2_000,
                variables={HOSTILE: HOSTILE},
            ),
            parents=[s.Parent(relation="merged", name=HOSTILE, digest=HOSTILE)],
            run=s.RunRecord(finished=HOSTILE, metrics={HOSTILE: HOSTILE}, flops=HOSTILE, recorded_by=HOSTILE),
            governance=s.Governance(owner=HOSTILE),
            unrecorded=[s.Unrecorded(section=HOSTILE, element=HOSTILE, reason=HOSTILE)],
        )
    )
