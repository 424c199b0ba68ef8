"""What the page says about what a version is made of: base, data, adapter, prompts, retrieval; one function each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftlineage.cli.page import (
    Fact,
    Item,
    Line,
    Mark,
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
from ftlineage.core.sections import (
    Adapter,
    AdapterMember,
    Base,
    Column,
    Dataset,
    DataSource,
    Fingerprint,
    Prompt,
    Retrieval,
    Tensor,
)

# What decides an adapter's behaviour, in the words people use for it.
_SETTINGS = (
    ("r", "rank"),
    ("lora_alpha", "alpha"),
    ("lora_dropout", "dropout"),
    ("num_virtual_tokens", "virtual tokens"),
    ("bias", "bias"),
)
_METHODS = {
    "full": "full fine-tune",
    "lora": "LoRA",
    "adalora": "AdaLoRA",
    "vera": "VeRA",
    "loha": "LoHa",
    "lokr": "LoKr",
    "ia3": "IA3",
    "oft": "OFT",
    "boft": "BOFT",
    "prompt_tuning": "prompt tuning",
    "prefix_tuning": "prefix tuning",
    "p_tuning": "p-tuning",
}
_SWITCHES = (("use_dora", "DoRA"), ("use_rslora", "rsLoRA"))


def base(value: Base) -> Iterator[Item]:
    """The model that was adapted, at which commit, loaded how."""
    facts = []
    if value.revision:
        facts.append(fact("commit", code(value.revision)))
        facts.append(fact("asked for", plain(value.requested) if value.requested else quiet("no revision")))
    elif value.origin == "local":
        facts.append(fact("commit", "none: a local folder, known by its files"))
    else:
        facts.append(fact("commit", alarm("not pinned")))
    if value.code_revision:
        facts.append(fact("model code", code(value.code_revision)))
    facts += files_fact(value.files)
    if value.loaded_as:
        loaded = value.loaded_as
        words_ = [loaded.class_, loaded.dtype, f"{loaded.attention} attention" if loaded.attention else None]
        parts = [plain(word) for word in words_ if word]
        if loaded.quantization:
            parts.append(plain(f"quantized: {words.value(loaded.quantization)}"))
        facts.append(Fact(label="loaded as", line=joined(parts)))
    yield Item(
        name=(strong(value.model),),
        facts=tuple(facts),
        tables=files_table(value.files),
        declared=value.evidence == "declared",
    )


def data(value: list[Dataset]) -> Iterator[Item]:
    """Each dataset: where from, how many rows, which digests; never a row."""
    for dataset in value:
        facts = [*_source_facts(dataset.source)]
        if dataset.rows is not None or dataset.schema:
            facts.append(_rows_fact("rows", dataset.rows, dataset.schema))
        if dataset.fingerprint:
            facts.append(_fingerprint_fact("digest", dataset.fingerprint))
        if dataset.prepared:
            facts.append(_rows_fact("as trained", dataset.prepared.rows, dataset.prepared.columns))
            facts.append(_fingerprint_fact("its digest", dataset.prepared.fingerprint))
        for label, text in (
            ("snapshot", dataset.snapshot),
            ("license", dataset.license),
            ("personal data", dataset.personal_data),
        ):
            if text:
                facts.append(fact(label, digest(text) if label == "snapshot" else plain(text)))
        columns = table("Columns", ("name", "type"), dataset.schema, lambda one: (code(one.name), plain(one.type)))
        yield Item(
            name=(strong(dataset.name), quiet(dataset.role)),
            facts=tuple(facts),
            tables=columns + files_table(dataset.source.files),
            declared=dataset.evidence == "declared",
        )


def _source_facts(source: DataSource) -> Iterator[Fact]:
    what = {"memory": "rows in memory", "stream": "a stream"}.get(source.kind, "a dataset")
    details = [one for one in (source.config, source.split, source.format) if one]
    line: list[Mark] = [plain(source.id) if source.id else plain(what)]
    if details:
        line.append(quiet(f" ({', '.join(details)})"))
    if len(source.files) == 1:
        line.append(plain(f", {words.size(source.files[0].size)}"))
    yield Fact(label="from", line=tuple(line))
    if source.commit:
        yield fact("commit", code(source.commit))
        if source.requested != source.commit:
            yield fact("asked for", plain(source.requested) if source.requested else quiet("no revision"))
    elif source.kind == "hub":
        yield fact("commit", alarm("not pinned"))
    if len(source.files) > 1:
        yield from files_fact(source.files)


def _rows_fact(label: str, rows: int | None, columns: list[Column]) -> Fact:
    count = "rows not counted" if rows is None else words.quantity(rows, "row")
    if not columns:
        return fact(label, count)
    names = ", ".join(column.name for column in columns)
    return fact(label, f"{count} in {words.quantity(len(columns), 'column')}: ", plain(names))


def _fingerprint_fact(label: str, fingerprint: Fingerprint) -> Fact:
    parts: list[Mark | str] = [digest(fingerprint.ordered), " ordered"]
    if fingerprint.unordered:
        parts += [", ", digest(fingerprint.unordered), " unordered"]
    return fact(label, *parts)


def adapter(value: Adapter) -> Iterator[Item]:
    """The trained weights: method, settings, size, files."""
    facts = _method_facts(value.config, value.target_modules, value.init)
    if value.tensors:
        count = words.quantity(value.tensors.parameters, "parameter")
        tensors = words.quantity(value.tensors.count, "tensor")
        facts.append(fact("weights", f"{count} in {tensors}"))
        facts.append(fact("digest", digest(value.tensors.digest)))
    entries = value.tensors.entries if value.tensors else []
    yield Item(
        name=(strong(_method(value.type)),),
        facts=tuple(facts),
        tables=(
            files_table(value.files, brief=True)
            + mapping_table("Configuration", value.config)
            + table("Tensors", ("name", "type", "shape", "SHA-256"), entries, _tensor_row)
        ),
        declared=value.evidence == "declared",
    )
    if len(value.members) > 1 or any(member.folder != "." for member in value.members):
        yield from map(_member, value.members)


def _tensor_row(tensor: Tensor) -> Line:
    return (code(tensor.name), plain(tensor.dtype), plain(" x ".join(map(str, tensor.shape))), digest(tensor.sha256))


def _member(member: AdapterMember) -> Item:
    facts = _method_facts(member.config, member.target_modules, member.init)
    if member.revision:
        facts.append(fact("base commit", code(member.revision)))
    return Item(
        name=(strong(member.name), quiet(f"{_method(member.type)} in {member.folder}")),
        facts=(*facts, fact("config digest", digest(member.config_digest))),
        tables=mapping_table("Configuration", member.config),
    )


def _method(kind: str) -> str:
    return _METHODS.get(kind.lower(), kind)


def _method_facts(config: Mapping[str, Any], targets: list[str], init: str | None) -> list[Fact]:
    said = [f"{label} {words.value(config[key])}" for key, label in _SETTINGS if config.get(key) not in (None, "none")]
    said += [label for key, label in _SWITCHES if config.get(key)]
    facts = [Fact(label="settings", line=joined(map(plain, said)))] if said else []
    if targets:
        facts.append(Fact(label="acts on", line=joined(map(plain, targets))))
    if init:
        facts.append(fact("init", plain("PEFT's default" if init == "true" else init)))
    return facts


def prompts(value: list[Prompt]) -> Iterator[Item]:
    """Each prompt with its text, unless that is private."""
    for prompt in value:
        facts = [fact("digest", digest(prompt.sha256))]
        if prompt.variables:
            facts.append(Fact(label="variables", line=joined(map(plain, prompt.variables))))
        if prompt.text is None:
            facts.append(fact("text", "private, known by its digest"))
        yield Item(
            name=(strong(prompt.name), quiet(prompt.role)),
            facts=tuple(facts),
            passages=() if prompt.text is None else (passage("text", prompt.text),),
        )


def retrieval(value: list[Retrieval]) -> Iterator[Item]:
    """Each retrieval index: engine, entries, digest, embedding model, chunking."""
    for index in value:
        facts = []
        if index.version:
            facts.append(fact("version", plain(index.version)))
        if index.count is not None:
            facts.append(fact("entries", f"{index.count:,}"))
        algorithm = () if index.algorithm is None else (quiet(f" ({index.algorithm})"),)
        facts.append(fact("digest", digest(index.digest), *algorithm))
        if index.embedding_model:
            model = index.embedding_model
            pin = model.revision or model.digest
            facts.append(fact("embedded by", plain(model.model), *((" at ", digest(pin)) if pin else ())))
        if index.chunking:
            facts.append(fact("chunking", plain(index.chunking)))
        yield Item(
            name=(strong(index.name), quiet(index.kind)),
            facts=tuple(facts),
            declared=index.evidence == "declared",
        )
