from __future__ import annotations

import datetime as dt

import pytest

from ftlineage.core.digest import text_sha256
from ftlineage.sources.chat import PROBES, NamedTemplate, observe_templates
from tests.unit.sources.preprocessors import CHATML, DATED, IMAGES, NO_SYSTEM, tokenizer

# The head of Llama 3.2's template, which asks for the date in every prompt.
LLAMA = (
    "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n"
    '        {%- set date_string = strftime_now("%d %b %Y") %}\n    {%- else %}\n'
    '        {%- set date_string = "26 Jul 2024" %}\n    {%- endif %}\n{%- endif %}\n'
    '{{- "Today Date: " + date_string + "\\n\\n" }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}'
)


@pytest.fixture(scope="module")
def live():
    return tokenizer()


def rendered(text, live):
    _, renderings = observe_templates([NamedTemplate("default", text, live)])
    return {one.probe: one for one in renderings}


def probe(name):
    return next(probe for probe in PROBES if probe.name == name)


def test_a_rendering_is_what_the_tokenizer_makes_of_the_probe(live):
    found = rendered(CHATML, live)

    for name in ("user", "turns+prompt", "system+turns"):
        expected = live.apply_chat_template(
            probe(name).messages, chat_template=CHATML, add_generation_prompt=probe(name).prompt, tokenize=False
        )
        assert found[name].sha256 == text_sha256(expected)
        assert found[name].refused is None
    assert list(found) == ["user", "user+prompt", "turns+prompt", "system+turns", "system+turns+prompt", "padded"]


def test_the_generation_prompt_is_seen(live):
    changed = CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n\n")
    before, after = rendered(CHATML, live), rendered(changed, live)

    assert {name for name in before if before[name] != after[name]} == {name for name in before if "prompt" in name}


def test_trimming_is_seen(live):
    before, after = rendered(CHATML, live), rendered(CHATML.replace(" | trim", ""), live)

    assert {name for name in before if before[name] != after[name]} == {"padded"}


def test_a_cosmetic_change_keeps_the_renderings_and_moves_the_text(live):
    templates = {name: "{# a remark #}" * number + CHATML for number, name in enumerate(["plain", "remarked"])}
    texts, renderings = observe_templates([NamedTemplate(name, text, live) for name, text in templates.items()])

    assert texts[0].sha256 != texts[1].sha256
    assert {(one.probe, one.sha256) for one in renderings if one.template == "plain"} == {
        (one.probe, one.sha256) for one in renderings if one.template == "remarked"
    }


def test_special_tokens_are_part_of_a_rendering():
    text = "{{ bos_token }}" + CHATML

    assert rendered(text, tokenizer())["user"] != rendered(text, tokenizer(bos_token="</s>"))["user"]


def test_a_template_that_refuses_a_probe_is_recorded_as_refusing(live):
    found = rendered(NO_SYSTEM, live)

    assert found["system+turns"].refused == "TemplateError"
    assert found["system+turns"].sha256 == text_sha256("TemplateError")
    assert found["user"].refused is None
    assert found["user"].sha256 == rendered(CHATML, live)["user"].sha256


def test_a_broken_template_is_recorded_too(live):
    assert {one.refused for one in rendered("{% if %}", live).values()} == {"TemplateSyntaxError"}


@pytest.mark.parametrize("text", [DATED, LLAMA])
def test_a_template_with_the_date_renders_alike_tomorrow(text, live, monkeypatch):
    from transformers.utils import chat_template_utils

    class Tomorrow(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime(2031, 5, 6, tzinfo=tz)

    def dated():
        return live.apply_chat_template(probe("user").messages, chat_template=text, tokenize=False)

    today, sent_today = rendered(text, live), dated()
    monkeypatch.setattr(chat_template_utils, "datetime", Tomorrow)

    assert dated() != sent_today  # the trap is still there
    assert rendered(text, live) == today
    assert not any(one.refused for one in today.values())


def test_another_date_format_is_seen(live):
    assert rendered(DATED, live)["user"] != rendered(DATED.replace("%d %b", "%b %d"), live)["user"]


@pytest.mark.parametrize(
    "start", ["", "\n", "\n\n", "  {% if true %}x{% endif %}\n", "\n  {% if true %}\nx{% endif %}"]
)
def test_freezing_the_clock_keeps_everything_else(start, live):
    # Beside the date, the text must come out as if the template stood alone.
    undated = start + CHATML + "{# strftime_now #}"
    expected = live.apply_chat_template(probe("user").messages, chat_template=undated, tokenize=False)

    assert rendered(undated, live)["user"].sha256 == text_sha256(expected)


def test_tools_reasoning_and_images_are_probed_where_a_template_takes_them(live):
    tools = CHATML + "{% if tools %}{{ tools | tojson }}{% endif %}{% if messages[-1].tool_calls %}{% endif %}"
    thinking = CHATML + "{% for m in messages %}<think>{{ m.reasoning_content }}</think>{% endfor %}"

    assert {"tools+prompt", "tool-call+prompt"} <= set(rendered(tools, live))
    assert "reasoning" in rendered(thinking, live)
    assert rendered(IMAGES, live)["image+prompt"].sha256 == text_sha256("<image>What is this?")


def test_a_template_that_draws_at_random_is_kept_but_not_rendered(live):
    texts, renderings = observe_templates([NamedTemplate("default", "{{ ['a', 'b'] | random }}", live)])

    assert len(texts) == 1
    assert renderings == []


def test_probe_names_are_unique():
    assert len({probe.name for probe in PROBES}) == len(PROBES)
