"""A shell script followed from top to bottom: assignments, loops, branches, functions, then its commands.

Decides what each word can be when a command runs; :mod:`~ftlineage.drift.commands.match` decides what
the command loads. Refuses to run anything: what a command prints, arithmetic and positional words of
the script are unknown. Calls of functions are followed a few deep and a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ftlineage.drift.commands.embedded import code_in, document_in
from ftlineage.drift.commands.git import checked_out, cloned
from ftlineage.drift.commands.lexer import Lexer, Part, Token
from ftlineage.drift.commands.match import Command, Style, sights_of, variable_sights
from ftlineage.drift.commands.sights import Lines, Sight, to_found
from ftlineage.drift.commands.tools import Tools
from ftlineage.drift.commands.values import MOST, Argument, How, Value, joined, literal, marked, unknown, used_at
from ftlineage.drift.commands.words import document_of_cat, goes_on, plain_text, read_into, split_words
from ftlineage.drift.commands.written import Written
from ftlineage.drift.reference import Found

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]\s]{0,80}\])?(\+?)=")
_OPENERS = frozenset({"if", "case"})
_CLOSERS = frozenset({"fi", "esac"})
_LEADS = frozenset(["then", "else", "elif", "do", "while", "until", "!", "{", "time", "if", "exec", "command", "nohup"])
_SETTERS = frozenset({"export", "local", "declare", "typeset", "readonly", "set", "setenv"})
_REJOINED = 20_000  # words of commands that were cut in two
_CALLS = 200
_DEEP = 4
_COMMANDS = 200_000


class Variable(NamedTuple):
    """What a name stands for: one word, or the words of a list."""

    words: tuple[Argument, ...]
    is_list: bool = False
    exported: bool = False


class Shell:
    """Runs stretches of one text, and collects what their commands load in ``found``."""

    def __init__(
        self, text: str, tools: Tools, *, lines: Lines | None = None, comment: str | None = "#", depth: int = 0
    ) -> None:
        self.lexer = Lexer(text)
        self.lines = lines or Lines(text)
        self.variables: dict[str, Variable] = {}
        self.found: list[Found] = []
        self.image = ""
        self.tools = tools
        self._comment = comment
        self._depth = depth
        self._branches = 0
        self._functions: dict[str, list[Token]] = {}
        self._params: list[Argument] | None = None
        self._used: set[str] = set()
        self._seen: set[tuple[int, str | None, str, bool]] = set()
        self._calls = 0
        self._call: tuple[int, int] | None = None
        self._steps = 0
        self._clone: tuple[int, Sight] | None = None
        self._last = ""
        self._reading: tuple[str, int] | None = None
        self._texts: dict[str, Value] = {}
        self._before: tuple[Command, int] | None = None
        self._rejoined = 0
        self._exported: dict[str, str] = {}

    def set(self, name: str, variable: Variable) -> None:
        """Give a name its meaning from here on."""
        self._used.discard(name)
        self.variables[name] = variable

    def run(self, start: int = 0, end: int | None = None, *, opening: str = "") -> None:
        """Follow one stretch of the text; ``opening`` is the program of a here-document without one."""
        self._last = opening
        self._run(list(self.lexer.tokens(start, end)))

    def finish(self) -> list[Found]:
        """Everything found, with the ids that are only handed on in the environment; in the order of the text."""
        for name, text in self._texts.items():
            if name not in self._used and (words := split_words(text)):
                self.command(Command(words, {}, Style(), self.image), words[0].start, words[-1].end)
        unused = {
            name: variable.words[0]
            for name, variable in self.variables.items()
            if variable.exported and name not in self._used and variable.words
        }
        for sight in variable_sights(unused, self.tools):
            self._keep([sight], sight.at, sight.at + 1)
        found = Written(self.lexer.text).local(self.found) if self.found else []
        return sorted(found, key=lambda each: (each.line, each.column))

    # --- structure -----------------------------------------------------------------------------

    def _run(self, tokens: list[Token]) -> None:
        words: list[Token] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            index += 1
            if token.kind == "open-list":
                index = self._list(token, tokens, index, exported=False)
            elif token.kind == "word":
                words.append(token)
            elif token.kind == "heredoc":
                self._document(token)
            elif token.text == "(" and len(words) == 1 and index < len(tokens) and tokens[index].text == ")":
                index = self._define(plain_text(words[0]), tokens, index + 1)
                words = []
            else:
                if words and plain_text(words[0]) == "function":
                    index = self._define(plain_text(words[-1 if len(words) == 2 else 1]), tokens, index - 1, words)  # noqa: PLR2004 - `function name`
                else:
                    self._statement(words)
                words = []
        self._statement(words)

    def _define(self, name: str, tokens: list[Token], index: int, head: list[Token] | None = None) -> int:
        """Keep the body of a function, which begins at the next `{`, and read it once by itself."""
        opened = 1 if head and plain_text(head[-1]) == "{" else 0
        begin = index
        while index < len(tokens):
            text = plain_text(tokens[index]) if tokens[index].kind == "word" else ""
            opened += (text == "{") - (text == "}")
            index += 1
            if opened == 0 and text == "}":
                break
            if opened == 0 and tokens[index - 1].kind == "word":
                return index - 1  # no `{`: not a function of this form
        body = tokens[begin:index]
        self._functions[name] = body
        self._within(body, None)
        return index

    def _within(self, body: list[Token], params: list[Argument] | None) -> None:
        if self._depth >= _DEEP:
            return
        variables, outer, branches = dict(self.variables), self._params, self._branches
        self._params, self._depth = params, self._depth + 1
        self._run(body)
        self.variables, self._params, self._branches = variables, outer, branches
        self._depth -= 1

    def _list(self, token: Token, tokens: list[Token], index: int, *, exported: bool) -> int:
        """`NAME=(word word)`: every word is one alternative, and together they are words of a command."""
        name = token.text.rstrip("=")
        kept: list[Argument] = []
        while index < len(tokens) and tokens[index].text != ")":
            if tokens[index].kind == "word":
                kept += self._expand(tokens[index])
            index += 1
        before = self.variables.get(name.rstrip("+"))
        if name.endswith("+") and before is not None:
            kept = [*before.words, *kept]
        self.variables[name.rstrip("+")] = Variable(tuple(kept), is_list=True, exported=exported)
        return index + 1

    # --- statements ----------------------------------------------------------------------------

    def _statement(self, tokens: list[Token]) -> None:
        self._steps += 1
        if not tokens or self._steps > _COMMANDS:
            return
        start, end = tokens[0].start, tokens[-1].end
        first = plain_text(tokens[0])
        while first in _LEADS or first in _OPENERS or first in _CLOSERS:
            self._branches = max(self._branches + (first in _OPENERS) - (first in _CLOSERS), 0)
            tokens = tokens[1:]
            if not tokens or first == "case":
                return
            first = plain_text(tokens[0])
        if first in {"for", "select"}:
            self._loop(tokens)
            return
        self._last = self.lexer.text[start : min(end + 200, len(self.lexer.text))].partition("\n")[0]
        args = [argument for token in tokens for argument in self._expand(token)]
        self._execute(args, start, end)

    def _loop(self, tokens: list[Token]) -> None:
        if len(tokens) < 4 or plain_text(tokens[2]) != "in":  # noqa: PLR2004 - `for name in word`
            return
        words = [argument for token in tokens[3:] for argument in self._expand(token)]
        values = [value for word in words for value in word.values][:MOST]
        how = How.SHARED if len(values) > 1 else How.HERE
        pieces = tuple(marked(value, how) for value in values)
        if pieces:
            self.variables[plain_text(tokens[1])] = Variable((Argument(pieces, words[0].start, words[-1].end),))

    def _execute(self, args: list[Argument], start: int, end: int) -> None:
        names: dict[str, Argument] = {}
        begin = 0
        while begin < len(args) and (found := _ASSIGNMENT.match(args[begin].text)) is not None:
            self._set(found, args[begin], names)
            begin += 1
        args = args[begin:]
        if not args:
            for name, argument in names.items():
                self._assign(name, argument, exported=False)
            return
        program = args[0].text
        if program in _SETTERS:
            for argument in args[1:]:
                if (found := _ASSIGNMENT.match(argument.text)) is not None:
                    self._set(found, argument, names)
            for name, argument in names.items():
                self._assign(name, argument, exported=program == "export")
            return
        if program == "shift" and self._params:
            self._params = self._params[1:]
        elif program in self._functions:
            self._enter(program, args[1:], start, end)
        else:
            self._command(args, names, start, end)

    def _command(self, args: list[Argument], names: dict[str, Argument], start: int, end: int) -> None:
        name = read_into(args)
        self._reading = (name, end) if name else self._reading
        command = Command(args, names, Style(), self.image, self._exported)
        if self._before is not None and goes_on(args[0], self.lexer.text, self._before[1]):
            before = self._before[0]
            self._rejoined += len(before.args)
            if self._rejoined <= _REJOINED:
                command = command._replace(args=[*before.args, *args], variables=before.variables | names)
        self._before = (command, end)
        self.command(command, start, end)

    def _set(self, found: re.Match[str], argument: Argument, names: dict[str, Argument]) -> None:
        values = tuple(value.part(found.end(), len(value.text)) for value in argument.values)
        before = self.variables.get(found[1]) if found[2] else None
        if before is not None and len(before.words) == 1:
            values = joined([before.words[0].values, values], argument.start)
        names[found[1]] = Argument(values, argument.start, argument.end)

    def _assign(self, name: str, argument: Argument, *, exported: bool) -> None:
        before = self.variables.get(name)
        values = argument.values
        if self._branches:
            known = [value for word in before.words for value in word.values if value.is_known] if before else []
            how = How.SHARED if known else How.DEFAULT
            # A later branch has an answer of its own: what was a default is one of several now.
            values = tuple(marked(value._replace(how=How.HERE), how) for value in [*known, *values])[:MOST]
        kept = exported or (before is not None and before.exported)
        if kept:
            self._exported[name] = argument.text
        self.set(name, Variable((Argument(values, argument.start, argument.end),), exported=kept))

    def _enter(self, name: str, args: list[Argument], start: int, end: int) -> None:
        self._calls += 1
        if self._calls > _CALLS:
            return
        outer = self._call
        self._call = self._call or (start, end)
        given = [arg._replace(values=tuple(marked(value, How.ARGUMENT) for value in arg.values)) for arg in args]
        self._within(self._functions[name], given)
        self._call = outer

    def command(self, command: Command, start: int, end: int) -> None:
        """Read one command whose words are filled in already."""
        program = command.args[0].text.rsplit("/", 1)[-1]
        if program == "git":
            clone = cloned(command)
            if clone is not None:
                self._clone = (len(self.found), clone)
                self._keep([clone], start, end)
            elif self._clone is not None and (revision := checked_out(command)) is not None:
                index, sight = self._clone
                del self.found[index:]
                self._seen.discard((sight.at, sight.ref, sight.kind, False))
                self._keep([revision(sight)], start, end)
            return
        self._keep(sights_of(command, self.tools), start, end)
        if self._depth < _DEEP:
            self.found += code_in(command, self.tools, self.lines, self._depth)

    def _keep(self, sights: Sequence[Sight], start: int, end: int) -> None:
        for sight in sights:
            key = (sight.at, sight.ref, sight.kind, sight.is_local)
            if key in self._seen:
                continue
            self._seen.add(key)
            inside = self._call is not None and self._call[0] <= sight.at < self._call[1]
            place = self._call if inside and self._call is not None else (start, end)
            self.found += to_found([sight], self.lines, *place, comment=self._comment)

    def _document(self, token: Token) -> None:
        """The body of a here-document: Python, a configuration file or more shell."""
        if self._depth >= _DEEP:
            return
        body = self._body(token)
        if self._reading is not None and self.lexer.text.count("\n", self._reading[1], token.start) == 1:
            name = self._reading[0]
            self._texts[name] = body
            self._assign(name, Argument((body,), token.start, token.end), exported=False)
            return
        self.found += document_in(body, self._last, self.tools, self.lines, self._depth)

    def _body(self, token: Token) -> Value:
        parts: tuple[Part, ...] = ()
        if token.text == "-":
            parts = self.lexer.inside(token.start, token.end)
        return self._join(parts) if parts else literal(self.lexer.text[token.start : token.end], token.start)

    # --- filling in ----------------------------------------------------------------------------

    def _join(self, parts: tuple[Part, ...]) -> Value:
        return joined([self._values(part)[:1] for part in parts], parts[0].start)[0]

    def filled(self, start: int, end: int) -> Argument:
        """A stretch of the text, as between double quotes, with its variables filled in."""
        parts = self.lexer.inside(start, end)
        return Argument(joined([self._values(part) for part in parts], start), start, end)

    def words(self, start: int, end: int) -> list[Argument]:
        """The words of a stretch, filled in, whatever stands between them."""
        tokens = list(self.lexer.tokens(start, end))
        return [argument for token in tokens if token.kind == "word" for argument in self._expand(token)]

    def _expand(self, token: Token) -> list[Argument]:
        parts = token.parts
        if len(parts) == 1 and parts[0].kind == "variable":
            words = self._words(parts[0])
            if words is not None:
                return words
            values = self._values(parts[0])
            return [Argument(values, token.start, token.end, parts[0].text)]
        return [Argument(joined([self._values(part) for part in parts], token.start), token.start, token.end)]

    def _words(self, part: Part) -> list[Argument] | None:
        """A variable that stands for several words: a list, or a text with blanks and no quotes around it."""
        if part.text in {"@", "*"} and self._params is not None:
            return list(self._params)
        variable = self.variables.get(part.text)
        if variable is None or part.default is not None:
            return None
        if variable.is_list:
            self._used.add(part.text)
            return list(variable.words) if part.is_list else None
        if part.quoted or len(variable.words) != 1 or len(variable.words[0].values) != 1:
            return None
        value = variable.words[0].values[0]
        words = split_words(value)
        if len(words) < 2:  # noqa: PLR2004 - one word stays where it is used
            return None
        self._used.add(part.text)
        return words

    def _values(self, part: Part) -> tuple[Value, ...]:
        length = part.end - part.start
        if part.kind == "text":
            return (literal(part.text, part.start),)
        if part.kind == "command" and self._depth < _DEEP:
            tokens = [] if part.start == part.end else list(self.lexer.tokens(part.start, part.end))
            document = document_of_cat(tokens)
            if document is not None:
                return (self._body(document),)
            self._depth += 1
            self._run(tokens)
            self._depth -= 1
        if part.kind != "variable":
            return (unknown(part.text, part.start, length),)
        known = self._known(part)
        if known:
            return tuple(used_at(value, part.start, length) for value in known)
        if part.default is None:
            return (unknown(part.text, part.start, length),)
        default = marked(self._join(part.default), How.DEFAULT) if part.default else literal("", part.start)
        if not part.text.isdigit() and default.is_known and default.text:
            self.variables[part.text] = Variable((Argument((default,), part.start, part.end),))
        return (default,)

    def _known(self, part: Part) -> list[Value]:
        if part.text.isdigit():
            index = int(part.text) - 1 if len(part.text) < 3 else -1  # noqa: PLR2004 - `$99` at most
            has = self._params is not None and 0 <= index < len(self._params)
            return list(self._params[index].values) if has and self._params is not None else []
        variable = self.variables.get(part.text)
        if variable is None:
            return []
        self._used.add(part.text)
        values = [value for word in variable.words for value in word.values][:MOST]
        if len(values) > 1:
            values = [marked(value, How.SHARED) for value in values]
        known = any(value.is_known for value in values)
        return values if known or part.default is None else []
