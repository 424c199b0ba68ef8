"""Any changed setting, constant or template line is named; any bytes give findings or typed errors, never a crash."""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ftlineage.core import codec
from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import ChatTemplate, CodeDigest, Preprocessing, Preprocessor
from ftlineage.errors import BadInputError
from ftlineage.sources.plain import named
from ftlineage.sources.python_text import body_literals
from ftlineage.verify.preprocessing.checks import check_own_files, explain_change
from ftlineage.verify.preprocessing.code import GivenCode, check_given_code
from ftlineage.verify.preprocessing.given import GivenProcessors, check_given_processors
from ftlineage.verify.preprocessing.settings import as_recorded
from tests.unit.verify import processor_sample as sample

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12).filter(lambda name: name.isidentifier())
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False, width=64)
VALUES = st.recursive(
    st.booleans() | NUMBERS | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(
    st.sampled_from(["image_mean", "image_std", "size", "resample", "rescale_factor"]), VALUES, min_size=1
)
CONSTANTS = st.recursive(
    st.booleans() | NUMBERS | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
    max_leaves=4,
)
FILES = [*sample.files(), "processor_config.json", "special_tokens_map.json", "chat_template.json",
         "additional_chat_templates/x.jinja", "vocab.txt"]  # fmt: skip


@given(settings=SETTINGS, data=st.data())
def test_any_changed_setting_is_named(settings: dict[str, Any], data: st.DataObject):
    key = data.draw(st.sampled_from(sorted(settings)))
    value = data.draw(VALUES)
    recorded = {name: as_recorded(item) for name, item in settings.items()}
    images = Preprocessor(kind="image_processor", class_="X", settings=recorded)
    before, after = codec.pretty_bytes(settings), codec.pretty_bytes({**settings, key: value})
    finding = explain_change(
        sample.record("preprocessor_config.json", before), after, Preprocessing(processors=[images])
    )

    assert finding is not None
    same = codec.canonical_bytes(as_recorded(value)) == codec.canonical_bytes(recorded[key])
    sides = list(recorded[key].values()) if key == "size" and isinstance(recorded[key], dict) else []
    if same or (type(value) is int and sides and sides == [value] * len(sides)):
        assert "is not what" not in finding.message
    else:
        assert f"{key} is " in finding.message
        assert finding.actual == as_recorded(value)


@given(name=NAMES, before=CONSTANTS, after=CONSTANTS)
def test_any_changed_constant_is_named(name: str, before: Any, after: Any):
    constant = f"C_{name}"
    text = f"def f(x):\n    return x, {constant}"
    digest = CodeDigest(
        name="prep.f", role="x", sha256=text_sha256(text), path="prep.py", constants={constant: named(constant, before)}
    )
    source = f"{constant} = {after!r}\n\n{text}\n".encode("utf-8", "surrogatepass")
    findings = check_given_code(Preprocessing(code=[digest]), GivenCode("code", {"prep.py": source}))
    same = codec.canonical_bytes(named(constant, after)) == codec.canonical_bytes(named(constant, before))

    if same:
        assert findings == []
    else:
        assert [finding.code for finding in findings] == ["preprocessing.changed"]
        assert f"f() in prep.py: {constant} is " in findings[0].message


@given(before=st.text(min_size=1, max_size=80), after=st.text(max_size=80))
def test_any_changed_template_is_said_by_its_line(before: str, after: str):
    template = ChatTemplate(name="default", text=before, sha256=text_sha256(before))
    data = after.encode("utf-8", "surrogatepass")
    if before == after:
        return
    finding = explain_change(
        sample.record("chat_template.jinja", before.encode("utf-8", "surrogatepass")),
        data,
        Preprocessing(chat_templates=[template]),
    )

    assert finding is not None
    assert finding.message.startswith(("chat_template.jinja: line ", "chat_template.jinja: it ends before line "))
    assert finding.message.isprintable() or not finding.message.isascii()
    assert "\n" not in finding.message


KEYS = ["model", "vocab", "added_tokens", "content", "id", "image_mean", "chat_template", "image_processor",
        "bos_token", "model_max_length", "template", "name", "\udc80"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(KEYS) | st.text(max_size=4),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip
HOSTILE = st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode())  # noqa: TID251 - NaN and lone surrogates too


@given(name=st.sampled_from(FILES), data=HOSTILE)
def test_any_bytes_give_findings_that_can_be_shown(name: str, data: bytes):
    section = sample.section()
    files = sample.files() | {name: data}
    found = [explain_change(sample.record(name, b"recorded"), data, section), *check_own_files(section, {name: data})]
    found += check_given_processors(section, GivenProcessors("serving", files, whole=True))

    for finding in found:
        if finding is not None:
            codec.canonical_bytes(codec.builtins(finding))
            assert "\x1b" not in finding.message
            assert "\n" not in finding.message


@given(text=st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_as_code_gives_findings_or_a_typed_error(text: str):
    body_literals(text)
    digest = CodeDigest(name="f", role="x", sha256="0" * 64, path="prep.py", constants={"MEAN": 1})
    source = f"def f():\n    return MEAN\n{text}".encode("utf-8", "surrogatepass")
    try:
        said = [
            one.message
            for one in check_given_code(Preprocessing(code=[digest]), GivenCode("code", {"prep.py": source}))
        ]
    except BadInputError as error:
        said = [str(error)]

    assert said
