"""Which installed packages can change what a model computes, and how far two versions are apart.

Decides from normalised names alone. ``numerics`` compute: another version or another build of the
same version can give other numbers. ``libraries`` decide what is computed: templates, tokens,
module names, defaults. All others (``rich``, test tools) change nothing a model answers.
"""

from __future__ import annotations

import re
from typing import Literal

Part = Literal["numerics", "libraries", "others"]
Step = Literal["added", "removed", "major", "minor", "patch", "build"]

_SEPARATORS = re.compile(r"[-_.]+")
_NUMERICS = frozenset(
    {
        "apex", "autoawq", "auto-gptq", "bitsandbytes", "causal-conv1d", "compressed-tensors", "deepspeed", "exllamav2",
        "flash-attn", "flash-attn-3", "flash-linear-attention", "flashinfer-python", "gptqmodel", "hqq", "jax",
        "jaxlib", "kernels", "liger-kernel", "mamba-ssm", "numpy", "onnxruntime", "onnxruntime-gpu", "optimum-quanto",
        "sglang", "sglang-kernel", "sgl-kernel", "tensorflow", "torch", "torchao", "torchaudio", "torchvision",
        "transformer-engine", "triton", "vllm", "xformers",
    }
)  # fmt: skip
_LIBRARIES = frozenset(
    {
        "accelerate", "datasets", "diffusers", "jinja2", "mistral-common", "optimum", "peft", "pillow", "pyarrow",
        "safetensors", "scikit-learn", "sentence-transformers", "sentencepiece", "tiktoken", "timm", "tokenizers",
        "transformers", "trl", "unsloth", "unsloth-zoo", "axolotl", "llamafactory", "torchtune",
    }
)  # fmt: skip


def normalised(name: str) -> str:
    """A distribution's name as the packaging standard compares it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def part_of(name: str) -> Part:
    """What a package does to a model's output."""
    plain = normalised(name)
    if plain in _NUMERICS or plain.startswith("nvidia-"):
        return "numerics"
    return "libraries" if plain in _LIBRARIES else "others"


def step_between(before: str, after: str) -> Step:
    """The first part in which two versions of a package differ; ``build`` where they are one release."""
    from packaging.version import InvalidVersion, Version

    try:
        left, right = Version(before), Version(after)
    except InvalidVersion:
        return "major"  # no order to speak of, so the widest step
    if (left.epoch, left.major) != (right.epoch, right.major):
        return "major"
    if left.minor != right.minor:
        return "minor"
    return "build" if left.public == right.public else "patch"
