"""What the text of a key's value names: an id on the Hub, a path here, or something only a run knows.

Decided from the text alone. A value that is none of these (a sentence, an object store's address, the
name of a hosted model behind somebody's API) is no reference at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ftlineage.drift.python.names import BUILDERS, shape_of, split_id
from ftlineage.drift.reference import Kind

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*")
_URL = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<rest>.+)", re.IGNORECASE)
_HF = re.compile(r"(?:hf|huggingface):(?://)?(?P<rest>[^/].+)", re.IGNORECASE)
_AREA: dict[str, Kind] = {"datasets": "dataset", "spaces": "space"}
_AT_REVISION = frozenset({"resolve", "tree", "blob", "commit", "raw"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{(?:[A-Za-z_]\w*:?-|oc\.env:\w+,\s*|env:\w+[:,]\s*)(?P<default>[^{}$]+)\}")
_UNKNOWN = re.compile(r"[$<>{}%*]|\?\?\?")
# Names that gateways give to hosted models: `anthropic/claude-sonnet-4`.
_HOSTED = re.compile(
    r"(anthropic|gemini|vertex_ai|bedrock|azure|azure_ai|openrouter|groq|together_ai|ollama|ollama_chat|fireworks_ai"
    r"|perplexity|replicate|xai|x-ai|cohere_chat|deepinfra|hosted_vllm|lm_studio|github_copilot|sagemaker|watsonx"
    r"|openai-chat|litellm_proxy)/.+"
    r"|openai/(gpt-(?!oss|2)|o[134]\b|chatgpt|text-embedding|davinci|codex|dall-e|tts|computer-use).*"
    r"|google/gemini.*|cohere/(command|embed|rerank)-.*|voyage/.*|mistral/.*|deepseek/.*|text-completion-openai/.*",
    re.IGNORECASE,
)
_MAX_ID = 96


class Named(NamedTuple):
    """What a text names; ``ref`` None with neither mark is something that only a run knows."""

    ref: str | None
    revision: str | None = None
    kind: Kind | None = None
    is_local: bool = False


def is_id(text: str) -> bool:
    """Whether it has the shape ``org/name`` of the Hub and does not look like a path or a hosted model."""
    if len(text) > _MAX_ID or shape_of(text) != "id" or _HOSTED.fullmatch(text) is not None:
        return False
    found = split_id(text)
    return found is not None and found.ref == text


def is_path(text: str) -> bool:
    """Whether it looks like a path on this machine."""
    return shape_of(text) == "local" or (text.count("/") > 1 and "://" not in text) or text.startswith(".\\")


def read_named(text: str, kind: Kind, *, bare: bool, at: str = "", builders: Sequence[str] = ()) -> Named | None:
    """What a value names, None if it is no reference.

    Args:
        text: The value.
        kind: What is expected: names of dataset builders are no ids of datasets.
        bare: Whether a name without a slash is an id.
        at: What separates the id from a revision inside it; empty if nothing does.
        builders: More names that load files of one's own.
    """
    text = text.strip()
    default = _DEFAULT.fullmatch(text)
    if default is not None:
        text = default["default"].strip().strip("\"'")
    if not text or len(text) > 4 * _MAX_ID or any(sign.isspace() for sign in text):
        return None
    on_hub = _URL.fullmatch(text) or _HF.fullmatch(text)
    if on_hub is not None:
        return _on_hub(on_hub["rest"], at)
    if _UNKNOWN.search(text):
        return Named(None)
    if (kind == "dataset" and text.lower() in BUILDERS) or text in builders:
        return Named(text, is_local=True)
    if _SCHEME.match(text) and not text.startswith("file://"):
        return None
    return _plain(text, bare=bare, at=at)


def _plain(text: str, *, bare: bool, at: str) -> Named | None:
    ref, _, revision = text.partition(at) if at else (text, "", "")
    if is_id(ref):
        return Named(ref, revision or None)
    if is_path(text):
        return Named(text, is_local=True)
    if bare and _NAME.fullmatch(ref) and not is_number(ref):
        return Named(ref, revision or None)
    return None


def _on_hub(rest: str, at: str) -> Named | None:
    """``[datasets/]org/name[@revision | :revision | /resolve/revision][/...]``."""
    parts = [part for part in re.split("[?#]", rest, maxsplit=1)[0].split("/") if part]
    kind = _AREA.get(parts[0]) if parts else None
    if kind is not None or (parts and parts[0] == "models"):
        parts = parts[1:]
    if len(parts) < 2:  # noqa: PLR2004 - an organisation and a name
        return None
    name, revision = parts[1], None
    for sign in ("@", at) if at else ("@",):
        if revision is None and sign in name:
            name, _, revision = name.partition(sign)
    if len(parts) > 3 and parts[2] in _AT_REVISION:  # noqa: PLR2004 - and /resolve/main
        revision = parts[3]
    ref = f"{parts[0]}/{name}"
    if _UNKNOWN.search(ref):
        return Named(None, kind=kind)
    return Named(ref, revision or None, kind) if split_id(ref) is not None else None


def is_number(text: str) -> bool:
    """Whether it is a number: a weight beside an id."""
    try:
        float(text)
    except ValueError:
        return False
    return True
