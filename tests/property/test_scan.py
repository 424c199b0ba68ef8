"""A baseline of a scan silences exactly that scan; suppressions and formats hold for any names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.drift.baseline import fingerprints, make_baseline, split
from ftlineage.drift.formats.github import commands
from ftlineage.drift.formats.junit import junit
from ftlineage.drift.formats.sarif import sarif
from ftlineage.drift.globs import compile_globs
from ftlineage.drift.outcome import judge_scan
from ftlineage.drift.reading import Seen
from ftlineage.drift.reference import Reference
from ftlineage.drift.revision import RULES
from ftlineage.drift.scan import ScanResult
from ftlineage.drift.settings import DEFAULT
from ftlineage.drift.suppress import find_directives

FOLDER = Path("/project")
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12)


@st.composite
def findings(draw) -> Seen:
    path = draw(st.sampled_from(["a.py", "b/c.yaml", "d.ipynb"]) | _TEXT.filter(lambda name: name.strip(".")))
    rule = draw(st.sampled_from([*RULES, None]))
    line = draw(st.integers(1, 9))
    reference = Reference(
        path=path, line=line, column=draw(st.integers(1, 3)), ref=draw(st.sampled_from(["a/b", "c/d", "gpt2"])),
        kind=draw(st.sampled_from(["model", "dataset"])), status="floating" if rule else "pinned", rule=rule,
        revision=draw(st.none() | _TEXT), message=draw(_TEXT),
    )  # fmt: skip
    return Seen(reference=reference, file=str(FOLDER / path), touches=((line, line),))


LISTED = st.lists(findings(), max_size=12)


def known_of(seen: list[Seen]) -> Counter[tuple[str, str, str, str]]:
    document = codec.parse(make_baseline(seen, FOLDER))
    return Counter(
        {(one["path"], one["ref"], one["kind"], one["rule"]): one.get("count", 1) for one in document["references"]}
    )


@given(LISTED, LISTED)
def test_a_baseline_silences_exactly_its_scan(before, after):
    rest, silenced = split(before, known_of(before), FOLDER)
    assert [one for one in rest if one.reference.rule] == []
    assert silenced == sum(one.reference.rule is not None for one in before)
    rest, silenced = split([*before, *after], known_of(before), FOLDER)
    new = [one for one in rest if one.reference.rule]
    assert len(new) == sum(one.reference.rule is not None for one in after)
    assert known_of(new) == known_of(after)


@given(LISTED)
def test_fingerprints_are_distinct_and_know_no_lines(seen):
    references = [one.reference for one in seen]
    marks = fingerprints(references)
    assert len(set(marks)) == len(marks)
    assert sorted(fingerprints(list(reversed(references)))) == sorted(marks)


@given(LISTED)
def test_every_format_can_be_read_back(seen):
    found = judge_scan(
        ScanResult(seen=tuple(seen), read=tuple({one.reference.path for one in seen})),
        seen,
        settings=DEFAULT,
        target=".",
    )
    number = sum(one.reference.rule is not None for one in seen)
    log = codec.parse(codec.pretty_bytes(sarif(found)))
    assert len(log["runs"][0]["results"]) == number
    assert all("\n" not in line and line.startswith("::") for line in commands(found))
    suite = ET.fromstring(junit(found, failing=("error", "warning")))[0]  # noqa: S314 - our own output
    assert int(suite.get("failures") or 0) == len({one.reference.path for one in seen if one.reference.rule})


@given(st.text(max_size=80), st.sampled_from(["python", "notebook", "config", "shell"]))
def test_any_text_can_be_searched_for_suppressions(text, kind):
    for directive in find_directives(f"{text}# ftlineage: ignore[floating] x\n# nosec\n{text}", kind):
        assert directive.line >= 1


@given(st.text("ab/*?[]!.-", max_size=8), st.text("ab/.", max_size=8))
def test_a_pattern_that_compiles_matches_or_does_not(pattern, path):
    try:
        compiled = compile_globs([pattern])
    except re.error:  # settings refuse it by name
        return
    assert compiled is not None
    found = compiled.fullmatch(path)
    assert found is None or compiled.fullmatch(f"{path}/below") is not None
