"""Programs that others wrote read our exports: strict CycloneDX validation, in-toto's and SPDX's own models.

Each judge must also refuse a seeded fault, or its approval would prove nothing. The format checks
that ``cyclonedx-python-lib[json-validation]`` brings are replaced: its IRI grammar makes every
``import jsonschema`` of the environment take more than a second. Ours are stricter: only ASCII URIs.
"""

from __future__ import annotations

import copy
import io

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from jsonschema.validators import Draft7Validator
from rfc3339_validator import validate_rfc3339
from rfc3986_validator import validate_rfc3986
from spdx_python_model import v3_0_1 as spdx_model

from ftlineage.core import codec
from ftlineage.export import cyclonedx, slsa, spdx
from tests.property.cards import CARDS as ANY_CARD
from tests.unit.export import graphs

CARDS = graphs.cards()
VERSIONS = {"1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _formats(monkeypatch: pytest.MonkeyPatch) -> None:
    checkers = dict(Draft7Validator.FORMAT_CHECKER.checkers)
    checkers["iri-reference"] = (lambda text: validate_rfc3986(text, rule="URI_reference") is not None, ())
    checkers["date-time"] = (validate_rfc3339, ())
    monkeypatch.setattr(Draft7Validator.FORMAT_CHECKER, "checkers", checkers)


# --- CycloneDX -----------------------------------------------------------------------------------


def cyclonedx_faults(bom, version="1.6"):
    told = {**bom, "specVersion": version, "$schema": bom["$schema"].replace("1.6", version)}
    return JsonStrictValidator(VERSIONS[version]).validate_str(codec.compact_text(told))


@pytest.mark.parametrize("name", CARDS)
def test_cyclonedx_accepts(name):
    assert cyclonedx_faults(cyclonedx.bom(CARDS[name])) is None


def test_cyclonedx_accepts_the_same_as_its_next_version():
    assert cyclonedx_faults(cyclonedx.bom(graphs.full()), "1.7") is None


def _unknown_key(bom):
    bom["metadata"]["component"]["modelCard"]["baseModel"] = "x"


def _licence_off_the_list(bom):
    bom["metadata"]["component"]["licenses"] = [{"license": {"id": "llama3.2"}}]


def _no_uri(bom):
    bom["components"][1]["data"][0]["contents"]["url"] = "https://x.example/a b\u202e"


def _no_time(bom):
    bom["metadata"]["timestamp"] = "2026-11-20"


def _hash_with_prefix(bom):
    bom["metadata"]["component"]["components"][0]["hashes"][0]["content"] = "sha256:" + "0" * 64


@pytest.mark.parametrize("seed", [_unknown_key, _licence_off_the_list, _no_uri, _no_time, _hash_with_prefix])
def test_cyclonedx_refuses(seed):
    bom = cyclonedx.bom(graphs.full())
    seed(bom)
    assert cyclonedx_faults(bom) is not None


@FEW
@given(card=ANY_CARD)
def test_cyclonedx_accepts_any_card(card):
    assert cyclonedx_faults(cyclonedx.bom(card)) is None


# --- in-toto and SLSA ----------------------------------------------------------------------------


def judge_statement(statement) -> None:
    """Parse as in-toto's and SLSA's own types, unknown keys refused, and check every descriptor."""
    parsed = json_format.ParseDict(statement, statement_pb2.Statement(), ignore_unknown_fields=False)
    Statement.copy_from_pb(parsed).validate()
    provenance = json_format.ParseDict(statement["predicate"], Provenance(), ignore_unknown_fields=False)
    definition = provenance.build_definition
    for descriptor in (*definition.resolved_dependencies, *provenance.run_details.byproducts):
        ResourceDescriptor.copy_from_pb(descriptor).validate()
    # What in-toto's own check does not ask for and SLSA demands.
    assert definition.build_type
    assert provenance.run_details.builder.id
    assert len(definition.external_parameters) > 0 or statement["subject"][0]["name"] == "lineage.json"


@pytest.mark.parametrize("name", CARDS)
def test_in_toto_accepts(name):
    judge_statement(slsa.statement(CARDS[name]))


def _no_subject(statement):
    statement["subject"] = []


def _subject_without_digest(statement):
    del statement["subject"][0]["digest"]


def _unknown_key_of_the_run(statement):
    statement["predicate"]["runDetails"]["trainer"] = "x"


def _time_in_words(statement):
    statement["predicate"]["runDetails"]["metadata"]["startedOn"] = "yesterday"


def _no_build_type(statement):
    del statement["predicate"]["buildDefinition"]["buildType"]


@pytest.mark.parametrize(
    "seed", [_no_subject, _subject_without_digest, _unknown_key_of_the_run, _time_in_words, _no_build_type]
)
def test_in_toto_refuses(seed):
    statement = slsa.statement(graphs.full())
    seed(statement)
    with pytest.raises((ValueError, AssertionError, json_format.ParseError)):
        judge_statement(statement)


@FEW
@given(card=ANY_CARD)
def test_in_toto_accepts_any_card(card):
    judge_statement(slsa.statement(card))


# --- SPDX ----------------------------------------------------------------------------------------


def read_spdx(document):
    found = spdx_model.SHACLObjectSet()
    spdx_model.JSONLDDeserializer().read(io.BytesIO(codec.pretty_bytes(document)), found)
    assert not found.missing_ids
    # Writing is what checks that every mandatory property is there.
    written = io.BytesIO()
    spdx_model.JSONLDSerializer().write(found, written)
    return codec.parse(written.getvalue())


def by_id(document):
    return {element["spdxId"]: element for element in document["@graph"] if "spdxId" in element}


@pytest.mark.parametrize("name", CARDS)
def test_spdx_reads_and_writes_the_same(name):
    document = spdx.document(CARDS[name])
    back, ours = by_id(read_spdx(document)), by_id(document)
    assert back.keys() == ours.keys()
    for key, element in ours.items():
        assert back[key].keys() == element.keys(), key
        assert back[key]["type"] == element["type"]


def _unknown_property(graph):
    graph[2]["trainer"] = "x"


def _unknown_relation(graph):
    next(one for one in graph if "relationshipType" in one)["relationshipType"] = "finetunedOn"


def _time_with_fraction(graph):
    graph[0]["created"] = "2026-11-20T09:12:41.5Z"


def _no_creation(graph):
    del next(one for one in graph if one["type"] == "ai_AIPackage")["creationInfo"]


def _relation_to_nothing(graph):
    next(one for one in graph if "to" in one)["to"] = ["urn:uuid:0#nothing"]


@pytest.mark.parametrize(
    "seed", [_unknown_property, _unknown_relation, _time_with_fraction, _no_creation, _relation_to_nothing]
)
def test_spdx_refuses(seed):
    document = copy.deepcopy(spdx.document(graphs.full()))
    seed(document["@graph"])
    with pytest.raises((ValueError, AssertionError, KeyError, TypeError)):
        read_spdx(document)


@FEW
@given(card=ANY_CARD)
def test_spdx_reads_any_card(card):
    read_spdx(spdx.document(card))
