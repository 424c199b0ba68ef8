"""A command, with its variables filled in, read by the table of programs.

Decides which of its words are ids, of what kind, and which flag holds their revision. Refuses to
guess: a program without a table is read by the names of its flags alone, and then only ids in the
form ``org/name`` count; a program that asks a server names the server's models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, cast

from ftlineage.drift.commands.ids import Hit, hits
from ftlineage.drift.commands.line import Flag, Line, read_line
from ftlineage.drift.commands.settings import read_settings
from ftlineage.drift.commands.sights import Sight
from ftlineage.drift.commands.tools import NO_FLAG, Holds, Known, Tools
from ftlineage.drift.commands.urls import sight_of, urls_in
from ftlineage.drift.commands.values import REASONS, UNKNOWN, Argument, How, Value
from ftlineage.drift.python.names import kind_of_key, kind_of_words, plain_key, revision_keys
from ftlineage.drift.reference import Kind, Slot

_WORDS = 48  # of a command, among which its program is looked for
_NO = frozenset({"false", "no", "0", "none", "off"})
_LOOSE = frozenset({"model", "dataset", "tokenizer", "adapter", "path", "name", "datasets", "processor"})
_VARIABLE_FLAGS = frozenset({"e", "env", "build_arg"})
_LAST_KINDS = frozenset({"model", "dataset", "tokenizer", "adapter"})
_LAST_PATHS = frozenset({"path", "name_or_path", "model", "id", "repo_id", "hf_path"})
_LOADED = frozenset(
    {"weights", "ckpt", "load", "init", "llm", "policy", "actor", "critic", "base", "ref", "path", "hf"}
)
# Models beside the one that is loaded first; its revision is not theirs.
_OTHERS = ("reward_model", "teacher_model", "draft_model", "critic_model", "speculative_")
_API_WORDS = frozenset({"openai", "litellm", "openrouter", "anthropic", "chat", "served"})


_READ = "the program that reads this variable decides on the revision"


class Style(NamedTuple):
    """How a flag and its value are written behind a word."""

    before: str = " {} "
    after: str = ""
    comment: str | None = "#"


LISTED = Style(', "{}", "', '"', None)


class Command(NamedTuple):
    """One command: its words, the variables set in front of it, and those exported before."""

    args: Sequence[Argument]
    variables: dict[str, Argument]
    style: Style = Style()
    image: str = ""
    exported: Mapping[str, str] = MappingProxyType({})


def sights_of(command: Command, tools: Tools) -> list[Sight]:
    """Every reference of one command, in the order of its words."""
    words = [argument.text for argument in command.args]
    if not words:
        return []
    program = words[0].rsplit("/", 1)[-1]
    known, begin = _tool(command, words, tools)
    named = known is not None and begin > 0 and program in tools.commands
    if not named and (program in tools.programs.silent or "pip" in words[:5]):
        return []
    found = [sight for argument in command.args for sight in _urls(argument, program in tools.programs.downloads)]
    if known is None and program in tools.programs.downloads:
        return found
    reader = _Reader(command, known or tools.generic, tools)
    found += reader.read(command.args[begin:], " ".join(words[begin - 1 : begin]) if known else program)
    if known is not None and begin > 1:
        found += reader.environment(read_line(command.args[: begin - 1], ()))
    return found


def _tool(command: Command, words: list[str], tools: Tools) -> tuple[Known | None, int]:
    """The tool of a command and the index of the word behind its name."""
    for index, word in enumerate(words[:_WORDS]):
        for names, known in tools.commands.get(word.rsplit("/", 1)[-1], ()):
            if tuple(words[index + 1 : index + len(names)]) == names[1:]:
                return known, index + len(names)
        if "/" in word or ":" in word:
            image = next((known for part, known in tools.images if part in word and not word.startswith("-")), None)
            if image is not None:
                return image, index + 1
    image = next((known for part, known in tools.images if command.image and part in command.image), None)
    return image, 0


def _urls(argument: Argument, downloads: bool) -> list[Sight]:  # noqa: FBT001 - two rules, one loop
    found = []
    for value in argument.values:
        if "://" not in value.text:
            continue
        for seen in urls_in(value.text):
            if seen.is_page and not downloads:
                continue
            start, end = seen.place or (seen.end, seen.end)
            sight = sight_of(seen, at=value.at(seen.at), start=value.at(start), end=value.after(end))
            if seen.place is None:
                place = value.after(seen.end)
                sight = sight_of(seen, at=value.at(seen.at), start=place, end=place)
            known = UNKNOWN not in (seen.revision or "")
            found.append(sight._replace(revision=seen.revision if known else None, revision_known=known))
    return found


def variable_sights(variables: dict[str, Argument], tools: Tools) -> list[Sight]:
    """What variables of the environment name by themselves, for programs that read them there."""
    reader = _Reader(Command((), variables), tools.generic, tools)
    return reader.variables(variables)


class _Reader:
    """Reads the words behind one program."""

    def __init__(self, command: Command, known: Known, tools: Tools) -> None:
        self._command = command
        self._known = known
        self._tools = tools
        self._line = Line([], {}, [])
        self._found: list[Sight] = []

    def read(self, args: Sequence[Argument], program: str) -> list[Sight]:
        self._line = read_line(args, self._known.switches)
        if not self._is_meant():
            return []
        self._positionals(program)
        for flag in self._line.flags:
            if flag.value is not None:
                self._flag(flag)
        self._variables(program)
        return self._with_remote_code()

    def environment(self, line: Line) -> list[Sight]:
        """What `docker run -e MODEL_ID=org/name` and `--build-arg` give, in front of a tool's own words."""
        self._line, self._found = line, []
        return self.variables(self._given())

    def variables(self, given: dict[str, Argument]) -> list[Sight]:
        """The ids among variables, with the revision that stands beside them."""
        names = self._tools.environment
        revision = next((argument.values[0] for name, argument in given.items() if names.get(name) == "revision"), None)
        for name, argument in given.items():
            kind = names.get(name) or self._kind_of_variable(name)
            if kind is None or kind == "revision":
                continue
            for value in argument.values:
                for hit in hits(value, cast("Kind", kind), self._tools):
                    if hit.is_local or hit.ref is None:
                        continue
                    sight = self._sight(hit, value, argument, cast("Kind", kind), via=name, name="-")
                    if kind == "model" and revision is not None:
                        sight = _revised(sight, revision)
                    self._found.append(sight._replace(slot=sight.slot if sight.revision else None, unpinnable=_READ))
        return self._found

    def _kind_of_variable(self, name: str) -> Kind | None:
        return None if _API_WORDS & set(name.lower().split("_")) else kind_of_words(name)

    def _given(self) -> dict[str, Argument]:
        """`-e NAME=value` and `--build-arg NAME=value`."""
        given: dict[str, Argument] = {}
        for flag in self._line.flags:
            name, equals, _ = flag.value.text.partition("=") if flag.value is not None else ("", "", "")
            if flag.name in _VARIABLE_FLAGS and equals and flag.value is not None:
                inner = tuple(each.part(len(name) + 1, len(each.text)) for each in flag.value.values)
                given[name] = Argument(inner, flag.value.start, flag.value.end)
        return given

    def _is_meant(self) -> bool:
        tool = self._known.tool
        if not tool.only_with and not tool.never_with:
            return True
        said = {f"--{flag.name.replace('_', '-')}={flag.value.text}" for flag in self._line.flags if flag.value}
        said |= {f"--{flag.name.replace('_', '-')}=true" for flag in self._line.flags if flag.value is None}
        said |= {f"{name}={argument.text}" for name, argument in self._command.variables.items()}
        for word in (*tool.only_with, *tool.never_with):
            name, _, text = word.partition("=")
            said |= {word} if self._command.exported.get(name) == text else set()
        return not (said & set(tool.never_with)) and (not tool.only_with or bool(said & set(tool.only_with)))

    # --- words and flags -----------------------------------------------------------------------

    def _positionals(self, program: str) -> None:
        tool = self._known.tool
        spoken = " ".join(argument.text for argument in self._command.args[:_WORDS])
        if not tool.positional or any(command in spoken for command in tool.positional_not_for):
            return
        order = tool.positional
        if any(command in spoken for command in tool.positional_first_for):
            order = order[-1:]
        holds = order[-1]
        words = self._line.words[len(order) - 1 :]
        taken = [flag.value for flag in self._line.flags if flag.value and flag.name not in self._known.flags]
        for word in [*words, *([] if words else taken)]:
            if self._take(holds, word, tool.name or program, ""):
                return

    def _flag(self, flag: Flag) -> None:
        if flag.value is None or flag.name in self._known.silent or flag.name in self._known.revisions.values():
            return
        if flag.name in _VARIABLE_FLAGS and not self._known.tool.name:
            return
        own = self._known.flags.get(flag.name) if self._known.tool.name else None
        holds = own or self._generic(flag)
        if not holds:
            return
        self._take(holds, flag.value, flag.written, flag.name)
        for word in flag.more:
            # `name=org/name` is never one of the words that belong to no flag.
            if not self._known.tool.positional or (holds == "adapter" and "=" in word.text):
                self._take(holds, word, flag.written, flag.name)

    def _generic(self, flag: Flag) -> Holds:
        """What a flag means by its name alone."""
        tools = self._tools
        if flag.name in tools.generic.silent or flag.name.startswith(("hub_", "push_to_")):
            return ""
        last = flag.name.rsplit(".", 1)[-1]
        two = ".".join(flag.name.split(".")[-2:])
        holds: Holds | Kind | None = tools.overrides.get(flag.name) or tools.overrides.get(two)
        if not holds and (last == flag.name or last not in _LOOSE):
            holds = tools.generic.flags.get(last) or kind_of_key(last)
        if not holds:
            holds = _of_override(flag.name) if flag.is_override else kind_of_words(last)
        if not holds and last in _LOADED and flag.value is not None:
            # `--weights $MODEL`: the variable's name says what the flag's does not.
            holds = kind_of_words(flag.value.variable)
        if not holds or (holds == "model" and self._is_client()) or last in tools.generic.silent:
            return ""
        return cast("Holds", holds)

    def _is_client(self) -> bool:
        return not self._known.tool.name and any(name in self._line.named for name in self._tools.client_flags)

    def _variables(self, program: str) -> None:
        self.variables(self._command.variables | ({} if self._known.tool.name else self._given()))
        if self._known.tool.name:
            return
        for word in self._line.words:
            kind = kind_of_words(word.variable) if word.variable else None
            if kind is not None and not self._is_client():
                self._take(cast("Holds", kind), word, program, "")

    def _take(self, holds: Holds, argument: Argument, via: str, name: str) -> bool:
        if not holds:
            return False
        before = len(self._found)
        for value in argument.values:
            if holds == "settings":
                self._found += read_settings(value, via, self._tools)
                continue
            kind: Kind = "model" if holds == "link" else self._kind(cast("Kind", holds))
            for hit in hits(value, kind, self._tools, link=holds == "link"):
                self._found.append(self._sight(hit, value, argument, kind, via=via, name=name))
        return len(self._found) > before

    def _kind(self, kind: Kind) -> Kind:
        flag = self._line.named.get(plain_key(self._known.tool.repository_type or "-"))
        said = flag.value.text if flag is not None and flag.value is not None else ""
        return cast("Kind", said) if said in {"dataset", "space", "model"} else kind

    # --- the sight -----------------------------------------------------------------------------

    def _sight(self, hit: Hit, value: Value, argument: Argument, kind: Kind, *, via: str, name: str) -> Sight:
        sight = Sight(ref=hit.ref, kind=kind, at=value.at(hit.start), via=via, is_local=hit.is_local)
        if hit.is_local:
            return sight
        if hit.revision is not None:
            start = value.after(hit.end) + 1
            slot = Slot(key="revision", start=start, end=value.after(hit.end + 1 + len(hit.revision)), comment=None)
            return sight._replace(revision=hit.revision, slot=slot)
        flag = self._revision_flag(kind, name)
        if flag is not None and flag.value is not None:
            given = flag.value.values[0]
            known = given.is_known
            end = given.after(len(given.text))
            slot = Slot(key=flag.written, start=given.at(0), end=end, comment=self._command.style.comment)
            return sight._replace(
                revision=given.text if known else None, revision_known=known, slot=slot if known else None
            )
        return self._with_place(sight, hit, value, argument)

    def _with_place(self, sight: Sight, hit: Hit, value: Value, argument: Argument) -> Sight:
        tool = self._known.tool
        flag = tool.revision.get(sight.kind)
        if value.how is not How.HERE:
            return sight._replace(unpinnable=REASONS[value.how])
        if tool.revision_in_id:
            place = value.after(hit.end)
            return sight._replace(slot=Slot(key="revision", start=place, end=place, before="@", comment=None))
        if not tool.name or flag is None:
            return sight._replace(unpinnable=tool.unpinnable or NO_FLAG)
        style = self._command.style
        slot = Slot(
            key=flag,
            start=argument.end,
            end=argument.end,
            before=style.before.format(flag),
            after=style.after,
            comment=style.comment,
        )
        return sight._replace(slot=slot)

    def _revision_flag(self, kind: Kind, name: str) -> Flag | None:
        named = self._line.named
        own = self._known.revisions.get(kind)
        prefix, _, last = name.rpartition(".")
        if kind == "model" or last not in {"", "tokenizer", "dataset", "processor"}:
            near = revision_keys(last) if kind == "model" else revision_keys(last)[:3]
            keys = [f"{prefix}.{key}" if prefix else key for key in near]
        else:
            keys = [f"{last or kind}_revision"]
        if own and not last.startswith(_OTHERS):
            keys.append(own)
        return next((named[key] for key in keys if key in named and named[key].value is not None), None)

    def _with_remote_code(self) -> list[Sight]:
        flag = next((flag for name, flag in self._line.named.items() if name.endswith("trust_remote_code")), None)
        if flag is None or (flag.value is not None and flag.value.text.lower() in _NO):
            return self._found
        kinds = {sight.kind for sight in self._found}
        runs = "model" if "model" in kinds else None
        return [
            sight._replace(remote_code=True) if runs is None or sight.kind == runs else sight for sight in self._found
        ]


def _of_override(name: str) -> Holds:
    """What `actor.model=` and `reward_model.path=` hold: the last part says, or the one before it."""
    before, _, last = name.rpartition(".")
    if last in _LAST_KINDS:
        return cast("Holds", last)
    parent = before.rpartition(".")[2]
    return cast("Holds", kind_of_words(parent) or "") if last in _LAST_PATHS and parent else ""


def _revised(sight: Sight, given: Value) -> Sight:
    known = given.is_known
    slot = Slot(key="REVISION", start=given.at(0), end=given.after(len(given.text)), comment=None) if known else None
    return sight._replace(revision=given.text if known else None, revision_known=known, slot=slot, unpinnable=None)
