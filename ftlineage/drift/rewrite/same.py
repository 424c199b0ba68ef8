"""Whether a rewritten file still says what it said, but for commit ids: the document is loaded before and after.

Decides by the format's own loader: Python's syntax tree, YAML, TOML and JSON values, each code cell of a
notebook. What was loadable must stay so; a value may change only into one with a commit id in it, and a
call, mapping or list may grow only by an argument, key or item that carries one. Refuses every other
difference. Files of other formats, and those that do not load as they are, pass: the readers judge them.
"""

from __future__ import annotations

import ast
import tomllib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ftlineage.drift.rewrite.lines import is_notebook

_YAML = (".yaml", ".yml")
_SHELL_MAGIC = ("%", "!")
_MOST_NODES = 500_000


def same_but(old: str, new: str, path: str, shas: frozenset[str]) -> bool:
    """Whether two texts of one file load to the same but for ``shas``."""
    for load in _loaders(path):
        before = _loaded(load, old)
        if before is not None:
            after = _loaded(load, new)
            return after is not None and _equal(before, after, shas)
    return True


def same_without(bare: str, remarked: str, path: str) -> bool:
    """Whether remarks are comments: the file loads to the very same with them."""
    for load in (_sources,) if is_notebook(path) else _loaders(path):
        before = _loaded(load, bare)
        if before is not None:
            return bool(before == _loaded(load, remarked))
    return True


def _loaders(path: str) -> Sequence[Callable[[str], Any]]:
    name = path.rpartition("/")[2].lower()
    if name.endswith((".py", ".pyi", ".pyw")):
        return (_python,)
    if is_notebook(name):
        return (_notebook,)
    if name.endswith(".toml"):
        return (_toml,)
    if name.endswith((".json", ".jsonc", ".json5")):
        return (msgspec.json.decode, _yaml)
    return (_yaml,) if name.endswith(_YAML) or name.endswith("yaml") or "." not in name else ()


def _loaded(load: Callable[[str], Any], text: str) -> Any:
    try:
        return (load(text.removeprefix("\ufeff")),)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - hostile text gets anything out of a parser; it did not load
        return None


def _toml(text: str) -> Any:
    return tomllib.loads(text.replace("\r\n", "\n"))


def _yaml(text: str) -> Any:
    import yaml

    # Nodes, not values: a framework's own tags are no obstacle, and 1e3 is what is written.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    nodes = _Nodes()
    return [nodes.plain(root, ()) for root in yaml.compose_all(text, Loader=loader)]


class _Nodes:
    """YAML nodes as plain values; aliases of aliases are followed only so far."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def plain(self, node: Any, above: tuple[int, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RecursionError
        if node is None or id(node) in above:
            return None
        above = (*above, id(node))
        match node.id:
            case "mapping":
                pairs = [(self.plain(key, above), self.plain(value, above)) for key, value in node.value]
                return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else [list(pair) for pair in pairs]
            case "sequence":
                return [self.plain(item, above) for item in node.value]
        return node.value


def _python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _plain(ast.parse(text))


def _plain(node: Any) -> Any:
    match node:
        case ast.Dict(keys=keys, values=values):
            return ["Dict", *([_plain(key), _plain(value)] for key, value in zip(keys, values, strict=True))]
        case ast.Constant(value=str(value)):
            return value
        case ast.AST():
            fields = ((name, value) for name, value in ast.iter_fields(node) if name not in {"ctx", "kind"})
            return [type(node).__name__, {name: _plain(value) for name, value in fields}]
        case list():
            return [_plain(item) for item in node]
        case str() | None:
            return node
    return repr(node)


def _notebook(text: str) -> Any:
    document = msgspec.json.decode(text)
    return [document, _sources(text)]


def _sources(text: str) -> Any:
    return [_cell(cell) for cell in msgspec.json.decode(text).get("cells", ())]


def _cell(cell: dict[str, Any]) -> Any:
    source = cell.get("source", "")
    whole = source if isinstance(source, str) else "".join(source)
    if cell.get("cell_type") != "code":
        return None
    plain = "\n".join(_without_magic(line) for line in whole.split("\n"))
    try:
        return _python(plain)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _without_magic(line: str) -> str:
    bare = line.lstrip()
    return line[: len(line) - len(bare)] + "pass" if bare.startswith(_SHELL_MAGIC) else line


def _equal(old: Any, new: Any, shas: frozenset[str]) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and _equal(value, new[key], shas) for key, value in old.items()) and all(
            _carries(new[key], shas) for key in new.keys() - old.keys()
        )
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return _equal_lists(old, new, shas)
    return old == new or (not isinstance(new, list | tuple) and _carries(new, shas))


def _equal_lists(old: Sequence[Any], new: Sequence[Any], shas: frozenset[str]) -> bool:
    at = 0
    for number, item in enumerate(new):
        if at < len(old) and _equal(old[at], item, shas):
            at += 1
        elif not (_carries(item, shas) or _leads(new, number, shas)):
            return False
    return at == len(old)


def _leads(new: Sequence[Any], number: int, shas: frozenset[str]) -> bool:
    """A flag, whose value is the next item of a list of arguments."""
    item = new[number]
    following = new[number + 1] if number + 1 < len(new) else None
    return isinstance(item, str) and item.startswith("-") and _carries(following, shas)


def _carries(value: Any, shas: frozenset[str]) -> bool:
    if isinstance(value, str):
        return any(sha in value for sha in shas)
    if isinstance(value, dict):
        return any(_carries(item, shas) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_carries(item, shas) for item in value)
    return False
