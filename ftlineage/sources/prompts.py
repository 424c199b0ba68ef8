"""Prompts and prompt templates: the exact text, its digest, and the variables it takes.

Decides nothing about the text: a byte order mark, CRLF line ends and trailing spaces are kept and
hashed, because the model sees them too; ``sha256`` is always that of the text as UTF-8. Refused:
files that are not UTF-8, text without a visible character, and text that is the path of a file.

Variables are claimed only where the syntax says so without doubt, and depend on the text alone:

- Jinja, if the file is named so or the text has ``{% ... %}``: names looked up from outside;
- otherwise ``{name}`` as ``str.format`` and LangChain read it (attributes, conversions and format
  specs included); JSON objects, ``{}`` and LaTeX arguments are no variables;
- otherwise ``{{ name }}`` as Jinja or Mustache;
- always ``${name}`` (``string.Template``); bare ``$name`` is not claimed: prices and shell text.
"""

from __future__ import annotations

import re
from pathlib import Path

from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import Prompt
from ftlineage.core.words import size
from ftlineage.errors import BadArgumentError, BadInputError, MissingExtraError, PathNotFoundError
from ftlineage.hashing.files import open_regular

MAX_BYTES = 4_000_000
_JINJA_SUFFIXES = (".jinja", ".jinja2", ".j2")

# What transformers puts into a chat template's scope beside the conversation.
_JINJA_HELPERS = frozenset({"raise_exception", "strftime_now"})
# transformers' own block tag; Jinja alone would call it an unknown tag.
_GENERATION_TAG = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")
_SIMPLE_EXPRESSION = re.compile(r"\{\{[-+]?\s*([A-Za-z_][A-Za-z0-9_]*)\s*[-+]?\}\}")
_JINJA_LITERALS = frozenset({"true", "false", "none", "True", "False", "None"})

# One pass, so that doubled braces are taken as escapes before a field can start inside them. The
# format spec is the standard mini-language or a strftime pattern: `{answer: "x"}` is no field.
_FIELD = re.compile(
    r"""
      \{\{ | \}\}                                    # escaped braces
    | \\[A-Za-z]+(?:\{[^{}]*\})+                     # a LaTeX command with its arguments
    | \$\{[A-Za-z_][A-Za-z0-9_]*\}                   # string.Template, found separately
    | \{ (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?:\.[A-Za-z_]\w*|\[[^\[\]{}"']+\])*
      (?:![rsa])?
      (?: : (?: (?:.?[<>=^])?[-+ ]?z?\#?0?[0-9]*[,_]?(?:\.[0-9]+)?[A-Za-z%]? | %[^{}"']+ ) )?
      \}
    """,
    re.VERBOSE,
)
_DOLLAR = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def observe_prompt(name: str, text: str | Path, *, role: str = "system", private: bool = False) -> Prompt:
    """Record one prompt or template.

    Args:
        name: What the prompt is called in cards and diffs.
        text: The text itself, or a ``Path`` to a UTF-8 file.
        role: What it is for: ``system``, ``user``, ``template``, ...
        private: Leave the text out of the card and keep its digest and variables. A digest hides
            only what cannot be guessed: a short or common prompt can be found by trying.

    Raises:
        BadArgumentError: The name is empty, the text is blank, or it is the path of a file.
        BadInputError: The file is no text in UTF-8, or too large for a prompt.
        PathNotFoundError: No such file.
        MissingExtraError: A Jinja prompt, and jinja2 is not installed.
    """
    if not name.strip():
        raise BadArgumentError(argument="prompt name", reason="it is empty")
    content = prompt_text(text)
    if not content.strip("\ufeff \t\r\n\f\v"):
        raise BadArgumentError(argument=f"prompt {name!r}", reason="it has no text")
    is_template_file = isinstance(text, Path) and text.suffix.lower() in _JINJA_SUFFIXES
    return Prompt(
        name=name,
        role=role,
        text=None if private else content,
        sha256=text_sha256(content),
        variables=template_variables(content, jinja=is_template_file),
    )


def prompt_text(text: str | Path) -> str:
    """The text of a prompt, read from its file if a ``Path`` is given; nothing in it is changed.

    Raises:
        BadArgumentError, BadInputError, PathNotFoundError: As for :func:`observe_prompt`.
    """
    if isinstance(text, Path):
        return _read(text)
    if not isinstance(text, str):
        raise BadArgumentError(argument="prompt", reason=f"a {type(text).__name__} is neither text nor a Path")
    if _is_file(text):
        raise BadArgumentError(
            argument="prompt",
            reason=f"{text!r} is the path of a file, so its name would be recorded instead of its text",
            hint=f"Give Path({text!r})",
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadArgumentError(
            argument="prompt", reason=f"character {error.start} is a lone surrogate, which no UTF-8 text can hold"
        ) from error
    return text


def template_variables(text: str, *, jinja: bool = False) -> list[str]:
    """Names a template expects to be filled in, sorted; see the rules in the module's text.

    Args:
        text: The prompt.
        jinja: It is known to be a Jinja template.

    Raises:
        MissingExtraError: jinja2 is needed and not installed.
    """
    dollar = set(_DOLLAR.findall(text))
    if jinja or "{%" in text:
        return sorted(_jinja_variables(text) | dollar)
    # Where single-brace fields stand, doubled braces are how str.format writes a literal brace.
    fields = {match["name"] for match in _FIELD.finditer(text) if match["name"]}
    if not fields and "{{" in text:
        fields = _jinja_variables(text)
    return sorted(fields | dollar)


def _jinja_variables(text: str) -> set[str]:
    simple = _simple_jinja_variables(text)
    if simple is not None:
        return simple
    try:
        import jinja2
        import jinja2.meta
    except ImportError as error:
        raise MissingExtraError(
            package="jinja2", purpose="finding the variables of a Jinja prompt", extra="train"
        ) from error
    # Only parsed, never rendered: a prompt cannot run anything here.
    environment = jinja2.Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])  # noqa: S701
    try:
        tree = environment.parse(_GENERATION_TAG.sub("", text))
        return set(jinja2.meta.find_undeclared_variables(tree)) - _JINJA_HELPERS
    except (jinja2.TemplateError, RecursionError):
        return set()  # not a template after all, or with tags of somebody's own: nothing is claimed


def _simple_jinja_variables(text: str) -> set[str] | None:
    """Variables of a text with plain ``{{ name }}`` only, or None where a parser is needed.

    What is found must not depend on whether jinja2 is installed: it is part of a card's id.
    """
    rest = _SIMPLE_EXPRESSION.sub("", text)
    if any(opening in rest for opening in ("{{", "{%", "{#")):
        return None
    return set(_SIMPLE_EXPRESSION.findall(text)) - _JINJA_LITERALS - _JINJA_HELPERS


def _read(path: Path) -> str:
    if path.is_dir():
        raise BadInputError(path=str(path), reason="it is a folder, not a prompt file")
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise PathNotFoundError(path=str(path)) from error
    with open_regular(real, shown=str(path)) as file:
        if file.size > MAX_BYTES:
            raise BadInputError(
                path=str(path), reason=f"{size(file.size)} is more than the {size(MAX_BYTES)} a prompt may have"
            )
        data = bytearray(file.size)
        file.read_at(memoryview(data), 0)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(path=str(path), reason=f"it is not UTF-8 (byte {error.start})") from error


def _is_file(text: str) -> bool:
    if "\n" in text or not ("/" in text or "." in text):  # one word is a prompt, whatever files there are
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a NUL byte, a name too long
        return False
