"""Everything observed of a run, assembled into a card.

One function per section; what a section cannot hold is said in ``unrecorded`` with the reason.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

import ftlineage
from ftlineage.core import codec
from ftlineage.core.card import FORMAT, NO_ID, Card, CardBody, make_card
from ftlineage.core.private import without_private
from ftlineage.core.sections import (
    Adapter,
    Base,
    Dataset,
    DataSource,
    Prepared,
    Preprocessing,
    Recipe,
    RunRecord,
    Script,
    Unrecorded,
)
from ftlineage.errors import RunStateError
from ftlineage.record import collect, distributed, saving
from ftlineage.sources.processors import is_processor

if TYPE_CHECKING:
    from ftlineage.record.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """What the user says about a plain training loop; a trainer says it itself."""

    processor: Any = None
    train_dataset: Any = None
    method: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def assemble(run: Run, subject: Any, loop: Loop, adapter: Adapter, finished: str) -> Card:
    """Everything observed of a run as a card."""
    from ftlineage.sources.environment import observe_environment

    unrecorded = list(run.unrecorded)
    trainer = subject if saving.is_trainer(subject) else None
    model = saving.unwrap(trainer.model if trainer is not None else subject)
    base = _base(run, model, unrecorded)
    environment = observe_environment()
    recipe = _recipe(run, trainer, loop, unrecorded)
    outcome = collect.outcome_of(trainer) if trainer is not None else RunRecord()
    body = CardBody(
        ftlineage=FORMAT,
        id=NO_ID,
        name=run.name,
        base=base,
        preprocessing=_preprocessing(run, trainer, loop, unrecorded),
        data=_data(run, trainer, loop, unrecorded),
        prompts=list(run.prompts),
        retrieval=list(run.retrievals),
        adapter=adapter,
        recipe=recipe,
        code=_code(run, unrecorded),
        environment=environment,
        parents=list(run.parents),
        run=msgspec.structs.replace(
            outcome,
            started=run.started,
            finished=finished,
            # The Trainer's name for a checkpoint; the folder it lay in is this machine's business.
            resumed_from=f"checkpoint-{run.resumed_at}" if run.resumed_at else None,
            metrics={**outcome.metrics, **without_private(codec.jsonable(loop.metrics))},
            recorded_by=f"ftlineage {ftlineage.__version__}",
        ),
        governance=run.governance,
        unrecorded=unrecorded,
    )
    return make_card(body)


def _base(run: Run, model: Any, unrecorded: list[Unrecorded]) -> Base:
    if run.pinned_base is None:
        raise RunStateError(name=run.name, reason="seal() needs the base model")
    section = run.pinned_base.observe(trained=saving.pretrained_model(model))
    if section.evidence == "declared":
        reason = "the model that was trained was not loaded with run.base(...).load(), so its commit is only declared"
        unrecorded.append(Unrecorded(section="base", reason=reason))
    return section


def _preprocessing(run: Run, trainer: Any, loop: Loop, unrecorded: list[Unrecorded]) -> Preprocessing:
    from ftlineage.sources.preprocessing import observe_preprocessing

    base = run.pinned_base
    own = _own_processor(trainer, loop, unrecorded)
    processors: list[Any] = []
    for candidate in [own, *run.processors, *(base.processors if base else ())]:
        if candidate is not None and not any(candidate is known for known in processors):
            processors.append(candidate)
    if own is not None and not run.knows_processor(own):
        reason = (
            f"the {type(own).__name__} used in training was not loaded with run.base(...).load(): "
            "its files are recorded, the revision it came from is not known"
        )
        unrecorded.append(Unrecorded(section="preprocessing", element=type(own).__name__, reason=reason))
    settings = {**(collect.preprocessing_settings(trainer) if trainer is not None else {}), **run.settings}
    return observe_preprocessing(
        [(processor, *_origin(run, processor)) for processor in processors],
        settings=settings,
        functions=[*run.functions, *collect.functions_of(trainer)],
        templates=collect.templates_of(trainer),
    )


def _own_processor(trainer: Any, loop: Loop, unrecorded: list[Unrecorded]) -> Any:
    """What training used; an object that is no class of transformers must not cost the trained model its card."""
    own = collect.processor_of(trainer) if trainer is not None else loop.processor
    if own is None or is_processor(own):
        return own
    kind = type(own).__name__
    reason = f"the {kind} used in training is no tokenizer or processor of transformers, so it was not read"
    unrecorded.append(Unrecorded(section="preprocessing", element=kind, reason=reason))
    return None


def _origin(run: Run, processor: Any) -> tuple[str | None, str | None]:
    """Source and revision of a processor, where the run loaded it."""
    base = run.pinned_base
    return (base.model, base.revision) if base is not None and base.is_own_processor(processor) else (None, None)


def _data(run: Run, trainer: Any, loop: Loop, unrecorded: list[Unrecorded]) -> list[Dataset]:
    rows = getattr(trainer, "train_dataset", None) if trainer is not None else loop.train_dataset
    datasets = list(run.datasets)
    if rows is None:
        return datasets
    prepared = _prepared(rows, unrecorded)
    places = [place for place, dataset in enumerate(datasets) if dataset.role == "train"]
    if len(places) == 1:
        datasets[places[0]] = msgspec.structs.replace(datasets[places[0]], prepared=prepared)
        return datasets
    if not places:
        reason = "the training rows were not given to run.dataset(): only their prepared form is recorded"
        unrecorded.append(Unrecorded(section="data", element="train", reason=reason))
    if prepared is None:
        return datasets
    # Rows of several datasets, mixed: they belong to none of them alone.
    role = "prepared" if places else "train"
    return [*datasets, Dataset(name=_free_name(role, datasets), role=role, source=_MIXED, prepared=prepared)]


_MIXED = DataSource(kind="memory")


def _free_name(name: str, datasets: list[Dataset]) -> str:
    taken = {dataset.name for dataset in datasets}
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([name], numbered) if candidate not in taken)


def _prepared(rows: Any, unrecorded: list[Unrecorded]) -> Prepared | None:
    from ftlineage.sources.data import observe_prepared

    if not hasattr(rows, "__len__") or not hasattr(rows, "features"):
        reason = f"prepared rows of type {type(rows).__name__} are made while training and are not kept"
        unrecorded.append(Unrecorded(section="data", element="prepared", reason=reason))
        return None
    return observe_prepared(rows)


def _recipe(run: Run, trainer: Any, loop: Loop, unrecorded: list[Unrecorded]) -> Recipe:
    script = run.script if isinstance(run.script, Script) else None
    if isinstance(run.script, Unrecorded):
        unrecorded.append(run.script)
    said = without_private(codec.jsonable(loop.arguments))
    if trainer is None:
        found = Recipe(seeds={"run": run.seed}, world_size=distributed.world_size(), resumed=run.resumed_at > 0)
    else:
        found = collect.recipe_of(trainer, run_seed=run.seed, resumed=run.resumed_at > 0)
    return msgspec.structs.replace(
        found, script=script, method=loop.method or found.method, arguments={**found.arguments, **said}
    )


def _code(run: Run, unrecorded: list[Unrecorded]) -> Any:
    if run.code is None:
        run.observe_code()
    if isinstance(run.code, Unrecorded):
        unrecorded.append(run.code)
        return None
    return run.code
