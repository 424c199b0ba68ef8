import pytest

from ftlineage.core import codec
from ftlineage.core.card import IDENTITY, card_id, is_newer_minor, read_card, read_document
from ftlineage.core.sections import Governance, Prompt, RunRecord, Unrecorded
from ftlineage.errors import CardMalformedError, CardTooNewError
from tests.unit.core.cards import minimal_card


def test_a_card_reads_back_equal():
    card = minimal_card()
    assert read_card(card.to_bytes()) == card
    assert card.id == card_id(card.document())


@pytest.mark.parametrize(
    "outside",
    [
        {"name": "y"},
        {"run": RunRecord(started="2026-01-01T00:00:00Z", steps=3, metrics={"loss": 0.5})},
        {"governance": Governance(owner="ann")},
        {"unrecorded": [Unrecorded(section="code", reason="no Git")]},
    ],
)
def test_what_is_outside_the_id_does_not_change_it(outside):
    assert minimal_card(**outside).id == minimal_card().id


def test_every_identity_section_changes_the_id():
    original = minimal_card()
    seen = {original.id}
    for section in IDENTITY:
        document = original.document()
        document[section] = {"x": 1} if section != "data" else [{"x": 1}]
        seen.add(card_id(document))
    assert len(seen) == len(IDENTITY) + 1


def test_unknown_keys_are_kept_and_hashed():
    document = minimal_card().document()
    document["ftlineage"] = "1.3"
    document["base"]["provider"] = "somebody"
    document["tomorrow"] = [1, 2]
    card = read_document(document)
    assert is_newer_minor(card)
    assert card.document() == document
    assert read_card(card.to_bytes()).section("tomorrow") == [1, 2]
    assert card_id(document) != minimal_card().id
    del document["tomorrow"]
    assert card_id(document) != card_id(card.document())


def test_a_card_is_not_changed_through_what_it_gives_out():
    card = minimal_card()
    card.document()["name"] = "other"
    card.section("base")["model"] = "other"
    assert card == minimal_card()


@pytest.mark.parametrize("found", ["2", "2.0", "10"])
def test_a_newer_major_is_refused(found):
    document = {**minimal_card().document(), "ftlineage": found}
    with pytest.raises(CardTooNewError) as caught:
        read_document(document)
    assert str(caught.value) == (
        f"the card has format {found}, this ftlineage reads up to 1. Upgrade: pip install --upgrade ftlineage"
    )


@pytest.mark.parametrize("found", [None, 1, "", "x", "1.", "1.2.3", "-1", "\u0661"])
def test_a_format_that_is_none_is_malformed(found):
    with pytest.raises(CardMalformedError, match=r"\$\.ftlineage"):
        read_document({**minimal_card().document(), "ftlineage": found})


@pytest.mark.parametrize("section", [*IDENTITY, "id", "name", "run", "governance", "unrecorded"])
def test_a_card_cannot_lose_a_section_in_silence(section):
    document = minimal_card().document()
    del document[section]
    with pytest.raises(CardMalformedError, match=f"missing required field `{section}`"):
        read_document(document)


def test_a_branch_is_no_revision():
    document = minimal_card().document()
    document["base"]["revision"] = "main"
    with pytest.raises(CardMalformedError) as caught:
        read_document(document)
    assert caught.value.where == "$.base.revision"


@pytest.mark.parametrize("value", [[], "x", None, 3])
def test_a_document_that_is_no_object(value):
    with pytest.raises(CardMalformedError, match="expected an object"):
        read_document(value)


def test_a_private_prompt_has_no_text():
    card = minimal_card(prompts=[Prompt(name="system", sha256="b" * 64)])
    assert codec.parse(card.to_bytes())["prompts"][0]["text"] is None
