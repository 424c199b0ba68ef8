"""The SPDX document: what stands where, licences, and that relationships lead to elements."""

from __future__ import annotations

import pytest

from ftlineage.core.sections import Dataset, DataSource, FileRecord, Governance, RunRecord
from ftlineage.export import spdx
from tests.unit.core.cards import minimal_card
from tests.unit.export import graphs

CARDS = graphs.cards()
SHA = "1405df66cbe219b0bf6355bc3d60361a8376b6b4"


@pytest.fixture(scope="module")
def document():
    return spdx.document(graphs.full())


def entries(pairs) -> dict[str, str]:
    return {one["key"]: one["value"] for one in pairs}


def test_the_head(document):
    head, root = document["@graph"][:2]
    assert document["@context"] == "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    assert (head["type"], head["specVersion"], head["created"]) == ("CreationInfo", "3.0.1", "2026-11-20T09:12:41Z")
    assert root["type"] == "SpdxDocument"
    assert root["profileConformance"] == ["core", "software", "simpleLicensing", "ai", "dataset"]
    assert root["rootElement"] == [graphs.named(document, "ai_AIPackage", "model")["spdxId"]]
    assert len(root["element"]) == len(document["@graph"]) - 2


def test_the_model(document):
    model = graphs.named(document, "ai_AIPackage", "model")
    assert model["software_packageVersion"] == graphs.full().id
    assert model["builtTime"] == "2026-11-20T09:12:41Z"
    assert model["ai_typeOfModel"] == ["lora"]
    assert entries(model["ai_hyperparameter"])["learning_rate"] == "2e-05"
    assert entries(model["ai_hyperparameter"])["adapter.r"] == "8"
    assert entries(model["ai_hyperparameter"])["seeds.data_seed"] == "7"
    assert entries(model["ai_metric"]) == {"train_loss": "1.2031", "eval_loss": "1.3127"}
    assert model["ai_modelDataPreprocessing"][0] == "max_length: 1024"
    assert model["ai_informationAboutApplication"] == "answering tickets"
    assert model["ai_limitation"] == "Prohibited use: credit decisions"
    assert "unrecorded: " in model["comment"]
    supplier = graphs.named(document, "Agent", model["suppliedBy"].partition("#")[2])
    assert supplier["name"] == "support-ml"


def test_relationships(document):
    assert graphs.related(document, "descendantOf") == [
        ("model", ["base"]),
        ("model", ["parent"]),
        ("model", ["parent-2"]),
    ]
    assert graphs.related(document, "trainedOn") == [("model", ["dataset"])]
    assert graphs.related(document, "testedOn") == [("model", ["dataset-2"])]
    assert graphs.related(document, "hasDataFile") == [("model", ["retrieval"])]
    assert graphs.related(document, "hasMetadata") == [("model", ["card"])]
    assert graphs.related(document, "contains")[0] == ("model", ["file", "file-2"])
    assert graphs.related(document, "hasOutput") == [("build", ["model"])]
    assert graphs.related(document, "usesTool") == [("build", ["package", "package-2"])]


def test_the_base_and_its_files(document):
    base = graphs.named(document, "ai_AIPackage", "base")
    assert base["software_packageUrl"] == f"pkg:huggingface/acme/base-1b@{SHA}"
    assert base["software_downloadLocation"] == f"https://huggingface.co/acme/base-1b/tree/{SHA}"
    assert base["software_packageVersion"] == SHA
    weights = graphs.named(document, "software_File", "base-file-3")
    assert (weights["name"], weights["software_primaryPurpose"]) == ("model.safetensors", "model")
    assert weights["verifiedUsing"] == [
        {
            "type": "Hash",
            "algorithm": "sha256",
            "hashValue": "9d75c1098fc54a1f7bd270f148884f599765d894639c9c4ee891396968c60df2",
        }
    ]


def test_datasets(document):
    tickets = graphs.named(document, "dataset_DatasetPackage", "dataset")
    assert tickets["dataset_datasetSize"] == 4812340
    assert "f20e2416559d7298a806179d6c061360fc4ba8144fdc7fc9ce963d1bd975dfb0" in tickets["comment"]
    assert "personal_data: names replaced by placeholders" in tickets["comment"]
    hub = graphs.named(document, "dataset_DatasetPackage", "dataset-2")
    assert hub["software_packageVersion"] == "a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd"
    assert "dataset_datasetSize" not in hub


def test_a_size_that_is_no_exact_number_is_left_out():
    files = [FileRecord(path=name, size=2**53 - 1, sha256="a" * 64) for name in ("a", "b")]
    for count, expected in ((1, 2**53 - 1), (2, None)):
        source = DataSource(kind="file", files=files[:count])
        document = spdx.document(minimal_card(data=[Dataset(name="d", source=source)]))
        assert graphs.named(document, "dataset_DatasetPackage", "dataset").get("dataset_datasetSize") == expected


def test_processors_are_packages_with_their_files(document):
    found = graphs.named(document, "software_Package", "processor")
    assert (found["name"], found["software_packageVersion"]) == ("AcmeTokenizerFast", SHA)
    assert found["software_packageUrl"] == f"pkg:huggingface/acme/base-1b@{SHA}"
    assert found["comment"] == (
        'kind: tokenizer\nsource: acme/base-1b\nsettings: {"padding_side":"right","pad_token":"</s>"}'
    )
    assert graphs.related(document, "hasPrerequisite") == [("model", ["processor"]), ("model", ["processor-2"])]
    assert ("processor", ["processor-file", "processor-file-2"]) in graphs.related(document, "contains")


def test_the_build(document):
    build = graphs.named(document, "build_Build", "build")
    assert build["build_buildStartTime"] == "2026-11-20T08:00:00Z"
    assert entries(build["build_environment"])["python"] == "3.11.7"
    assert entries(build["build_environment"])["OMP_NUM_THREADS"] == "16"
    assert entries(build["build_parameter"]) == {"method": "sft", "trainer": "trl.SFTTrainer"}
    assert graphs.related(document, "hasInput") == [("build", ["source", "source-2", "code", "untracked", "source-3"])]


def test_licences_of_the_list_and_others():
    card = minimal_card(
        governance=Governance(license="llama3.2"),
        data=[Dataset(name="d", source=DataSource(kind="memory"), license="mit")],
    )
    document = spdx.document(card)
    expressions = {
        one["spdxId"].partition("#")[2]: one["simplelicensing_licenseExpression"]
        for one in document["@graph"]
        if one["type"] == "simplelicensing_LicenseExpression"
    }
    assert expressions == {"licence": "LicenseRef-llama3.2", "licence-2": "MIT"}
    declared = dict(graphs.related(document, "hasDeclaredLicense"))
    assert declared["model"] == ["licence"]
    assert declared["dataset"] == ["licence-2"]
    custom = graphs.named(document, "simplelicensing_LicenseExpression", "licence")
    text = graphs.named(document, "simplelicensing_SimpleLicensingText", "licence-text")
    assert custom["simplelicensing_customIdToUri"] == [
        {"type": "DictionaryEntry", "key": "LicenseRef-llama3.2", "value": text["spdxId"]}
    ]
    assert text["simplelicensing_licenseText"] == "llama3.2"


def test_nothing_is_concluded():
    document = spdx.document(graphs.full())
    concluded = [one["to"] for one in document["@graph"] if one.get("relationshipType") == "hasConcludedLicense"]
    assert {end for ends in concluded for end in ends} == {
        "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
    }


@pytest.mark.parametrize("name", CARDS)
def test_references_and_licences_are_whole(name):
    assert graphs.spdx_faults(spdx.document(CARDS[name])) == []


def test_the_check_can_fail(document):
    graph = [one for one in document["@graph"] if one.get("relationshipType") != "hasConcludedLicense"]
    faults = graphs.spdx_faults({"@graph": graph})
    assert any(fault.endswith("#model has 0 hasConcludedLicense") for fault in faults)
    assert any(fault.endswith("is nowhere") for fault in faults)


def test_a_card_without_times_is_of_no_time():
    document = spdx.document(minimal_card())
    assert document["@graph"][0]["created"] == "1970-01-01T00:00:00Z"
    assert "builtTime" not in graphs.named(document, "ai_AIPackage", "model")
    started = spdx.document(minimal_card(run=RunRecord(started="2026-01-02T03:04:05.678+02:00")))
    assert started["@graph"][0]["created"] == "2026-01-02T01:04:05Z"


def test_another_role_is_said():
    document = spdx.document(
        minimal_card(data=[Dataset(name="d", role="calibration", source=DataSource(kind="memory"))])
    )
    (relation,) = [one for one in document["@graph"] if one.get("relationshipType") == "other"]
    assert relation["comment"] == "role: calibration"


def test_no_text_of_a_card_stands_in_an_id():
    hostile = spdx.document(CARDS["hostile"])
    ids = [one.get("spdxId", "_:creation") for one in hostile["@graph"]]
    assert all(one == "_:creation" or one.startswith("urn:uuid:") for one in ids)
    assert all(one.isascii() and one.isprintable() for one in ids)
