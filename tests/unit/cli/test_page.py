from __future__ import annotations

import msgspec
import pytest

from ftlineage.cli import page as parts
from ftlineage.cli.card_page import make_page
from ftlineage.core.card import make_card, read_document
from ftlineage.core.sections import Base, DataSource, RunRecord, Unrecorded
from tests.unit.cli import sample

replace = msgspec.structs.replace


def page_with(**changes):
    return make_page(make_card(replace(sample.FULL, **changes)))


def lines_of(section, page):
    """``label: text`` of every fact in a section."""
    (found,) = [one for one in page.sections if one.key == section]
    return [f"{fact.label}: {text(fact.line)}" for item in found.items for fact in item.facts]


def text(line):
    return "".join(mark.text for mark in line)


def test_sections_come_in_the_order_of_their_weight():
    assert [section.key for section in make_page(sample.full_card()).sections] == [
        "base",
        "data",
        "adapter",
        "prompts",
        "retrieval",
        "preprocessing",
        "recipe",
        "code",
        "environment",
        "parents",
        "governance",
    ]


def test_a_hub_base_without_a_commit_is_called_not_pinned():
    page = page_with(base=Base(model="org/base", origin="hub", evidence="declared"))
    assert lines_of("base", page) == ["commit: not pinned"]
    assert page.declared == ("base",)


def test_a_local_base_needs_no_commit():
    page = page_with(base=Base(model="base", origin="local"))
    assert lines_of("base", page) == ["commit: none: a local folder, known by its files"]


def test_hub_data_without_a_commit_is_called_not_pinned():
    data = [replace(sample.DATA[0], source=DataSource(kind="hub", id="org/data"))]
    assert "commit: not pinned" in lines_of("data", page_with(data=data))


def test_what_is_not_recorded_is_told_apart_from_what_there_is_none_of():
    page = page_with(
        code=None, retrieval=[], unrecorded=[Unrecorded(section="code", element="commit", reason="no Git here")]
    )
    absent = {section.key: text(section.absent) for section in page.sections if not section.items}
    assert absent == {"retrieval": "none", "code": "not recorded"}
    assert page.gaps == (parts.Gap(what="code commit", reason="no Git here"),)


def test_a_card_changed_after_it_was_written_says_so():
    document = sample.full_card().document()
    document["base"]["revision"] = "0" * 40
    assert make_page(read_document(document)).warnings == (
        "The id does not belong to this content: the card was changed after it was written.",
    )


def test_a_newer_minor_format_and_an_unfinished_run_are_said():
    document = make_card(replace(sample.FULL, run=RunRecord(complete=False))).document()
    document["ftlineage"] = "1.7"
    assert make_page(read_document(document)).warnings == (
        "The card has format 1.7: some of it may be unknown to this release.",
        "The run that wrote it did not complete.",
    )


def test_a_private_prompt_shows_its_digest_and_no_text():
    (_, private) = make_page(sample.full_card()).sections[3].items
    assert private.passages == ()
    assert [text(fact.line) for fact in private.facts] == [
        sample.sha("private")[:12],
        "private, known by its digest",
    ]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (RunRecord(), []),
        (RunRecord(steps=1, epochs=1.0), ["trained: 1 step, 1 epoch"]),
        (
            RunRecord(steps=5, epochs=0.5, flops="7"),
            ["trained: 5 steps, 0.5 epochs, 7.00e+00 floating-point operations"],
        ),
        (RunRecord(finished="2026-08-14T09:16:15Z"), ["finished: 2026-08-14 09:16 UTC"]),
        (RunRecord(started="x", finished="2026-08-14T09:16:15Z"), ["finished: 2026-08-14 09:16 UTC"]),
        (RunRecord(metrics={"loss": 0.123456, "ok": True}), ["metrics: loss 0.1235, ok true"]),
        (RunRecord(resumed_from="checkpoint-40"), ["resumed from: checkpoint-40"]),
    ],
)
def test_facts_of_the_run(run, said):
    assert [f"{fact.label}: {text(fact.line)}" for fact in page_with(run=run).facts] == said


def test_long_things_are_cut_and_the_rest_counted():
    page = make_page(sample.hostile_card())
    (data,) = page.sections[1].items
    assert data.name[0].text == "x" * 400 + "… (99,600 more characters)"
    (packages,) = page.sections[8].items[0].tables
    assert (len(packages.rows), packages.total) == (500, 2000)
    (template,) = page.sections[5].items[0].passages
    assert template.left_out == len(sample.HOSTILE) * 20_000 - parts.MAX_PASSAGE
    assert text(page.sections[2].items[0].facts[0].line).endswith(", and 440 more")


def every_text(value):
    """Every string that a renderer could print."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from every_text(part)
    elif hasattr(value, "__slots__"):
        for name in value.__slots__:
            yield from every_text(getattr(value, name))


def test_no_text_of_a_page_can_act_on_a_screen():
    texts = list(every_text(make_page(sample.hostile_card())))
    assert len(texts) > 1000
    for one in texts:
        assert not set(one.replace("\n", "").replace("\t", "")) & set("\x1b\x07\u202e\x9b\r"), one[:200]
