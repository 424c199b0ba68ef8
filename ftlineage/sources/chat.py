"""Chat templates whole, and fixed probe messages rendered through them.

Decides what identifies a prompt format: the template's text, and what it makes of the probes with
the tokenizer's own special tokens. Equal renderings under different texts mean a cosmetic change.
A template that refuses a probe (no system role, say) is recorded as refusing it.

Renderings must not change from day to day: ``strftime_now`` is replaced by a macro of the same name
that writes the format it was asked for (a template with today's date in it gave another digest each
day otherwise). Templates that draw at random are not rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import ChatTemplate, Rendering
from ftlineage.errors import MissingExtraError

# A macro of the template's own hides the global. The newline after the tag is taken by trim_blocks,
# so that the first line of the template still begins a line.
_FROZEN_CLOCK = "{% macro strftime_now(format) %}{{ format }}{% endmacro %}\n"
_RANDOM = re.compile(r"\|\s*random\b|\blipsum\b")

_USER = {"role": "user", "content": "What is 2 + 3? Ünïcode: 数"}
_ANSWER = {"role": "assistant", "content": "5"}
_SYSTEM = {"role": "system", "content": "Answer briefly."}
_AGAIN = {"role": "user", "content": "And then\n  minus 1?"}
_TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "number", "description": "one"},
                "b": {"type": "number", "description": "two"},
            },
            "required": ["a", "b"],
        },
    },
}
_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "call_0001", "type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 3}}}],
}
_RESULT = {"role": "tool", "name": "add", "tool_call_id": "call_0001", "content": "5"}
_THOUGHT = {"role": "assistant", "content": "5", "reasoning_content": "2 and 3 is 5."}
_PARTS = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}


class Probe(NamedTuple):
    """Messages to render; ``needs`` is a word without which a template cannot take them."""

    name: str
    messages: Sequence[Mapping[str, Any]]
    prompt: bool = False
    tools: Sequence[Mapping[str, Any]] | None = None
    needs: str = ""


# Part of every card: add probes, never change or rename one.
PROBES = (
    Probe("user", [_USER]),
    Probe("user+prompt", [_USER], prompt=True),
    Probe("turns+prompt", [_USER, _ANSWER, _AGAIN], prompt=True),
    Probe("system+turns", [_SYSTEM, _USER, _ANSWER]),
    Probe("system+turns+prompt", [_SYSTEM, _USER, _ANSWER, _AGAIN], prompt=True),
    Probe("padded", [{"role": "user", "content": "  padded \n"}, {"role": "assistant", "content": "\n padded  "}]),
    Probe("tools+prompt", [_USER], prompt=True, tools=[_TOOL], needs="tools"),
    Probe("tool-call+prompt", [_USER, _CALL, _RESULT], prompt=True, tools=[_TOOL], needs="tool_calls"),
    Probe("reasoning", [_USER, _THOUGHT], needs="think"),
    Probe("image+prompt", [_PARTS], prompt=True, needs="image"),
)


class NamedTemplate(NamedTuple):
    """A template, its name in the card, and the tokenizer whose special tokens it is rendered with."""

    name: str
    text: str
    tokenizer: Any | None


def observe_templates(templates: Iterable[NamedTemplate]) -> tuple[list[ChatTemplate], list[Rendering]]:
    """Record templates and their renderings.

    Args:
        templates: With names that are unique in the card.

    Raises:
        MissingExtraError: There is a template and jinja2, which renders it, is not installed.
    """
    texts: list[ChatTemplate] = []
    renderings: list[Rendering] = []
    for template in templates:
        texts.append(ChatTemplate(name=template.name, text=template.text, sha256=text_sha256(template.text)))
        if template.tokenizer is not None:
            renderings.extend(_renderings(template))
    return texts, renderings


def _renderings(template: NamedTemplate) -> list[Rendering]:
    if _RANDOM.search(template.text):
        return []
    text = _FROZEN_CLOCK + template.text if "strftime_now" in template.text else template.text
    return [_render(template, text, probe) for probe in PROBES if probe.needs in template.text]


def _render(template: NamedTemplate, text: str, probe: Probe) -> Rendering:
    try:
        rendered = template.tokenizer.apply_chat_template(  # type: ignore[union-attr]
            [dict(message) for message in probe.messages],
            tools=[dict(tool) for tool in probe.tools] if probe.tools else None,
            chat_template=text,
            add_generation_prompt=probe.prompt,
            tokenize=False,
        )
    except ImportError as error:
        raise MissingExtraError(package="jinja2", purpose="rendering chat templates", extra="train") from error
    except Exception as error:  # noqa: BLE001 - a template is a program; how it refuses is part of what it is
        refused = type(error).__name__
        return Rendering(probe=probe.name, template=template.name, sha256=text_sha256(refused), refused=refused)
    return Rendering(probe=probe.name, template=template.name, sha256=text_sha256(rendered))
