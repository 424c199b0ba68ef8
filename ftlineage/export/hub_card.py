"""The README of a version on the Hub: one generated block between markers, and the Hub's own YAML keys.

Decides what a visitor of the page learns (base at its commit, data with rows and fingerprints, the
adapter, the recipe, the command that checks it) and keeps everything people wrote, byte for byte.
Refused: markers that are doubled or half gone, because nobody knows what stands between them; text
of a card acting on the page (it is shown as code or as characters, never as markup).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME, Card
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.layout import README_NAME
from ftlineage.core.refs import HUB, is_repo
from ftlineage.core.sections import Adapter, Base, Dataset, Recipe
from ftlineage.errors import BadInputError
from ftlineage.export.hub_front_matter import set_keys

BEGIN = "<!-- ftlineage:begin -->"
END = "<!-- ftlineage:end -->"

_HUB_PAGE = "https://huggingface.co"
_PROJECT = "https://github.com/ftlineage/ftlineage"
_TAG = "ftlineage"
_LONGEST = 200
_PLAIN = re.compile(r"[\w ./:@+=,()-]+", re.ASCII)
_DATASET_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?", re.ASCII)
_ACTIVE = re.compile(r"[!-/:-@\[-`{-~]")
_SETTINGS = (("r", "rank"), ("lora_alpha", "alpha"), ("lora_dropout", "dropout"), ("bias", "bias"))

Row = tuple[str, str]


def hub_block(card: Card, *, repo: str | None = None) -> str:
    """The generated block, from marker to marker, with line feeds between lines and none at its end.

    Args:
        card: What it tells.
        repo: The repository it is published in, for the command to type; None when unknown.
    """
    body = card.body
    facts = [
        ("Version", _code(card.name)),
        ("Card", _code(card.id)),
        *_base_facts(body.base),
        *_adapter_facts(body.adapter),
        *_recipe_facts(body.recipe),
        *_named("Prompts", ((one.name, one.sha256) for one in body.prompts)),
        *_named("Retrieval", ((one.name, one.digest) for one in body.retrieval)),
        *_gaps(dict.fromkeys(gap.section for gap in body.unrecorded)),
    ]
    origin = f"Written by [ftlineage]({_PROJECT}) from `{CARD_NAME}`, which holds the whole record"
    lines = [
        BEGIN,
        "## Lineage",
        "",
        f"{origin}; edits inside this block are overwritten.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label} | {text} |" for label, text in facts),
        "",
        *_data_lines(body.data),
        *_how_to_verify(repo),
        END,
    ]
    return "\n".join(lines)


def merge_readme(existing: str | None, card: Card, *, repo: str | None = None) -> str:
    """A README with the card's block and keys; idempotent, and the rest of the text is kept byte for byte.

    Args:
        existing: The README as it is, with its own line ends; None or empty makes one.
        card: What it shall tell.
        repo: As for :func:`hub_block`.

    Raises:
        BadInputError: The block's markers are doubled or half gone, or the YAML at its top is not sound.
    """
    text = existing or f"# {_title(card.name)}\n"
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    block = hub_block(card, repo=repo).replace("\n", newline)
    return set_keys(_with_block(text, block, newline), *_keys(card), newline=newline)


def _with_block(text: str, block: str, newline: str) -> str:
    begins, ends = text.count(BEGIN), text.count(END)
    if (begins, ends) == (0, 0):
        # An empty line must stand between, or a paragraph would swallow the heading.
        gap = newline if text.endswith("\n") else newline * 2
        return f"{text}{gap}{block}{newline}"
    start, stop = text.find(BEGIN), text.find(END)
    if (begins, ends) != (1, 1) or stop < start:
        reason = f"it holds {words.quantity(begins, 'begin marker')} and {words.quantity(ends, 'end marker')}"
        hint = f"Leave one {BEGIN} with one {END} after it, or neither; then run it again"
        raise BadInputError(path=README_NAME, reason=f"{reason} of the ftlineage block, not one of each", hint=hint)
    return text[:start] + block + text[stop + len(END) :]


def _keys(card: Card) -> tuple[dict[str, str], dict[str, Sequence[str]]]:
    """Keys of the Hub's own metadata: values that are set, and lists that are extended."""
    body = card.body
    full = body.adapter is not None and body.adapter.type == "full"
    scalars = {}
    if body.base is not None and body.base.origin == "hub" and is_repo(body.base.model):
        scalars = {"base_model": body.base.model, "base_model_relation": "finetune" if full else "adapter"}
    datasets = [one.source.id for one in body.data if one.source.kind == "hub" and _is_dataset_id(one.source.id)]
    lists: dict[str, Sequence[str]] = {"datasets": list(dict.fromkeys(filter(None, datasets))), "tags": [_TAG]}
    return {**scalars, "library_name": "transformers" if full else "peft"}, lists


def _is_dataset_id(name: str | None) -> bool:
    return name is not None and _DATASET_ID.fullmatch(name) is not None


# --- what it tells -------------------------------------------------------------------------------


def _base_facts(base: Base | None) -> Iterator[Row]:
    if base is None:
        yield "Base", "not recorded"
        return
    name = _code(base.model)
    if base.origin == "hub" and is_repo(base.model) and is_commit_sha(base.revision):
        name = f"[{name}]({_HUB_PAGE}/{base.model}/tree/{base.revision})"
    pin = f" at commit {_code(base.revision)}" if base.revision else ", at no recorded commit"
    where = ", a local folder known by its files" if base.origin == "local" else pin
    yield "Base", f"{name}{where}{_evidence(base.evidence)}"


def _adapter_facts(adapter: Adapter | None) -> Iterator[Row]:
    if adapter is None:
        return
    said = [
        f"{label} {words.value(adapter.config[key])}" for key, label in _SETTINGS if adapter.config.get(key) is not None
    ]
    targets = [f"on {', '.join(adapter.target_modules)}"] if adapter.target_modules else []
    method = "full fine-tune" if adapter.type == "full" else adapter.type
    yield "Adapter", f"{_code(', '.join([method, *said, *targets]))}{_evidence(adapter.evidence)}"
    if adapter.tensors is not None:
        parameters = words.quantity(adapter.tensors.parameters, "parameter")
        count = words.quantity(adapter.tensors.count, "tensor")
        yield "Weights", f"{parameters} in {count}, {_code(f'sha256:{adapter.tensors.digest}')}"
    for file in adapter.files:
        if file.path.endswith(".safetensors"):
            yield "File", f"{_code(file.path)}, {words.size(file.size)}, {_code(f'sha256:{file.sha256}')}"


def _recipe_facts(recipe: Recipe | None) -> Iterator[Row]:
    if recipe is None:
        return
    said = [one for one in (recipe.method, recipe.trainer) if one]
    said += [f"{name} {value}" for name, value in sorted(recipe.seeds.items())]
    if recipe.script is not None:
        said.append(f"script {recipe.script.path} sha256:{words.short(recipe.script.sha256)}")
    if said:
        yield "Recipe", f"{_code(', '.join(said))}{_evidence(recipe.evidence)}"


def _named(label: str, items: Iterable[tuple[str, str]]) -> Iterator[Row]:
    said = [f"{_code(name)} ({_code(words.short(digest))})" for name, digest in items]
    if said:
        yield label, ", ".join(said)


def _gaps(sections: Iterable[str]) -> Iterator[Row]:
    listed = ", ".join(_code(section) for section in sections)
    if listed:
        yield "Not recorded", f"{listed}; `{CARD_NAME}` says why"


def _data_lines(data: Sequence[Dataset]) -> Iterator[str]:
    if not data:
        return
    yield from ("| Data | role | rows | from | fingerprint |", "|---|---|---|---|---|")
    for one in data:
        source = one.source
        place = f"{_code(source.id or source.kind)}" + (f" at {_code(source.commit)}" if source.commit else "")
        rows = f"{one.rows:,}" if one.rows is not None else "not counted"
        mark = _code(words.short(one.fingerprint.ordered)) if one.fingerprint is not None else "none"
        yield f"| {_code(one.name)}{_evidence(one.evidence)} | {_code(one.role)} | {rows} | {place} | {mark} |"
    yield ""


def _how_to_verify(repo: str | None) -> Iterator[str]:
    named = repo is not None and is_repo(repo)
    if named:
        yield "Check it before you serve it, at the commit you serve (without downloading the weights, or after):"
        commands = [
            f"ftlineage verify {HUB}{repo}@COMMIT",
            f"hf download {repo} --revision COMMIT --local-dir adapter && ftlineage verify adapter",
        ]
    else:
        yield "Check it before you serve it, in the folder that holds it:"
        commands = ["ftlineage verify ."]
    yield from ("", "```sh", "pip install ftlineage", *commands, "```", "")
    yield "The report must name the card above."


# --- words on a page -----------------------------------------------------------------------------


def _evidence(evidence: str) -> str:
    return " (declared, not observed)" if evidence == "declared" else ""


def _code(text: str | None) -> str:
    """Text as code; where it could end the code or its table cell, as characters without meaning instead."""
    shown = _cut(words.clean(text or ""))
    return f"`{shown}`" if _PLAIN.fullmatch(shown) and shown.strip() == shown else _escaped(shown)


def _escaped(text: str) -> str:
    """Every ASCII sign as a character reference: neither Markdown nor HTML nor a table takes it for markup."""
    return _ACTIVE.sub(lambda sign: f"&#{ord(sign.group())};", _cut(words.clean(text)))


def _title(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 .-]*", name) else _escaped(name)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
