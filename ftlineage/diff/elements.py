"""How each section's elements differ, in plain sentences and details.

One function an element, of two parts of card documents that are both there and not equal. Digests
decide; names and revisions explain. Parts are taken as read, not as typed values, so that keys of
a later release are compared too. Rows, tensors and lines are not opened here: only what two cards
can tell.
"""

from __future__ import annotations

from typing import Any

from ftlineage.core import words
from ftlineage.diff.fields import (
    Difference,
    Part,
    any_change,
    field_changes,
    field_clauses,
    file_changes,
    list_changes,
    list_clauses,
    moved,
    without,
)

_LABELS = {
    "base": frozenset({"requested", "revision", "evidence"}),
    "processor": frozenset({"source", "revision"}),
    "data": frozenset({"source", "snapshot", "license", "personal_data", "evidence"}),
    "retrieval": frozenset({"version", "evidence"}),
    "adapter": frozenset({"files", "tensors", "evidence"}),
}


def base(before: Part, after: Part) -> Difference:
    """The model that was adapted."""
    files = file_changes(before, after)
    clauses = [
        moved(what, before.get(key), after.get(key))
        for key, what in (("model", "the model"), ("revision", "the revision"))
        if before.get(key) != after.get(key)
    ]
    clauses += list_clauses(files, "file")
    equal = bool(before.get("files")) and not any_change(files)
    if equal:
        clauses.append("all files are equal")
    fields = field_changes(without(before, "files"), without(after, "files"))
    clauses += field_clauses([change for change in fields if change["field"] not in {"model", "revision"}])
    return Difference(
        clauses=clauses, detail={"fields": fields, "files": files}, labels_only=equal and _only(fields, "base")
    )


def adapter(before: Part, after: Part) -> Difference:
    """The trained weights and their canonical config."""
    left, right = before.get("tensors") or {}, after.get("tensors") or {}
    tensors = list_changes(left.get("entries"), right.get("entries"), _tensor_name, _tensor_content)
    files = file_changes(before, after)
    config = field_changes(before.get("config"), after.get("config"))
    members = list_changes(before.get("members"), after.get("members"), _name, lambda member: member)
    same_weights = bool(left) and left.get("digest") == right.get("digest")
    if same_weights:
        clauses = ["the weights are equal"]
    else:
        clauses = list_clauses(tensors, "tensor") or list_clauses(files, "file")
    if max(len(before.get("members") or []), len(after.get("members") or [])) > 1:
        clauses += list_clauses(members, "adapter")
    # The digest of the config and the files of the tensors follow what is listed already.
    told = ("config", "config_digest", "files", "tensors", "members")
    rest = field_changes(without(before, *told), without(after, *told))
    detail = {"fields": rest, "config": config, "tensors": tensors, "files": files, "adapters": members}
    labels_only = same_weights and not config and not any_change(members) and _only(rest, "adapter")
    return Difference(clauses=clauses + field_clauses(config + rest), detail=detail, labels_only=labels_only)


def _tensor_name(tensor: Part) -> str:
    return str(tensor["name"])


def _tensor_content(tensor: Part) -> Any:
    return (tensor["dtype"], tensor["shape"], tensor["sha256"])


def _name(item: Part) -> str:
    return str(item["name"])


_SAME_ROWS = "the rows are equal"


def dataset(before: Part, after: Part) -> Difference:
    """One dataset: its rows by fingerprint, then what was made of them, then where they came from."""
    rows = _rows_clause(before, after)
    columns = list_changes(before.get("schema"), after.get("schema"), _name, lambda column: column["type"])
    clauses = [rows, *list_clauses(columns, "column")]
    if before.get("prepared") != after.get("prepared"):
        clauses.append("what the trainer saw of them differs (templating, tokenising or packing)")
    left, right = before["source"].get("commit"), after["source"].get("commit")
    if left != right:
        clauses.append(moved("the commit", left, right))
    fields = field_changes(without(before, "schema"), without(after, "schema"))
    told = ("rows", "fingerprint", "prepared", "source")
    clauses += field_clauses([change for change in fields if change["field"].partition(".")[0] not in told])
    labels_only = rows == _SAME_ROWS and not any_change(columns) and _only(fields, "data")
    return Difference(clauses=clauses, detail={"fields": fields, "columns": columns}, labels_only=labels_only)


def _rows_clause(before: Part, after: Part) -> str:
    left, right = before.get("fingerprint"), after.get("fingerprint")
    if left is None and right is None:
        return "the rows have no fingerprint on either side"
    if left is None or right is None:
        return "the rows have a fingerprint on one side only"
    if left["algorithm"] != right["algorithm"]:
        return "the fingerprints are of different algorithms and cannot be compared"
    if left["ordered"] == right["ordered"]:
        return _SAME_ROWS
    if left.get("unordered") is not None and left.get("unordered") == right.get("unordered"):
        return "the same rows in another order"
    return _counted("the rows differ", before.get("rows"), after.get("rows"), "row")


def _counted(clause: str, before: int | None, after: int | None, noun: str) -> str:
    if before is None or after is None:
        return clause
    if before == after:
        return f"{clause}, {words.quantity(before, noun)} as before"
    return f"{clause}: {words.quantity(before, noun)} before, {after:,} after"


def processor(before: Part, after: Part) -> Difference:
    """A tokenizer, processor or image processor: settings and files decide, the revision explains."""
    files = file_changes(before, after)
    fields = field_changes(without(before, "files"), without(after, "files"))
    settings = field_changes(before.get("settings"), after.get("settings"))
    rest = [change for change in fields if change["field"].partition(".")[0] != "settings"]
    labels_only = not any_change(files) and _only(fields, "processor")
    # The setting that changed comes first: it is why the file did.
    clauses = field_clauses(settings) + list_clauses(files, "file") + field_clauses(rest)
    if labels_only:
        clauses.insert(0, "files and settings are equal")
    return Difference(clauses=clauses, detail={"fields": fields, "files": files}, labels_only=labels_only)


def text(before: Part, after: Part) -> Difference:
    """A prompt or chat template, by its digest; the texts themselves stay out of the details."""
    clauses = []
    if before["sha256"] != after["sha256"]:
        left, right = before.get("text"), after.get("text")
        lengths = f", {len(left):,} characters before, {len(right):,} after" if left and right else ""
        clauses.append("the text differs" + lengths)
    elif (before.get("text") is None) != (after.get("text") is None):
        clauses.append("the text is the same and was made " + ("private" if after.get("text") is None else "public"))
    fields = field_changes(without(before, "text"), without(after, "text"))
    clauses += field_clauses([change for change in fields if change["field"] != "sha256"])
    return Difference(
        clauses=clauses, detail={"fields": fields}, labels_only=not fields and before["sha256"] == after["sha256"]
    )


def renderings(before: list[Part], after: list[Part]) -> Difference:
    """Fixed probe conversations rendered through one template."""
    probes = list_changes(before, after, lambda item: str(item["probe"]), lambda item: item)
    clauses = []
    if probes["changed"]:
        total = words.quantity(len(before), "probe conversation")
        clauses.append(f"the same messages come out as other text in {len(probes['changed'])} of {total}")
    clauses += list_clauses({**probes, "changed": []}, "probe conversation")
    return Difference(clauses=clauses, detail={"probes": probes})


def function(before: Part, after: Part) -> Difference:
    """User code between rows and model input: source text and constants."""
    fields = field_changes(before, after)
    constants = field_changes(before.get("constants"), after.get("constants"))
    rest = [change for change in fields if change["field"].partition(".")[0] not in {"sha256", "constants"}]
    clauses = field_clauses(constants)
    clauses += ["the source text differs"] if before.get("sha256") != after.get("sha256") else []
    clauses += field_clauses(rest)
    return Difference(clauses=clauses, detail={"fields": fields}, labels_only=_names(fields) <= {"path"})


def retrieval(before: Part, after: Part) -> Difference:
    """One retrieval index, by its content digest."""
    fields = field_changes(before, after)
    if before["digest"] == after["digest"]:
        clauses = ["the content is equal"]
    elif before.get("algorithm") != after.get("algorithm"):
        clauses = ["the content digests are of different algorithms and cannot be compared"]
    else:
        clauses = [_counted("the content differs", before.get("count"), after.get("count"), "entry")]
    clauses += field_clauses([change for change in fields if change["field"] not in {"digest", "count", "algorithm"}])
    return Difference(clauses=clauses, detail={"fields": fields}, labels_only=_only(fields, "retrieval"))


def recipe(before: Part, after: Part) -> Difference:
    """How it was trained: arguments first, then the rest."""
    arguments = field_changes(before.get("arguments"), after.get("arguments"))
    fields = field_changes(without(before, "arguments"), without(after, "arguments"))
    return Difference(
        clauses=field_clauses(arguments) + field_clauses(fields), detail={"fields": fields, "arguments": arguments}
    )


def code(before: Part, after: Part) -> Difference:
    """The repository the script lives in."""
    untracked = list_changes(
        before.get("untracked"), after.get("untracked"), lambda file: file["path"], lambda file: file
    )
    fields = field_changes(without(before, "untracked"), without(after, "untracked"))
    clauses = [moved("the commit", before.get("commit"), after.get("commit"))] if "commit" in _names(fields) else []
    clauses += ["the uncommitted changes differ"] if "diff" in _names(fields) else []
    clauses += list_clauses(untracked, "untracked file")
    clauses += field_clauses([change for change in fields if change["field"] not in {"commit", "diff"}])
    return Difference(clauses=clauses, detail={"fields": fields, "files": untracked})


def plain(before: Any, after: Any) -> Difference:
    """Anything without a rule of its own: the fields that differ."""
    fields = field_changes(before, after)
    return Difference(clauses=field_clauses(fields), detail={"fields": fields})


def _names(fields: list[dict[str, Any]]) -> set[str]:
    return {change["field"].partition(".")[0] for change in fields}


def _only(fields: list[dict[str, Any]], kind: str) -> bool:
    """Whether nothing but labels differs: words about the element, not what it is made of."""
    return _names(fields) <= _LABELS[kind]
