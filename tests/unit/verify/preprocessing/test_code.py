"""The constant that a refactor changed is named from the text of the code alone."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from ftlineage.core.finding import Finding
from ftlineage.core.sections import CodeDigest, Preprocessing
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.verify.preprocessing.code import GivenCode, check_given_code, observe_given_code
from tests.unit.verify.code_sample import PREP, Desk, write


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "code")


def said(findings: list[Finding]) -> list[tuple[str, str, str | None, str]]:
    return [(one.severity, one.code, one.path, one.message) for one in findings]


def only(findings: list[Finding]) -> str:
    (finding,) = findings
    assert (finding.severity, finding.code) == ("error", "preprocessing.changed")
    return finding.message


# --- the same code -------------------------------------------------------------------------------


def test_the_same_code_is_fine(desk: Desk):
    assert desk.compare(desk.record(prep=PREP)) == []


def test_what_is_around_a_function_does_not_matter(desk: Desk):
    card = desk.record(prep=PREP)
    other = PREP.replace("MEAN = (0.5", "EXTRA = 1\n\n\nMEAN = (0.5") + "\n\ndef other():\n    return 7\n"

    assert desk.compare(card, prep=other.replace("\n", "\r\n")) == []


def test_a_value_may_be_written_otherwise(desk: Desk):
    card = desk.record(prep=PREP)

    assert desk.compare(card, prep=PREP.replace("(0.5, 0.5, 0.5)", "[1 / 2, 0.5, 5e-1]")) == []


@pytest.mark.parametrize(
    ("imports", "change"),
    [
        ("from constants import MEAN", "MEAN = (0.5, 0.5, 0.5)"),
        ("from constants import IMAGE_MEAN as MEAN", "IMAGE_MEAN = (0.5, 0.5, 0.5)"),
        ("from constants import *", "MEAN = (0.5, 0.5, 0.5)"),
        ("from constants import MEAN", "HALF = 0.5\nMEAN = (HALF, HALF, HALF)"),
        ("from constants import MEAN", "from deeper import MEAN"),
    ],
)
def test_a_constant_may_move_if_its_value_stays(desk: Desk, imports: str, change: str):
    card = desk.record(prep=PREP)
    moved = PREP.replace("MEAN = (0.5, 0.5, 0.5)", imports)

    assert desk.compare(card, prep=moved, constants=change, deeper="MEAN = (0.5, 0.5, 0.5)") == []


# --- a changed constant --------------------------------------------------------------------------


def test_a_changed_constant_is_named(desk: Desk):
    (finding,) = desk.compare(desk.record(prep=PREP), prep=PREP.replace("(0.5, 0.5, 0.5)", "(0.485, 0.456, 0.406)"))

    assert finding == Finding(
        code="preprocessing.changed",
        section="preprocessing",
        path="prep.py",
        expected=[0.5, 0.5, 0.5],
        actual=[0.485, 0.456, 0.406],
        message="normalise() in prep.py: MEAN is (0.485, 0.456, 0.406), the card says (0.5, 0.5, 0.5)",
        hint="Serve with the code the version was trained with, or train a version with this code and record it",
    )


def test_constants_that_moved_to_another_file_and_changed_are_named(desk: Desk):
    card = desk.record(prep=PREP)
    moved = PREP.replace("MEAN = (0.5, 0.5, 0.5)", "from constants import MEAN").replace(
        "STD = ", "import constants\nSTD = "
    )

    assert only(desk.compare(card, prep=moved, constants="MEAN = [0.485, 0.456, 0.406]")) == (
        "normalise() in prep.py: MEAN is [0.485, 0.456, 0.406], the card says [0.5, 0.5, 0.5]"
    )


def test_literals_in_a_body_that_become_a_module_constant_are_named(desk: Desk):
    inside = "def normalise(x):\n    mean = (0.5, 0.5)\n    return x - mean[0]\n"
    outside = "MEAN = (0.4, 0.4)\n\n\ndef normalise(x):\n    return x - MEAN[0]\n"

    assert only(desk.compare(desk.record(prep=inside), prep=outside)) == (
        "normalise() in prep.py is not the code the card says: mean is gone, the card says [0.5, 0.5]; "
        "MEAN is (0.4, 0.4), the card has none"
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "def normalise(x, mean=(0.5, 0.5)):\n    return x - mean[0]\n",
            "def normalise(x, mean=(0.4, 0.5)):\n    return x - mean[0]\n",
            "normalise() in prep.py is not the code the card says: mean is (0.4, 0.5), the card says (0.5, 0.5)",
        ),
        (
            "DEFAULT = 3\ndef normalise(x, *, by=DEFAULT):\n    return x * by\n",
            "DEFAULT = 4\ndef normalise(x, *, by=DEFAULT):\n    return x * by\n",
            "normalise() in prep.py: by is 4, the card says 3",
        ),
        (
            "def normalise(x):\n    return resize(x, size=224)\ndef resize(x, size): return x\n",
            "def normalise(x):\n    return resize(x, size=256)\ndef resize(x, size): return x\n",
            "normalise() in prep.py is not the code the card says: resize.size is 256, the card says 224",
        ),
        (
            "import config\ndef normalise(x):\n    return x * config.SCALE\n",
            "import config as config\nfrom config import *\ndef normalise(x):\n    return x * config.SCALE\n",
            "normalise() in prep.py: config.SCALE is 0.5, the card says 0.25",
        ),
        (
            "def normalise(x):\n    return x - 0.5\n",
            "def normalise(x):\n    return x - 0.4\n",
            "normalise() in prep.py is not the code the card says: its text differs",
        ),
    ],
)
def test_every_place_of_a_constant(desk: Desk, before: str, after: str, message: str):
    card = desk.record(prep=before, config="SCALE = 0.25\n")

    assert only(desk.compare(card, prep=after, config="SCALE = 0.5\n")) == message


def test_arrays_are_compared_as_they_round(desk: Desk):
    source = "import numpy as np\nMEAN = np.array([{}], dtype=np.float32)\ndef normalise(x):\n    return x - MEAN\n"
    card = desk.record(prep=source.format("0.485, 0.456"))

    assert card.code[0].constants["MEAN"] != [0.485, 0.456]
    assert desk.compare(card) == []
    assert only(desk.compare(card, prep=source.format("0.486, 0.456"))).startswith(
        "normalise() in prep.py: MEAN is [0.486, 0.456], the card says [0.485"
    )


def test_arguments_of_transforms_are_compared(desk: Desk):
    source = """
        class Normalize:
            def __init__(self, mean, std):
                self.mean, self.std = mean, std

            def __call__(self, x):
                return (x - self.mean) / self.std

        class Compose:
            def __init__(self, transforms):
                self.transforms = transforms

            def __call__(self, x):
                for one in self.transforms:
                    x = one(x)
                return x

        PIPELINE = Compose([Normalize(mean={mean}, std=0.5), Normalize(mean=1, std=2)])

        def normalise(x):
            return PIPELINE(x)
    """
    card = desk.record(prep=source.format(mean=0.5))

    assert [one.severity for one in desk.compare(card)] == []
    assert only(desk.compare(card, prep=source.format(mean=0.4))) == (
        "normalise() in prep.py: PIPELINE.transforms[0].mean is 0.4, the card says 0.5"
    )


def test_class_attributes_and_methods(desk: Desk):
    source = "class Prep:\n    scale = {}\n\n    def run(self, x):\n        return x * self.scale\n\nPREP = Prep()\n"
    card = desk.record("prep.PREP.run", prep=source.format(2))

    # The method's own text is the same; the class that it is bound to is recorded with it.
    assert only(desk.compare(card, prep=source.format(3))) == (
        "Prep in prep.py is not the code the card says: Prep.scale is 3, the card says 2"
    )


def test_one_changed_constant_gives_one_finding(desk: Desk):
    source = """
        MEAN = {}

        def helper(x):
            return x - MEAN

        def other(x):
            return x * MEAN

        def normalise(x):
            return helper(x) + other(x) + MEAN
    """
    card = desk.record(prep=source.format(0.5))

    assert len(card.code) == 3
    assert only(desk.compare(card, prep=source.format(0.4))) == "normalise() in prep.py: MEAN is 0.4, the card says 0.5"


# --- what is not there, and what cannot be seen ----------------------------------------------------


def test_a_function_that_is_gone(desk: Desk):
    card = desk.record(prep=PREP)

    assert only(desk.compare(card, prep=PREP.replace("normalise", "standardise"))) == (
        "prep.py has no normalise() any more, which the card records"
    )


def test_a_function_that_moved_to_another_file(desk: Desk):
    card = desk.record(prep=PREP)
    write(desk.folder, prep="from pixels import normalise\n")

    assert desk.compare(card, pixels=PREP) == []
    assert only(desk.compare(card, pixels=PREP.replace("0.25", "0.225"))) == (
        "normalise() in pixels.py: STD is (0.225, 0.225, 0.225), the card says (0.25, 0.25, 0.25)"
    )


def test_of_two_that_could_be_it_each_must_be_right(desk: Desk):
    card = desk.record(prep=PREP)
    card = msgspec.structs.replace(card, code=[msgspec.structs.replace(card.code[0], name="normalise")])
    write(desk.folder / "copy", prep=PREP)
    assert desk.compare(card) == []

    write(desk.folder / "copy", prep=PREP.replace("(0.5, 0.5, 0.5)", "(0.4, 0.5, 0.5)"))
    assert only(desk.compare(card)).startswith("normalise() in copy/prep.py: MEAN is (0.4, 0.5, 0.5)")


def test_values_set_at_run_time_are_said_to_be_unseen(desk: Desk):
    source = "import os\nMEAN = float(os.environ.get('MEAN', '0.5'))\n\n\ndef normalise(x):\n    return x - MEAN\n"

    assert said(desk.compare(desk.record(prep=source))) == [
        (
            "warning",
            "preprocessing.unseen",
            None,
            f"{desk.folder}: values that are set when the code runs were not compared: MEAN of normalise()",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    MEAN = 0.5\n",
        "MEAN = 0.5\nMEAN += 0\n",
        "for MEAN in [0.5]:\n    pass\n",
        "MEAN = 0.5\ndef change():\n    global MEAN\n    MEAN = 0.4\n",
        "from somewhere_else import MEAN\n",
        "MEAN = load()\n",
    ],
)
def test_nothing_is_guessed(desk: Desk, text: str):
    source = "{}\ndef normalise(x):\n    return x - MEAN\n"
    card = desk.record(prep=source.format("MEAN = 0.5"))

    assert [one.code for one in desk.compare(card, prep=source.format(text))] == ["preprocessing.unseen"]


def test_functions_whose_files_were_not_given_are_noted(desk: Desk):
    card = desk.record(prep=PREP)
    more = CodeDigest(name="train.collate", role="collator", sha256="0" * 64, path="train.py")
    card = msgspec.structs.replace(card, code=[*card.code, more])

    (note,) = desk.compare(card)
    assert (note.severity, note.code) == ("note", "preprocessing.unseen")
    assert note.message == f"not in {desk.folder}, so not compared: train.collate() of train.py"


def test_code_with_nothing_in_it_that_was_recorded_proves_nothing(desk: Desk):
    card = desk.record(prep=PREP)
    other = GivenCode("serving", {"app.py": b"x = 1\n"})

    assert only(check_given_code(card, other)) == (
        "nothing in serving is code that the card records: the card names prep.normalise()"
    )
    assert only(check_given_code(Preprocessing(), other)) == (
        "nothing in serving is code that the card records: the card records no preprocessing code"
    )


def test_lambdas_are_known_by_their_text(desk: Desk):
    source = "MEAN = {}\nother = lambda x: x\nnormalise = lambda x: x - MEAN\n"
    card = desk.record(prep=source.format(0.5))

    assert desk.compare(card) == []
    assert only(desk.compare(card, prep=source.format(0.4))) == (
        "the lambda of the module in prep.py: MEAN is 0.4, the card says 0.5"
    )


def test_nothing_is_run_or_imported(desk: Desk, capsys: pytest.CaptureFixture[str]):
    card = desk.record(prep=PREP)
    desk.compare(card, prep=PREP + "\nprint('ran')\nraise SystemExit(9)\n")

    assert capsys.readouterr().out == ""
    assert "prep" not in sys.modules


# --- reading ---------------------------------------------------------------------------------------


def test_folders_are_read_without_environments_and_hidden_ones(tmp_path: Path):
    for folder in (".git", "__pycache__", "venv", "lib/site-packages", "pkg"):
        write(tmp_path / folder, one="x = 1")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "data.txt").write_text("")

    assert list(observe_given_code(tmp_path).files) == ["pkg/one.py"]
    assert list(observe_given_code(tmp_path / "pkg" / "one.py").files) == ["one.py"]


def test_what_is_no_code_is_refused(tmp_path: Path):
    with pytest.raises(PathNotFoundError, match="no such file or folder"):
        observe_given_code(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="no Python file is in it"):
        observe_given_code(tmp_path)
    (tmp_path / "large.py").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(BadInputError, match=r"large\.py: more than the 4194304 bytes that are read"):
        observe_given_code(tmp_path)


@pytest.mark.parametrize(
    "data", [b"def normalise(:\n", b"# coding: nonsense\nnormalise = 1\n", b"normalise = '\xff'\n"]
)
def test_a_file_that_is_no_python_is_refused(desk: Desk, data: bytes):
    card = desk.record(prep=PREP)

    with pytest.raises(BadInputError, match=r"prep\.py: not (readable as Python|text in the encoding)"):
        check_given_code(card, GivenCode("code", {"prep.py": data}))
