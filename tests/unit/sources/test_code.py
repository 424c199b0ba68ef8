from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from ftlineage.core import codec
from ftlineage.core.sections import Code, Unrecorded
from ftlineage.sources import git as git_module
from ftlineage.sources.code import observe_code, read_patch
from ftlineage.sources.errors import PatchUnavailableError
from ftlineage.sources.git import ask
from ftlineage.sources.repository_url import repository_name
from tests.unit.sources.gitrepo import git, repository, write


def observed(start: Path, **kwargs) -> Code:
    found = observe_code(start, **kwargs)
    assert isinstance(found, Code), found
    return found


def reason(start: Path) -> str:
    found = observe_code(start)
    assert isinstance(found, Unrecorded), found
    assert found.section == "code"
    assert str(start) not in found.reason
    return found.reason


@pytest.fixture(autouse=True)
def _settings(monkeypatch, tmp_path):
    """No settings of the developer's, and no repository above the temporary folder."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def test_a_clean_repository(tmp_path):
    repo = repository(tmp_path)
    git(repo, "remote", "add", "origin", "https://github.com/acme/tickets.git")

    assert observed(repo) == Code(
        repository="https://github.com/acme/tickets", commit=git(repo, "rev-parse", "HEAD"), dirty=False
    )
    assert read_patch(repo) == b""


def test_changes_to_tracked_files_staged_or_not(tmp_path):
    repo = repository(tmp_path, {"a.py": "1\n", "b.py": "1\n", "c.bin": b"\0\1"})
    clean = observed(repo)
    write(repo, {"a.py": "2\n"})
    unstaged = observed(repo)
    git(repo, "add", "a.py")

    assert (unstaged.dirty, clean.dirty) == (True, False)
    assert observed(repo) == unstaged
    assert unstaged.diff == hashlib.sha256(read_patch(repo)).hexdigest()
    write(repo, {"c.bin": b"\0\2"})
    assert observed(repo).diff != unstaged.diff
    write(repo, {"a.py": "1\n", "c.bin": b"\0\1"})
    git(repo, "add", "-A")
    assert observed(repo) == clean


def test_touching_a_file_changes_nothing_and_takes_no_lock(tmp_path):
    repo = repository(tmp_path)
    index = (repo / ".git" / "index").read_bytes()
    os.utime(repo / "train.py", (1, 1))

    assert observed(repo).dirty is False
    assert (repo / ".git" / "index").read_bytes() == index


def test_a_change_of_equal_size_in_the_second_of_the_commit_is_seen(tmp_path):
    # Git knows such a change only by its index being no younger than the file.
    moment = (1_700_000_000, 1_700_000_000)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.trustctime", "false")
    write(tmp_path, {"train.py": "rate = 1\n"})
    os.utime(tmp_path / "train.py", moment)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    write(tmp_path, {"train.py": "rate = 2\n"})
    os.utime(tmp_path / "train.py", moment)
    os.utime(tmp_path / ".git" / "index", moment)

    assert observed(tmp_path).dirty is True


def test_the_patch_gives_the_files_back(tmp_path):
    repo = repository(tmp_path / "repo", {"a b.py": "1\n2\n", "gone.py": "x\n", "ü.bin": b"\0\1", "mode.sh": "#\n"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(clone))
    (repo / "gone.py").unlink()
    (repo / "mode.sh").chmod(0o755)
    write(repo, {"a b.py": "1\n3\n", "ü.bin": b"\0\2\3"})
    (tmp_path / "patch").write_bytes(read_patch(repo))
    git(clone, "apply", str(tmp_path / "patch"))

    assert observed(clone).diff == observed(repo).diff
    assert not (clone / "gone.py").exists()
    assert (clone / "ü.bin").read_bytes() == b"\0\2\3"


# Two texts that Git's algorithms match up differently.
SHUFFLED = ("}\ny\n{\n \n{\nx\nx\nx\n", "{\nx\n{\n \n}\ny\nx\nx\n")
HOSTILE = """
[diff]
    noprefix = true
    mnemonicPrefix = true
    renames = copies
    algorithm = histogram
    context = 9
    interHunkContext = 9
    external = /bin/false
    indentHeuristic = false
    autoRefreshIndex = false
    orderFile = {order}
    relative = true
    suppressBlankEmpty = true
    ignoreSubmodules = all
    submodule = log
    colorMoved = zebra
    wsErrorHighlight = all
[color]
    ui = always
    diff = always
[core]
    quotePath = false
    abbrev = 5
    pager = /bin/false
    fsmonitor = /bin/false
[diff "lies"]
    textconv = /bin/echo
    command = /bin/echo
"""


def test_one_state_has_one_digest_whatever_the_users_settings(tmp_path, monkeypatch):
    lines = "".join(f"line {n}\n\n" for n in range(40))
    blocks = "a {\n  x\n\n\n}\n\n}\n"  # where an added block begins is a matter of taste here
    repo = repository(
        tmp_path / "repo",
        {"z.py": lines, "dir/é.py": lines, "p.txt": "x\n", "moved.py": lines, "f.py": blocks, "same.py": "x\n"}
        | {"shuffled.py": SHUFFLED[0]},
    )
    write(repo, {".git/info/attributes": "*.txt diff=lies\n", "p.txt": "y\n", "shuffled.py": SHUFFLED[1]})
    write(repo, {"z.py": lines.replace("line 20", "other").replace("line 25", "other"), "copy.py": lines})
    write(repo, {"dir/é.py": lines.replace("line 5\n", "").replace("line 30", "?")})
    write(repo, {"f.py": "a {\n  x\n\n\n}\n\na {\n  x\n\n\n}\n\n}\n"})
    (repo / "moved.py").rename(repo / "there.py")
    git(repo, "add", "there.py", "copy.py")
    os.utime(repo / "same.py", (1, 1))
    plain, patch = observed(repo / "dir"), read_patch(repo)
    settings = tmp_path / "gitconfig"
    order = tmp_path / "order"
    order.write_text("z.py\n*.txt\n")
    settings.write_text(HOSTILE.format(order=order))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    assert read_patch(repo) == patch
    assert observed(repo / "dir") == plain


def test_variables_of_a_hook_do_not_lead_elsewhere(tmp_path, monkeypatch):
    repo, other = repository(tmp_path / "repo"), repository(tmp_path / "other", {"x.py": "x\n"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))

    found = observed(repo)
    monkeypatch.undo()
    assert (found.commit, found.dirty) == (git(repo, "rev-parse", "HEAD"), False)


def test_a_folder_or_file_below_the_top_sees_the_whole_repository(tmp_path):
    repo = repository(tmp_path, {"src/train.py": "1\n", "lib/x.py": "1\n"})
    write(repo, {"lib/x.py": "2\n", "lib/new.py": "n\n"})

    assert observed(repo / "src") == observed(repo) == observed(repo / "src" / "train.py")
    assert [file.path for file in observed(repo / "src").untracked] == ["lib/new.py"]


def test_a_detached_head_a_work_tree_and_a_clone(tmp_path):
    repo = repository(tmp_path / "repo")
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", str(tmp_path / "clone"))

    assert observed(tmp_path / "tree") == observed(tmp_path / "clone") == observed(repo)
    assert observed(tmp_path / "clone").repository is None  # its origin is a local path


def test_submodules_by_what_is_in_them(tmp_path):
    part = repository(tmp_path / "part", {"f.py": "1\n"})
    repo = repository(tmp_path / "repo")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "sub")
    git(repo, "commit", "-q", "-m", "second")
    clean = observed(repo)
    write(repo, {"sub/scratch.py": "untracked in the part\n"})
    assert observed(repo) == clean

    git(repo, "config", "diff.ignoreSubmodules", "all")
    write(repo, {"sub/f.py": "2\n"})
    once = observed(repo)
    write(repo, {"sub/f.py": "3\n"})
    twice = observed(repo)
    git(repo / "sub", "commit", "-q", "-a", "-m", "moved")

    assert len({clean.diff, once.diff, twice.diff, observed(repo).diff}) == 4
    assert b"\n-1\n+3\n" in read_patch(repo)


def test_a_repository_without_a_commit(tmp_path):
    git(tmp_path, "init", "-q")
    write(tmp_path, {"train.py": "1\n"})
    fresh = observed(tmp_path)
    git(tmp_path, "add", "train.py")
    staged = observed(tmp_path)

    assert (fresh.commit, fresh.dirty, fresh.incomplete) == (None, False, "the repository has no commit yet")
    assert [file.path for file in fresh.untracked] == ["train.py"]
    assert (staged.dirty, staged.untracked) == (True, [])
    assert b"+1\n" in read_patch(tmp_path)


def test_a_repository_that_names_commits_by_sha256(tmp_path):
    found = observed(repository(tmp_path, None, "--object-format=sha256"))

    assert found.commit is None
    assert found.incomplete == "the repository names its commits by SHA-256, which cards cannot hold yet"


def test_no_repository(tmp_path):
    assert reason(tmp_path) == "not inside a Git repository"
    with pytest.raises(PatchUnavailableError, match="cannot be had: not inside a Git repository"):
        read_patch(tmp_path)


def test_no_git(tmp_path, monkeypatch):
    repo = repository(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    assert reason(repo) == "Git is not installed"


def test_inside_the_git_folder_and_in_a_bare_repository(tmp_path):
    repo = repository(tmp_path / "repo")
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(tmp_path / "bare"))

    for place in (repo / ".git", tmp_path / "bare"):
        assert reason(place) == "inside a Git repository that has no work tree"


def test_a_repository_of_another_user(tmp_path, monkeypatch):
    # Git's own switch for testing this refusal.
    monkeypatch.setattr(git_module, "_KEPT", (*git_module._KEPT, "GIT_TEST_ASSUME_DIFFERENT_OWNER"))
    repo = repository(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    assert reason(repo).startswith("Git refuses the repository because another user owns it")


def test_a_broken_repository_is_said_to_be_so(tmp_path):
    repo = repository(tmp_path)
    (repo / "train.py").write_text("2\n")
    shutil.rmtree(repo / ".git" / "objects")
    (repo / ".git" / "objects").mkdir()

    found = observed(repo)
    assert (found.commit, found.dirty, found.diff) == (None, None, None)
    assert found.incomplete is not None
    assert "git diff failed (exit 128)" in found.incomplete
    with pytest.raises(PatchUnavailableError, match="git diff failed"):
        read_patch(repo)


def test_git_that_hangs_is_ended(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "git"
    write(tmp_path, {"bin/git": "#!/bin/sh\nexec sleep 60\n"})
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")

    begin = time.monotonic()
    answer = ask(tmp_path, ["rev-parse"], timeout=0.3)
    assert (answer.code, answer.error) == (None, "Git took longer than 0.3 s")
    assert time.monotonic() - begin < 10


def test_much_talk_on_standard_error_does_not_block(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "git"
    write(tmp_path, {"bin/git": "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' e >&2\necho out\nexit 5\n"})
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")

    answer = ask(tmp_path, ["rev-parse"])
    assert (answer.code, answer.output, len(answer.error)) == (5, b"out\n", 4096)


def test_the_section_reads_back(tmp_path):
    repo = repository(tmp_path)
    write(repo, {"new.py": "1\n", "train.py": "2\n"})

    assert msgspec.convert(codec.builtins(observed(repo)), Code) == observed(repo)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/repo", "https://github.com/acme/repo"),
        ("https://ann:ghp_0123456789abcdef@github.com/acme/repo.git", "https://github.com/acme/repo"),
        ("https://oauth2:t0ken@GitLab.example.org:8443/a/b/c.git/", "https://gitlab.example.org:8443/a/b/c"),
        ("https://github.com:443/acme/repo?private_token=x#y", "https://github.com/acme/repo"),
        ("git@github.com:acme/repo.git", "https://github.com/acme/repo"),
        ("ann@host.example.org:team/repo", "https://host.example.org/team/repo"),
        ("github.com:acme/repo.git", "https://github.com/acme/repo"),
        ("ssh://git@host.example.org:2222/acme/repo.git", "https://host.example.org/acme/repo"),
        ("git://host.example.org/acme/repo", "https://host.example.org/acme/repo"),
        ("/srv/git/repo.git", None),
        ("../repo", None),
        ("file:///srv/git/repo.git", None),
        ("C:\\Users\\ann\\repo", None),
        ("C:/Users/ann/repo", None),
        ("https://", None),
        ("https://host:port/x", None),
        ("", None),
    ],
)
def test_one_name_for_every_road_to_a_repository(url, name):
    assert repository_name(url) == name


def test_the_token_in_a_remote_stays_out(tmp_path):
    repo = repository(tmp_path)
    git(repo, "remote", "add", "backup", "/srv/backup.git")
    git(repo, "remote", "add", "up", "https://ann:s3cret@example.org/acme/repo")

    assert observed(repo).repository == "https://example.org/acme/repo"


def test_rewritten_urls_do_not_show(tmp_path):
    repo = repository(tmp_path)
    git(repo, "remote", "add", "origin", "https://example.org/acme/repo")
    git(repo, "config", "url.https://ann:s3cret@example.org/.insteadOf", "https://example.org/")

    assert observed(repo).repository == "https://example.org/acme/repo"


def test_observing_is_quick(tmp_path):
    repo = repository(tmp_path)
    begin = time.perf_counter()
    observed(repo)

    # Six short Git processes; a lost shortcut (a full status, a log) would take longer on real trees.
    assert time.perf_counter() - begin < 5
    assert subprocess.run(["git", "--version"], check=True, capture_output=True, timeout=10).returncode == 0
