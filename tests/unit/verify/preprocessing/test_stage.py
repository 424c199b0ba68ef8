"""Preprocessing within a verification: one error for one file, and what counts as proven."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ftlineage.core.finding import Finding
from ftlineage.verify.given import Given
from ftlineage.verify.policy import Policy
from ftlineage.verify.runner import verify
from tests import sealed
from tests.unit.verify import processor_sample as sample
from tests.unit.verify.code_sample import PREP, Desk

RIGHT = {**sample.TOKENIZER, "truncation": {"max_length": 8}}
CHANGED = {**sample.TOKENIZER, "truncation": {"max_length": 8}, "normalizer": {"type": "Lowercase"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version with its processor files beside it, tokenizer.json in the state that a call left."""
    folder = sealed.write_adapter(tmp_path / "out")
    for name, data in (sample.files() | {"tokenizer.json": sample.written(RIGHT)}).items():
        (folder / name).write_bytes(data)
    return folder


def seal(folder: Path, **changes: object) -> None:
    sealed.seal(folder, preprocessing=sample.section(**changes))


def errors(folder: Path, **options: object) -> list[Finding]:
    report = verify(folder, **options)  # type: ignore[arg-type]
    return [finding for finding in report.findings if finding.severity == "error"]


def test_the_files_that_training_used_are_fine(folder: Path):
    seal(folder)

    assert errors(folder) == []


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "preprocessor_config.json",
            sample.edited(sample.IMAGES, image_mean=[0.485, 0.456, 0.406]),
            "preprocessor_config.json: image_mean is [0.485, 0.456, 0.406], the card says [0.5, 0.5, 0.5]",
        ),
        (
            "tokenizer.json",
            sample.written(CHANGED),
            "tokenizer.json: 429 bytes, the card says 382; its vocabulary, merges or rules are not those of the card",
        ),
        (
            "chat_template.jinja",
            b"{{ messages }}\n",
            "chat_template.jinja: line 1 is '{{ messages }}', the card says '{% for message in messages %}'",
        ),
    ],
)
def test_one_changed_file_gives_one_error(folder: Path, name: str, data: bytes, message: str):
    seal(folder)
    (folder / name).write_bytes(data)
    (finding,) = errors(folder)

    assert (finding.code, finding.path, finding.message) == ("preprocessing.changed", name, message)
    assert finding.hint is not None
    assert "ftlineage record" in finding.hint


def test_a_card_that_lists_another_file_than_training_used(folder: Path):
    (folder / "preprocessor_config.json").write_bytes(sample.edited(sample.IMAGES, resample=3))
    seal(folder)
    (finding,) = errors(folder)

    assert (finding.code, finding.path) == ("preprocessing.changed", "preprocessor_config.json")
    assert finding.message.startswith("preprocessor_config.json: resample is 3, the card says 2 (the card lists")


def test_a_template_under_a_wrong_digest(folder: Path):
    (template,) = sample.section().chat_templates
    seal(folder, chat_templates=[msgspec.structs.replace(template, text="other")])

    assert [finding.code for finding in errors(folder)] == ["card.malformed"]


def test_demanded_preprocessing_must_be_seen_whole(folder: Path, tmp_path: Path):
    desk = Desk(tmp_path / "code")
    card = desk.record(prep=PREP)
    seal(folder, code=card.code)
    policy = Policy(require=("card", "adapter", "preprocessing"))

    report = verify(folder, policy=policy)
    assert (report.verdict, [one.code for one in report.findings if one.severity == "warning"]) == (
        "undecided",
        ["preprocessing.absent"],
    )
    assert verify(folder, policy=policy, given=Given(code=desk.folder)).verdict == "ok"

    (desk.folder / "prep.py").write_text(PREP.replace("(0.5, 0.5, 0.5)", "tuple(load())"))
    assert verify(folder, policy=policy, given=Given(code=desk.folder)).verdict == "undecided"


def test_given_processors_and_code_are_compared(folder: Path, tmp_path: Path):
    desk = Desk(tmp_path / "code")
    seal(folder, code=desk.record(prep=PREP).code)
    (desk.folder / "prep.py").write_text(PREP.replace("(0.5, 0.5, 0.5)", "(0.485, 0.456, 0.406)"))
    given = tmp_path / "preprocessor_config.json"
    given.write_bytes(sample.edited(sample.IMAGES, resample=3))

    assert [finding.message for finding in errors(folder, given=Given(code=desk.folder, processor=given))] == [
        f"{given}: resample is 3, the card says 2",
        "normalise() in prep.py: MEAN is (0.485, 0.456, 0.406), the card says (0.5, 0.5, 0.5)",
    ]
