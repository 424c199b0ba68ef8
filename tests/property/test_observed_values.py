"""Whatever a user's program holds, what is taken from it is fit for a published card."""

from __future__ import annotations

import functools
import re
from types import SimpleNamespace

import numpy as np  # noqa: TID253 - values to draw from
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ftlineage.core import codec
from ftlineage.core.private import is_absolute_path, public_text, without_private
from ftlineage.sources.plain import MAX_TEXT, plain
from ftlineage.sources.repository_url import repository_name

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class Slotted:
    __slots__ = ("held", "other")

    def __init__(self, held):
        self.held = held


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=300)
    | st.binary(max_size=40)
    | st.complex_numbers()
)
arrays = hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=2, max_side=8))
objects = st.builds(object) | st.just(len) | st.just(np.log) | st.just(Slotted) | st.just(np.float32(1.5))


def nested(children):
    return (
        st.lists(children, max_size=40)
        | st.tuples(children, children)
        | st.dictionaries(st.text(max_size=8) | st.integers(), children, max_size=6)
        | st.builds(lambda value: SimpleNamespace(value=value), children)
        | st.builds(Slotted, children)
        | st.builds(lambda value: functools.partial(max, value, key=value), children)
        | st.frozensets(st.text(max_size=5) | st.integers(), max_size=5)
    )


values = st.recursive(scalars | arrays | objects, nested, max_leaves=30)


@settings(max_examples=300, deadline=None)
@given(values)
def test_any_value_becomes_canonical_json_without_addresses(value):
    first = codec.canonical_bytes(plain(value))

    assert first == codec.canonical_bytes(plain(value))
    assert codec.canonical_bytes(codec.parse(codec.pretty_bytes(plain(value)))) == first


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.builds(object), nested, max_leaves=20))
def test_no_memory_address_is_left(value):
    assert not ADDRESS.search(codec.compact_text(plain(value)))


@settings(max_examples=200, deadline=None)
@given(values)
def test_depth_and_length_are_bounded(value):
    def longest(item) -> int:
        match item:
            case dict():
                return max((max(len(key), longest(part)) for key, part in item.items()), default=0)
            case list():
                return max(map(longest, item), default=0)
        return len(item) if isinstance(item, str) else 0

    # Keys and names of classes are a program's own words; the rest is cut to digests.
    assert longest(plain(value)) <= max(MAX_TEXT, 400)


@given(st.text(max_size=80))
def test_public_text_is_no_absolute_path_and_is_stable(text):
    public = public_text(text)

    assert public_text(public) == public or is_absolute_path(public) is False
    assert without_private({"x": [text]}) == {"x": [public]}


words = st.text(st.characters(categories=("Ll", "Lu", "Nd"), max_codepoint=127), min_size=3, max_size=12)


@given(user=words, password=words, host=words, owner=words, name=words)
def test_no_user_and_no_password_survives_in_a_repositorys_name(user, password, host, owner, name):
    domain = f"{host.lower()}.example"
    expected = f"https://{domain}/{owner}/{name}"

    for url in (
        f"https://{user}:{password}@{domain}/{owner}/{name}.git",
        f"https://{password}@{domain}/{owner}/{name}",
        f"ssh://{user}@{domain}:2222/{owner}/{name}.git",
        f"{user}@{domain}:{owner}/{name}.git",
    ):
        assert repository_name(url) == expected
