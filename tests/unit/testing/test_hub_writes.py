"""Contract: every write route of LocalHub, asked by the official client."""

from __future__ import annotations

import io

import pytest

REPO = "acme/tiny"

# huggingface_hub 2.4 uploads LFS objects with an argument that its own HTTP library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def api(hub):
    from huggingface_hub import HfApi

    return HfApi()


def add(path: str, data: bytes):
    from huggingface_hub import CommitOperationAdd

    return CommitOperationAdd(path, io.BytesIO(data))


@pytest.fixture
def sha(hub):
    return hub.commit(REPO, {"a.txt": b"1", "w.safetensors": b"w" * 100, "old/x.txt": b"x", "old/y.txt": b"y"})


def test_create_repository(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    url = api.create_repo(REPO)
    assert (url.repo_id, url.endpoint) == (REPO, hub.endpoint)
    assert sorted(hub.files(REPO)) == [".gitattributes"]
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPO)
    api.create_repo(REPO, exist_ok=True)
    api.create_repo("acme/rows", repo_type="dataset", private=True)
    assert api.dataset_info("acme/rows").private is True
    assert api.create_repo("mine").repo_id == "local/mine"


def test_delete_repository_and_change_its_settings(hub, api, sha):
    from huggingface_hub.errors import RepositoryNotFoundError

    api.update_repo_settings(REPO, gated="manual", private=True)
    info = api.model_info(REPO)
    assert (info.gated, info.private) == ("manual", True)
    api.delete_repo(REPO)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(REPO)
    api.delete_repo(REPO, missing_ok=True)


def test_commit_adds_changes_and_deletes_in_one_step(hub, api, sha):
    from huggingface_hub import CommitOperationDelete

    made = api.create_commit(
        REPO,
        [
            add("a.txt", b"2"),
            add("new.safetensors", b"n" * 5000),
            add("empty.bin", b""),
            CommitOperationDelete("old/"),
            CommitOperationDelete("w.safetensors"),
        ],
        commit_message="Change",
        commit_description="Everything",
    )
    assert made.oid == hub.head(REPO) != sha
    assert sorted(hub.files(REPO)) == [".gitattributes", "a.txt", "empty.bin", "new.safetensors"]
    assert hub.read(REPO, "new.safetensors") == b"n" * 5000
    assert hub.files(REPO)["new.safetensors"].lfs
    assert not hub.files(REPO)["empty.bin"].lfs
    head = hub.history(REPO)[0]
    assert (head.title, head.description, head.author, head.parent) == ("Change", "Everything", "local", sha)
    uploads = [request.method for request in hub.requests.matching("/__lfs/")]
    assert uploads == ["PUT"]


def test_objects_that_are_here_are_not_sent_again(hub, api, sha):
    api.create_commit(REPO, [add("copy.safetensors", b"w" * 100)], commit_message="Copy")
    assert hub.requests.matching("/__lfs/") == []
    assert hub.read(REPO, "copy.safetensors") == b"w" * 100


def test_unchanged_files_make_no_commit(hub, api, sha):
    made = api.create_commit(REPO, [add("a.txt", b"1")], commit_message="Same")
    assert made.oid == sha == hub.head(REPO)


@pytest.mark.parametrize("length", [40, 7])
def test_parent_commit_guards_a_push(hub, api, sha, length):
    from huggingface_hub.errors import HfHubHTTPError

    made = api.create_commit(REPO, [add("a.txt", b"2")], commit_message="Mine", parent_commit=sha[:length])
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(REPO, [add("a.txt", b"3")], commit_message="Late", parent_commit=sha[:length])
    assert hub.head(REPO) == made.oid


def test_head_that_moves_between_preparing_and_committing_is_caught(hub, api, sha):
    from huggingface_hub.errors import HfHubHTTPError

    hub.faults.before("/commit/main", lambda: hub.commit(REPO, {"a.txt": b"theirs"}))
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(REPO, [add("a.txt", b"mine")], commit_message="Mine", parent_commit=sha)
    assert hub.read(REPO, "a.txt") == b"theirs"


def test_commit_to_a_branch_that_is_not_there(hub, api, sha):
    from huggingface_hub.errors import RevisionNotFoundError

    with pytest.raises(RevisionNotFoundError):
        api.create_commit(REPO, [add("a.txt", b"2")], commit_message="Lost", revision="none")


def test_pull_request_leaves_main_alone(hub, api, sha):
    made = api.create_commit(REPO, [add("a.txt", b"2")], commit_message="Please", create_pr=True)
    assert made.pr_url == f"{hub.endpoint}/{REPO}/discussions/1"
    assert (hub.head(REPO), hub.head(REPO, "refs/pr/1")) == (sha, made.oid)
    refs = api.list_repo_refs(REPO, include_pull_requests=True)
    assert [(ref.ref, ref.target_commit) for ref in refs.pull_requests] == [("refs/pr/1", made.oid)]


def test_uploads_of_a_file_and_a_folder(hub, api, tmp_path):
    for path in ("config.json", "w.safetensors", "sub/x.txt", "README.md"):
        (tmp_path / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / path).write_text(f"---\nlicense: mit\n---\n{path}")
    api.create_repo(REPO)
    api.upload_folder(repo_id=REPO, folder_path=tmp_path / "model")
    api.upload_file(repo_id=REPO, path_or_fileobj=b"late", path_in_repo="late.txt")
    assert sorted(hub.files(REPO)) == [
        ".gitattributes",
        "README.md",
        "config.json",
        "late.txt",
        "sub/x.txt",
        "w.safetensors",
    ]
    assert hub.read(REPO, "w.safetensors").endswith(b"w.safetensors")
    api.delete_file("late.txt", REPO)
    assert "late.txt" not in hub.files(REPO)


def test_large_file_streams_through(hub, api, tmp_path):
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        for number in range(12):
            file.write(bytes([number]) * 1_000_000)
    api.create_repo(REPO)
    api.upload_file(repo_id=REPO, path_or_fileobj=path, path_in_repo="w.safetensors")
    assert hub.files(REPO)["w.safetensors"].size == 12_000_000
    assert hub.read(REPO, "w.safetensors") == path.read_bytes()


def test_tags_and_branches(hub, api, sha):
    from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

    api.create_tag(REPO, tag="v1")
    api.create_branch(REPO, branch="dev")
    moved = api.create_commit(REPO, [add("a.txt", b"dev")], commit_message="Dev", revision="dev").oid
    assert (hub.head(REPO, "v1"), hub.head(REPO, "dev"), hub.head(REPO)) == (sha, moved, sha)
    api.create_tag(REPO, tag="dev-1", revision="dev")
    assert hub.head(REPO, "dev-1") == moved
    for again in (lambda: api.create_tag(REPO, tag="v1"), lambda: api.create_branch(REPO, branch="dev")):
        with pytest.raises(HfHubHTTPError, match="409"):
            again()
    api.create_branch(REPO, branch="dev", exist_ok=True)
    api.delete_tag(REPO, tag="v1")
    api.delete_branch(REPO, branch="dev")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(REPO, tag="v1")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.delete_branch(REPO, branch="main")
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(REPO, tag="v2", revision="none")


def test_squashing_history_keeps_the_files(hub, api, sha):
    before = hub.files(REPO)
    api.super_squash_history(REPO)
    assert [commit.parent for commit in hub.history(REPO)] == [None]
    assert hub.files(REPO) == before
    assert hub.head(REPO) != sha
    # As on the Hub, the old commit can still be read by its id for a while.
    assert api.model_info(REPO, revision=sha).sha == sha


def test_writing_needs_a_token_that_may(hub, api, sha):
    from huggingface_hub.errors import HfHubHTTPError

    hub.add_token("hf_reader", write=False)
    for token in (False, "hf_reader", "hf_unknown"):
        for push in (
            lambda token=token: api.create_repo("acme/new", token=token),
            lambda token=token: api.create_commit(REPO, [add("a", b"")], commit_message="x", token=token),
            lambda token=token: api.create_tag(REPO, tag="x", token=token),
            lambda token=token: api.delete_repo(REPO, token=token),
        ):
            with pytest.raises(HfHubHTTPError, match=r"401|403"):
                push()
    assert hub.head(REPO) == sha
    with pytest.raises(Exception, match="no model repository acme/new"):
        hub.head("acme/new")


def test_upload_that_is_not_what_it_claims_is_refused(hub, sha):
    from huggingface_hub.utils import get_session

    reply = get_session().put(f"{hub.endpoint}/__lfs/{'0' * 64}", content=b"other bytes")
    assert reply.status_code == 400
    assert reply.json()["error"].startswith("the uploaded bytes have SHA-256 ")


def post(hub, path: str, body: bytes):
    from huggingface_hub.utils import build_hf_headers, get_session

    return get_session().post(f"{hub.endpoint}{path}", content=body, headers=build_hf_headers())


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (b'{"key":"lfsFile","value":{"path":"w.bin","oid":"%s"}}' % (b"0" * 64), "was never uploaded"),
        (
            b'{"key":"file","value":{"path":"../x","content":"","encoding":"base64"}}',
            "cannot be a file of a repository",
        ),
        (b'{"key":"copyFile","value":{}}', "unknown operation 'copyFile'"),
        (b'{"key":"file","value":{}}', "malformed request: 'content'"),
        (b"[]", "malformed request"),
        (b"{not json", "malformed request"),
    ],
)
def test_commit_that_cannot_be_applied_changes_nothing(hub, sha, lines, error):
    header = b'{"key":"header","value":{"summary":"x"}}\n'
    reply = post(hub, f"/api/models/{REPO}/commit/main", header + lines)
    assert reply.status_code == 400
    assert error in reply.json()["error"]
    assert hub.head(REPO) == sha


def test_commit_without_a_header_is_refused(hub, sha):
    reply = post(hub, f"/api/models/{REPO}/commit/main", b'{"key":"deletedFile","value":{"path":"a.txt"}}\n')
    assert (reply.status_code, hub.head(REPO)) == (400, sha)


def test_chunked_bodies_are_read(hub):
    import hashlib

    from huggingface_hub.utils import get_session

    data = [b"a" * 1000, b"b" * 70_000]
    oid = hashlib.sha256(b"".join(data)).hexdigest()
    reply = get_session().put(f"{hub.endpoint}/__lfs/{oid}", content=iter(data))
    assert reply.status_code == 200


def test_concurrent_pushes_lose_nothing(hub, api, sha):
    from concurrent.futures import ThreadPoolExecutor

    def push(number: int) -> str:
        return str(api.create_commit(REPO, [add(f"n{number}.txt", b"x")], commit_message=f"n{number}").oid)

    with ThreadPoolExecutor(8) as pool:
        oids = list(pool.map(push, range(16)))
    assert len(set(oids)) == 16
    assert {f"n{number}.txt" for number in range(16)} <= set(hub.files(REPO))
    assert len(hub.history(REPO)) == 18
