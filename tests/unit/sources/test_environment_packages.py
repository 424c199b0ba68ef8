from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

import ftlineage
from ftlineage.core import codec
from ftlineage.core.packages import normalised
from ftlineage.core.sections import Package
from ftlineage.sources.packages import installed_packages

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def site(tmp_path):
    """A folder of distributions, and what is found in it."""

    class Site:
        def __init__(self) -> None:
            self.folder = tmp_path / "site-packages"

        def add(self, name: str, files: dict[str, str] | None = None, *, folder: str = "site-packages") -> None:
            place = tmp_path / folder / name
            place.mkdir(parents=True)
            for file, text in (files or {}).items():
                (place / file).write_text(text)

        def found(self, *folders: str) -> dict[str, Package]:
            search = [str(tmp_path / folder) for folder in folders or ("site-packages",)]
            packages = installed_packages(search, prefix=str(tmp_path / "prefix"))
            assert [package.name for package in packages] == sorted(package.name for package in packages)
            return {package.name: package for package in packages if package.name != "ftlineage"}

    return Site()


def test_the_same_packages_as_importlib_finds_in_this_environment():
    folders = [folder for folder in sys.path if not folder.endswith("setuptools/_vendor")]
    found = list(importlib.metadata.distributions(path=folders))
    expected = {(canonicalize_name(one.metadata["Name"]), one.version) for one in found}

    assert {(one.name, one.version) for one in installed_packages() if one.name != "ftlineage"} == {
        pair for pair in expected if pair[0] != "ftlineage"
    }


def test_what_setuptools_brings_for_itself_is_not_installed(site, monkeypatch):
    vendored = site.folder / "setuptools" / "_vendor"
    (vendored / "onlyvendored-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(vendored)])

    assert "onlyvendored" not in {one.name for one in installed_packages()}


def test_torch_tells_its_build():
    (torch,) = [package for package in installed_packages() if package.name == "torch"]

    assert torch.version == importlib.metadata.version("torch")  # with its local part, such as +cpu
    assert torch.build is not None
    assert torch.build.startswith(f"cp{sys.version_info.major}{sys.version_info.minor}-")


def test_ftlineage_itself_by_its_version_alone(site):
    site.add("ftlineage-0.0.1.dist-info", {"direct_url.json": '{"url": "file:///x", "dir_info": {"editable": true}}'})

    (own,) = [one for one in installed_packages([str(site.folder)]) if one.name == "ftlineage"]
    assert own == Package(name="ftlineage", version=ftlineage.__version__)


def test_names_are_normalised(site):
    site.add("Typing_Extensions-4.1.dist-info")
    site.add("zope.interface-6.0.dist-info")

    assert list(site.found()) == ["typing-extensions", "zope-interface"]
    assert normalised("A__b.-c") == "a-b-c"


@pytest.mark.parametrize(
    ("name", "files", "package"),
    [
        ("torch-2.13.0+cpu.dist-info", {}, Package(name="torch", version="2.13.0+cpu")),
        ("old_style-1.0-py3.11.egg-info", {"PKG-INFO": ""}, Package(name="old-style", version="1.0")),
        ("bare.egg-info", {"PKG-INFO": "Name: bare\nVersion: 3\n\nVersion: 9"}, Package(name="bare", version="3")),
        ("odd.dist-info", {"METADATA": "Name: Odd\nVersion: 2.0\n"}, Package(name="odd", version="2.0")),
        ("a-b-1.0.dist-info", {}, Package(name="a-b", version="1.0")),
    ],
)
def test_forms_of_folder_names(site, name, files, package):
    site.add(name, files)

    assert list(site.found().values()) == [package]


def test_an_egg_info_file(site):
    site.folder.mkdir()
    (site.folder / "single-1.5.egg-info").write_text("Name: single\nVersion: 1.5\n")
    (site.folder / "nameless.egg-info").write_text("nothing here")
    (site.folder / "module.py").write_text("")

    assert list(site.found().values()) == [Package(name="single", version="1.5")]


@pytest.mark.parametrize(
    ("text", "build"),
    [
        (f'{{"url": "https://t0ken@x/y", "vcs_info": {{"vcs": "git", "commit_id": "{COMMIT}"}}}}', f"git+{COMMIT}"),
        ('{"url": "file:///home/ann/x", "dir_info": {"editable": true}}', "editable"),
        ('{"url": "file:///home/ann/x", "dir_info": {}}', "local"),
        ('{"url": "file:///home/ann/x.whl", "archive_info": {"hashes": {"sha256": "ab"}}}', "sha256:ab"),
        ('{"url": "file:///home/ann/x.whl", "archive_info": {"hash": "sha256=ab"}}', "sha256:ab"),
        ('{"url": "https://x/y.zip", "archive_info": {}}', "archive"),
        ('{"url": "x"}', None),
        ("not json", None),
        ("[]", None),
    ],
)
def test_direct_installs_say_where_from_without_the_url(site, text, build):
    site.add("thing-1.0.dist-info", {"direct_url.json": text, "WHEEL": "Root-Is-Purelib: true"})

    assert site.found() == {"thing": Package(name="thing", version="1.0", build=build)}
    assert "ann" not in codec.compact_text(codec.builtins(list(site.found().values())))


def test_compiled_wheels_name_their_platform(site):
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_17_x86_64\n"
    site.add("numpy-2.0.dist-info", {"WHEEL": wheel + "Tag: cp311-cp311-manylinux2014_x86_64\n"})
    site.add("built-2.0.dist-info", {"WHEEL": "Root-Is-Purelib: false\nBuild: 7\nTag: cp311-cp311-linux_x86_64\n"})
    site.add("pure-2.0.dist-info", {"WHEEL": "Root-Is-Purelib: true\nTag: py3-none-any\n"})
    site.add("untagged-2.0.dist-info", {"WHEEL": "Root-Is-Purelib: false\n"})

    assert {name: one.build for name, one in site.found().items()} == {
        "built": "7-cp311-cp311-linux_x86_64",
        "numpy": "cp311-cp311-manylinux_2_17_x86_64",
        "pure": None,
        "untagged": None,
    }


def test_the_first_folder_wins_as_for_imports(site):
    site.add("thing-1.0.dist-info", folder="first")
    site.add("thing-2.0.dist-info", folder="second")
    site.add("other-2.0.dist-info", folder="second")

    assert [(one.name, one.version) for one in site.found("first", "second", "first").values()] == [
        ("other", "2.0"),
        ("thing", "1.0"),
    ]
    assert site.found("second", "first")["thing"].version == "2.0"


def test_left_behind_folders_missing_folders_and_zip_files(site, tmp_path):
    site.add("~hing-1.0.dist-info")
    (tmp_path / "lib.zip").write_bytes(b"PK")

    assert site.found("site-packages", "missing", "lib.zip") == {}


def test_conda_names_its_builds(site, tmp_path):
    site.add("numpy-2.0.dist-info", {"WHEEL": "Root-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n"})
    site.add("pandas-2.2.dist-info")
    meta = tmp_path / "prefix" / "conda-meta"
    meta.mkdir(parents=True)
    for name in (
        "numpy-2.0-py311h64a7726_0.json",
        "pandas-2.1-py311h320fe9a_0.json",
        "mkl-2024.2-hf3_9.json",
        "history",
    ):
        (meta / name).write_text("{}")

    assert list(site.found().values()) == [
        Package(name="mkl", version="2024.2", build="hf3_9"),
        Package(name="numpy", version="2.0", build="py311h64a7726_0"),
        Package(name="pandas", version="2.2"),  # pip replaced what Conda installed
    ]


def test_no_path_in_any_build():
    text = codec.compact_text(codec.builtins(installed_packages()))

    assert str(Path.home()) not in text
    assert "file:" not in text
