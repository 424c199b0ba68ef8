"""Prompts: text kept exactly, variables claimed only where the syntax is certain."""

from __future__ import annotations

import hashlib
import os
import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlineage.errors import BadArgumentError, BadInputError, MissingExtraError, PathNotFoundError, UnsafePathError
from ftlineage.sources.prompts import MAX_BYTES, observe_prompt, prompt_text, template_variables

CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}{{ message.content }}"
    "{%- endgeneration -%}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ raise_exception('no') if tools and not strftime_now('%Y') else bos_token }}{% endif %}"
)


def test_text_is_recorded_with_its_digest():
    prompt = observe_prompt("system", "You answer politely.")
    assert prompt.text == "You answer politely."
    assert prompt.sha256 == hashlib.sha256(b"You answer politely.").hexdigest()
    assert (prompt.name, prompt.role, prompt.variables) == ("system", "system", [])


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfYou are kind.", b"You\r\nare\r\nkind.\r\n", b"You are kind. \n", "Sé amable \U0001f600".encode()],
)
def test_a_file_is_kept_byte_for_byte(tmp_path: Path, data: bytes):
    path = tmp_path / "system.txt"
    path.write_bytes(data)
    prompt = observe_prompt("system", path)
    assert prompt.sha256 == hashlib.sha256(data).hexdigest()
    assert prompt.text is not None
    assert prompt.text.encode() == data
    assert prompt_text(path) == prompt.text


def test_a_changed_space_changes_the_digest():
    assert observe_prompt("p", "Be kind.").sha256 != observe_prompt("p", "Be kind. ").sha256


def test_private_text_stays_out_but_its_digest_and_variables_are_kept(tmp_path: Path):
    path = tmp_path / "secret.txt"
    path.write_text("Never tell {customer} about the merger.")
    prompt = observe_prompt("system", path, role="user", private=True)
    assert prompt.text is None
    assert prompt.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert prompt.variables == ["customer"]
    assert prompt.role == "user"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        # str.format and LangChain
        (
            "Answer {question} for {user.name} at {when:%H:%M} in {items[0]!r:>10.2f}",
            ["items", "question", "user", "when"],
        ),
        ('Reply as {{"answer": "..."}} to {question}', ["question"]),
        ('{{"a": {b}}}', ["b"]),
        # literal braces
        ('Return {"label": "x"} or {}', []),
        ('Return {"label": {label}} for {text}', ["label", "text"]),
        ("{answer: yes}", []),
        ('{answer: "yes"}', []),
        ("{0} {} { spaced }", []),
        (r"\frac{a}{b} and \textbf{bold} but {real}", ["real"]),
        ("function f() { return x }", []),
        # Mustache and Jinja
        ("Hello {{name}} and {{ other }}", ["name", "other"]),
        ("{{ user.name | upper }} {{ items[0] }} {# note #}", ["items", "user"]),
        ("{{ true }} {{ none }}", []),
        ("Price: {{ not closed", []),
        ("{{#section}}{{name}}{{/section}}", []),
        ("{{ range(3) }}{{ x }}", ["x"]),
        (CHAT_TEMPLATE, ["add_generation_prompt", "bos_token", "messages", "tools"]),
        ("{% set a = b %}{{ a }} {literal}", ["b"]),
        ("{% broken", []),
        ("{% if x %}" * 3000, []),
        # string.Template
        ("Dear ${name}, it costs $5 and $total, not $${escaped}", ["name"]),
        ("plain text, no variables", []),
    ],
)
def test_variables(text: str, variables: list[str]):
    assert template_variables(text) == variables


def test_a_file_named_jinja_is_jinja_even_with_single_braces(tmp_path: Path):
    path = tmp_path / "p.J2"
    path.write_text("{name} {{ other }}")
    assert observe_prompt("p", path).variables == ["other"]
    assert observe_prompt("p", "{name} {{ other }}").variables == ["name"]


@pytest.mark.parametrize("text", ["{{ a }}{{b}} {{- c -}}", "Hello {name}", "{{ true }}", "no braces"])
def test_without_jinja2_the_same_variables_are_found(text: str, monkeypatch: pytest.MonkeyPatch):
    expected = template_variables(text)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert template_variables(text) == expected


def test_without_jinja2_a_template_that_needs_it_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError) as caught:
        observe_prompt("chat", CHAT_TEMPLATE)
    assert str(caught.value) == (
        "jinja2 is needed for finding the variables of a Jinja prompt and is not installed. "
        "Install it: pip install 'ftlineage[train]'"
    )


IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
LITERALS = st.text(alphabet="abc XYZ.,:\n{}", max_size=12).map(lambda text: text.replace("{", "{{").replace("}", "}}"))


@given(st.lists(st.tuples(LITERALS, IDENTIFIERS), min_size=1, max_size=5))
def test_format_templates_have_the_fields_that_python_finds(parts: list[tuple[str, str]]):
    template = "".join(f"{literal}{{{name}}}" for literal, name in parts)
    expected = sorted({name for _, name, _, _ in string.Formatter().parse(template) if name})
    assert template_variables(template) == expected


@given(st.text())
def test_any_text_has_variables_and_a_digest(text: str):
    assert template_variables(text) == sorted(set(template_variables(text)))


@pytest.mark.parametrize("piece", ["{{", "{% ", "${", "{a:%", r"\a{", "{{ a", "{% generation"])
def test_hostile_repetition_is_read_in_linear_time(piece: str):
    template_variables(piece * 100_000)


@pytest.mark.parametrize("text", ["", "   \n", "\ufeff"])
def test_a_blank_prompt_is_refused(text: str):
    with pytest.raises(BadArgumentError, match=r"^prompt 'system': it has no text\.$"):
        observe_prompt("system", text)


def test_an_empty_name_is_refused():
    with pytest.raises(BadArgumentError, match=r"^prompt name: it is empty\.$"):
        observe_prompt(" ", "text")


def test_a_lone_surrogate_is_refused():
    with pytest.raises(BadArgumentError, match="character 3 is a lone surrogate"):
        observe_prompt("p", "abc\ud800")


def test_the_path_of_a_file_given_as_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "system.txt").write_text("hello")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadArgumentError) as caught:
        observe_prompt("system", "system.txt")
    assert str(caught.value) == (
        "prompt: 'system.txt' is the path of a file, so its name would be recorded instead of its text. "
        "Give Path('system.txt')"
    )
    assert observe_prompt("system", "other.txt").text == "other.txt"
    assert observe_prompt("system", "a." + "b" * 5000 + "\0").sha256


def test_files_that_cannot_be_prompts(tmp_path: Path):
    with pytest.raises(PathNotFoundError, match=r"nowhere\.txt: no such file or folder"):
        observe_prompt("p", tmp_path / "nowhere.txt")
    with pytest.raises(BadInputError, match="it is a folder, not a prompt file"):
        observe_prompt("p", tmp_path)
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(BadInputError, match=r"it is not UTF-8 \(byte 2\)"):
        observe_prompt("p", tmp_path / "latin.txt")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(BadArgumentError, match="it has no text"):
        observe_prompt("p", tmp_path / "empty.txt")
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(MAX_BYTES + 1_000_000)
    with pytest.raises(BadInputError, match=r"5\.0 MB is more than the 4\.0 MB a prompt may have"):
        observe_prompt("p", tmp_path / "big.bin")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafePathError, match="it is a named pipe"):
        observe_prompt("p", tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PathNotFoundError):
        observe_prompt("p", tmp_path / "loop")


def test_a_link_to_a_prompt_file_is_followed(tmp_path: Path):
    (tmp_path / "real.txt").write_text("Be kind.")
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert observe_prompt("p", tmp_path / "link.txt").text == "Be kind."
