"""The user's preprocessing code as files, recorded live once and then compared as text."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

from ftlineage.core.finding import Finding
from ftlineage.core.sections import Preprocessing
from ftlineage.sources.functions import observe_functions
from ftlineage.verify.preprocessing.code import check_given_code, observe_given_code

PREP = """
import numpy as np

MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)


def normalise(pixels):
    return (pixels - np.asarray(MEAN)) / np.asarray(STD)
"""


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), "utf-8")
    return folder


class Desk:
    """A folder of code: record a function of it, change files, compare."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, function: str = "prep.normalise", **files: str) -> Preprocessing:
        write(self.folder, **files)
        module, _, name = function.partition(".")
        importlib.invalidate_caches()
        sys.path.insert(0, str(self.folder))
        try:
            value = importlib.import_module(module)
            for part in name.split("."):
                value = getattr(value, part)
            return Preprocessing(code=observe_functions([("transform", value)]))
        finally:
            sys.path.remove(str(self.folder))
            for known in [key for key, one in sys.modules.items() if _lies_in(one, self.folder)]:
                del sys.modules[known]

    def compare(self, preprocessing: Preprocessing, **files: str) -> list[Finding]:
        write(self.folder, **files)
        return check_given_code(preprocessing, observe_given_code(self.folder))


def _lies_in(module: object, folder: Path) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))
