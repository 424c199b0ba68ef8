"""Whether a text is an id on the Hub, a path here, a builder of the datasets library or a placeholder.

Decided by shape alone. A bare name such as ``gpt2`` is an id only where a loader takes it; the Hub
makes no new ones, so for models the old ones are known by their patterns.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

Shape = Literal["id", "bare", "local", "none"]

_LONGEST = 200
_SEGMENT = r"[A-Za-z0-9][\w.-]{0,95}"
_ID = re.compile(rf"{_SEGMENT}/{_SEGMENT}")
_BARE = re.compile(r"[A-Za-z0-9][\w.-]{1,95}")
_FILE = re.compile(
    r".*\.(jsonl?|csv|tsv|txt|py|ya?ml|toml|pth?|bin|ckpt|safetensors|gguf|ggml|npy|npz|pkl|parquet|arrow|zip|tar|gz|zst"
    r"|onnx|h5|md|html?|ipynb|sh|log|png|jpe?g|mp[34]|wav|xlsx?|db|sqlite|cfg|ini|lock|pdf|svg|gif)",
    re.IGNORECASE,
)
# First segments that name folders, not people or organisations.
_FOLDERS = frozenset(
    {
        "output", "outputs", "out", "results", "result", "checkpoint", "checkpoints", "ckpt", "ckpts", "data",
        "dataset", "datasets", "model", "models", "model_zoo", "saved_model", "saved_models", "saves", "save", "tmp",
        "temp", "cache", ".cache", "logs", "log", "runs", "run", "artifacts", "artifact", "weights", "experiments",
        "exp", "examples", "example", "tests", "assets", "files", "src", "scripts", "configs", "config", "conf", "home",
        "mnt", "workspace", "root", "opt", "usr", "var", "content", "kaggle", "lora_model", "merged", "merged_model",
        "local", "local_models", "adapters", "final", "downloads", "pretrained", "pretrained_models", "dummy_dir",
        "fixtures", "resources", "prompts", "train", "eval", "cached_models", "images", "docs", "build", "lib",
    }
)  # fmt: skip
_LOCAL_WORD = re.compile(
    r"(?i)(.*[_-])?(outputs?|results?|checkpoints?|ckpts?|saved|merged|finetuned|fine-tuned|final|local|tmp|temp|dir"
    r"|folder|path)([_-].*)?"
)
# What people write to be replaced. Names such as acme or org are owners like any other.
_PLACEHOLDER = re.compile(
    r"(?i)(path|to|your?|my|username|user-?name|repo_?id|hf_username|hf_user|xxx+)"
    r"|(your|my|username|hf_username)[-_].*|.*(your|my)[-_](username|user|name|org|hf|account|organization).*"
)
# Types of files and patterns with a slash in them.
_MEDIA = frozenset(
    {
        "application", "text", "image", "audio", "video", "multipart", "message", "font", "and", "or", "n", "yes",
        "true", "input", "cpu", "cuda", "tcp", "http", "https", "utf",
    }
)  # fmt: skip
BUILDERS = frozenset(
    {
        "json", "csv", "parquet", "text", "arrow", "imagefolder", "audiofolder", "videofolder", "webdataset", "pandas",
        "sql", "generator", "spark", "xml", "hdf5", "pdffolder", "niftifolder", "lance", "jsonl", "cache", "packaged",
        "arrow_dataset",
    }
)  # fmt: skip
# What the Hub served without an owner before it had owners.
_CANONICAL = re.compile(
    r"(distil|open)?gpt-?2?(-medium|-large|-xl)?|distilgpt2|openai-gpt|gpt2.*"
    r"|(distil)?bert-(base|large|tiny|mini|small|medium)-.*|(distil)?roberta-(base|large).*|t5-(small|base|large|3b|11b)"
    r"|xlm-(roberta-(base|large)|mlm|clm)-?.*|xlnet-(base|large)-cased|albert-(base|large|xlarge|xxlarge)-v[12]"
    r"|transfo-xl-wt103|ctrl|camembert-base|flaubert-.*|bart-(base|large).*|google-t5.*|byt5-.*|CodeBERTa.*"
)


class Id(NamedTuple):
    """An id taken out of a text, with what follows it: ``org/name@rev``, ``org/name/folder``."""

    ref: str
    revision: str | None
    rest: str


def shape_of(text: str) -> Shape:
    """What a text looks like; ``none`` for sentences, placeholders and everything else."""
    if not text or len(text) > _LONGEST or any(letter in text for letter in " \t\n<>{}$*?|\\,;()=\"'"):
        return "local" if text.startswith(("./", "../", "/", "~")) else "none"
    if text.startswith((".", "/", "~", "file:")) or text.endswith("/") or _drive(text):
        return "local"
    if "/" not in text:
        return _bare(text)
    first, _, rest = text.partition("/")
    if first.lower() in _FOLDERS or _FILE.fullmatch(rest):
        return "local"
    if _PLACEHOLDER.fullmatch(first) or first.lower() in _MEDIA or _PLACEHOLDER.fullmatch(rest):
        return "none"
    return "id" if split_id(text) is not None else "none"


def split_id(text: str) -> Id | None:
    """``org/name`` with what follows it, or None: ``hf://`` and ``hf-hub:`` in front are taken off."""
    for scheme in ("hf://", "hf-hub:", "hf_hub:"):
        text = text.removeprefix(scheme)
    for folder in ("datasets/", "spaces/", "models/"):
        text = text.removeprefix(folder) if text.count("/") > 1 else text
    parts = text.split("/")
    if len(parts) < 2:  # noqa: PLR2004 - owner and name
        return None
    name, at, revision = parts[1].partition("@")
    name, _, _ = name.partition(":")
    ref = f"{parts[0]}/{name}"
    if _ID.fullmatch(ref) is None or ref.endswith((".", "-")) or "--" in ref or ".." in ref:
        return None
    return Id(ref, revision.replace("%2F", "/") if at else None, "/".join(parts[2:]))


def is_canonical(text: str) -> bool:
    """Whether a bare name is one of the old models without an owner."""
    return _CANONICAL.fullmatch(text) is not None


def _bare(text: str) -> Shape:
    if _BARE.fullmatch(text) is None:
        return "none"
    if text.lower() in _FOLDERS or _FILE.fullmatch(text):
        return "local"
    return "bare"


def is_local_word(text: str) -> bool:
    """Whether a bare name reads like a folder that a run has written."""
    return _LOCAL_WORD.fullmatch(text) is not None


def _drive(text: str) -> bool:
    return len(text) > 2 and text[1] == ":" and text[0].isalpha()  # noqa: PLR2004 - `C:/`


# --- keys --------------------------------------------------------------------------------------

Kind = Literal["model", "dataset", "adapter", "tokenizer", "space", "code"]

# Names of arguments, keys, fields and constants that hold an id. `exact` is trusted by itself, in any call.
_EXACT: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "model_name_or_path", "pretrained_model_name_or_path", "base_model_name_or_path", "hf_model", "hf_model_id",
            "hf_model_name", "hf_model_path", "base_model", "base_model_id", "base_model_name", "model_repo",
            "model_repo_id", "hf_repo", "hf_repo_id", "repo_id", "model_id", "model_name", "reward_model_path",
            "sft_model_path", "teacher_model_name_or_path", "reward_model_name_or_path", "embedding_model",
            "embedding_model_name", "default_model", "default_model_name", "hub_model",
                "pretrained_model", "model_path",
            "pretrained", "teacher_model", "draft_model", "ref_model", "reward_model", "judge_model", "hf_model_repo",
            "huggingface_model", "huggingface_id", "hf_id", "checkpoint", "actor_model_path", "critic_model_path",
            "pretrained_model_name", "base_model_path", "encoder_name", "model_type_or_path", "hf_path",
            "teacher_model_path", "draft_model_path", "speculative_model", "gaudi_config", "gaudi_config_name",
            "onnx_path", "model_hf", "model_hub_id", "hub_id", "text_encoder", "vae", "controlnet", "vision_tower",
            "model_id_or_path", "model_name_or_id", "reranker_model", "cross_encoder_model", "ranker_model",
        ),
        "model",
    ),
    **dict.fromkeys(
        (
            "tokenizer", "tokenizer_name", "tokenizer_name_or_path", "tokenizer_id", "tokenizer_path", "processor_name",
            "processor_name_or_path", "hf_tokenizer", "tokenizer_model", "pretrained_tokenizer", "processor_id",
            "image_processor", "feature_extractor_name",
        ),
        "tokenizer",
    ),
    **dict.fromkeys(
        (
            "dataset_name", "dataset_id", "dataset_path", "hf_dataset", "hf_dataset_path", "hf_dataset_name",
            "hf_dataset_id", "dataset_name_or_path", "default_dataset", "dataset_repo", "dataset_repo_id", "dataset",
            "train_dataset_name", "eval_dataset_name", "test_dataset_name", "dataset_mixer", "data_name_or_path",
            "huggingface_dataset", "hub_dataset", "data_path", "train_data", "eval_data", "dataset_hf", "train_dataset",
            "eval_dataset", "hf_hub_dataset", "default_dataset_name", "hf_data", "dataset_url",
        ),
        "dataset",
    ),
    **dict.fromkeys(
        (
            "adapter_name_or_path", "peft_model_id", "adapter_path", "adapter_id", "lora_path", "lora_model", "lora_id",
            "lora_name_or_path", "peft_model_path", "adapter_model", "lora_repo", "lora_weights", "adapter_model_name",
            "peft_model", "lora_repo_id", "adapter", "dora", "lora",
        ),
        "adapter",
    ),
}  # fmt: skip
# Trusted as the default of an option or field and in a config's call, not as an argument of any call.
_LOOSE: dict[str, Kind] = {"model": "model", "model_args": "model", "data": "dataset", "path": "model", "name": "model"}
# Keys that tell the revision of the one that names the repository.
REVISION_KEYS = (
    "revision", "model_revision", "hf_revision", "base_model_revision", "revision_of_model", "custom_revision",
    "model_repo_revision", "repo_revision",
    "commit_hash", "commit", "commit_id", "commit_sha", "sha", "hf_commit", "git_revision", "version_sha",
)  # fmt: skip
# Where a trainer uploads to.
_PUSHED = frozenset({"hub_model_id", "hub_repo_id", "hub_model_name", "hub_dataset_id", "hub_model", "hub_model_path"})
# What follows the stem in the name of a key.
_ENDINGS = ("_name_or_path", "_path", "_name", "_repo_id", "_repo", "_id")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.\s]+")
_KIND_WORDS: tuple[tuple[frozenset[str], Kind], ...] = (
    (frozenset({"tokenizer", "processor"}), "tokenizer"),
    (frozenset({"dataset", "datasets"}), "dataset"),
    (frozenset({"adapter", "adapters", "lora", "peft"}), "adapter"),
    (frozenset({"model", "models", "checkpoint", "llm", "encoder", "embedding", "embedder", "reranker"}), "model"),
)
# Words that turn the meaning: where to write, what an engine calls itself, what a screen shows.
_TURNED = frozenset(
    {
        "output", "out", "save", "push", "upload", "target", "hub_model", "dest", "destination", "served", "log", "tag",
        "title", "url", "endpoint", "api", "deployment", "filename", "file", "dir", "folder", "cache", "local", "run",
        "experiment", "project", "wandb", "card", "license", "author", "new", "result", "results", "export", "class",
        "type", "group", "column", "field", "key", "prefix", "suffix", "trackio", "space", "docker", "image", "mime",
        "ms", "modelscope", "om", "openmind", "modelers", "wisemodel", "aistudio", "gitee", "ollama",
    }
)  # fmt: skip


def kind_of_key(key: str) -> Kind | None:
    """The kind of repository that a key of this name holds, None where it does not say."""
    return _EXACT.get(plain_key(key))


def kind_of_loose_key(key: str) -> Kind | None:
    """The same with the names that only options, fields and configs give that meaning."""
    plain = plain_key(key)
    return _EXACT.get(plain) or _LOOSE.get(plain) or kind_of_words(plain)


def kind_of_words(name: str) -> Kind | None:
    """The kind that a name speaks of, as ``TINY_LLAMA_ADAPTER``, if no word in it turns the meaning."""
    if plain_key(name) in _PUSHED:
        return None
    words = {word.lower() for word in _WORDS.split(name) if word}
    if words & _TURNED:
        return None
    return next((kind for marks, kind in _KIND_WORDS if words & marks), None)


def plain_key(key: str) -> str:
    """A key as the tables have it: without dashes in front, underscores within."""
    return key.lstrip("-_").replace("-", "_").lower()


def revision_keys(key: str) -> tuple[str, ...]:
    """Names under which the revision of what ``key`` names may stand: its own three first, then shared ones."""
    plain = plain_key(key)
    stem = next((plain.removesuffix(one) for one in _ENDINGS if plain.endswith(one) and plain != one), plain)
    own = (f"{plain}_revision", f"{stem}_revision", f"{stem}_repo_revision")
    kind = kind_of_key(plain)
    if stem in {"onnx", "reward_model", "teacher_model", "draft_model", "ref_model"}:
        return own
    if kind in {"dataset", "tokenizer", "adapter"}:
        return (*own, f"{kind}_revision", "revision", "hf_revision")
    return (*own, *REVISION_KEYS)


def revision_beside(key: str, keys: Collection[str]) -> str | None:
    """Which of the sibling ``keys`` holds the revision of what ``key`` names, None if none does.

    A plain ``revision`` beside a model and a dataset is the model's.
    """
    names = revision_keys(key)
    if kind_of_key(key) in {"dataset", "tokenizer", "adapter"} and any(kind_of_key(one) == "model" for one in keys):
        names = tuple(one for one in names if one not in {"revision", "hf_revision"})
    return next((one for one in names if one in keys and one != key), None)
