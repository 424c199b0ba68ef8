"""Write the table of names that transformers changes when it loads a checkpoint: ``python -m docs.generate_names``.

A checkpoint's tensors are often named otherwise than the modules they are loaded into: prefixes
come and go, experts are merged, projections are split. transformers keeps those rules in
``conversion_mapping.py`` and in the classes of its models; this copies them as data, so that
``ftlineage verify`` can follow them without importing it. ``tests/unit/verify/test_landing_table.py``
fails when the installed transformers has rules that the table has not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlineage.core import codec

TABLE = Path(__file__).resolve().parent.parent / "ftlineage" / "verify" / "landing_table.json"
_PREFIX = re.compile(r"""^\s*base_model_prefix = ["']([\w.]*)["']""", re.MULTILINE)
_TIED = re.compile(r"^\s*_tied_weights_keys = (\{.*?\})", re.MULTILINE | re.DOTALL)


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
    folder = Path(transformers.__file__).parent / "models"
    return {
        "transformers": transformers.__version__,
        "transforms": transforms,
        "rules": rules,
        "opaque": sorted(opaque),
        "classes": _classes(MODEL_MAPPING_NAMES, rules),
        "prefixes": _prefixes(folder),
        "tied": sorted(_tied(folder)),
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


def _prefixes(folder: Path) -> dict[str, list[str]]:
    """What each known model type puts before the names of its base model, where it is more than ``model``."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES, model_type_to_module_name

    by_module: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*/modeling_*.py")):
        found = set(_PREFIX.findall(path.read_text(encoding="utf-8"))) - {""}
        by_module.setdefault(path.parent.name, set()).update(found)
    return {
        model_type: sorted(by_module.get(model_type_to_module_name(model_type), set()) - {"model"})
        for model_type in sorted(CONFIG_MAPPING_NAMES)
    }


def _tied(folder: Path) -> Iterator[str]:
    """Modules whose weight may be another module's, so that a checkpoint need not hold it."""
    seen = set()
    for path in folder.glob("*/modeling_*.py"):
        for literal in _TIED.findall(path.read_text(encoding="utf-8")):
            for name in ast.literal_eval(literal):
                module = name.removesuffix(".weight")
                if module != name and re.fullmatch(r"[\w.]+", module) and module not in seen:
                    seen.add(module)
                    yield module


if __name__ == "__main__":
    TABLE.write_bytes(codec.compact_text(table()).encode() + b"\n")
