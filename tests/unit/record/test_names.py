import pytest

from ftlineage.errors import BadArgumentError
from ftlineage.record.names import check_name, default_name


@pytest.mark.parametrize("name", ["a", "support-bot", "v7-9f2c4b1e07aa", "a.b_c-d", "0", "x" * 96])
def test_names_that_every_engine_accepts(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Support Bot", "support-bot"),
        ("org/model", "org-model"),
        ("bot:v1", "bot-v1"),
        ("bot@v1", "bot-v1"),
        (".hidden", "hidden"),
        ("bot-", "bot"),
        ("", "adapter"),
        ("ü", "adapter"),
        ("x" * 97, "x" * 96),
        ("../../etc", "etc"),
    ],
)
def test_other_names_are_refused_with_the_nearest_one(name, suggestion):
    with pytest.raises(BadArgumentError) as caught:
        check_name(name)
    assert caught.value.hint == f"Try {suggestion!r}"
    assert check_name(default_name(name)) == suggestion
