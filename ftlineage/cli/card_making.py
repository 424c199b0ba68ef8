"""What the page says about how and where it was made: preprocessing, recipe, code, environment, parents, people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftlineage.cli.page import (
    Fact,
    Item,
    Mark,
    Table,
    alarm,
    code,
    digest,
    fact,
    files_fact,
    files_table,
    joined,
    mapping_table,
    passage,
    plain,
    quiet,
    strong,
    table,
)
from ftlineage.core import words
from ftlineage.core.sections import Code, Environment, Governance, Parent, Preprocessing, Recipe, Rendering

# Named first because their versions are asked for first.
_MAIN_PACKAGES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "tokenizers", "safetensors")


def preprocessing(value: Preprocessing) -> Iterator[Item]:
    """What stands between a row and the model: processors, templates, settings, functions."""
    for processor in value.processors:
        facts = []
        if processor.source:
            pin = (" at ", digest(processor.revision)) if processor.revision else ()
            facts.append(fact("from", plain(processor.source), *pin))
        yield Item(
            name=(strong(processor.class_), quiet(processor.kind.replace("_", " "))),
            facts=(*facts, *files_fact(processor.files)),
            tables=_values("Settings", processor.settings) + files_table(processor.files),
        )
    for template in value.chat_templates:
        renderings = [one for one in value.renderings if one.template == template.name]
        facts = [fact("digest", digest(template.sha256))]
        facts += [fact("renders", plain(one.probe), *_outcome(one)) for one in renderings]
        yield Item(
            name=(strong(template.name), quiet("chat template")),
            facts=tuple(facts),
            passages=(passage("template", template.text),),
        )
    for function in value.code:
        where = [fact("in", plain(function.path))] if function.path else []
        what = digest(function.sha256) if function.sha256 else quiet("no source text")
        yield Item(
            name=(strong(function.name), quiet(function.role)),
            facts=(*where, fact("digest", what)),
            tables=_values("Constants", function.constants),
        )
    if value.settings:
        yield Item(name=(strong("settings"),), tables=mapping_table("Values", value.settings, brief=True))


def _values(title: str, values: Mapping[str, Any]) -> tuple[Table, ...]:
    """Constants before switches: a terminal shows the first of them only, and constants get changed unseen."""
    ordered = dict(sorted(values.items(), key=lambda pair: isinstance(pair[1], bool)))
    return mapping_table(title, ordered, brief=True)


def _outcome(rendering: Rendering) -> tuple[Mark | str, ...]:
    if rendering.refused is not None:
        return (": refused with ", plain(rendering.refused))
    return (" as ", digest(rendering.sha256))


def recipe(value: Recipe) -> Iterator[Item]:
    """How it was trained: what differs from the defaults, and the seeds."""
    facts = []
    if value.trainer and value.trainer != value.method:
        facts.append(fact("trainer", plain(value.trainer)))
    if value.seeds:
        facts.append(Fact(label="seeds", line=joined(plain(f"{key} {seed}") for key, seed in value.seeds.items())))
    if value.world_size and value.world_size > 1:
        facts.append(fact("processes", f"{value.world_size:,}"))
    if value.resumed:
        facts.append(fact("resumed", "yes, from a checkpoint"))
    if value.script:
        facts.append(fact("script", plain(value.script.path), " ", digest(value.script.sha256)))
    yield Item(
        name=(strong(value.method or value.trainer or "training"),),
        facts=tuple(facts),
        tables=mapping_table("Arguments that differ from the defaults", value.arguments, brief=True),
        declared=value.evidence == "declared",
    )


def code_section(value: Code) -> Iterator[Item]:
    """The repository the script lives in, and whether it was as committed."""
    facts = []
    if value.commit:
        facts.append(fact("commit", code(value.commit)))
    if value.dirty:
        changed = (", diff ", digest(value.diff)) if value.diff else ()
        facts.append(fact("state", alarm("uncommitted changes"), *changed))
    elif value.dirty is False:
        facts.append(fact("state", "as committed"))
    if value.untracked:
        facts.append(fact("untracked", words.quantity(len(value.untracked), "file")))
    if value.incomplete:
        facts.append(fact("incomplete", alarm(value.incomplete)))
    yield Item(
        name=(strong(value.repository or "local repository"),),
        facts=tuple(facts),
        tables=files_table(value.untracked, title="Untracked files"),
    )


def environment(value: Environment) -> Iterator[Item]:
    """Software and hardware as far as they can change the result."""
    facts = []
    if value.os:
        facts.append(fact("system", plain(value.os)))
    if value.cpu:
        cpu = value.cpu
        threads = words.quantity(cpu.threads, "thread") if cpu.threads else None
        said = [one for one in (cpu.model, cpu.architecture, cpu.capability, threads) if one]
        facts.append(Fact(label="CPU", line=joined(map(plain, said))))
    for gpu in value.gpus:
        capability = f"capability {gpu.capability}" if gpu.capability else None
        memory = words.size(gpu.memory) if gpu.memory else None
        facts.append(Fact(label="GPU", line=joined(plain(one) for one in (gpu.name, capability, memory) if one)))
    driver = [f"{label} {text}" for label, text in (("driver", value.driver), ("CUDA", value.cuda)) if text]
    if driver:
        facts.append(Fact(label="GPU software", line=joined(map(plain, driver))))
    facts += _package_facts(value)
    if value.determinism:
        facts.append(fact("determinism", plain(value.determinism)))
    if value.variables:
        facts.append(fact("variables", plain(value.variables)))
    python = " ".join(one for one in (value.implementation or "Python", value.python) if one)
    yield Item(
        name=(strong(python),),
        facts=tuple(facts),
        tables=table(
            "Packages",
            ("name", "version", "build"),
            value.packages,
            lambda one: (code(one.name), plain(one.version), plain(one.build or "")),
        ),
        declared=value.evidence == "declared",
    )


def _package_facts(value: Environment) -> Iterator[Fact]:
    versions = {package.name: package.version for package in value.packages}
    main = [f"{name} {versions[name]}" for name in _MAIN_PACKAGES if name in versions]
    rest = len(value.packages) - len(main)
    if main and rest:
        main.append(f"and {rest:,} more")
    if main:
        yield Fact(label="packages", line=joined(map(plain, main)))
    elif value.packages:
        yield fact("packages", words.quantity(len(value.packages), "package"))


def parents(value: list[Parent]) -> Iterator[Item]:
    """Earlier versions this one was made from."""
    for parent in value:
        known = parent.card or parent.digest
        yield Item(
            name=(strong(parent.name or "unnamed"), quiet(parent.relation)),
            facts=(fact("card" if parent.card else "digest", digest(known)),) if known else (),
        )


def governance(value: Governance) -> Iterator[Item]:
    """What people decided about it."""
    said = (
        ("owner", value.owner),
        ("intended", value.intended_use),
        ("prohibited", value.prohibited_use),
        ("license", value.license),
        ("keep until", value.retain_until),
    )
    facts = tuple(fact(label, plain(text)) for label, text in said if text)
    if facts:
        yield Item(name=(), facts=facts)
