from __future__ import annotations

import pytest

from ftlineage.serve.names import is_served_name, served_name

CARD = "sha256:9f2c4b1e07aa" + "0" * 52


@pytest.mark.parametrize(
    ("name", "version", "served"),
    [
        ("support-bot", None, "support-bot-9f2c4b1e07aa"),
        ("support-bot", 7, "support-bot.v7-9f2c4b1e07aa"),
        ("Credit Scorer: EU@prod", None, "credit-scorer-eu-prod-9f2c4b1e07aa"),
        ("模型", None, "adapter-9f2c4b1e07aa"),
        ("../../etc", None, "etc-9f2c4b1e07aa"),
        ("a" * 300, 12, "a" * 96 + ".v12-9f2c4b1e07aa"),
    ],
)
def test_names_are_safe_for_every_engine(name, version, served):
    assert served_name(name, CARD, version=version) == served
    assert is_served_name(served)


@pytest.mark.parametrize(
    "text",
    [
        "support-bot", "support-bot@production", "support-bot@v7", "9f2c4b1e07aa", "-9f2c4b1e07aa", "../x-9f2c4b1e07aa",
        "/etc/x-9f2c4b1e07aa", "Support-9f2c4b1e07aa", "x-9F2C4B1E07AA", "x-9f2c4b1e07a", "x-9f2c4b1e07aa\n",
        "x:y-9f2c4b1e07aa", "x-9f2c4b1e07aa/..", "é-9f2c4b1e07aa", "",
    ],
)  # fmt: skip
def test_nothing_else_is_ours(text):
    assert not is_served_name(text)
