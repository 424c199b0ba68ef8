import os

import pytest

from ftlineage.core.card import PARTIAL_NAME
from ftlineage.errors import BadInputError, CardMalformedError, CardMissingError, PathNotFoundError
from ftlineage.store.cards import load_card, write_card, write_partial
from tests.unit.core.cards import minimal_card


def test_a_card_reads_back_from_its_folder_and_from_its_file(tmp_path):
    card = minimal_card()
    write_card(tmp_path, card)
    assert load_card(tmp_path) == card
    assert load_card(str(tmp_path / "lineage.json")) == card


def test_writing_a_card_ends_the_unfinished_run(tmp_path):
    write_partial(tmp_path, {"name": "x"})
    write_card(tmp_path, minimal_card())
    assert not (tmp_path / PARTIAL_NAME).exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(PathNotFoundError, match="no such file or folder"):
        load_card(tmp_path / "nowhere")


def test_a_folder_without_card_says_how_to_make_one(tmp_path):
    with pytest.raises(CardMissingError) as caught:
        load_card(tmp_path)
    assert caught.value.hint == f"Record it: ftlineage record {tmp_path} --base org/name@<40-hex commit>"


def test_a_partial_run_is_not_a_card(tmp_path):
    write_partial(tmp_path, minimal_card().document())
    with pytest.raises(CardMissingError, match="never sealed"):
        load_card(tmp_path)


def test_a_pipe_in_the_place_of_the_card_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "lineage.json")
    with pytest.raises(BadInputError, match="not a regular file"):
        load_card(tmp_path)


def test_a_card_of_zero_bytes(tmp_path):
    (tmp_path / "lineage.json").write_bytes(b"")
    with pytest.raises(CardMalformedError, match="not JSON"):
        load_card(tmp_path)


def test_a_card_too_large_is_not_read(tmp_path):
    with (tmp_path / "lineage.json").open("wb") as handle:
        handle.truncate(10**9)
    with pytest.raises(BadInputError, match="too large for a card"):
        load_card(tmp_path)
