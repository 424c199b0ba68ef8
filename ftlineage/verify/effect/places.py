"""Where an adapter's modules are in a base: the names a checkpoint and the loaded model give to one place.

Decides which module of the base a name means: the checkpoint's own name; the name with or without
what a head puts before its base model; a text model inside a larger one; what transformers' rules
make of the checkpoint's names; a weight that is tied to another. A prefix that stands twice, or that
this base does not use, is no way to write a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from ftlineage.verify.effect import table as landing_table
from ftlineage.verify.effect.base_tensors import BaseTensors, Shape

# What a text model's names begin with inside a vision-language model; alone it is `model.`.
_TEXT_STEMS = ("model.language_model.", "language_model.model.", "language_model.", "model.text_model.", "text_model.")
_WRAPPED = ".base_layer"
# No model has longer ones, and every rule is tried on every part of a name.
_LONGEST_NAME = 1024


class Places:
    """The modules of a base by every name they may have; shapes are of their weights, None where unknown."""

    def __init__(self, base: BaseTensors) -> None:
        self._base = base
        self._own = _modules(base.tensors.items())

    def find(self, module: str, *, headed: bool = False) -> tuple[bool, Shape | None]:
        """Whether a module is in the base, and the shape of its weight.

        Args:
            module: Its path in the model that was trained, without PEFT's own prefix.
            headed: The model that was trained had a head: a name without the prefix is no name of it.
        """
        if len(module) > _LONGEST_NAME:
            return False, None
        while module.endswith(_WRAPPED):  # several parameters of one module were trained, one inside the other
            module = module[: -len(_WRAPPED)]
        if module in self._own:  # the common case, which needs no table
            return True, self._own[module]
        for loaded in (False, True):
            index = self._loaded if loaded else self._own
            for form in self._forms(module, headed=headed):
                if form in index:
                    return True, index[form]
        return self._is_tied(module) or self._is_like(module), None

    def _forms(self, module: str, *, headed: bool) -> Iterator[str]:
        yield module
        for prefix in self._prefixes:
            if prefix in self._prefixed:
                if not headed:
                    yield prefix + module
            elif module.startswith(prefix):
                yield module[len(prefix) :]
        if len(self._types) > 1 and module.startswith("model."):
            yield from (stem + module.removeprefix("model.") for stem in _TEXT_STEMS)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(f"{prefix}." for prefix in landing_table.prefixes(self._base.config))

    @cached_property
    def _prefixed(self) -> frozenset[str]:
        """The prefixes that this checkpoint's names have."""
        return frozenset(one for one in self._prefixes if any(name.startswith(one) for name in self._base.tensors))

    @cached_property
    def _types(self) -> list[str]:
        return landing_table.model_types(self._base.config)

    @cached_property
    def _loaded(self) -> dict[str, Shape | None]:
        """The names after transformers' rules, worked out only when a name is not the checkpoint's own."""
        tensors = self._base.tensors
        found = landing_table.loaded_names(tensors, self._base.config)
        return _modules((form, tensors[name] if same else None) for name, form, same in found)

    def _is_tied(self, module: str) -> bool:
        """Whether the module's weight is another one's, so that the checkpoint does not hold it."""
        tied = landing_table.tied_modules()
        forms = [module, *(module.removeprefix(prefix) for prefix in self._prefixes)]
        forms += _parts(module)
        return any(tied.fullmatch(form) for form in forms)

    def _is_like(self, module: str) -> bool:
        """For models whose names cannot all be followed: a module of that name in any layer will do."""
        return not landing_table.is_known(self._base.config) and _tail(module) in self._tails

    @cached_property
    def _tails(self) -> frozenset[str]:
        return frozenset(_tail(module) for module in (*self._own, *self._loaded))


def _modules(tensors: Iterable[tuple[str, Shape | None]]) -> dict[str, Shape | None]:
    """Every module that holds a tensor, or holds a module that does; with the shape of its ``weight``."""
    found: dict[str, Shape | None] = {}
    for name, shape in tensors:
        module, _, parameter = name.rpartition(".")
        if parameter == "weight":
            found[module] = shape
        else:
            found.setdefault(module, None)
            found.setdefault(name, None)
        while module := module.rpartition(".")[0]:
            if module in found:
                break
            found[module] = None
    return found


def _parts(module: str) -> Iterator[str]:
    """The name as a part of the model has it: without what stands before, as long as that is in no layer."""
    before, _, rest = module.partition(".")
    while rest and not before.isdigit():
        yield rest
        before, _, rest = rest.partition(".")


def _tail(module: str) -> str:
    """The name from the number of its layer on, or its last two parts outside layers; numbers do not count."""
    parts = ["#" if part.isdigit() else part for part in module.split(".")]
    return ".".join(parts[parts.index("#") :] if "#" in parts[:-1] else parts[-2:])
