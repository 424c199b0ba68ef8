"""What the demo tells to type next must work as it is typed."""

import pytest

from ftlineage.cli.demo import typed_program


@pytest.mark.parametrize(
    ("started_as", "on_path", "typed"),
    [
        ("/home/ann/venv/bin/ftlineage", True, "ftlineage"),
        (".venv/bin/ftlineage", False, ".venv/bin/ftlineage"),
        ("my env/bin/ftlineage", False, "'my env/bin/ftlineage'"),
        ("/somewhere/ftlineage/__main__.py", False, "python -m ftlineage"),
    ],
)
def test_the_commands_to_type_next_can_be_typed(started_as, on_path, typed):
    assert typed_program(started_as, on_path=on_path) == typed
