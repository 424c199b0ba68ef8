"""Everything between a data row and the model's input, observed on the live objects.

Decides how the parts come together: each processor with its parts, each chat template once under a
unique name, renderings of fixed probes, settings that the caller knows, and the user's own code.
The rules for each are in ``processors``, ``chat`` and ``functions``. Refused: a revision that is
not a 40-hex commit, and objects that are no preprocessing classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ftlineage.core import codec
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.private import without_private
from ftlineage.core.sections import Preprocessing
from ftlineage.errors import BadReferenceError
from ftlineage.sources.chat import NamedTemplate, observe_templates
from ftlineage.sources.functions import observe_functions
from ftlineage.sources.processors import kind_of, named_templates, observe_processor, with_parts


class _Loaded(NamedTuple):
    """A live object and where it was loaded from."""

    value: Any
    source: str | None
    revision: str | None


def observe_preprocessing(
    processors: Iterable[object],
    *,
    source: str | None = None,
    revision: str | None = None,
    settings: Mapping[str, Any] | None = None,
    functions: Iterable[object] = (),
    templates: Mapping[str, str] | None = None,
) -> Preprocessing:
    """Record the preprocessing of a run.

    Args:
        processors: Live transformers objects, or ``(object, source, revision)`` where they differ;
            None is skipped. A composed processor stands for its parts too.
        source: Hub repository or folder name the objects were loaded from.
        revision: Commit they were loaded at, 40 hex digits.
        settings: What else decides the input: ``max_length``, ``packing``, image mean and std, ...
        functions: User code: callables, ``(role, callable)`` pairs, or digests observed earlier.
        templates: Chat templates used beside the tokenizer's own, by name (TRL trains with another
            one under ``assistant_only_loss``).

    Raises:
        BadArgumentError: A processor or function is none.
        BadReferenceError: A revision is not a full commit id.
        MissingExtraError: There is a chat template and jinja2 is not installed.
    """
    loaded = list(_flat(processors, source, revision))
    texts, renderings = observe_templates(_templates(loaded, templates or {}))
    return Preprocessing(
        processors=[observe_processor(one.value, source=one.source, revision=one.revision) for one in loaded],
        chat_templates=texts,
        renderings=renderings,
        settings=without_private(codec.jsonable(dict(settings or {}))),
        code=observe_functions(functions),
    )


def _flat(processors: Iterable[object], source: str | None, revision: str | None) -> Iterator[_Loaded]:
    """Every object once, parts after the processor they belong to."""
    seen: set[int] = set()
    for item in processors:
        value, origin, commit = item if isinstance(item, tuple) else (item, source, revision)
        if commit is not None and not is_commit_sha(commit):
            raise BadReferenceError(reference=str(commit), reason="a processor's revision is a commit of 40 hex digits")
        for part in with_parts(value) if value is not None else ():
            if id(part) not in seen:
                seen.add(id(part))
                yield _Loaded(part, origin, commit)


def _templates(loaded: list[_Loaded], given: Mapping[str, str]) -> Iterator[NamedTemplate]:
    """Each text under each name once; a second text of one name is called after its owner."""
    first = next((one.value for one in loaded if kind_of(one.value) == "tokenizer"), None)
    taken: dict[str, str] = {}
    for name, text, kind, tokenizer in _candidates(loaded, given, first):
        if taken.get(name) == text:
            continue
        free = _free_name(name, kind, text, taken)
        if free is not None:
            taken[free] = text
            yield NamedTemplate(free, text, tokenizer)


def _candidates(loaded: list[_Loaded], given: Mapping[str, str], first: Any) -> Iterator[tuple[str, str, str, Any]]:
    for one in loaded:
        kind = kind_of(one.value)
        tokenizer = one.value if kind == "tokenizer" else getattr(one.value, "tokenizer", first)
        # transformers gives a tokenizer's templates in the order of a folder listing or of a save.
        for name, text in sorted(named_templates(one.value).items()):
            yield name, text, kind, tokenizer
    for name, text in given.items():
        yield name, text, "given", first


def _free_name(name: str, kind: str, text: str, taken: Mapping[str, str]) -> str | None:
    """A name for a text whose plain name stands for another; None if the text has such a name already."""
    candidate, number = name, 1
    while candidate in taken:
        if taken[candidate] == text:
            return None
        candidate = f"{kind}.{name}" if number == 1 else f"{kind}{number}.{name}"
        number += 1
    return candidate
