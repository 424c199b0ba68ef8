"""The base model of a run: resolved once, and every load pinned to what was resolved.

transformers keeps no trace of the commit it loaded (trap T1), so the commit is decided before
anything is loaded, and each of the loads that float on their own (config, weights, generation
config, tokenizer, processor, remote code) is given it.
"""

from __future__ import annotations

import weakref
from typing import Any

from ftlineage.core import codec
from ftlineage.core.sections import Base, LoadedAs
from ftlineage.errors import RunStateError
from ftlineage.sources.base import ResolvedBase, observe_base, pinned_kwargs

_PINNED = ("revision", "code_revision")


class PinnedBase:
    """A base at one commit, and the objects loaded from it."""

    def __init__(self, resolved: ResolvedBase, *, run_name: str, seed: int) -> None:
        self._resolved = resolved
        self._run_name = run_name
        self._seed = seed
        self._pins = pinned_kwargs(resolved)
        self._models: list[weakref.ref[Any]] = []
        self._processors: list[Any] = []
        self._vocabulary: int | None = None
        self._loaded_as: LoadedAs | None = None

    @property
    def model(self) -> str:
        """The name the base is recorded under: its Hub id, or a local folder's name."""
        return self._resolved.model

    @property
    def revision(self) -> str | None:
        """The 40-hex commit, or None for a local folder."""
        return self._resolved.revision

    @property
    def location(self) -> str:
        """What ``from_pretrained`` is given: the Hub id, or the local folder."""
        return self.model if self._resolved.origin == "hub" else str(self._resolved.folder)

    @property
    def processors(self) -> tuple[Any, ...]:
        """Tokenizers and processors loaded so far, in order."""
        return tuple(self._processors)

    @property
    def vocabulary(self) -> int | None:
        """Rows of the input embedding as loaded, before anybody resized it."""
        return self._vocabulary

    def load(self, cls: Any = None, **kwargs: Any) -> Any:
        """Load from this base, pinned.

        Args:
            cls: A class with ``from_pretrained``. None loads the usual pair.
            **kwargs: Passed on to ``from_pretrained``.

        Returns:
            ``(model, tokenizer)`` without ``cls``, otherwise what the class gives.

        Raises:
            RunStateError: ``revision`` or ``code_revision`` is among ``kwargs``: the run decided it.
        """
        for name in _PINNED:
            if name in kwargs:
                reason = f"{name} is given by run.base(), which resolved it already"
                raise RunStateError(name=self._run_name, reason=reason, hint=f"Leave {name} out of load()")
        if cls is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            return self._load_one(AutoModelForCausalLM, kwargs), self._load_one(AutoTokenizer, {})
        return self._load_one(cls, kwargs)

    def _load_one(self, cls: Any, kwargs: dict[str, Any]) -> Any:
        from transformers import set_seed

        # A new classification head is random: seeded here, two equal runs start equal (trap T15).
        set_seed(self._seed)
        loaded = cls.from_pretrained(self.location, **self._pins_for(kwargs), **kwargs)
        self._remember(loaded)
        return loaded

    def _pins_for(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        pins = dict(self._pins)
        if not kwargs.get("trust_remote_code"):
            # Classes outside AutoModel refuse a code revision they have no use for.
            pins.pop("code_revision", None)
        elif pins.get("code_revision") is None:
            pins["code_revision"] = self.revision
        return {key: value for key, value in pins.items() if value is not None}

    def _remember(self, loaded: Any) -> None:
        if hasattr(loaded, "get_input_embeddings") and hasattr(loaded, "named_parameters"):
            self._models.append(weakref.ref(loaded))
            self._loaded_as = _loaded_as(loaded)
            self._vocabulary = embedding_rows(loaded)
        elif hasattr(loaded, "save_pretrained") and not hasattr(loaded, "to_diff_dict"):
            self._processors.append(loaded)

    def loaded(self, model: Any) -> bool:
        """Whether ``model`` is one of the objects :meth:`load` returned."""
        return any(reference() is model for reference in self._models)

    def is_own_processor(self, processor: Any) -> bool:
        """Whether a tokenizer or processor came from :meth:`load`."""
        return any(own is processor for own in self._processors)

    def observe(self, *, trained: Any) -> Base:
        """The card's ``base`` section; ``declared`` when the trained model was loaded elsewhere."""
        section = observe_base(
            self._resolved,
            loaded_as=self._loaded_as if self._loaded_as is not None else _loaded_as(trained),
            code_revision=self._pins.get("code_revision"),
        )
        if self.loaded(trained):
            return section
        return codec.convert({**codec.builtins(section), "evidence": "declared"}, Base)


def embedding_rows(model: Any) -> int | None:
    """Rows of a model's input embedding; None where it has none (vision models)."""
    try:
        weight = getattr(model.get_input_embeddings(), "weight", None)
    except (NotImplementedError, AttributeError):
        return None
    return int(weight.shape[0]) if weight is not None and weight.ndim == 2 else None  # noqa: PLR2004 - a matrix


def _loaded_as(model: Any) -> LoadedAs | None:
    config = getattr(model, "config", None)
    if config is None:
        return None
    quantization = getattr(config, "quantization_config", None)
    as_dict = quantization if quantization is None or isinstance(quantization, dict) else quantization.to_dict()
    return LoadedAs(
        class_=type(model).__name__,
        dtype=str(getattr(model, "dtype", "")).removeprefix("torch.") or None,
        quantization=codec.jsonable(as_dict) if as_dict else None,
        attention=getattr(config, "_attn_implementation", None),
    )
