"""The settings of a scan: where they are found, what they refuse, what they decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlineage.drift.reference import Reference
from ftlineage.drift.settings import Judge, fails, find_settings, load_settings
from ftlineage.errors import BadInputError, PathNotFoundError


def settings(folder: Path, text: str, name: str = "ftlineage.toml"):
    (folder / name).write_text(text)
    return find_settings(folder)


def reference(path="a.py", rule="FLOAT001", ref="org/name") -> Reference:
    return Reference(
        path=path, line=1, column=1, ref=ref, kind="model", status="floating", rule=rule, revision=None, message=""
    )


def test_both_files_say_the_same(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    own = settings(tmp_path / "a", '[scan]\nexclude = ["old/**"]\nfail-on = "note"\n')
    project = settings(
        tmp_path / "b", '[tool.ftlineage.scan]\nexclude = ["old/**"]\nfail-on = "note"\n', "pyproject.toml"
    )
    assert own.keys == project.keys
    assert own.keys.fail_on == "note"
    assert project.folder == str(tmp_path / "b")


def test_the_nearest_file_with_a_table_counts_up_to_the_top_of_the_repository(tmp_path):
    inner = tmp_path / "repo" / "src"
    inner.mkdir(parents=True)
    settings(tmp_path, "[scan]\nfail-on = 'never'\n")
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_settings(inner).keys.fail_on == "never"
    (tmp_path / "repo" / ".git").mkdir()
    found = find_settings(inner)
    assert (found.keys.fail_on, found.source, found.folder) == ("error", "", str(inner))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[scan]\nexlude = []\n", "scan: object contains unknown field `exlude`"),
        ("[scan]\nexclude = 'x'\n", "scan.exclude: expected `array`, got `str`"),
        ("[scan]\nfail-on = 'high'\n", "scan.fail-on: invalid enum value 'high'"),
        ("[scan.severity]\ntests = 'low'\n", "scan.severity[...]: invalid enum value 'low'"),
        ("[scan.rules]\nFLOAT011 = 'note'\n", "scan.rules: invalid enum value 'FLOAT011'"),
        ("[[scan.ignore]]\nref = 'a/b'\n", "scan.ignore[0]: object missing required field `reason`"),
        ("[[scan.ignore]]\nref = 'a/b'\nreason = ' '\n", "scan.ignore[0].reason is empty: say why it may float"),
        ("[scan]\nexclude = ['a[z-b]']\n", "scan.exclude: bad character range z-b at position"),
        ("scan = 3\n", "has no table [scan]"),
        ("[scan\n", "not TOML: "),
    ],
)
def test_errors_name_the_key(tmp_path, text, reason):
    with pytest.raises(BadInputError) as raised:
        settings(tmp_path, text)
    assert raised.value.reason.startswith(reason), raised.value.reason
    assert raised.value.path == str(tmp_path / "ftlineage.toml")


def test_a_named_file_must_be_there_and_hold_the_table(tmp_path):
    with pytest.raises(PathNotFoundError):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "other.toml").write_text("[scam]\n")
    with pytest.raises(BadInputError, match=r"has no table \[scan\]"):
        load_settings(tmp_path / "other.toml")
    (tmp_path / "other.toml").write_bytes(b"\xff")
    with pytest.raises(BadInputError, match="not UTF-8 at byte 0"):
        load_settings(tmp_path / "other.toml")


def test_severities_by_rule_and_by_path_the_last_pattern_wins(tmp_path):
    judge = Judge(
        settings(
            tmp_path,
            '[scan]\n[scan.severity]\n"tests" = "note"\n"tests/train/**" = "error"\n"*.ipynb" = "ignore"\n'
            '[scan.rules]\nFLOAT003 = "warning"\nFLOAT004 = "ignore"\n',
        )
    )
    grades = {
        ("src/a.py", "FLOAT001"): "error",
        ("src/a.py", "FLOAT003"): "warning",
        ("tests/a.py", "FLOAT003"): "note",
        ("tests/train/a.py", "FLOAT001"): "error",
        ("tests/a.ipynb", "FLOAT001"): "ignore",
        ("tests/a.py", "FLOAT004"): "ignore",
    }
    assert {(path, rule): judge.grade(reference(rule=rule), str(tmp_path / path)) for path, rule in grades} == grades


def test_ids_are_ignored_with_a_reason_where_the_settings_say_so(tmp_path):
    judge = Judge(
        settings(
            tmp_path,
            '[[scan.ignore]]\nref = "ours/*"\nreason = "we own it"\nrules = ["FLOAT001"]\npaths = ["src/**"]\n',
        )
    )
    inside, outside = str(tmp_path / "src/a.py"), str(tmp_path / "a.py")
    assert judge.reason_to_ignore(reference(ref="ours/x"), inside) == "we own it"
    assert judge.reason_to_ignore(reference(ref="ours/x"), outside) is None
    assert judge.reason_to_ignore(reference(ref="theirs/x"), inside) is None
    assert judge.reason_to_ignore(reference(ref="ours/x", rule="FLOAT006"), inside) is None
    assert judge.reason_to_ignore(reference(ref=None), inside) is None


def test_excluded_paths_are_relative_to_the_settings(tmp_path):
    judge = Judge(settings(tmp_path, '[scan]\nexclude = ["third_party", "src/gen/*.py"]\n'))
    assert judge.excludes(str(tmp_path / "src/third_party/a.py"))
    assert judge.excludes(str(tmp_path / "src/gen/a.py"))
    assert not judge.excludes(str(tmp_path / "gen/a.py"))


def test_thresholds():
    assert fails(["note", "error"], "error")
    assert not fails(["note", "warning"], "error")
    assert fails(["note"], "note")
    assert not fails(["error"], "never")
    assert not fails([], "note")
