"""Which base is meant: a Hub model at one commit, or a folder, never one taken for the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.errors import (
    BadArgumentError,
    BadInputError,
    BadReferenceError,
    HubRefusedError,
    NotCachedError,
    PathNotFoundError,
    RemoteCodeUnpinnableError,
)
from ftlineage.sources.base import parse_base, pinned_kwargs, resolve_base
from ftlineage.sources.hub import download_snapshot, resolve_revision

REPO = "acme/tiny"


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, {"config.json": b"{}", "model.safetensors": b"\x01" * 3000})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\x01" * 3000)
    return folder


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("org/name", ("org/name", None)),
        ("org/name@v1", ("org/name", "v1")),
        ("org/name@refs/pr/1", ("org/name", "refs/pr/1")),
        ("hf://org/name@v1", ("org/name", "v1")),
        ("hf://models/org/name", ("org/name", None)),
        ("gpt2", ("gpt2", None)),
        ("./org/name", ("./org/name", None)),
        ("../x@y", ("../x@y", None)),
        ("/abs/x@y", ("/abs/x@y", None)),
        ("~/models/x", ("~/models/x", None)),
    ],
)
def test_parsing(here, text, parsed):
    assert parse_base(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "@v1", "org/name@", "hf://", "hf://datasets/org/name", "https://huggingface.co/org/name", "hf://@x"]
)
def test_what_is_no_model(text):
    with pytest.raises(BadReferenceError):
        parse_base(text)


@pytest.mark.parametrize("form", ["acme/tiny", "hf://acme/tiny", "acme/tiny@main", "hf://acme/tiny@main"])
def test_hub_model_is_resolved_once(hub, here, sha, form):
    base = resolve_base(form)
    assert (base.model, base.revision, base.origin) == (REPO, sha, "hub")
    assert base.requested == ("main" if "@" in form else None)
    assert base.commit is not None
    assert base.folder == base.commit.folder
    assert len(hub.requests) == 1


def test_revision_beside_or_inside_the_name(hub, here, sha):
    hub.tag(REPO, "v1")
    hub.commit(REPO, {"config.json": b"{ }"})
    for base in (resolve_base(REPO, "v1"), resolve_base(f"{REPO}@v1"), resolve_base(f"{REPO}@v1", "v1")):
        assert (base.revision, base.requested) == (sha, "v1")
    with pytest.raises(BadArgumentError, match="names 'v1' and revision says 'main'"):
        resolve_base(f"{REPO}@v1", "main")


def test_path_objects_and_written_paths_are_folders(hub, here):
    folder = make_model(here / "models" / "mine")
    for form in (folder, str(folder), Path("models/mine"), "./models/mine", "../here/models/mine"):
        base = resolve_base(form)
        assert (base.model, base.revision, base.origin, base.requested) == ("mine", None, "local", None)
        assert base.folder.resolve() == folder
    assert len(hub.requests) == 0


def test_home_is_expanded(hub, here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    make_model(here / "m")
    assert resolve_base("~/m").folder == here / "m"


def test_trap_folder_named_like_the_hub_model_is_refused(hub, here, sha):
    # transformers would load the folder, whatever revision it is given.
    make_model(here / "acme" / "tiny")
    for form in (REPO, f"{REPO}@main", f"hf://{REPO}"):
        with pytest.raises(BadArgumentError) as caught:
            resolve_base(form)
        assert str(caught.value) == (
            "base: there is a folder acme/tiny here, and every load of 'acme/tiny' would take it instead of the Hub's. "
            "Write ./acme/tiny for the folder; for the Hub's, rename the folder or start elsewhere"
        )
    assert resolve_base("./acme/tiny").origin == "local"
    assert len(hub.requests) == 0


def test_bare_name_that_is_a_folder_is_the_folder(hub, here):
    make_model(here / "gpt2")
    assert resolve_base("gpt2").origin == "local"
    with pytest.raises(BadArgumentError, match="there is a folder gpt2 here"):
        resolve_base("hf://gpt2")


@pytest.mark.parametrize("text", ["./none", "/none/at/all", "a/b/c", "with space", "../x"])
def test_paths_that_do_not_exist(hub, here, text):
    with pytest.raises(PathNotFoundError) as caught:
        resolve_base(text)
    assert caught.value.path == str(Path(text))


@pytest.mark.parametrize("text", ["hf://a/b/c", "hf://../x", "a b@main", "hf://-x/y"])
def test_hub_names_that_cannot_be(hub, here, text):
    with pytest.raises(BadReferenceError):
        resolve_base(text)


def test_file_is_no_base(hub, here):
    (here / "model.gguf").write_bytes(b"")
    with pytest.raises(BadInputError, match="a base is a folder"):
        resolve_base("./model.gguf")


def test_folder_has_no_revisions(hub, here):
    make_model(here / "m")
    with pytest.raises(BadArgumentError, match="m is a local folder and has no revisions"):
        resolve_base("./m", "main")


def test_folder_in_the_hub_cache_is_its_commit(hub, here, sha):
    folder = download_snapshot(resolve_revision(REPO))
    hub.commit(REPO, {"config.json": b"{ }"})
    hub.requests.clear()
    base = resolve_base(str(folder))
    assert (base.model, base.requested, base.revision, base.origin) == (REPO, None, sha, "hub")
    # The path alone proves nothing: the Hub is asked whether the commit exists.
    assert [request.revision for request in hub.requests] == [sha]
    hub.faults.status("/api/models", 503)
    with pytest.raises(HubRefusedError):
        resolve_base(str(folder))
    with hub.activate(offline=True):
        assert resolve_base(str(folder)).revision == sha


def test_base_offline_needs_the_commit(hub, here, sha):
    download_snapshot(resolve_revision(REPO))
    with hub.activate(offline=True):
        assert resolve_base(f"{REPO}@{sha}").revision == sha
        with pytest.raises(NotCachedError):
            resolve_base(REPO)


# --- remote code -------------------------------------------------------------------------------


def test_pins_of_a_plain_model(hub, here, sha):
    assert pinned_kwargs(resolve_base(REPO)) == {"revision": sha}
    make_model(here / "m")
    assert pinned_kwargs(resolve_base("./m")) == {}


def with_code(hub, auto_map: str) -> str:
    return hub.commit(REPO, {"config.json": f'{{"auto_map": {auto_map}}}', "model.safetensors": b"\x01" * 3000})


def test_own_code_needs_no_other_pin(hub, here):
    sha = with_code(hub, '{"AutoModel": "modeling.Mine"}')
    assert pinned_kwargs(resolve_base(REPO), trust_remote_code=True) == {"revision": sha}


def test_code_of_another_repository_is_pinned_at_its_own_commit(hub, here):
    code = hub.commit("other/code", {"modeling.py": b"class Mine: ..."})
    sha = with_code(hub, '{"AutoConfig": "other/code--modeling.Config", "AutoModel": "other/code--modeling.Mine"}')
    base = resolve_base(REPO)
    assert pinned_kwargs(base) == {"revision": sha, "code_revision": code}
    assert pinned_kwargs(base, trust_remote_code=False) == {"revision": sha}
    assert hub.requests.floating(REPO) == hub.requests.floating(REPO)[:1]


def test_code_of_a_tokenizer_counts(hub, here):
    code = hub.commit("other/code", {"tok.py": b""})
    sha = hub.commit(
        REPO,
        {
            "config.json": b"{}",
            "tokenizer_config.json": b'{"auto_map": {"AutoTokenizer": ["other/code--tok.T", null]}}',
        },
    )
    assert pinned_kwargs(resolve_base(REPO)) == {"revision": sha, "code_revision": code}


def test_code_of_a_local_folder_can_live_on_the_hub(hub, here):
    code = hub.commit("other/code", {"modeling.py": b""})
    folder = make_model(here / "m")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "other/code--modeling.Mine"}}')
    assert pinned_kwargs(resolve_base(folder)) == {"code_revision": code}


@pytest.mark.parametrize(
    ("auto_map", "sources"),
    [
        ('{"AutoConfig": "a/x--m.C", "AutoModel": "b/y--m.M"}', "a/x, b/y"),
        ('{"AutoConfig": "m.C", "AutoModel": "b/y--m.M"}', "b/y and its own repository"),
    ],
)
def test_code_from_several_places_cannot_be_pinned(hub, here, auto_map, sources):
    sha = with_code(hub, auto_map)
    base = resolve_base(REPO)
    assert pinned_kwargs(base) == {"revision": sha}
    with pytest.raises(RemoteCodeUnpinnableError) as caught:
        pinned_kwargs(base, trust_remote_code=True)
    assert caught.value.sources == sources


def test_code_that_cannot_be_resolved_is_an_error_only_for_those_who_run_it(hub, here):
    sha = with_code(hub, '{"AutoModel": "gone/code--m.M"}')
    base = resolve_base(REPO)
    assert pinned_kwargs(base) == {"revision": sha}
    with pytest.raises(Exception, match="no model repository gone/code"):
        pinned_kwargs(base, trust_remote_code=True)


@pytest.mark.parametrize("config", [b"", b"[]", b"{", b'{"auto_map": 3}', b'{"auto_map": {"AutoModel": 3}}', b"null"])
def test_config_that_cannot_be_read_has_no_code(hub, here, config):
    sha = hub.commit(REPO, {"config.json": config})
    assert pinned_kwargs(resolve_base(REPO), trust_remote_code=True) == {"revision": sha}
