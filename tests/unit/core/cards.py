"""Cards for tests."""

from ftlineage.core.card import FORMAT, NO_ID, Card, CardBody, make_card
from ftlineage.core.sections import Base, Governance, Preprocessing, RunRecord


def minimal_card(**sections: object) -> Card:
    """A card with a base and nothing else; ``sections`` replace parts of it."""
    parts: dict[str, object] = {
        "ftlineage": FORMAT,
        "id": NO_ID,
        "name": "x",
        "base": Base(model="acme/tiny", origin="hub", revision="a" * 40, requested="main"),
        "preprocessing": Preprocessing(),
        "data": [],
        "prompts": [],
        "retrieval": [],
        "adapter": None,
        "recipe": None,
        "code": None,
        "environment": None,
        "parents": [],
        "run": RunRecord(),
        "governance": Governance(),
        "unrecorded": [],
    }
    return make_card(CardBody(**{**parts, **sections}))  # type: ignore[arg-type]
