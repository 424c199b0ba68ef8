"""The base model of a run: resolved once, and every load pinned to what was resolved.

transformers keeps no trace of the commit it loaded (trap T1), so the commit is decided before
anything is loaded, and each of the loads that float on their own (config, weights, generation
config, tokenizer, processor, remote code) is given it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import msgspec

from ftlineage.core import codec
from ftlineage.core.private import without_private
from ftlineage.core.sections import Base, LoadedAs
from ftlineage.errors import RunStateError
from ftlineage.hashing.receipts import FileReceipts
from ftlineage.record import distributed
from ftlineage.sources.base import ResolvedBase, observe_base, pinned_kwargs, prepare_base
from ftlineage.sources.model_config import config_changes
from ftlineage.sources.processors import is_processor

_PINNED = ("revision", "code_revision")
# What a tokenizer's load takes of the arguments meant for the model.
_SHARED = ("trust_remote_code", "token", "cache_dir")


@dataclass(frozen=True, kw_only=True, slots=True)
class _LoadedModel:
    """A model that came from the base, as it was the moment it was loaded."""

    reference: weakref.ref[Any]
    loaded_as: LoadedAs | None
    vocabulary: int | None


class PinnedBase:
    """A base at one commit, and the objects loaded from it."""

    def __init__(self, resolved: ResolvedBase, *, run_name: str, seed: int) -> None:
        self._resolved = resolved
        self._run_name = run_name
        self._seed = seed
        # Absolute, because the current folder may change before the last load.
        self._location = resolved.model if resolved.origin == "hub" else str(resolved.folder.absolute())
        self._code_pins: dict[str, str] | None = None
        self._observed: Base | None = None
        self._models: list[_LoadedModel] = []
        self._processors: list[Any] = []

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
        return self._location

    @property
    def processors(self) -> tuple[Any, ...]:
        """Tokenizers and processors loaded so far, in order."""
        return tuple(self._processors)

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

            shared = {key: value for key, value in kwargs.items() if key in _SHARED}
            return self._load_one(AutoModelForCausalLM, kwargs), self._load_one(AutoTokenizer, shared)
        return self._load_one(cls, kwargs)

    def _load_one(self, cls: Any, kwargs: dict[str, Any]) -> Any:
        from transformers import set_seed

        pins = self._pins(trust_remote_code=bool(kwargs.get("trust_remote_code")))
        # A new classification head is random: seeded here, two equal runs start equal (trap T15).
        set_seed(self._seed)
        loaded = cls.from_pretrained(self.location, **pins, **kwargs)
        if self._remember(loaded) and distributed.is_writer():
            # The client compares no digests (trap T11): a damaged cache is cheap to hear of before training.
            # And a folder may hold other files hours later.
            self._observed = self._observe_files()
        return loaded

    def _pins(self, *, trust_remote_code: bool) -> dict[str, str]:
        """What this load is given; code from another repository is pinned only where it is run."""
        # Now, while the Hub answers: sealing, hours later, must not depend on it.
        prepare_base(self._resolved)
        if not trust_remote_code:
            return pinned_kwargs(self._resolved, trust_remote_code=False)
        if self._code_pins is None:
            # Once: the other repository's head may move between two loads of a run.
            self._code_pins = pinned_kwargs(self._resolved, trust_remote_code=True)
        return self._code_pins

    def _remember(self, loaded: Any) -> bool:
        """Keep what was loaded; True for the first model."""
        if hasattr(loaded, "get_input_embeddings") and hasattr(loaded, "named_parameters"):
            self._models.append(
                _LoadedModel(
                    reference=weakref.ref(loaded), loaded_as=_loaded_as(loaded), vocabulary=embedding_rows(loaded)
                )
            )
            return len(self._models) == 1
        if is_processor(loaded):
            self._processors.append(loaded)
        return False

    def _observe_files(self) -> Base:
        # A base of many gigabytes is read whole once on a machine; afterwards receipts answer for unchanged files.
        with FileReceipts() as receipts:
            return observe_base(self._resolved, receipts=receipts)

    def loaded(self, model: Any) -> bool:
        """Whether ``model`` is one of the objects :meth:`load` returned."""
        return self._known(model) is not None

    def vocabulary(self, model: Any) -> int | None:
        """Rows of the input embedding of ``model`` as loaded, before anybody resized it."""
        known = self._known(model)
        return known.vocabulary if known is not None else None

    def is_own_processor(self, processor: Any) -> bool:
        """Whether a tokenizer or processor came from :meth:`load`."""
        return any(own is processor for own in self._processors)

    def observe(self, *, trained: Any) -> Base:
        """The card's ``base`` section; ``declared`` when the trained model was loaded elsewhere."""
        known = self._known(trained)
        section = msgspec.structs.replace(
            self._observed or self._observe_files(),
            loaded_as=self._as_trained(known.loaded_as if known is not None else _loaded_as(trained), trained),
            code_revision=(self._code_pins or {}).get("code_revision"),
        )
        return section if known is not None else msgspec.structs.replace(section, evidence="declared")

    def _as_trained(self, loaded_as: LoadedAs | None, trained: Any) -> LoadedAs | None:
        """How the model was loaded, with what its configuration says now: a padding token is often set afterwards."""
        changes = config_changes(getattr(trained, "config", None), self._resolved.folder)
        if loaded_as is None or not changes:
            return loaded_as
        return msgspec.structs.replace(loaded_as, config=changes)

    def _known(self, model: Any) -> _LoadedModel | None:
        """What is known of a model, or of the part of it that came from the base (an encoder under a new head)."""
        parts = [model, *model.modules()] if hasattr(model, "modules") else [model]
        return next((known for part in parts for known in self._models if known.reference() is part), None)


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
        quantization=without_private(codec.jsonable(as_dict)) if as_dict else None,
        attention=getattr(config, "_attn_implementation", None),
    )
