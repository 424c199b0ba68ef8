"""Files that do not parse, lie or bomb: a reason or nothing, soon, and never anything else."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlineage.drift.configs.reader import read_config
from ftlineage.errors import BadInputError

TEMPLATE = "a template with control blocks: it is no YAML before it is rendered"
KEY = "base_model: nord/m\n"


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        (KEY + "a: b: c\n", "a.yaml", "is not YAML: mapping values are not allowed in this context (line 2)"),
        (KEY + "a: *nowhere\n", "a.yaml", "is not YAML: no anchor 'nowhere'"),
        (KEY + "\x00", "a.yaml", "is not YAML: ReaderError"),
        (KEY + "{% if x %}\na: [\n{% endif %}\n", "a.yaml", TEMPLATE),
        (KEY + "{{- if .Values.x }}\na: 1\n{{- end }}\n", "a.yaml", TEMPLATE),
        (KEY + "a: " + "[" * 100_000, "a.yaml", "is nested deeper than 64 levels"),
        (KEY + "a:\n" + "".join(" " * n + "- \n" for n in range(1, 300)), "a.yaml", "is nested deeper than 64 levels"),
        ('{"base_model": "nord/m",', "a.json", "is not JSON (line 1)"),
        ('{"base_model": "nord/m"}}', "a.json", "is not JSON (line 1)"),
        ('{"base_model": "nord/m" "x"}', "a.json", "is not JSON (line 1)"),
        ('{"base_model": ' + "[" * 1000, "a.json", "is nested deeper than 64 levels"),
        ("base_model = nord/m\n", "a.toml", "is not TOML: Invalid value (at line 1, column 14)"),
        (KEY + "x" * 2_000_001, "a.yaml", "has over 2,000,000 characters: not read as settings"),
    ],
)
def test_a_file_that_cannot_be_read_gives_its_reason(text, path, reason):
    with pytest.raises(BadInputError) as caught:
        read_config(text, path)
    assert (caught.value.path, caught.value.reason) == (path, reason)


def test_a_file_without_any_key_of_interest_is_not_parsed():
    assert read_config("a: b: c: [\n", "a.yaml") == []
    assert read_config("{{{{", "a.json") == []


def test_templating_inside_values_is_read():
    text = "base_model: {{ model }}\nhf_repo: nord/m\ntokenizer_name: org-{{ x }}/t\nname: {{ a }}-{{ b }}\n"
    assert [(one.ref, one.line, one.column) for one in read_config(text, "a.yaml")] == [("nord/m", 2, 10)]


def test_a_bomb_of_aliases_costs_what_its_text_costs():
    rows = ["a0: &a0 [{base_model: nord/m}]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    start = time.monotonic()
    found = read_config("\n".join(rows), "a.yaml")
    assert [(one.ref, one.line) for one in found] == [("nord/m", 1)]
    assert time.monotonic() - start < 2


def test_merges_that_come_back_to_themselves_end():
    text = "a: &a\n  <<: [*a, *a, *a]\n  hf_repo: nord/m\nb: &b {<<: *a, x: 1}\nc: {<<: [*b, *a], hf_repo: nord/z}\n"
    assert [one.ref for one in read_config(text, "a.yaml")] == ["nord/m", "nord/z"]


def test_many_keys_take_linear_time():
    text = "".join(f"k{n}: {{hf_repo: nord/m{n}, revision: main}}\n" for n in range(4000))
    start = time.monotonic()
    assert len(read_config(text, "a.yaml")) == 4000
    assert time.monotonic() - start < 20


def test_many_tables_take_linear_time():
    text = "".join(f"[t{n}]\nhf_repo = 'nord/m{n}'\nrevision = 'main'\n" for n in range(4000))
    start = time.monotonic()
    assert len(read_config(text, "a.toml")) == 4000
    assert time.monotonic() - start < 10


def test_letters_of_any_alphabet_keep_their_places():
    text = "título: añ\nname: 模型 😀\nhf_repo: nord/m\nlatin: \udce9\n"
    [one] = read_config(text, "a.yaml")
    assert (one.ref, one.line, one.column) == ("nord/m", 3, 10)


def test_tabs_and_odd_breaks():
    assert [one.ref for one in read_config("hf_repo:\tnord/m\t# x\n", "a.yaml")] == ["nord/m"]
    assert [one.ref for one in read_config('{\t"hf_repo":\t"nord/m"\t}', "a.json")] == ["nord/m"]
    assert [one.line for one in read_config("\n\n\r\nhf_repo: nord/m", "a.yaml")] == [4]


def test_the_python_loader_finds_the_same(monkeypatch):
    import yaml

    text = Path(__file__).with_name("test_training.py").read_text("utf-8").split('"""\\\n')[1].split('"""')[0]
    fast = read_config(text, "a.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert read_config(text, "a.yaml") == fast
    assert len(fast) == 6


_PIECES = st.sampled_from(
    [
        "base_model: nord/m",
        "hf_repo:",
        " nord/m",
        "- ",
        "  ",
        "\n",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        '"',
        "'",
        "|",
        ">-",
        "&a ",
        "*a",
        "<<: *a",
        "!t ",
        "#",
        "---\n",
        "{{ x }}",
        "{% if %}",
        "run: ",
        "vllm serve nord/m",
        "env:\n",
        "MODEL_ID=",
        "name: MODEL_ID",
        "value: x",
        "revision: main",
        "=",
        "[a]\n",
        "[[a]]\n",
        "\r\n",
        "\t",
        "\x00",
        "\ufeff",
        "\ud800",
        "https://huggingface.co/nord/m/resolve/main/x",
        "hf://nord/m",
        "null",
        "dataset_mixer:\n",
        "model_args: pretrained=",
        "merge_method: x\n",
        "@main",
        "\\",
        "a.yaml: |\n",
        "\u2028",
        "é",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=80).map(lambda text: KEY + text),
    st.sampled_from(["yaml", "json", "toml"]),
)
def test_any_text_gives_findings_or_a_reason(text, suffix):
    try:
        found = read_config(text, f"a.{suffix}")
    except BadInputError:
        return
    lines = text.count("\n") + 1
    for one in found:
        assert 1 <= one.line <= lines
        assert one.column >= 1
        assert one.lines is not None
        assert one.lines[0] <= one.line <= one.lines[1]
        if one.slot is not None:
            assert 0 <= one.slot.start <= one.slot.end <= len(text)
