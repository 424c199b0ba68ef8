"""``ftlineage.run``: the training side of a lineage card.

A run resolves before it loads, fingerprints what it is given, and is sealed once, after training.
Until then the output folder holds ``lineage.partial.json``, which nothing accepts as a card.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from ftlineage.core import codec
from ftlineage.core.card import Card
from ftlineage.core.sections import (
    Code,
    CodeDigest,
    Dataset,
    Governance,
    Parent,
    Prompt,
    Retrieval,
    Script,
    Unrecorded,
)
from ftlineage.errors import FtlineageError, RunStateError
from ftlineage.record import distributed, given
from ftlineage.record.base import PinnedBase
from ftlineage.record.clock import utc_now
from ftlineage.record.names import check_name
from ftlineage.record.partial import partial_document
from ftlineage.record.strays import check_output
from ftlineage.store.cards import write_partial

if TYPE_CHECKING:
    from ftlineage.record.callback import LineageCallback


class Run:
    """One fine-tuning run that ends in a sealed version. Use it as a context manager."""

    def __init__(
        self,
        name: str,
        *,
        out: str | os.PathLike[str],
        seed: int = 42,
        overwrite: bool = False,
        governance: Governance | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            name: Name of the version, characters ``[a-z0-9._-]``.
            out: Output folder; the adapter and its card end up here.
            seed: Seeds every random number generator before loads and before adapters are made.
            overwrite: Allow ``out`` to hold an earlier sealed version, which seal() then replaces.
            governance: Owner, intended use, licence, retention.

        Raises:
            OutputExistsError: ``out`` holds a card and ``overwrite`` is false.
            BadInputError, UnsafeFormatError: ``out`` holds weights or code that are no part of a sealed
                version.
            OutputNotWritableError, StorageError: ``out`` cannot be written; said here or on entering the
                ``with`` block, before training.
        """
        self.name = check_name(name)
        self.out = given.check_out(out)
        self.seed = given.check_seed(seed)
        self.overwrite = overwrite
        self.governance = given.check_governance(governance)
        self.datasets: list[Dataset] = []
        self.prompts: list[Prompt] = []
        self.retrievals: list[Retrieval] = []
        self.parents: list[Parent] = []
        self.unrecorded: list[Unrecorded] = []
        self.functions: list[CodeDigest] = []
        self.settings: dict[str, Any] = {}
        self.processors: list[Any] = []
        self.pinned_base: PinnedBase | None = None
        self.code: Code | Unrecorded | None = None
        self.script: Script | Unrecorded | None = None
        self.resumed_at = 0
        self.started = utc_now()
        self._card: Card | None = None
        check_output(self.out, overwrite=overwrite)

    # --- context -------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.observe_code()
        self._write_partial(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._card is not None:
            return
        # What ended the block is what the user must see, not that the disk is full as well.
        with contextlib.suppress(FtlineageError):
            self._write_partial(kind)
        if kind is None:
            warnings.warn(
                f"run {self.name!r} ended without seal(): {self.out} holds lineage.partial.json and no card",
                RuntimeWarning,
                stacklevel=2,
            )

    def observe_code(self) -> None:
        """Look at the code now, once: what is on disk when training ends may no longer be what ran."""
        if self.code is not None:
            return
        from ftlineage.record.kept import keep_sources
        from ftlineage.sources.code import observe_code
        from ftlineage.sources.script import code_folder, observe_script, running_script

        self.script = observe_script(None)
        self.code = observe_code(code_folder(), exclude=[self.out])
        if distributed.is_writer():
            start = running_script() or code_folder()
            self.unrecorded.extend(keep_sources(start, script=self.script, code=self.code))

    def _write_partial(self, failure: type[BaseException] | None) -> None:
        if distributed.is_writer():
            write_partial(self.out, partial_document(self, stopped=utc_now(), failure=failure))

    # --- what the run is made of -----------------------------------------------------------------

    def base(self, model: str | os.PathLike[str], revision: str | None = None) -> PinnedBase:
        """Resolve the base model once; load it through what this returns.

        Args:
            model: Hub id (``org/name`` or ``org/name@revision``) or a local folder.
            revision: Branch, tag or commit; the head of the default branch when absent.

        Raises:
            RunStateError: The run has a base already.
            UndecidedError: The Hub cannot say which commit that is; the sentence says why.
        """
        from ftlineage.sources.base import resolve_base

        self._still_open("base()")
        if self.pinned_base is not None:
            raise RunStateError(name=self.name, reason="a run has one base, and it is resolved already")
        target = model if isinstance(model, str) else Path(model)
        self.observe_code()  # for runs that are no `with` block
        self.pinned_base = PinnedBase(resolve_base(target, revision), run_name=self.name, seed=self.seed)
        return self.pinned_base

    def dataset(
        self,
        name: str,
        source: Any,
        *,
        role: str = "train",
        split: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        license: str | None = None,  # noqa: A002 - the card's own key
        personal_data: str | None = None,
    ) -> Any:
        """Fingerprint every row of a dataset and give it back for training.

        Args:
            name: Name in the card, unique within the run.
            source: A path (jsonl, json, csv, parquet, arrow, saved folder), ``hf://datasets/org/name``,
                a ``datasets`` object, a pandas DataFrame or a list of rows.
            role: ``train``, ``eval``, or what else it is for.
            split: Which split, where the source has several.
            config: Which configuration of a Hub dataset.
            revision: Which Hub revision; resolved to a commit and asserted after loading.
            license: License, where the source does not say.
            personal_data: What personal data it holds, in words.

        Returns:
            ``datasets.Dataset`` (or the iterable kind, for streams) with the same rows.
        """
        from ftlineage.sources.data import load_data

        self._still_open("dataset()")
        given.check_label("dataset", name, self.datasets, run=self.name)
        loaded = load_data(source, name=name, split=split, config=config, revision=revision, role=role)
        said = given.stated(license=license, personal_data=personal_data)
        self.datasets.append(msgspec.structs.replace(loaded.section, **said))
        return loaded.rows

    def prompt(self, name: str, text: str | Path, *, role: str = "system", private: bool = False) -> str:
        """Record a prompt or template (text, or a file) and give its text back."""
        from ftlineage.sources.prompts import observe_prompt, prompt_text

        self._still_open("prompt()")
        given.check_label("prompt", name, self.prompts, run=self.name)
        self.prompts.append(observe_prompt(name, text, role=role, private=private))
        return prompt_text(text)

    def retrieval(
        self, name: str, source: Any, *, kind: str | None = None, embedding_model: Any = None, chunking: Any = None
    ) -> Retrieval:
        """Record a retrieval index (FAISS, LanceDB, Chroma, Qdrant, pgvector, a folder, or an object)."""
        from ftlineage.sources.retrieval import observe_retrieval

        self._still_open("retrieval()")
        given.check_label("retrieval index", name, self.retrievals, run=self.name)
        section = observe_retrieval(name, source, kind=kind, embedding_model=embedding_model, chunking=chunking)
        self.retrievals.append(section)
        return section

    def preprocessing(self, *functions: Callable[..., Any], role: str = "formatting", **settings: Any) -> None:
        """Record user code and settings between rows and model input.

        Args:
            *functions: Formatting functions, collators, image transforms; recorded by source text.
            role: What they are for.
            **settings: Values such as ``image_mean``; merged over what the trainer says.
        """
        from ftlineage.sources.functions import observe_function

        self._still_open("preprocessing()")
        # Now, because the source text is read from disk: when training ends it may be another one.
        self.functions.extend(digest for function in functions for digest in observe_function(role, function))
        self.settings.update(codec.jsonable(settings))

    def processor(self, processor: Any) -> Any:
        """Record a tokenizer or processor that was not loaded through the base; gives it back."""
        self._still_open("processor()")
        given.check_processor(processor)
        self.processors.append(processor)
        return processor

    def knows_processor(self, processor: Any) -> bool:
        """Whether a tokenizer or processor came from the base or was given to :meth:`processor`."""
        own = self.pinned_base is not None and self.pinned_base.is_own_processor(processor)
        return own or any(processor is known for known in self.processors)

    # --- the model -------------------------------------------------------------------------------

    def peft(self, config: Any) -> Any:
        """Pin a PEFT config to the base and seed what it will initialise; gives the config back.

        PEFT writes ``revision: null`` unless told (trap T2), and adapters start from random numbers
        that are only seeded by TRL (trap T15).
        """
        from transformers import set_seed

        base = self._base_needed("peft()")
        given.check_peft_config(config)
        config.base_model_name_or_path = base.location
        if base.revision is not None:
            config.revision = base.revision
        set_seed(self.seed)
        return config

    def get_peft_model(self, model: Any, config: Any, **kwargs: Any) -> Any:
        """``peft.get_peft_model`` with the base's commit and seeded weights, for trainers that take a model."""
        from peft import get_peft_model

        from ftlineage.record.saving import pin_saving

        self.peft(config)
        adapted = get_peft_model(model, config, **kwargs)
        pin_saving(adapted, self.pinned_base)
        return adapted

    def continue_from(self, model: Any, folder: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load an earlier adapter to train it further, and record it as the parent.

        Args:
            model: The base model, loaded with ``run.base(...).load()``.
            folder: The earlier adapter.
            **kwargs: For ``PeftModel.from_pretrained``.

        Raises:
            DigestMismatchError: The folder is not what its card says.
        """
        from ftlineage.record.parents import load_trainable
        from ftlineage.record.saving import pin_saving

        base = self._base_needed("continue_from()")
        self._add_parent(Path(folder), relation="continued", base=base)
        adapted = load_trainable(model, Path(folder), base=base, **kwargs)
        pin_saving(adapted, base)
        return adapted

    def merged_from(self, *folders: str | os.PathLike[str]) -> None:
        """Record the adapters that were merged into the model of this run.

        Raises:
            DigestMismatchError: A folder is not what its card says.
        """
        base = self._base_needed("merged_from()")
        for folder in folders:
            self._add_parent(Path(folder), relation="merged", base=base)

    def _add_parent(self, folder: Path, *, relation: Literal["continued", "merged"], base: PinnedBase) -> None:
        from ftlineage.record.parents import base_difference, observe_parent

        self._still_open("continue_from() or merged_from()")
        self.parents.append(observe_parent(folder, relation=relation))
        difference = base_difference(folder, base)
        if difference is not None:
            message = f"run {self.name!r}: {folder} was trained on {difference}, not on this run's base"
            warnings.warn(message, RuntimeWarning, stacklevel=3)

    def callback(self) -> LineageCallback:
        """The ``TrainerCallback`` that watches training for this run."""
        from ftlineage.record.callback import LineageCallback

        return LineageCallback(self)

    def training_begins(self, *, args: Any, model: Any, processor: Any, first_step: int) -> None:
        """Called by the callback: note a resumed run, and check what would spoil the card."""
        from ftlineage.record.begin import check_beginning

        self.resumed_at = max(self.resumed_at, first_step)
        check_beginning(self, args=args, model=model, processor=processor)

    def training_ends(self) -> None:
        """Called by the callback; refreshes what a crash before seal() would leave behind."""
        # A full disk is seal()'s to report: raised here, it would throw the trained model away.
        with contextlib.suppress(FtlineageError):
            self._write_partial(None)

    # --- the end ---------------------------------------------------------------------------------

    def seal(
        self,
        subject: Any,
        *,
        processor: Any = None,
        train_dataset: Any = None,
        method: str | None = None,
        arguments: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
    ) -> Card:
        """Save the model, hash it, and write ``lineage.json``, all or nothing.

        Collective under ``torchrun``/``accelerate``: call it on every process; rank 0 writes, all get the card.

        Args:
            subject: The trainer (Trainer, SFTTrainer, DPOTrainer ...) or, after a plain loop, the model.
            processor: Tokenizer or processor to store beside a bare model; defaults to the one loaded.
            train_dataset: The prepared rows of a plain loop, as trained.
            method: What kind of training a plain loop did.
            arguments: Hyper-parameters of a plain loop.
            metrics: Results to store with the run.

        Raises:
            RunStateError: No base was declared, or the run is sealed already.
            OutputNotWritableError, StorageError: Nothing was published; an older card is intact.
        """
        from ftlineage.record.assemble import Loop
        from ftlineage.record.seal import seal_run

        self._still_open("seal()")
        self._base_needed("seal()")
        given.check_subject(subject)
        loop = Loop(
            processor=processor,
            train_dataset=train_dataset,
            method=method,
            arguments=arguments or {},
            metrics=metrics or {},
        )
        self._card = seal_run(self, subject, loop, finished=utc_now)
        return self._card

    @property
    def card(self) -> Card | None:
        """The card, once sealed."""
        return self._card

    def _still_open(self, call: str) -> None:
        if self._card is not None:
            raise RunStateError(name=self.name, reason=f"{call} after seal(): the card is written and stays as it is")

    def _base_needed(self, call: str) -> PinnedBase:
        if self.pinned_base is None:
            hint = 'First: base = run.base("org/name")'
            raise RunStateError(name=self.name, reason=f"{call} needs the base model", hint=hint)
        return self.pinned_base


def run(
    name: str,
    *,
    out: str | os.PathLike[str],
    seed: int = 42,
    overwrite: bool = False,
    governance: Governance | None = None,
) -> Run:
    """Begin a recorded fine-tune; see :class:`Run`."""
    return Run(name, out=out, seed=seed, overwrite=overwrite, governance=governance)
