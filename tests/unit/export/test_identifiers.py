"""Package URLs, addresses and ids; packageurl-python reads every one of ours as we mean it."""

from __future__ import annotations

import pytest
from packageurl import PackageURL

from ftlineage.core.sections import Base, Code, DataSource, Package
from ftlineage.export import identifiers
from tests.unit.export import graphs

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("model", "revision", "path", "purl"),
    [
        ("gpt2", None, None, "pkg:huggingface/gpt2"),
        ("Acme/Tiny.Llama-1b", SHA, None, f"pkg:huggingface/Acme/Tiny.Llama-1b@{SHA}"),
        ("acme/x", SHA, "sub/a b#c.json", f"pkg:huggingface/acme/x@{SHA}#sub/a%20b%23c.json"),
        ("acme/x/y", SHA, None, None),
        ("../x", SHA, None, None),
        ("acme/x\n", SHA, None, None),
        ("a" * 100, SHA, None, None),
        ("acme/\u0445", SHA, None, None),
    ],
)
def test_models(model, revision, path, purl):
    assert identifiers.model_purl(model, revision, path) == purl
    if purl is not None:
        assert PackageURL.from_string(purl).to_string() == purl


@pytest.mark.parametrize(
    ("base", "purl"),
    [
        (Base(model="acme/x", origin="hub", revision=SHA), f"pkg:huggingface/acme/x@{SHA}"),
        (Base(model="acme/x", origin="hub"), "pkg:huggingface/acme/x"),
        (Base(model="acme/x", origin="local"), "pkg:generic/acme%2Fx"),
        (Base(model="a b\u202e", origin="hub", revision=SHA), f"pkg:generic/a%20b%5Cu202e@{SHA}"),
    ],
)
def test_bases(base, purl):
    assert identifiers.base_purl(base) == purl


@pytest.mark.parametrize(
    ("package", "purl"),
    [
        (Package(name="Flash_Attn", version="2.8.3+cu12"), "pkg:pypi/flash-attn@2.8.3%2Bcu12"),
        (Package(name="ruamel.yaml", version="1!2.0"), "pkg:pypi/ruamel-yaml@1%212.0"),
    ],
)
def test_packages(package, purl):
    assert identifiers.package_purl(package) == purl
    read = PackageURL.from_string(purl)
    assert (read.type, read.version) == ("pypi", package.version)


@pytest.mark.parametrize(
    ("source", "url"),
    [
        (DataSource(kind="hub", id="acme/d", commit=SHA), f"https://huggingface.co/datasets/acme/d/tree/{SHA}"),
        (DataSource(kind="hub", id="squad"), "https://huggingface.co/datasets/squad"),
        (DataSource(kind="hub", id="acme/d?x=1"), None),
        (DataSource(kind="file", id="acme/d"), None),
        (DataSource(kind="hub"), None),
    ],
)
def test_datasets(source, url):
    assert identifiers.dataset_url(source) == url


@pytest.mark.parametrize(
    ("code", "uri"),
    [
        (
            Code(repository="https://git.example/team/bot", commit=SHA),
            f"git+https://git.example/team/bot@{SHA}",
        ),
        (
            Code(repository="https://git.example/team/b t", commit=SHA),
            f"pkg:generic/https%3A%2F%2Fgit.example%2Fteam%2Fb%20t@{SHA}",
        ),
        (Code(repository="https://git.example/t\u00e4m/bot"), "git+https://git.example/t%C3%A4m/bot"),
        (Code(commit=SHA), f"pkg:generic/code@{SHA}"),
    ],
)
def test_code(code, uri):
    assert identifiers.code_uri(code) == uri


def test_a_label_is_short_and_does_not_act():
    assert identifiers.label("a\x1bb") == "a\\x1bb"
    assert len(identifiers.label("x" * 10_000)) == 200
    assert identifiers.label("x" * 200) == "x" * 200


def test_document_ids_never_change():
    # Released: the same card must give the same ids for ever.
    card = graphs.full()
    assert identifiers.document_uuid(card, "cyclonedx") == "34c8ceea-9c03-5d0f-a9f9-81b98f077faf"
    assert identifiers.document_uuid(card, "spdx") != identifiers.document_uuid(card, "cyclonedx")
