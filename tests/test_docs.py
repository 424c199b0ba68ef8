"""The documentation says what the code does: names, codes, keys, help texts and links are compared."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shutil
import subprocess
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ftlineage
from docs import generate, generate_frameworks
from ftlineage.cli import errors as cli_errors
from ftlineage.cli.main import commands
from ftlineage.core.card import CardBody
from ftlineage.sources.retrieval import KINDS

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").glob("*.md"), *ROOT.glob("tests/*/*.md")]
)
# Nobody has defined how a later major makes its id.
CARDS = sorted(path for path in (ROOT / "tests" / "compat").rglob("*lineage.json") if "newer-major" not in path.name)
SPEC = (ROOT / "docs" / "card-spec.md").read_text("utf-8")
FINDINGS = (ROOT / "docs" / "findings.md").read_text("utf-8")
# Publishing is not part of this release; every other trap touches recording and needs a test.
NOT_RECORDING = {18}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def section(page: str, title: str) -> str:
    """The part of a page under one heading, up to the next of the same or a higher level."""
    level = len(title) - len(title.lstrip("#"))
    found = re.search(rf"^{re.escape(title)}$(.*?)(?=^#{{1,{level}}} |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title!r}"
    return found[1]


def first_column(text: str) -> list[str]:
    """First cells of the rows of all tables in a text, without headers and backticks."""
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    return [row.strip("`") for row in rows if row.startswith("`") or row.isdigit()]


# --- generated parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [generate.CLI, generate.TRAPS, generate_frameworks.PAGE], ids=name_of)
def test_generated_parts_are_fresh(path):
    assert path.read_text("utf-8") == generate.pages()[path], "run: make docs"


def test_every_command_has_its_help_on_the_page():
    page = generate.CLI.read_text("utf-8")
    for command in generate.verbs(commands()):
        assert f"## `ftlineage {command}`" in page
        assert "Usage: ftlineage" in generate.help_text(command)


def test_every_trap_that_touches_recording_has_a_test():
    tests = generate.trap_tests()
    assert list(tests) == list(range(1, 22))
    assert {number for number, names in tests.items() if not names} <= NOT_RECORDING


# --- findings and exit codes ---------------------------------------------------------------------

_CODE = re.compile(
    r"(acts|adapter|base|card|code|data|drift|environment|lock|path|policy|preprocessing|promotion|prompts|recipe|reference|retrieval|scan"
    r"|signature)"
    r"\.[a-z]+(-[a-z]+)*"
)


def issued_codes() -> Iterator[tuple[str, str]]:
    """Every finding code in the package's source, with the file it stands in."""
    for path in sorted((ROOT / "ftlineage").rglob("*.py")):
        text = path.read_text("utf-8")
        if "Finding(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.keyword) and node.arg == "code":
                yield from ((value, name_of(path)) for value in _strings(node.value))
            if isinstance(node, ast.Assign):
                found = [value for value in _strings(node.value) if _CODE.fullmatch(value)]
                yield from ((value, name_of(path)) for value in found)


def _strings(node: ast.AST) -> list[str]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_every_finding_code_is_documented_and_every_documented_one_is_issued():
    issued = dict(issued_codes())
    documented = first_column(section(FINDINGS, "## Findings of this release"))
    assert sorted(documented) == sorted(issued)
    assert all(_CODE.fullmatch(code) for code in documented)


def test_reserved_codes_are_not_issued_yet():
    reserved = first_column(section(FINDINGS, "## Reserved"))
    assert len(reserved) == len(set(reserved)) > 0
    assert set(reserved) & set(dict(issued_codes())) == set()


def test_every_exit_code_is_documented():
    codes = {value for name, value in vars(cli_errors).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in first_column(section(FINDINGS, "## Exit codes"))} == codes
    readme = (ROOT / "README.md").read_text("utf-8")
    assert {int(code) for code in first_column(section(readme, "## Exit codes"))} == codes - {130, 141}


# --- the card specification ----------------------------------------------------------------------


def structs(kind: object) -> Iterator[type]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in typing.get_args(kind):
        yield from structs(part)


def keys(kind: type, seen: set[type]) -> Iterator[str]:
    """Every key below a struct."""
    if kind in seen:
        return
    seen.add(kind)
    for field in msgspec.structs.fields(kind):
        yield field.encode_name
        for inner in structs(field.type):
            yield from keys(inner, seen)


@pytest.mark.parametrize("field", msgspec.structs.fields(CardBody), ids=lambda field: field.encode_name)
def test_every_key_of_the_card_is_specified(field):
    assert f"| `{field.encode_name}` |" in section(SPEC, "## Top level")
    inner = {key for kind in structs(field.type) for key in keys(kind, set())}
    # A file record is explained once, for all sections.
    told = section(SPEC, f"### `{field.encode_name}`") + "`path` `size` `sha256`" if inner else ""
    assert sorted(key for key in inner if f"`{key}`" not in told) == []


@pytest.fixture(scope="module")
def reference():
    """The specification's own implementation of the id, in Python."""
    (code,) = re.findall(r"^```python\n(.*?)^```", section(SPEC, "## The id"), re.DOTALL | re.MULTILINE)
    scope: dict[str, object] = {}
    exec(compile(code, "card-spec.md", "exec"), scope)  # noqa: S102 - our own page
    return scope["card_id"]


@pytest.mark.parametrize("path", CARDS, ids=name_of)
def test_the_specified_id_is_the_id(reference, path):
    text = path.read_text("utf-8")
    assert reference(text) == json.loads(text)["id"]


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript here")
def test_the_specified_id_is_the_id_in_javascript():
    (code,) = re.findall(r"^```js\n(.*?)^```", section(SPEC, "## The id"), re.DOTALL | re.MULTILINE)
    program = f"{code}\nfor (const p of {json.dumps([str(path) for path in CARDS])})"  # noqa: TID251 - a program's text
    program += 'console.log(cardId(require("node:fs").readFileSync(p, "utf8")));'
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [json.loads(path.read_bytes())["id"] for path in CARDS]


# --- names and links -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_files_and_modules_that_are_named_exist(path):
    text = path.read_text("utf-8")
    files = re.findall(r"`((?:ftlineage|tests|recipes|docs|bench)/[\w./-]*\w)/?`", text)
    assert [file for file in files if not (ROOT / file).exists()] == []
    for dotted in re.findall(r"`(ftlineage(?!\.(?:lock|toml)\b)(?:\.\w+)+)(?:\([^`]*\))?`", text):
        assert resolves(dotted), dotted


def resolves(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, rest = dotted.partition(".")
    found: object = importlib.import_module(module)
    for part in rest.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            module = f"{getattr(found, '__name__', '?')}.{part}"
            try:
                found = importlib.import_module(module)
            except ModuleNotFoundError:
                return False
    return True


def anchors(page: str) -> set[str]:
    """The anchors a code host makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text("utf-8")), target


def test_decisions_are_listed():
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text("utf-8"))
    assert listed == sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_extras_that_errors_and_pages_name_can_be_installed():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "ftlineage").rglob("*.py"))
    pages = "\n".join(path.read_text("utf-8") for path in PAGES)
    named = set(re.findall(r'\bextra="(\w+)"', source)) | set(
        re.findall(r"(?:ftlineage|\.)\[([\w,]+)\]'", source + pages)
    )
    assert {part for name in named for part in name.split(",")} | set(KINDS) - {"folder"} <= extras


def test_every_package_that_is_asked_for_is_pinned_for_tests():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [Requirement(text) for text in project["dependencies"]]
    asked += [Requirement(text) for extra in project["optional-dependencies"].values() for text in extra]
    text = re.sub(r"#.*", "", (ROOT / "constraints.txt").read_text("utf-8"))
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in text.split())}
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        assert name == "ftlineage" or requirement.specifier.contains(pins[name]), name


def test_the_changelog_has_this_version():
    assert f"\n## [{ftlineage.__version__}] - " in (ROOT / "CHANGELOG.md").read_text("utf-8")
