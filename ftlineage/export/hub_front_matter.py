"""The YAML at the top of a README: single keys are set and lists extended, every other byte stays as it is.

Decides edits on the text itself, at the places a YAML parser reports, because writing YAML anew
would lose people's comments, order and quotes. Refused instead of guessed: front matter that is not
sound YAML, that has one of our keys twice, or that holds it in a form with more than one meaning
(an alias, an anchor, a nested value).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ftlineage.core.layout import README_NAME
from ftlineage.errors import BadInputError

# As huggingface_hub reads it (repocard.REGEX_YAML_BLOCK), so that both see the same text.
_FRONT = re.compile(r"(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$))")
_EMPTY = re.compile(r"(\s*---(?:\r\n|\r|\n))()(---[ \t]*(?:\r\n|\n|$))")
_OPENING = re.compile(r"\s*---[ \t]*(?:\r\n|\r|\n|$)")
_REPAIR = "Correct the lines between the two --- at the top, then run it again"


def set_keys(text: str, scalars: Mapping[str, str], lists: Mapping[str, Sequence[str]], *, newline: str) -> str:
    """A README with these keys in its front matter, which is made if there is none.

    Args:
        text: The whole README.
        scalars: Values that replace what is there; a list that holds the value stays, another gets it too.
        lists: Names that are added to a list if they are not in it; nothing is ever taken out.
        newline: What ends a new line.

    Raises:
        BadInputError: The front matter cannot be changed without touching something else.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    found = _EMPTY.match(body) or _FRONT.match(body)
    if found is None:
        if _OPENING.match(body):
            raise _refused("its first line opens YAML with --- and nothing closes it")
        lines = _new_lines(scalars, lists, newline)
        return f"{mark}---{newline}{lines}---{newline}{newline if body else ''}{body}"
    opening, yaml_text, closing = found.groups()
    edited = _edited(yaml_text, scalars, lists, newline)
    if edited and not closing.startswith(("\r", "\n")):
        closing = newline + closing
    return mark + opening + edited + closing + body[found.end() :]


def quoted(value: str) -> str:
    """A string as YAML, bare where that means the same string."""
    import yaml

    plain = re.fullmatch(r"[A-Za-z0-9][\w./-]*", value, re.ASCII) is not None
    if plain and yaml.safe_load(value) == value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _edited(text: str, scalars: Mapping[str, str], lists: Mapping[str, Sequence[str]], newline: str) -> str:
    nodes, before = _nodes(text), text
    edits: list[tuple[int, int, str]] = []
    for key, value in scalars.items():
        if key in nodes:
            edits += _scalar_edit(text, key, nodes[key], value, newline)
    for key, values in lists.items():
        if key in nodes:
            edits += _list_edit(text, key, nodes[key], values, newline)
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    missing = _new_lines(
        {key: value for key, value in scalars.items() if key not in nodes},
        {key: values for key, values in lists.items() if key not in nodes},
        newline,
    ).removesuffix(newline)
    if missing:
        text = text + newline + missing if text.strip() else missing
    _check_others(before, text, {*scalars, *lists})
    return text


def _nodes(text: str) -> dict[str, Any]:
    """Our view of the top-level keys: key and value node, with their places in the text."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            yaml.safe_load(text)  # what cannot be loaded is not sound, though it can be composed
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 2})" if line is not None else ""
        raise _refused(f"the YAML at its top is not sound{where}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise _refused("what stands between the two --- at its top is no YAML with one key a line")
    found: dict[str, Any] = {}
    for key, value in root.value:
        name = str(key.value)
        if name in found:
            raise _refused(f"the YAML at its top has {name[:40]!r} twice")
        found[name] = (key, value)
    return found


def _scalar_edit(text: str, key: str, node: tuple[Any, Any], value: str, newline: str) -> list[tuple[int, int, str]]:
    import yaml

    held = node[1]
    if isinstance(held, yaml.SequenceNode):
        return _list_edit(text, key, node, [value], newline)
    start, stop = _place(text, key, node)
    if not isinstance(held, yaml.ScalarNode) or held.style in {"|", ">"}:
        raise _refused(f"{key} in the YAML at its top is more than one word")
    if held.value == value:
        return []
    return [(start, stop, quoted(value) if stop > start else f" {quoted(value)}")]


def _list_edit(
    text: str, key: str, node: tuple[Any, Any], values: Sequence[str], newline: str
) -> list[tuple[int, int, str]]:
    import yaml

    held = node[1]
    start, stop = _place(text, key, node)
    if isinstance(held, yaml.ScalarNode) and held.style not in {"|", ">"}:
        is_null = held.tag == "tag:yaml.org,2002:null"
        before = [] if is_null else [text[start:stop]]
        missing = [quoted(value) for value in values if is_null or held.value != value]
        if not missing:
            return []
        return [(start, stop, ("" if stop > start else " ") + f"[{', '.join([*before, *missing])}]")]
    if not isinstance(held, yaml.SequenceNode) or not all(_is_name(item) for item in held.value):
        raise _refused(f"{key} in the YAML at its top is no list of names")
    missing = [quoted(value) for value in values if value not in {item.value for item in held.value}]
    if not missing:
        return []
    if held.flow_style:
        if not held.value:
            return [(start + 1, start + 1, ", ".join(missing))]
        end = held.value[-1].end_mark.index
        return [(end, end, "".join(f", {name}" for name in missing))]
    line_start = text.rfind("\n", 0, start) + 1
    indent = text[line_start:start]
    last = held.value[-1].end_mark.index
    end = re.compile(r"[^\r\n]*").match(text, last).end()  # type: ignore[union-attr]
    return [(end, end, "".join(f"{newline}{indent}- {name}" for name in missing))]


def _is_name(item: Any) -> bool:
    import yaml

    return isinstance(item, yaml.ScalarNode) and item.style not in {"|", ">"}


def _place(text: str, key: str, node: tuple[Any, Any]) -> tuple[int, int]:
    """Where a value stands; an alias stands elsewhere, and an anchor or tag would be lost."""
    start, stop = node[1].start_mark.index, node[1].end_mark.index
    if start < node[0].end_mark.index or text[start : start + 1] in {"&", "*", "!"}:
        raise _refused(f"{key} in the YAML at its top uses an anchor, an alias or a tag")
    return start, stop


def _new_lines(scalars: Mapping[str, str], lists: Mapping[str, Sequence[str]], newline: str) -> str:
    lines = [f"{key}: {quoted(value)}" for key, value in scalars.items()]
    for key, values in lists.items():
        if values:
            lines += [f"{key}:", *(f"- {quoted(value)}" for value in values)]
    return "".join(line + newline for line in lines)


def _check_others(before: str, after: str, ours: Collection[str]) -> None:
    """What people wrote still means what it meant; an edit that broke something is never written."""
    import yaml

    _nodes(after)
    # With the end of the last line, which the closing --- has taken along: a text block would end with it.
    meant, means = (yaml.safe_load(f"{text}\n") or {} for text in (before, after))
    for key in {*meant, *means} - set(ours):
        if repr(meant.get(key)) != repr(means.get(key)):  # as text: a NaN is not equal to itself
            raise _refused(f"{str(key)[:40]!r} in the YAML at its top would come to mean something else")


def _refused(reason: str) -> BadInputError:
    return BadInputError(path=README_NAME, reason=reason, hint=_REPAIR)
