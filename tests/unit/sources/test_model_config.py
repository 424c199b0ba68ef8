from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.core import codec
from ftlineage.sources.model_config import config_changes

pytestmark = pytest.mark.heavy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from transformers import BertConfig

    BertConfig(vocab_size=50, hidden_size=8, num_attention_heads=2).save_pretrained(tmp_path)
    return tmp_path


def test_an_untouched_configuration_says_nothing(folder: Path) -> None:
    from transformers import AutoConfig

    assert (
        config_changes(AutoConfig.from_pretrained(folder, dtype="bfloat16", attn_implementation="eager"), folder) == {}
    )


def test_what_changes_meaning_is_kept_and_how_training_ran_is_not(folder: Path) -> None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, id2label={0: "late", 1: "lost", 2: "wrong"})
    config.pad_token_id = 7
    config.vocab_size = 53
    config.use_cache = False
    config.output_attentions = True
    assert config_changes(config, folder) == {
        "id2label": {"0": "late", "1": "lost", "2": "wrong"},
        "pad_token_id": 7,
        "vocab_size": 53,
    }


def test_what_cannot_be_compared_says_nothing(folder: Path) -> None:
    from transformers import BertConfig, LlamaConfig

    assert config_changes(None, folder) == {}
    assert config_changes({"vocab_size": 3}, folder) == {}
    assert config_changes(LlamaConfig(vocab_size=3), folder) == {}
    assert config_changes(BertConfig(vocab_size=3), folder / "nothing") == {}
    (folder / "config.json").write_bytes(codec.pretty_bytes([]))
    assert config_changes(BertConfig(vocab_size=3), folder) == {}
