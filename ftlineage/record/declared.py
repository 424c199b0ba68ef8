"""``ftlineage record``: a card for an adapter that another tool trained.

Digests of what lies in the folder are observed; what it was trained on is the user's word and is
marked ``declared``. What nobody can know afterwards (which commit of the base was loaded, the
environment, the code) is listed as unrecorded, never guessed: the Hub's head today says nothing
about the day of training.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

import ftlineage
from ftlineage.core import codec
from ftlineage.core.card import CARD_NAME, FORMAT, NO_ID, Card, CardBody, make_card
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.layout import ADAPTER_CONFIG
from ftlineage.core.sections import Base, Dataset, Governance, Preprocessing, RunRecord, Unrecorded
from ftlineage.errors import BadArgumentError, BadInputError, CardMalformedError, OutputExistsError, PathNotFoundError
from ftlineage.record import collect
from ftlineage.record.clock import utc_now
from ftlineage.record.names import check_name, default_name
from ftlineage.sources.adapter import observe_adapter, write_adapter_config
from ftlineage.sources.base import ResolvedBase, is_path, observe_base, parse_base, resolve_base
from ftlineage.store.cards import write_card

_TRAINER_STATE = "trainer_state.json"


def record_declared(
    folder: Path,
    *,
    base: str,
    data: Iterable[tuple[str, str]] = (),
    prompts: Iterable[tuple[str, str]] = (),
    retrieval: Iterable[tuple[str, str]] = (),
    name: str | None = None,
    overwrite: bool = False,
) -> Card:
    """Write ``lineage.json`` into the folder of an adapter trained elsewhere.

    Args:
        folder: Holds ``adapter_config.json`` and safetensors weights, or a full model.
        base: ``org/name``, ``org/name@revision`` or a local folder.
        data: Pairs of dataset name and source.
        prompts: Pairs of prompt name and file.
        retrieval: Pairs of index name and location.
        name: Name of the version; the folder's name when absent.
        overwrite: Replace an existing card.

    Raises:
        PathNotFoundError, BadInputError: The folder is not there, or holds no adapter.
        BadArgumentError: ``base`` contradicts ``adapter_config.json``.
        OutputExistsError: There is a card and ``overwrite`` is false.
    """
    chosen = _chosen_name(folder, name, overwrite=overwrite)
    unrecorded: list[Unrecorded] = []
    # What can fail comes before adapter_config.json gets its revision, and that before it is hashed.
    datasets = _datasets(_named("--data", data), unrecorded)
    prompt_sections = [_prompt(label, source) for label, source in _named("--prompt", prompts)]
    retrieval_sections = [_retrieval(label, source) for label, source in _named("--retrieval", retrieval)]
    preprocessing = _preprocessing(folder, unrecorded)
    base_section = _base(folder, base, unrecorded)
    body = CardBody(
        ftlineage=FORMAT,
        id=NO_ID,
        name=chosen,
        base=base_section,
        preprocessing=preprocessing,
        data=datasets,
        prompts=prompt_sections,
        retrieval=retrieval_sections,
        adapter=observe_adapter(folder),
        recipe=None,
        code=None,
        environment=None,
        parents=[],
        run=_outcome(folder),
        governance=Governance(),
        unrecorded=[*unrecorded, *_unknowable()],
    )
    card = make_card(body)
    write_card(folder, card)
    return card


def _named(option: str, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, each under a name of its own."""
    kept = list(pairs)
    names = [name for name, _ in kept]
    wrong = next((name for name in names if not name.strip() or names.count(name) > 1), None)
    if wrong is not None:
        reason = f"the name {wrong!r} stands twice" if wrong.strip() else f"{wrong!r} is no name"
        raise BadArgumentError(argument=option, reason=reason)
    return kept


def _chosen_name(folder: Path, name: str | None, *, overwrite: bool) -> str:
    if folder.is_file():
        raise BadInputError(path=str(folder), reason="an adapter is a folder, and this is a file")
    if not folder.is_dir():
        raise PathNotFoundError(path=str(folder))
    if (folder / CARD_NAME).exists() and not overwrite:
        raise OutputExistsError(path=str(folder), card=CARD_NAME, hint="Add --overwrite to replace the card")
    return check_name(name) if name is not None else default_name(folder.resolve().name)


def _datasets(data: Iterable[tuple[str, str]], unrecorded: list[Unrecorded]) -> list[Dataset]:
    datasets = [_dataset(label, source) for label, source in data]
    if not datasets:
        unrecorded.append(Unrecorded(section="data", reason="no --data was given"))
    return datasets


def _unknowable() -> list[Unrecorded]:
    reason = "trained elsewhere: not observed, and not to be known afterwards"
    return [Unrecorded(section=section, reason=reason) for section in ("recipe", "code", "environment")]


def _base(folder: Path, base: str, unrecorded: list[Unrecorded]) -> Base:
    config = _adapter_config(folder)
    model, requested = parse_base(base)
    if requested is None and is_path(model) and not Path(model).expanduser().exists():
        raise PathNotFoundError(path=base, hint="A model on the Hub is written org/name or org/name@revision")
    _check_agreement(base, model, config)
    known = config.get("revision")
    is_local = is_path(model) or Path(base).expanduser().exists()
    if requested is None and is_commit_sha(known) and not is_local:
        requested = str(known)
    if requested is None and not is_local:
        reason = (
            "which commit was trained on is not known: adapter_config.json names none and --base names none; "
            "today's head would be a guess"
        )
        unrecorded.append(Unrecorded(section="base", element="revision", reason=reason))
        return Base(model=model, origin="hub", evidence="declared")
    resolved = resolve_base(model, requested)
    if is_commit_sha(known) and resolved.revision is not None and known != resolved.revision:
        reason = f"adapter_config.json says revision {known}, --base resolves to {resolved.revision}"
        raise BadArgumentError(argument="--base", reason=reason, hint=f"Try --base {model}@{known}")
    _pin_config(folder, resolved)
    return msgspec.structs.replace(observe_base(resolved), evidence="declared")


def _check_agreement(base: str, model: str, config: dict[str, Any]) -> None:
    """A Hub id in ``adapter_config.json`` must be the one declared; a local path there proves nothing."""
    said = config.get("base_model_name_or_path")
    looks_like_hub = isinstance(said, str) and said.count("/") == 1 and not said.startswith((".", "/", "~"))
    if looks_like_hub and said != model and not Path(base).exists():
        reason = f"adapter_config.json says the base is {said}, not {model}"
        raise BadArgumentError(argument="--base", reason=reason, hint=f"Try --base {said}")


def _pin_config(folder: Path, resolved: ResolvedBase) -> None:
    if resolved.revision is not None and (folder / ADAPTER_CONFIG).exists():
        write_adapter_config(folder, base_model=resolved.model, revision=resolved.revision)


def _adapter_config(folder: Path) -> dict[str, Any]:
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return {}
    config = _read_json(path)
    if not isinstance(config, dict):
        raise BadInputError(path=str(path), reason="expected a JSON object")
    return config


def _dataset(label: str, source: str) -> Dataset:
    from ftlineage.sources.data import load_data

    return msgspec.structs.replace(load_data(source, name=label).section, evidence="declared")


def _prompt(label: str, source: str) -> Any:
    from ftlineage.sources.prompts import observe_prompt

    return observe_prompt(label, Path(source))


def _retrieval(label: str, source: str) -> Any:
    from ftlineage.sources.retrieval import observe_retrieval

    return msgspec.structs.replace(observe_retrieval(label, source), evidence="declared")


def _preprocessing(folder: Path, unrecorded: list[Unrecorded]) -> Preprocessing:
    from ftlineage.sources.tokenizer_files import observe_tokenizer_files

    found = observe_tokenizer_files(folder)
    if isinstance(found, Unrecorded):
        unrecorded.append(found)
        return Preprocessing()
    return found


def _outcome(folder: Path) -> RunRecord:
    """What the Trainer's own ``trainer_state.json`` says, where it was left behind."""
    recorded_by = f"ftlineage {ftlineage.__version__}"
    path = folder / _TRAINER_STATE
    state = codec.foreign_object(path.read_bytes()) if path.is_file() else None
    if state is None or not isinstance(state.get("global_step"), int):
        return RunRecord(finished=utc_now(), recorded_by=recorded_by)
    log = state.get("log_history")
    history = [entry for entry in log if isinstance(entry, dict)] if isinstance(log, list) else []
    outcome = collect.outcome(
        steps=state["global_step"], epochs=state.get("epoch"), history=history, flops=state.get("total_flos")
    )
    return msgspec.structs.replace(outcome, finished=utc_now(), recorded_by=recorded_by)


def _read_json(path: Path) -> Any:
    try:
        return codec.parse(path.read_bytes())
    except CardMalformedError as error:
        raise BadInputError(path=str(path), reason=error.reason) from error
    except OSError as error:
        raise BadInputError(path=str(path), reason=error.strerror or type(error).__name__) from error
