"""drift of a recorded version: has what it was made of moved since, and does it matter."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from ftlineage.core import sections as s
from ftlineage.core.card import CARD_NAME, NO_ID, CardBody, make_card
from ftlineage.testing.hub import LocalHub
from tests.integration.cli import run
from tests.unit.cli import sample

BASE, ROWS = "tiny-corp/base", "tiny-corp/rows"
FILES = {
    "README.md": "A base.\n",
    "config.json": '{"hidden_size": 8}',
    "tokenizer.json": "{}",
    "model.safetensors": "weights",
}


def recorded(*names: str) -> list[s.FileRecord]:
    data = {name: FILES[name].encode() for name in names}
    return [s.FileRecord(path=n, size=len(d), sha256=hashlib.sha256(d).hexdigest()) for n, d in data.items()]


class Desk:
    """A card of a version trained on the heads of now, and the Hub it came from."""

    def __init__(self, place, hub):
        self.hub, self.folder = hub, place / "out"
        self.folder.mkdir()
        self.sha = hub.commit(BASE, FILES)
        self.data = hub.commit(ROWS, {"train.jsonl": "{}\n"}, repo_type="dataset")
        self.variables = {**hub.environ(home=place / "home"), "FTLINEAGE_CACHE": str(place / "cache")}
        self.write()

    def write(self, **changes):
        loaded = recorded("config.json", "model.safetensors", "tokenizer.json")
        body = msgspec.structs.replace(
            sample.full_card().body,
            id=NO_ID,
            base=s.Base(model=BASE, requested="main", revision=self.sha, origin="hub", files=loaded),
            preprocessing=s.Preprocessing(
                processors=[
                    s.Preprocessor(
                        kind="tokenizer", class_="T", source=BASE, revision=self.sha, files=recorded("tokenizer.json")
                    )
                ]
            ),
            data=[s.Dataset(name="rows", source=s.DataSource(kind="hub", id=ROWS, commit=self.data))],
            retrieval=[],
            **changes,
        )
        self.card: CardBody = body
        (self.folder / CARD_NAME).write_bytes(make_card(body).to_bytes())

    def drift(self, target=None):
        done = run(["drift", target or str(self.folder), "--json"], **self.variables)
        assert "Traceback" not in done.err
        return done.code, json.loads(done.out)


@pytest.fixture
def desk(tmp_path):
    with LocalHub(tmp_path / "hub") as hub:
        yield Desk(tmp_path, hub)


def told(report):
    return [(one["code"], one["severity"], one["section"]) for one in report["findings"] if one["severity"] != "note"]


def test_a_version_whose_sources_stand_still(desk):
    code, report = desk.drift()
    assert (code, told(report), report["card"]) == (0, [], json.loads((desk.folder / CARD_NAME).read_text())["id"])
    assert [(one["kind"], one["ref"], one["wished"], one["class"]) for one in report["entries"]] == [
        ("model", BASE, "main", "none"),
        ("dataset", ROWS, None, "none"),
    ]
    assert [one["message"] for one in report["findings"]] == [
        f"the code repository {desk.card.code.repository} is not on the Hub and was not asked"
    ]


def test_a_page_that_changed_does_not_matter_and_weights_do(desk):
    desk.hub.commit(BASE, {"README.md": "Better.\n"})
    code, report = desk.drift()
    assert (code, report["entries"][0]["class"]) == (0, "docs")
    head = desk.hub.commit(BASE, {"model.safetensors": "other"})
    code, report = desk.drift()
    assert (code, told(report)) == (1, [("drift.weights", "error", "base")])
    finding = next(one for one in report["findings"] if one["severity"] == "error")
    assert (finding["path"], finding["expected"], finding["actual"]) == (CARD_NAME, desk.sha, head)
    assert finding["hint"] == f"The version still loads what was recorded; train again to take over {BASE}"


def test_rows_that_moved(desk):
    desk.hub.commit(ROWS, {"train.jsonl": "{}\n{}\n"}, repo_type="dataset")
    code, report = desk.drift()
    assert (code, told(report)) == (1, [("drift.data", "error", "data")])


def test_a_recorded_commit_that_the_hub_dropped_is_compared_by_the_digests_of_the_card(desk):
    first = desk.hub.history(BASE)[-1].sha
    desk.hub.branch(BASE, "main", revision=first)
    desk.hub.commit(BASE, FILES, message="The same files, squashed")
    desk.hub.forget_commit(BASE, desk.sha)
    code, report = desk.drift()
    assert (code, report["entries"][0]["class"]) == (0, "none")
    desk.hub.commit(BASE, {"config.json": '{"hidden_size": 16}', "new.safetensors": "not in the card"})
    code, report = desk.drift()
    assert (code, told(report)) == (1, [("drift.config", "error", "base")])
    assert [one["path"] for one in report["entries"][0]["files"]] == ["config.json"]
    finding = next(one for one in report["findings"] if one["severity"] == "error")
    assert finding["message"].endswith("only files that the card names could be compared")


def test_a_card_that_names_a_commit_is_compared_with_the_default_branch(desk):
    desk.sha = desk.hub.head(BASE)
    desk.write()
    card = msgspec.structs.replace(desk.card, base=msgspec.structs.replace(desk.card.base, requested=desk.sha))
    (desk.folder / CARD_NAME).write_bytes(make_card(card).to_bytes())
    desk.hub.commit(BASE, {"model.safetensors": "other"})
    code, report = desk.drift()
    assert (code, report["entries"][0]["wished"], report["entries"][0]["class"]) == (1, desk.sha, "weights")


def test_a_base_nobody_recorded_is_undecided(desk):
    unknown = msgspec.structs.replace(desk.card.base, revision=None)
    card = msgspec.structs.replace(desk.card, base=unknown, preprocessing=s.Preprocessing())
    (desk.folder / CARD_NAME).write_bytes(make_card(card).to_bytes())
    code, report = desk.drift()
    assert (code, told(report)) == (3, [("drift.undecided", "warning", "base")])


def test_a_version_on_the_hub(desk):
    desk.hub.upload_folder("tiny-corp/bot", desk.folder)
    code, report = desk.drift("hf://tiny-corp/bot")
    assert (code, report["target"]) == (0, "hf://tiny-corp/bot")


def test_without_a_hub_nobody_knows(desk):
    desk.hub.stop()
    code, report = desk.drift()
    assert (code, report["verdict"], report["entries"]) == (3, "undecided", [])


def test_targets_and_paths_do_not_mix(desk, tmp_path):
    done = run(["drift", str(desk.folder), str(tmp_path)], **desk.variables)
    assert done.code == 2
    assert "a recorded version is compared alone" in " ".join(done.err.split())
