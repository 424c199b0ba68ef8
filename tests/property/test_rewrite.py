"""``unpin(pin(x)) == x`` for files as people write them, whatever their quotes, comments and line breaks."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.drift.rewrite.edits import Edit, apply, shifted
from ftlineage.drift.rewrite.places import is_second
from ftlineage.drift.rewrite.remark import Wish, read_remarks, write_remark
from tests.rewriting import pinned, reading, unpinned

IDS = st.sampled_from(["northwind/base", "northwind/base-7b", "contoso/Large.v2", "gpt2"])
REFS = st.sampled_from(["main", "v1.0", "refs/pr/3", "default", "feature/x", "a1b2c3d", "", "None", "it's; odd"])
BREAKS = st.sampled_from(["\n", "\r\n"])
COMMENTS = st.sampled_from(["", "  # ours", " # type: ignore", "   ", "  # main @ 2020-01-01", "  # é ✓"])
QUOTES = st.sampled_from(['"', "'"])


@st.composite
def calls(draw) -> str:
    """One call that loads a model, on a line or several."""
    quote, ref = draw(QUOTES), draw(REFS)
    arguments = [f"{quote}{draw(IDS)}{quote}"]
    how = draw(st.sampled_from(["none", "null", "text"]))
    if how == "null":
        arguments.append("revision=None")
    elif how == "text" and quote not in ref:
        arguments.append(f"revision = {quote}{ref}{quote}")
    arguments += draw(st.lists(st.sampled_from(["trust_remote_code=True", "torch_dtype='auto'", "**more"]), max_size=2))
    if draw(st.booleans()):
        comma = draw(st.sampled_from(["", ","]))
        inner = ",\n    ".join(arguments)
        return f"AutoModel.from_pretrained(\n    {inner}{comma}{draw(COMMENTS)}\n)"
    return f"AutoModel.from_pretrained({', '.join(arguments)})"


@st.composite
def scripts(draw) -> str:
    """Python source with loads in statements of several shapes."""
    lines = ["from transformers import AutoModel", "more = {}"]
    for number, call in enumerate(draw(st.lists(calls(), min_size=1, max_size=4))):
        shape = draw(st.sampled_from(["m{n} = {c}", "def f{n}():\n    return {c}", "m{n} = [{c}]", "m{n} = {c}, 1"]))
        lines.append(shape.format(n=number, c=call) + draw(COMMENTS))
    mark, end = draw(st.sampled_from(["", "\ufeff"])), draw(st.sampled_from(["", "\n"]))
    return mark + ("\n".join(lines) + end).replace("\n", draw(BREAKS))


@st.composite
def settings_files(draw) -> str:
    """An axolotl file."""
    quote = draw(st.sampled_from(["", '"', "'"]))
    lines = [f"base_model: {quote}{draw(IDS)}{quote}{draw(COMMENTS)}"]
    ref = draw(st.sampled_from(["main", "v1.0", "null", "~", ""]))
    if draw(st.booleans()):
        lines.append(
            f"revision_of_model: {ref}{draw(COMMENTS)}".rstrip(" ") if not ref else f"revision_of_model: {ref}"
        )
    lines += ["adapter: lora", "datasets:"]
    for name in draw(st.lists(IDS, min_size=1, max_size=3)):
        lines += [f"  - path: {name}{draw(COMMENTS)}", "    type: alpaca"]
    return ("\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))).replace("\n", draw(BREAKS))


@st.composite
def notebooks(draw) -> str:
    """A notebook as Jupyter writes it, or on one line."""
    script = draw(scripts()).replace("\r\n", "\n").removeprefix("\ufeff")
    source = draw(st.sampled_from([script, script.splitlines(keepends=True)]))
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return draw(st.sampled_from([codec.compact_text(document), codec.pretty_bytes(document).decode()]))


@st.composite
def adapters(draw) -> str:
    """PEFT's settings, some in a list of several."""
    configs = [
        {"base_model_name_or_path": draw(IDS), "peft_type": "LORA", **draw(st.sampled_from([{}, {"revision": None}]))}
        for _ in range(draw(st.integers(1, 3)))
    ]
    document = configs[0] if len(configs) == 1 else configs
    return draw(st.sampled_from([codec.compact_text(document), codec.pretty_bytes(document).decode()]))


FILES = st.one_of(
    st.tuples(st.just("a.py"), scripts()),
    st.tuples(st.just("axolotl.yaml"), settings_files()),
    st.tuples(st.just("a.ipynb"), notebooks()),
    st.tuples(st.just("adapter_config.json"), adapters()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_pins_come_off_byte_for_byte_and_are_what_was_asked_for(file):
    path, text = file
    before = [one for one in reading(path)(text, path) if one.status == "floating" and not is_second(one)]
    done = pinned(text, path)
    assert len(done.pins) + len(done.refused) == len(before)
    after = [one for one in reading(path)(done.text, path) if one.status == "pinned"]
    assert {(one.ref, one.sha) for one in done.pins} <= {(one.ref, one.revision) for one in after}
    again = pinned(done.text, path, done.kept)
    assert (again.text, again.pins, sorted(again.kept, key=repr)) == (done.text, [], sorted(done.kept, key=repr))
    back = unpinned(done, path)
    assert back.text == text
    assert (back.kept, len(back.unpins)) == ([], len(done.pins))


@given(
    st.text(alphabet="ab\n", max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.text("XY", max_size=3)), max_size=5),
)
def test_every_edit_stands_where_it_is_said_to(text, drawn):
    edits: list[Edit] = []
    at = 0
    for gap, length, new in drawn:
        start, end = at + gap % 5, at + gap % 5 + length
        if end > len(text):
            break
        edits.append(Edit(start=start, end=end, new=new))
        at = end
    result = apply(text, edits)
    for edit, begin in zip(edits, shifted(edits), strict=True):
        assert result[begin : begin + len(edit.new)] == edit.new


WISHES = st.lists(
    st.builds(Wish, st.text(min_size=1, max_size=12), st.dates().map(lambda day: day.isoformat())),
    min_size=1,
    max_size=3,
)


@given(WISHES, st.sampled_from(["#", "//"]), st.text(alphabet="ab# ", max_size=8))
def test_a_remark_that_is_written_is_read(wishes: Sequence[Wish], comment, before):
    remark = write_remark(wishes, comment)
    if remark is None:
        return
    ids = [f"{number:040x}" for number in range(len(wishes))]
    line = " ".join([before, *ids]) + " :" + remark
    assert [(one.sha, one.wish) for one in read_remarks(f"x\n{line}\ny")] == list(zip(ids, wishes, strict=True))
