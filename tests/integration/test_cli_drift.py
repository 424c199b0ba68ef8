"""drift as it is typed: what moved, how it came, whether it matters, and when nobody can say."""

from __future__ import annotations

import json
import time

import pytest

from ftlineage.testing.hub import LocalHub
from tests.integration.lock_desk import BASE, CODE, ROWS, desk_at


@pytest.fixture
def desk(tmp_path):
    with desk_at(tmp_path) as desk:
        assert desk.run("lock").code == 0
        desk.hub.requests.clear()
        yield desk


def told(report):
    return [(one["code"], one["severity"], one["path"]) for one in report["findings"]]


def test_nothing_has_moved_and_only_heads_are_asked(desk):
    code, report = desk.json("drift")
    assert (code, report["ok"], report["findings"], report["diffs"]) == (0, True, [], [])
    sha = desk.hub.head(BASE)
    assert report["entries"][0] == {
        "ref": BASE,
        "kind": "model",
        "wished": None,
        "locked": sha,
        "now": sha,
        "class": "none",
        "files": [],
    }
    assert len(report["entries"]) == 3
    assert len(desk.hub.requests) == 2
    assert desk.run("drift").out.startswith("ok: ftlineage.lock: nothing has moved (3 references, ")


def test_documentation_alone_is_harmless(desk):
    desk.hub.commit(BASE, {"README.md": "A better page.\n"})
    code, report = desk.json("drift")
    assert (code, report["verdict"]) == (0, "ok")
    assert {one["class"] for one in report["entries"] if one["ref"] == BASE} == {"docs"}
    assert told(report) == [("drift.docs", "note", "train.py:4")]
    assert "nothing that matters has moved" in desk.run("drift").out


@pytest.mark.parametrize(
    ("file", "class_"),
    [
        ("tokenizer.json", "tokenizer"),
        ("chat_template.jinja", "chat-template"),
        ("generation_config.json", "generation-config"),
        ("config.json", "config"),
        ("modeling_tiny.py", "code"),
        ("model.safetensors", "weights"),
    ],
)
def test_every_other_class_fails(desk, file, class_):
    desk.hub.commit(BASE, {file: "{}"})
    code, report = desk.json("drift", "--no-diff")
    assert code == 1
    assert told(report) == [(f"drift.{class_}", "error", "train.py:4")]
    change = "changed" if file in {"chat_template.jinja", "config.json", "model.safetensors"} else "added"
    assert report["entries"][0]["class"] == class_
    assert report["entries"][0]["files"] == [{"path": file, "change": change, "class": class_}]


def test_rows_that_changed_are_data(desk):
    desk.hub.commit(ROWS, {"train.jsonl": '{"a": 2}\n'}, repo_type="dataset")
    code, report = desk.json("drift")
    assert (code, told(report)) == (1, [("drift.data", "error", "train.py:6")])


def test_what_changed_in_template_and_settings_is_shown(desk):
    old = desk.hub.head(BASE)
    desk.hub.commit(BASE, {"config.json": '{"hidden_size": 8, "rope_theta": 500000}', "model.safetensors": "new"})
    new = desk.hub.commit(BASE, {"chat_template.jinja": "{{ bos }}\n{{ message|trim }}\n{{ eos }}\n"})
    done = desk.run("drift")
    assert done.code == 1
    assert done.out.splitlines()[:12] == [
        f"{BASE}: config.json",
        '     "hidden_size": 8,',
        '  -  "rope_theta": 10000',
        '  +  "rope_theta": 500000',
        "   }",
        "",
        f"{BASE}: chat_template.jinja",
        "   {{ bos }}",
        "  -{{ message }}",
        "  +{{ message|trim }}",
        "   {{ eos }}",
        "",
    ]
    said = " ".join(done.out.split())
    assert (
        f"error[drift.weights] {BASE} moved on main from {old[:12]} to {new[:12]} (2 commits): it changes weights "
        f"(model.safetensors), config (config.json), chat-template (chat_template.jinja); used in train.py:4 "
        f"hint: Look at it, then take it over: ftlineage update {BASE}"
    ) in said
    assert "failed: ftlineage.lock: 1 reference moved in a way that matters" in said
    assert "rope_theta" not in desk.run("drift", "-q").out


def test_a_text_that_cannot_be_had_changes_no_verdict(desk):
    desk.hub.commit(BASE, {"config.json": "{}"})
    desk.hub.faults.status("/resolve/", 500)
    code, report = desk.json("drift")
    assert (code, report["diffs"]) == (1, [])
    assert told(report) == [("drift.config", "error", "train.py:4")]


# --- how it came ---------------------------------------------------------------------------------


@pytest.fixture
def tagged(tmp_path):
    with desk_at(tmp_path) as desk:
        desk.hub.tag(BASE, "v1")
        (desk.folder / "train.py").write_text(CODE.replace(f'"{BASE}"', f'"{BASE}", revision="v1"'))
        assert desk.run("lock").code == 0
        yield desk


def test_a_tag_that_was_moved_is_told_from_new_commits(tagged):
    old = tagged.hub.head(BASE)
    new = tagged.hub.commit(BASE, {"model.safetensors": "new"})
    assert tagged.json("drift")[0] == 0
    tagged.hub.tag(BASE, "v1")
    code, report = tagged.json("drift")
    assert (code, report["entries"][0]["wished"]) == (1, "v1")
    assert report["findings"][0]["message"] == (
        f"the tag v1 of {BASE} was moved from {old[:12]} to {new[:12]} (1 commit): "
        "it changes weights (model.safetensors); used in train.py:4"
    )


def test_a_tag_that_was_moved_aside(tagged):
    first = tagged.hub.history(BASE)[-1].sha
    tagged.hub.branch(BASE, "side", revision=first)
    tagged.hub.commit(BASE, {"model.safetensors": "aside"}, branch="side")
    tagged.hub.tag(BASE, "v1", revision="side")
    _, report = tagged.json("drift")
    assert ", which does not come after it: it changes weights" in report["findings"][0]["message"]


def test_a_deleted_tag_is_gone(tagged):
    old = tagged.hub.head(BASE)
    tagged.hub.delete_ref(BASE, "v1")
    code, report = tagged.json("drift")
    assert (code, report["entries"][0]["now"], report["entries"][0]["class"]) == (1, None, "gone")
    assert (
        report["findings"][0]["message"]
        == f"{BASE} has no revision v1 any more; {old[:12]} was held; used in train.py:4"
    )


def rewrite(desk):
    first = desk.hub.history(BASE)[-1].sha
    desk.hub.branch(BASE, "main", revision=first)
    return desk.hub.commit(BASE, {"model.safetensors": "rewritten"})


def test_a_force_push_is_said(desk):
    old = desk.hub.head(BASE)
    new = rewrite(desk)
    code, report = desk.json("drift")
    assert code == 1
    message = report["findings"][0]["message"]
    assert message.startswith(
        f"the history of main in {BASE} was rewritten (a force-push): it stands at {new[:12]} now, "
        f"and {old[:12]} can still be loaded by its full id: it changes weights"
    )
    desk.hub.forget_commit(BASE, old)
    _, report = desk.json("drift")
    assert f"and {old[:12]} is no longer on the Hub: it changes weights" in report["findings"][0]["message"]
    assert report["findings"][0]["hint"].startswith("Keep what you have downloaded of the old commit")


def test_a_history_that_cannot_be_had_leaves_the_drift_decided(desk):
    desk.hub.commit(BASE, {"model.safetensors": "new"})
    desk.hub.faults.status("/commits/", 500)
    code, report = desk.json("drift")
    assert (code, told(report)) == (1, [("drift.weights", "error", "train.py:4")])
    assert "commit)" not in report["findings"][0]["message"]


# --- gone, hidden, unreachable -------------------------------------------------------------------


def test_a_deleted_repository_is_gone(desk):
    desk.hub.delete_repo(BASE)
    code, report = desk.json("drift")
    assert code == 1
    assert {one["class"] for one in report["entries"] if one["ref"] == BASE} == {"gone"}
    assert told(report) == [("drift.gone", "error", "train.py:4")]
    assert "or it was made private (it says the same of both)" in report["findings"][0]["message"]


def test_a_private_repository_that_the_token_no_longer_opens_is_undecided(desk):
    desk.hub.create_repo(ROWS, repo_type="dataset", private=True)
    desk.lock.unlink()
    assert desk.run("lock").code == 0
    assert "private = true" in desk.lock.read_text()
    desk.hub.add_token("hf_reader", repos=[])
    code, report = desk.json("drift", HF_TOKEN="hf_reader")
    assert (code, report["verdict"]) == (3, "undecided")
    assert told(report) == [("drift.undecided", "warning", None)]
    assert "It was private when it was locked" in report["findings"][0]["hint"]
    assert [one["ref"] for one in report["entries"]] == [BASE, BASE]


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_an_answer_that_says_nothing_of_the_repository_is_undecided(desk, status):
    desk.hub.faults.status("/api/", status)
    code, report = desk.json("drift")
    assert (code, report["verdict"], report["entries"]) == (3, "undecided", [])
    assert {one["code"] for one in report["findings"]} == {"drift.undecided"}


def test_a_proxy_that_answers_a_page_is_undecided(desk):
    desk.hub.faults.status("/api/", 200, body=b"<html>log in</html>")
    assert desk.run("drift").code == 3


def test_a_hub_that_hangs_is_given_up_in_time(desk):
    desk.hub.faults.hang("/api/")
    began = time.monotonic()
    assert desk.run("drift", "--timeout", "0.5").code == 3
    assert time.monotonic() - began < 20


def test_what_was_proven_fails_though_a_question_is_open(desk):
    desk.hub.commit(BASE, {"model.safetensors": "new"})
    desk.hub.faults.status(f"/api/datasets/{ROWS}", 500)
    code, report = desk.json("drift")
    assert code == 1
    assert [one["code"] for one in report["findings"]] == ["drift.weights", "drift.undecided"]


def test_a_hub_that_is_down_or_offline_is_undecided(desk):
    desk.hub.stop()
    done = desk.run("drift")
    assert done.code == 3
    assert "undecided: ftlineage.lock: the Hub left 2 questions open" in done.out
    code, report = desk.json("drift", HF_HUB_OFFLINE="1")
    assert code == 3
    assert "Unset HF_HUB_OFFLINE" in json.dumps(report)  # noqa: TID251 - a test's own search


def test_paths_limit_what_is_asked(desk):
    other = desk.folder / "other"
    other.mkdir()
    (other / "load.py").write_text(CODE.replace(BASE, "tiny-corp/other").replace(ROWS, "tiny-corp/rest"))
    desk.hub.commit("tiny-corp/other", {"config.json": "{}"})
    desk.hub.commit("tiny-corp/rest", {"a.csv": "a\n"}, repo_type="dataset")
    desk.run("lock")
    desk.asked()
    assert desk.json("drift", "other")[1]["counts"]["references"] == 3
    assert desk.asked() == ["tiny-corp/other@main", "tiny-corp/rest@main"]


def test_a_commit_locked_by_itself_is_compared_with_the_head_on_request(desk):
    sha = desk.hub.head(BASE)
    (desk.folder / "train.py").write_text(CODE.replace(f'"{BASE}"', f'"{BASE}", revision="{sha}"'))
    desk.lock.unlink()
    desk.run("lock")
    desk.hub.commit(BASE, {"model.safetensors": "new"})
    assert desk.run("drift").code == 0
    code, report = desk.json("drift", "--head")
    assert (code, report["entries"][0]["wished"], report["entries"][0]["class"]) == (1, sha, "weights")
    desk.hub.branch(BASE, "main", revision=desk.hub.history(BASE)[-1].sha)
    desk.hub.forget_commit(BASE, sha)
    code, report = desk.json("drift")
    assert (code, report["findings"][0]["message"]) == (
        1,
        f"commit {sha[:12]} of {BASE} is gone from the Hub; used in train.py:4",
    )


def test_a_stranger_is_not_sent_the_token(desk, tmp_path):
    """The next page of a list of commits on another host is not asked for."""
    with LocalHub(tmp_path / "stranger") as stranger:
        desk.hub.commit(BASE, {"model.safetensors": "new"})
        link = {"Link": f'<{stranger.endpoint}/api/next>; rel="next"'}
        body = b'[{"id": "' + b"1" * 40 + b'", "date": "2026-01-01T00:00:00.000Z"}]'
        desk.hub.faults.status("/commits/", 200, headers=link, body=body)
        assert desk.run("drift").code == 1
        assert len(stranger.requests) == 0
