"""Write the table of names that transformers changes when it loads a checkpoint: ``python -m docs.generate_names``.

A checkpoint's tensors are often named otherwise than the modules they are loaded into: prefixes
come and go, experts are merged, projections are split. transformers keeps those rules in
``conversion_mapping.py`` and in the classes of its models; this copies them as data, so that
``ftlineage verify`` can follow them without importing it. ``tests/unit/verify/effect/test_landing_table.py``
fails when the installed transformers has rules that the table has not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.core import codec

TABLE = Path(__file__).resolve().parent.parent / "ftlineage" / "verify" / "effect" / "table.json"
_PREFIX = re.compile(r"""^\s*base_model_prefix = ["']([\w.]*)["']""", re.MULTILINE)
_TIED = re.compile(r"^\s*_tied_weights_keys = (\{.*?\})", re.MULTILINE | re.DOTALL)
# Ties that are worked out when a model is made cannot be copied.
_TIED_LATER = re.compile(r"self\._tied_weights_keys(\[|\.update| = None$)", re.MULTILINE)


def table() -> dict[str, Any]:
    """The table as the installed transformers has it."""
    import transformers
    from transformers import conversion_mapping
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    transforms: list[list[Any]] = []
    rules: dict[str, int] = {}
    opaque = set()
    everything = conversion_mapping._build_checkpoint_conversion_mapping()  # noqa: SLF001 - the whole of it has no other door
    for name, mapping in sorted(everything.items()):
        listed = [_rule(transform) for transform in mapping]
        if any(rule is None for rule in listed):
            opaque.add(name)
        kept = [rule for rule in listed if rule is not None]
        if kept not in transforms:
            transforms.append(kept)
        rules[name] = transforms.index(kept)
    sources = _sources(Path(transformers.__file__).parent / "models")
    opaque |= {name for name, source in sources.items() if _TIED_LATER.search(source)}
    return {
        "transformers": transformers.__version__,
        "transforms": transforms,
        "rules": rules,
        "opaque": sorted(opaque),
        "classes": _classes(MODEL_MAPPING_NAMES, rules),
        "prefixes": {name: sorted({*_PREFIX.findall(source)} - {"", "model"}) for name, source in sources.items()},
        "tied": sorted({pattern for source in sources.values() for pattern in _tied(source)}),
    }


def _rule(transform: Any) -> list[Any] | None:
    """Kind (``r`` renames, ``g`` renames each branch its own way, ``c`` merges or splits), pattern, targets."""
    kinds = {"WeightRenaming": "r", "PrefixChange": "r", "GroupWeightRename": "g", "WeightConverter": "c"}
    kind = kinds.get(type(transform).__name__)
    return None if kind is None else [kind, transform.compiled_sources.pattern, list(transform.target_patterns)]


def _classes(names: dict[str, Any], rules: dict[str, int]) -> dict[str, list[str]]:
    """The base classes of a model type that have rules of their own."""
    found = {}
    for model_type, value in sorted(names.items()):
        classes = [name for name in ([value] if isinstance(value, str) else value) if name in rules]
        if classes:
            found[model_type] = classes
    return found


def _sources(folder: Path) -> dict[str, str]:
    """The code of every known model type."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES, model_type_to_module_name

    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*/modeling_*.py")):
        texts[path.parent.name] = texts.get(path.parent.name, "") + path.read_text(encoding="utf-8")
    return {name: texts.get(model_type_to_module_name(name), "") for name in sorted(CONFIG_MAPPING_NAMES)}


def _tied(source: str) -> Iterator[str]:
    """Patterns of modules whose weight may be another module's, so that a checkpoint need not hold it."""
    for literal in _TIED.findall(source):
        for name in ast.literal_eval(literal):
            if name.endswith(".weight"):
                yield name.removesuffix(".weight").replace(".", r"\.")
            elif not name.endswith(".bias"):
                yield rf"(?:{name})(?:\..+)?"


if __name__ == "__main__":
    TABLE.write_bytes(codec.compact_text(table()).encode() + b"\n")
