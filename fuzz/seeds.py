"""Write the first cases of each corpus from the sound and the hostile files of the tests: ``python -m fuzz.seeds``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fuzz.__main__ import CORPUS
from tests import sealed
from tests.faults import test_cards, test_safetensors
from tests.unit.cli import sample

# Larger ones only slow the engine down; the tests have them.
_MOST = 8192


def seeds(scratch: Path) -> Iterator[tuple[str, str, bytes]]:
    """Target, name and bytes of every first case."""
    out = sealed.sealed(scratch)
    small = (out / "lineage.json").read_bytes()
    for target in ("card", "folder"):
        yield target, "sealed", small
        yield target, "full", sample.full_card().to_bytes()
        for name, (change, _) in test_cards.BYTES.items():
            yield target, name, change(small)
    yield "safetensors", "sealed", (out / "adapter_model.safetensors").read_bytes()
    for name, (data, _) in test_safetensors.CASES.items():
        yield "safetensors", name, data
    yield "config", "sealed", b"\0" + (out / "adapter_config.json").read_bytes()
    for target in ("document", "config", "weights"):
        yield target, "nothing", b""
        for number in range(0, 256, 16):
            yield target, f"edit-{number}", bytes([1, 0, number, 0, number, number // 3, 0, number, 2, 3]) + b"a/b"


def main() -> None:
    """Write the cases that are not there yet."""
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        for target, name, data in seeds(Path(scratch) / "out"):
            path = CORPUS / target / ("seed-" + name.replace(" ", "-").replace("*", "x").replace(",", ""))
            path.parent.mkdir(parents=True, exist_ok=True)
            if len(data) <= _MOST:
                path.write_bytes(data)


if __name__ == "__main__":
    main()
