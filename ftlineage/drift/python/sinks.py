"""The calls that load from the Hub: what each takes, where its id stands and how its revision is written.

A table, to be extended by a row. Decides from the callee's name and where it was imported from;
refuses look-alikes of other libraries (tiktoken, ModelScope, seaborn ...).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ftlineage.drift.reference import Kind

Bare = Literal["never", "canonical", "any"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sink:
    """One kind of loading call.

    ``names`` are last parts of callees. ``at`` and ``keys`` say where the id is: a position, keywords.
    ``insert`` is the keyword that takes a revision, None where the call has none and ``reason`` says why.
    ``inside`` is a keyword whose dict may hold it. ``owner`` must occur in the callee's dotted name.
    ``bare`` says which names without an owner are ids.
    """

    names: tuple[str, ...]
    kind: Kind | None = None
    at: int | None = 0
    keys: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ("revision",)
    insert: str | None = "revision"
    reason: str | None = None
    inside: str | None = None
    owner: re.Pattern[str] | None = None
    bare: Bare = "never"
    always_code: bool = False
    strict: bool = False  # only a text that is surely an id: the call loads other things too
    scheme: str | None = None  # the id counts only with this in front
    prefix: str = ""  # what the library puts before a bare name


def _owner(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_MODEL_KEYS = (
    "pretrained_model_name_or_path",
    "model_name_or_path",
    "model_name",
    "model_id",
    "path_or_repo_id",
    "repo_id",
)
_NO_FIELD = "the call takes no revision"
_IN_INIT = "the trainer loads it: give the revision in the config's model_init_kwargs"

SINKS: tuple[Sink, ...] = (
    Sink(
        names=("load_dataset", "load_dataset_builder", "get_dataset_config_names", "get_dataset_split_names",
               "get_dataset_infos", "get_dataset_config_info", "get_dataset_default_config_name",
               "dataset_module_factory", "load_dataset_with_retry", "load_dataset_w_retry", "safe_load_dataset"),
        kind="dataset", keys=("path", "dataset_name", "path_or_dataset"), bare="any",
        owner=_owner(r"^(datasets\.|[^.]*$|.*datasets?(_lib|_module)?\.)"),
    ),
    Sink(names=("load_metric",), kind="code", keys=("path",), bare="any", always_code=True,
         owner=_owner(r"^(datasets\.|[^.]*$)")),
    Sink(
        names=("hf_hub_download", "snapshot_download", "list_repo_files", "list_repo_tree", "hf_hub_url",
               "load_state_dict_from_hub", "cached_download_from_hub"),
        keys=("repo_id", "model_id"), bare="canonical", owner=_owner(r"^(?!.*(ms|modelscope)).*$"),
    ),
    Sink(names=("cached_file", "get_file_from_repo", "cached_files", "has_file"), kind="model",
         keys=("path_or_repo_id", "path_or_repo"), bare="canonical"),
    Sink(names=("from_single_file",), kind="model", keys=("pretrained_model_link_or_path",), strict=True),
    Sink(names=("pipeline",), kind="model", at=1, keys=("model",), bare="canonical",
         owner=_owner(r"^(transformers\.|optimum|[^.]*$|.*pipelines\.)")),
    Sink(names=("pipeline",), kind="tokenizer", at=None, keys=("tokenizer", "feature_extractor", "image_processor"),
         bare="canonical", insert=None,
         reason="the pipeline's one revision is the model's: load the tokenizer by itself",
             owner=_owner(r"^(transformers\.|optimum|[^.]*$|.*pipelines\.)")),
    Sink(names=("SentenceTransformer", "SparseEncoder"), kind="model", keys=("model_name_or_path",), bare="any"),
    Sink(names=("CrossEncoder",), kind="model", keys=("model_name_or_path", "model_name"), bare="canonical"),
    Sink(names=("load", "combine"), kind="space", keys=("path",), bare="any", always_code=True,
         owner=_owner(r"^(hf_)?evaluate\."), prefix="evaluate-metric/"),
    Sink(
        names=("LLM", "AsyncLLM", "EngineArgs", "AsyncEngineArgs", "Engine", "SglEngine"), kind="model",
        keys=("model", "model_path"), bare="canonical", owner=_owner(r"^(vllm|[^.]*$|sgl(ang)?\.|.*vllm.*)"),
    ),
    Sink(names=("LLM", "AsyncLLM", "EngineArgs", "AsyncEngineArgs"), kind="tokenizer", at=1, keys=("tokenizer",),
         revisions=("tokenizer_revision", "revision"), insert="tokenizer_revision", bare="canonical"),
    Sink(names=("LLM", "EngineArgs", "AsyncEngineArgs"), kind="model", at=None, keys=("speculative_model",),
         revisions=("speculative_model_revision",), insert=None, reason=_NO_FIELD),
    Sink(names=("LoRARequest",), kind="adapter", at=2,
         keys=("lora_path", "lora_local_path"), insert=None, reason=_NO_FIELD, strict=True),
    Sink(names=("load_adapter",), kind="adapter", keys=("peft_model_id", "model_id", "adapter_name_or_path"),
        strict=True),
    Sink(names=("load_lora_weights", "lora_state_dict", "load_textual_inversion", "load_ip_adapter",
        "load_lora_adapter",
                "load_lora_into_unet", "load_attn_procs"),
         kind="adapter", keys=("pretrained_model_name_or_path_or_dict",), strict=True),
    Sink(names=("SentenceTransformerEmbeddings", "HuggingFaceEmbeddings", "HuggingFaceBgeEmbeddings",
                "HuggingFaceInstructEmbeddings", "HuggingFaceEmbedding", "HuggingFaceCrossEncoder",
                "SentenceTransformerEmbeddingFunction", "HuggingfaceEmbedding", "HuggingFaceEmbedder"),
         kind="model", keys=("model_name", "model"), inside="model_kwargs", insert=None, bare="canonical",
         reason="the class takes a revision only within its model_kwargs"),
    Sink(names=("HuggingFaceLLM", "HuggingFaceModel", "TransformersModel"), kind="model", at=None,
         keys=("model_name", "model_id", "model"), inside="model_kwargs", insert=None, bare="canonical",
         reason="the class takes a revision only within its model_kwargs"),
    Sink(names=("HuggingFaceLLM",), kind="tokenizer", at=None, keys=("tokenizer_name",), inside="tokenizer_kwargs",
         insert=None, reason="the class takes a revision only within its tokenizer_kwargs"),
    Sink(names=("from_model_id",), kind="model", keys=("model_id",), inside="model_kwargs", insert=None,
         reason="the class takes a revision only within its model_kwargs", bare="canonical"),
    Sink(names=("SentenceTransformersTextEmbedder", "SentenceTransformersDocumentEmbedder", "HuggingFaceLocalGenerator",
                "HuggingFaceLocalChatGenerator", "TransformersSimilarityRanker", "ExtractiveReader",
                    "TransformersReader",
                "SentenceTransformersSimilarityRanker", "SentenceTransformersDiversityRanker", "EmbeddingRetriever"),
         kind="model", keys=("model", "model_name_or_path", "embedding_model"), bare="any"),
    Sink(names=("TextEmbedding", "SparseTextEmbedding", "LateInteractionTextEmbedding"), kind="model",
         keys=("model_name",), insert=None, reason=_NO_FIELD, owner=_owner(r"fastembed|^[^.]*$")),
    Sink(names=("TransformerWordEmbeddings", "TransformerDocumentEmbeddings"), kind="model", keys=("model",),
         bare="canonical", insert=None, reason=_NO_FIELD),
    Sink(names=("WhisperModel", "BatchedInferencePipeline"), kind="model", keys=("model_size_or_path",), strict=True),
    Sink(names=("create_model", "create_model_and_transforms", "create_model_from_pretrained", "get_tokenizer"),
         kind="model", keys=("model_name",), insert=None, scheme="hf", reason="the revision is part of the name"),
    Sink(names=("hf_hub_model", "from_hf_hub", "load_from_hub", "pull_from_hub", "load_model_from_hub", "from_hub"),
         kind="model", keys=("repo_id", "model_id", "model_name"), insert=None, reason=_NO_FIELD, strict=True),
    Sink(names=("get_kernel", "load_kernel"), kind="code", keys=("repo_id",), always_code=True, strict=True),
    Sink(names=("SequenceTagger.load", "TextClassifier.load", "Classifier.load", "spacy.load"), kind="model",
         insert=None, reason=_NO_FIELD, strict=True),
    Sink(names=("simple_evaluate",), kind="model", at=None, keys=("model_args.pretrained",),
        revisions=("model_args.revision",),
         insert=None, reason="the revision is part of model_args", bare="canonical"),
    Sink(names=("simple_evaluate",), kind="adapter", at=None, keys=("model_args.peft",), insert=None,
         revisions=(), reason=_NO_FIELD),
)  # fmt: skip
_FROM_PRETRAINED: tuple[str, ...] = (
    "from_pretrained", "from_pretrained_from_hub", "get_config_dict", "get_tokenizer_config", "from_pretrained_hf",
    "load_config_from_hub",
)  # fmt: skip
_TRAINER = re.compile(r"(?!Hyper|Sky|Test|Mock|Fake).*Trainer$")
_TRAINER_ROLES: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("model",), "model"), (("ref_model",), "model"), (("teacher_model",), "model"), (("reward_model",), "model"),
    (("reward_funcs",), "model"), (("judge",), "model"), (("tokenizer", "processing_class"), "tokenizer"),
)  # fmt: skip
_TRAINERS = tuple(
    Sink(names=(), kind=kind, at=0 if keys == ("model",) else None, keys=keys, insert=None, reason=_IN_INIT,
        strict=True,
         inside="model_init_kwargs")
    for keys, kind in _TRAINER_ROLES
)  # fmt: skip
_BY_NAME: dict[str, list[Sink]] = {}
for _sink in SINKS:
    for _name in _sink.names:
        _BY_NAME.setdefault(_name.rpartition(".")[2], []).append(_sink)

_OTHER_LIBRARIES = re.compile(
    r"^(tiktoken|modelscope|seaborn|sns|open_clip\.tok|tensorflow_datasets|tfds|torchvision|sklearn|torchtext|paddle.*"
    r"|nltk|keras_nlp|keras_hub|vega_datasets|mlflow|wandb|joblib|pickle|json|yaml|torch|np|numpy|xarray|plotly|px"
    r"|statsmodels|ms_hub|swift\.hub|aistudio|openmind.*|unittest|mock)(\.|$)|modelscope|tiktoken|openmind"
)
_ADAPTER_CLASS = re.compile(r"Peft|Lora(Model|Config)|AdapterModel|PromptTuningConfig")
_TOKENIZER_CLASS = re.compile(r"tokeni[sz]er|processor|feature_?extractor|\btok\b", re.IGNORECASE)
_TWO_ARGUMENTS = re.compile(r"(^|\.)(Peft(Mixed)?Model(For\w+)?|LoraModel|PeftAdapter|peft_model_class)(\.|$)")


def other_library(qualified: str) -> bool:
    """Whether a callee belongs to a library that loads from elsewhere."""
    return _OTHER_LIBRARIES.search(qualified) is not None


def find_sinks(qualified: str) -> tuple[Sink, ...]:
    """What a callee of this dotted name loads: nothing, or one entry for each argument that is an id."""
    owner, _, name = qualified.rpartition(".")
    if other_library(qualified):
        return ()
    if name in _FROM_PRETRAINED:
        return (_from_pretrained(owner),)
    if _TRAINER.fullmatch(name):
        return _TRAINERS
    return tuple(
        sink
        for sink in _BY_NAME.get(name, ())
        if (sink.owner is None or sink.owner.search(qualified))
        and any(one == name or qualified.endswith(one) for one in sink.names)
    )


# A project's own function around a loader says so in its name.
_NAMED_AFTER = re.compile(
    r"_*\w*(load_dataset|snapshot_download|hf_hub_download|from_pretrained)\w*|hf_dataset|load_hf_dataset"
)


def named_after(qualified: str) -> tuple[Sink, ...]:
    """The loader that a project's own function has in its name, for ids that are surely ids."""
    name = qualified.rpartition(".")[2]
    found = _NAMED_AFTER.fullmatch(name)
    if found is None or other_library(qualified):
        return ()
    base = found.group(1) or "load_dataset"
    kind: Kind | None = "dataset" if base == "load_dataset" else None
    keys = ("repo_id", "path", "model_name_or_path", "model_id", "model_name", "name", "dataset_name", "dataset")
    return (Sink(names=(), kind=kind or "model", keys=keys, strict=True, insert=None,
                 reason=f"whether {name}() takes a revision is not known"),)  # fmt: skip


def _from_pretrained(owner: str) -> Sink:
    """``from_pretrained`` by its class: a PEFT model's adapter is the second argument, its base an object."""
    last = owner.rpartition(".")[2]
    if _TWO_ARGUMENTS.search(owner) and not last.startswith("AutoPeft"):
        return Sink(names=(), kind="adapter", at=1, keys=("model_id", "peft_model_id", "adapter_id"), bare="canonical")
    kind: Kind = "model"
    if _ADAPTER_CLASS.search(last):
        kind = "adapter"
    elif _TOKENIZER_CLASS.search(last):
        kind = "tokenizer"
    keys = (*_MODEL_KEYS, "model_id", "name", "pretrained_model_name", "model_name", "model")
    return Sink(names=(), kind=kind, keys=keys, bare="canonical")
