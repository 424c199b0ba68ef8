"""What a trained model's configuration says differently from the base's own ``config.json``.

Decides which settings are part of a version: those that change what the model computes or means
(classes and their names, padding token, rows of the vocabulary). Left out are those that are
recorded elsewhere (type, attention, quantisation) or depend on how training was run (``use_cache``),
and the configurations of parts, which no loader takes as arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.private import without_private

_ELSEWHERE = frozenset(
    {
        "_name_or_path", "architectures", "attn_implementation", "auto_map", "dtype", "model_type",
        "output_attentions", "output_hidden_states", "pretraining_tp", "quantization_config", "return_dict",
        "torch_dtype", "transformers_version", "use_cache",
    }
)  # fmt: skip


def config_changes(config: Any, folder: Path) -> dict[str, Any]:
    """Settings of a live configuration that differ from those of the base in ``folder``.

    Args:
        config: A ``transformers.PreTrainedConfig``; anything else has no settings.
        folder: Where the base's ``config.json`` is.

    Returns:
        Plain values by name, sorted; empty where nothing differs or cannot be compared.
    """
    if not hasattr(config, "to_dict") or not hasattr(type(config), "from_dict"):
        return {}
    try:
        written = codec.foreign_object((folder / "config.json").read_bytes())
    except OSError:
        return {}
    if written is None or written.get("model_type") != getattr(config, "model_type", None):
        return {}
    own = type(config).from_dict(written).to_dict()
    changed = {
        name: value
        for name, value in sorted(config.to_dict().items())
        if name not in _ELSEWHERE and not name.startswith("_") and not _is_part(value) and value != own.get(name)
    }
    # transformers sets it in the first step that has labels; a loader that lacks it does the same.
    if changed.get("problem_type") in {"single_label_classification", "regression"}:
        del changed["problem_type"]
    plain: dict[str, Any] = without_private(codec.jsonable(changed))
    return plain


def _is_part(value: Any) -> bool:
    """Whether a setting is the whole configuration of a part (text, vision)."""
    return isinstance(value, dict) and "model_type" in value
