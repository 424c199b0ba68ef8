"""What vLLM can serve, decided from an adapter's configuration before an engine is started.

The rules are those of ``PEFTHelper.validate_legal`` and ``LoRAConfig`` of vLLM 0.33.0; a test runs
both over the same configurations. vLLM itself looks only at ``r``, ``lora_alpha``,
``target_modules`` and a few switches, so another method's adapter could pass there as a LoRA: the
method's name is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftlineage.core import words

TESTED = "0.33.0"
MAX_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)

_REQUIRED = ("r", "lora_alpha", "target_modules")
_MAY_SAVE = frozenset({"classifier", "score"})
# These only set where training began; vLLM accepts them, every other one is a change of the base.
_INITS = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
_SWITCHES = {
    "use_dora": "DoRA",
    "lora_bias": "a bias inside LoRA (lora_bias)",
    "alora_invocation_tokens": "Activated LoRA",
    "layer_replication": "layer_replication",
    "use_bdlora": "block-diagonal LoRA",
    "use_qalora": "QALoRA",
}


def adapter_fault(config: Mapping[str, Any]) -> str | None:
    """Why vLLM cannot serve an adapter with this ``adapter_config.json``, or None.

    Args:
        config: The configuration as saved, or the card's canonical form of it.
    """
    method = config.get("peft_type")
    if method != "LORA":
        return f"it serves LoRA adapters, and this is {words.clean(str(method))}" if method else "it is no PEFT adapter"
    missing = [key for key in _REQUIRED if config.get(key) is None]
    if missing:
        return f"the configuration lacks {missing[0]}"
    return _rank_fault(config) or _feature_fault(config)


def lora_rank(config: Mapping[str, Any]) -> int:
    """The highest rank any module of the adapter has."""
    return max([config["r"], *(config.get("rank_pattern") or {}).values()])


def max_lora_rank(rank: int) -> int:
    """The smallest value ``--max-lora-rank`` takes that is enough for ``rank``."""
    return next(value for value in MAX_RANKS if value >= rank)


def version_note(version: str) -> str | None:
    """What to say about an installed vLLM, or None for the release this was tested against."""
    from packaging.version import InvalidVersion, Version

    try:
        installed = Version(version)
    except InvalidVersion:
        return f"vLLM {words.clean(version)} is not a release; ftlineage was tested against {TESTED}"
    if installed.release < Version(TESTED).release:
        return (
            f"vLLM {version} is older than {TESTED}: adapters loaded at run time can be mixed up there "
            "(vllm-project/vllm#47724), and its limits may be others"
        )
    return None if installed == Version(TESTED) else f"ftlineage was tested against vLLM {TESTED}, this is {version}"


def _rank_fault(config: Mapping[str, Any]) -> str | None:
    ranks = [config["r"], *(config.get("rank_pattern") or {}).values()]
    if not all(type(rank) is int and rank > 0 for rank in ranks):
        return "a rank in its configuration is no positive whole number"
    if max(ranks) > MAX_RANKS[-1]:
        return f"its rank {max(ranks)} is above the highest vLLM takes, {MAX_RANKS[-1]}"
    return None


def _feature_fault(config: Mapping[str, Any]) -> str | None:
    saved = [name for name in config.get("modules_to_save") or [] if name not in _MAY_SAVE]
    if saved:
        return f"it trains whole modules (modules_to_save: {words.clean(', '.join(map(str, saved)))})"
    found = next((what for key, what in _SWITCHES.items() if config.get(key)), None)
    if found is not None:
        return f"it uses {found}"
    init = config.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower() not in _INITS:
        return f"its initialisation {words.clean(init)} changed the base's own weights"
    if config.get("bias", "none") != "none":
        return f"it trains biases (bias: {words.clean(str(config['bias']))})"
    return None
