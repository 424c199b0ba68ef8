"""Shell text as words and operators with their places; nothing is filled in or run.

Decides quoting, comments, continued lines, here-documents and substitutions the way POSIX shells
and bash do. Refuses nothing: an open quote ends with the text. Every character is looked at a
bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Literal, NamedTuple

PartKind = Literal["text", "variable", "command", "unknown"]
TokenKind = Literal["word", "operator", "newline", "open-list", "heredoc"]

# Stands where the file has a character that the shell never sees: one `$` of a Makefile's `$$`.
SKIPPED = "\x01"
_PLAIN = re.compile(r"[^\s\\'\"$`;&|()<>\x01]+")
_INSIDE = re.compile(r"[^\\\"$`\x01]+")
_DEFAULT = re.compile(r"[^$`\"'\x01]+")
_BLANK = re.compile(r"(?:[ \t\r\f\v]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()]")
_REDIRECT = re.compile(r"&>>?|\d*(?:<<<|>>|>\||[<>]&[\d-]*|<>|[<>])")
_HEREDOC = re.compile(r"\d*<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)\\?(?P<word>[\w.+-]+)(?P=quote)")
_NAME = re.compile(r"\$(?P<name>[A-Za-z_]\w*|\d|[@*#?$!-])")
_BRACED = re.compile(
    r"(?P<name>[A-Za-z_]\w*|\d+|[@*])(?P<index>\[[^\]\s]{0,80}\])?(?:(?P<op>:?[-=])(?P<default>.*))?", re.DOTALL
)
_DEFAULTS = 3  # `${A:-${B:-${C}}}`
_OPEN_DOCUMENTS = 16  # unfinished here-documents that are looked for in one text


class Part(NamedTuple):
    """A piece of a word. ``text`` is the literal text, the variable's name or the inner command."""

    kind: PartKind
    text: str
    start: int
    end: int
    quoted: bool = False
    default: tuple[Part, ...] | None = None
    is_list: bool = False


class Token(NamedTuple):
    """A word with its parts, an operator, or the body of a here-document from ``start`` to ``end``."""

    kind: TokenKind
    start: int
    end: int
    text: str = ""
    parts: tuple[Part, ...] = ()


class Lexer:
    """Reads one text from ``start`` to ``end``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._closing: dict[str, dict[int, int]] = {}
        self._waiting: list[re.Match[str]] = []
        self._lost = 0

    def tokens(self, start: int = 0, end: int | None = None) -> Iterator[Token]:
        """Every token of the stretch, in order."""
        stop = len(self.text) if end is None else end
        at = start
        while at < stop:
            found = self._space(at, stop) or self._sign(at, stop)
            if found is not None:
                at = found.end
                if found.text or found.kind == "newline":
                    yield found
                if found.kind == "newline" and self._waiting:
                    at = yield from self._documents(at, stop)
                continue
            word = self._word(at, stop)
            at = max(word.end, at + 1)
            yield word

    def _space(self, at: int, stop: int) -> Token | None:
        found = (_COMMENT if self.text[at] == "#" else _BLANK).match(self.text, at, stop)
        if found is not None:
            return Token("operator", at, found.end())
        if self.text[at] == "\n":
            return Token("newline", at, at + 1, "\n")
        return None

    def _sign(self, at: int, stop: int) -> Token | None:
        letter = self.text[at]
        if letter in "<>&" or letter.isdigit():
            heredoc = _HEREDOC.match(self.text, at, stop)
            if heredoc is not None:
                self._waiting.append(heredoc)
                return Token("operator", at, heredoc.end())
            redirect = _REDIRECT.match(self.text, at, stop)
            if redirect is not None and self.text[redirect.end() : redirect.end() + 1] != "(":
                # `2>&1` is whole; the others take a word, which is no argument.
                closed = "&" in redirect[0][1:] and redirect[0][-1] != "&"
                after = _BLANK.match(self.text, redirect.end(), stop)
                place = after.end() if after else redirect.end()
                ends = closed or place >= stop or self.text[place] in "\n;&|()<>"
                return Token("operator", at, redirect.end() if ends else self._word(place, stop).end)
        operator = _OPERATOR.match(self.text, at, stop)
        return Token("operator", at, operator.end(), operator[0]) if operator else None

    def _documents(self, at: int, stop: int) -> Generator[Token, None, int]:
        waiting, self._waiting = self._waiting, []
        for opening in waiting:
            if self._lost >= _OPEN_DOCUMENTS:
                break
            tabs = r"\t*" if opening["dash"] else ""
            ending = re.compile(rf"^{tabs}{re.escape(opening['word'])}[ \t\r]*$", re.MULTILINE)
            closing = ending.search(self.text, at, stop)
            if closing is None:
                self._lost += 1
                continue
            yield Token("heredoc", at, closing.start(), opening["quote"] or "-")
            at = closing.end()
        return at

    # --- words ---------------------------------------------------------------------------------

    def _word(self, at: int, stop: int) -> Token:
        start = at
        parts: list[Part] = []
        while at < stop:
            plain = _PLAIN.match(self.text, at, stop)
            if plain is not None:
                parts.append(Part("text", plain[0], at, plain.end()))
                at = plain.end()
                continue
            letter = self.text[at]
            if letter == "(" and self._opens_list(parts):
                return Token("open-list", start, at + 1, parts[-1].text, tuple(parts))
            if letter in "<>" and self.text[at + 1 : at + 2] == "(" and not parts:
                at = self._substitution(at + 1, stop, parts, quoted=False)
                continue
            if letter not in "\\'\"$`\x01":
                break
            at = self._special(letter, at, stop, parts)
        return Token("word", start, at, "", tuple(parts))

    def _opens_list(self, parts: list[Part]) -> bool:
        return bool(parts) and parts[-1].kind == "text" and parts[-1].text.endswith("=") and len(parts) == 1

    def _special(self, letter: str, at: int, stop: int, parts: list[Part]) -> int:
        if letter == SKIPPED:
            return at + 1
        if letter == "\\":
            return self._escape(at, stop, parts)
        if letter == "'":
            closing = self.text.find("'", at + 1, stop)
            closing = stop if closing < 0 else closing
            parts.append(Part("text", self.text[at + 1 : closing], at + 1, closing, quoted=True))
            return min(closing + 1, stop)
        if letter == '"':
            return self._double(at + 1, stop, parts)
        return self._dollar(at, stop, parts, quoted=False)

    def inside(self, start: int, end: int) -> tuple[Part, ...]:
        """A stretch as it were between double quotes: the body of a here-document, a variable of make."""
        parts: list[Part] = []
        at = start
        while at < end:
            at = self._double(at, end, parts)
            if self.text[at - 1 : at] == '"' and at <= end and (not parts or parts[-1].end < at):
                parts.append(Part("text", '"', at - 1, at, quoted=True))
        return tuple(parts)

    def _escape(self, at: int, stop: int, parts: list[Part]) -> int:
        following = self.text[at + 1 : min(at + 2, stop)]
        if following == "\n":
            return at + 2
        if following == "\r" and self.text[at + 2 : at + 3] == "\n":
            return at + 3
        parts.append(Part("text", following, at + 1, at + 1 + len(following), quoted=True))
        return at + 1 + len(following)

    def _double(self, at: int, stop: int, parts: list[Part]) -> int:
        if self.text[at : at + 1] == '"':
            parts.append(Part("text", "", at, at, quoted=True))
        while at < stop and self.text[at] != '"':
            inside = _INSIDE.match(self.text, at, stop)
            if inside is not None:
                parts.append(Part("text", inside[0], at, inside.end(), quoted=True))
                at = inside.end()
            elif self.text[at] == SKIPPED:
                at += 1
            elif self.text[at] == "\\":
                if self.text[at + 1 : at + 2] in {'"', "\\", "$", "`", "\n", "\r"}:
                    at = self._escape(at, stop, parts)
                else:
                    parts.append(Part("text", "\\", at, at + 1, quoted=True))
                    at += 1
            else:
                at = self._dollar(at, stop, parts, quoted=True)
        return min(at + 1, stop)

    # --- substitutions -------------------------------------------------------------------------

    def _dollar(self, at: int, stop: int, parts: list[Part], *, quoted: bool) -> int:
        following = self.text[at + 1 : min(at + 2, stop)]
        if self.text[at] == "`":
            closing = self.text.find("`", at + 1, stop)
            closing = stop if closing < 0 else closing
            parts.append(Part("command", "", at + 1, closing, quoted=quoted))
            return min(closing + 1, stop)
        if following == "(":
            return self._substitution(at + 1, stop, parts, quoted=quoted)
        if following == "{":
            return self._braced(at, stop, parts, quoted=quoted)
        if following == "'" and not quoted:
            return at + 1
        name = _NAME.match(self.text, at, stop)
        if name is None:
            parts.append(Part("text", "$", at, at + 1, quoted=quoted))
            return at + 1
        parts.append(Part("variable", name["name"], at, name.end(), quoted=quoted, is_list=name["name"] in {"@", "*"}))
        return name.end()

    def _substitution(self, at: int, stop: int, parts: list[Part], *, quoted: bool) -> int:
        closing = self._closings("()").get(at, stop)
        if closing >= stop:
            parts.append(Part("unknown", "", at, stop, quoted=quoted))
            return stop
        sums = self.text.startswith("((", at)
        parts.append(Part("unknown" if sums else "command", "", at + 1, closing, quoted=quoted))
        return closing + 1

    def _braced(self, at: int, stop: int, parts: list[Part], *, quoted: bool, depth: int = 0) -> int:
        closing = self._closings("{}").get(at + 1, stop)
        if closing >= stop:
            parts.append(Part("unknown", "", at, stop, quoted=quoted))
            return stop
        end = closing + 1
        found = _BRACED.fullmatch(self.text, at + 2, closing)
        if found is None:
            name = re.match(r"[!#]?(\w*)", self.text[at + 2 : min(closing, at + 80)])
            parts.append(Part("unknown", name[1] if name else "", at, end, quoted=quoted))
            return end
        default = self._default(found.start("default"), closing, depth) if found["op"] else None
        index = found["index"] or ""
        name_text = found["name"]
        parts.append(
            Part(
                "variable", name_text, at, end, quoted=quoted, default=default,
                is_list=index in {"[@]", "[*]"} or name_text in {"@", "*"},
            )
        )  # fmt: skip
        return end

    def _default(self, at: int, stop: int, depth: int) -> tuple[Part, ...]:
        parts: list[Part] = []
        while at < stop:
            letter = self.text[at]
            if letter == "$" and self.text[at + 1 : at + 2] == "{" and depth < _DEFAULTS:
                at = self._braced(at, stop, parts, quoted=True, depth=depth + 1)
            elif letter in "$`":
                at = self._dollar(at, stop, parts, quoted=True) if depth < _DEFAULTS else stop
            elif letter in "\"'\x01":
                at += 1
            else:
                inside = _DEFAULT.match(self.text, at, stop)
                end = inside.end() if inside else at + 1
                parts.append(Part("text", self.text[at:end], at, end, quoted=True))
                at = end
        return tuple(parts)

    def _closings(self, pair: str) -> dict[int, int]:
        """Where each bracket that opens is closed, found once for the whole text."""
        if pair not in self._closing:
            opened: list[int] = []
            closing: dict[int, int] = {}
            for found in re.finditer(rf"[{re.escape(pair)}]", self.text):
                if found[0] == pair[0]:
                    opened.append(found.start())
                elif opened:
                    closing[opened.pop()] = found.start()
            self._closing[pair] = closing
        return self._closing[pair]
