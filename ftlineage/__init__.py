"""ftlineage: lineage cards for fine-tuned models.

The public names below are resolved when they are first used, so that ``import ftlineage`` costs
nothing and never loads torch.
"""

from __future__ import annotations

import sys
from types import ModuleType

# Type checkers take a name of this spelling as true; importing it would cost more than all the rest here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from ftlineage.core.card import Card as Card
    from ftlineage.core.finding import Finding as Finding
    from ftlineage.core.finding import Report as Report
    from ftlineage.diff.targets import diff as diff
    from ftlineage.record.run import run as run
    from ftlineage.store.cards import load_card as load_card
    from ftlineage.verify.loading.load import load as load
    from ftlineage.verify.loading.load import load_verified as load_verified
    from ftlineage.verify.runner import verify as verify

__version__ = "0.1.0"

__all__ = ["Card", "Finding", "Report", "__version__", "diff", "load", "load_card", "load_verified", "run", "verify"]

_PUBLIC = {
    "Card": "ftlineage.core.card",
    "Finding": "ftlineage.core.finding",
    "Report": "ftlineage.core.finding",
    "diff": "ftlineage.diff.targets",
    "load": "ftlineage.verify.loading.load",
    "load_card": "ftlineage.store.cards",
    "load_verified": "ftlineage.verify.loading.load",
    "run": "ftlineage.record.run",
    "verify": "ftlineage.verify.runner",
}


class _Package(ModuleType):
    """Keeps ``ftlineage.verify`` and ``ftlineage.diff`` the public functions.

    The subpackages of the same names are bound on their parent by the import system, at whatever
    moment somebody first imports them; which of the two a caller got would depend on that moment.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name)
    if module is None:
        message = f"module 'ftlineage' has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    found = getattr(importlib.import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
