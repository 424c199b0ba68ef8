import pytest

from ftlineage.core.digest import is_commit_sha, root_digest, text_sha256


def test_a_root_binds_names_sizes_and_digests_but_not_their_order():
    files = [("a", 1, "x"), ("b", 2, "y")]
    root = root_digest("files", files)
    assert root_digest("files", reversed(files)) == root
    assert root_digest("files", [("a", 1, "x"), ("c", 2, "y")]) != root
    assert root_digest("files", [("a", 1, "x"), ("b", 3, "y")]) != root
    assert root_digest("files", [("a", 1, "y"), ("b", 2, "x")]) != root
    assert root_digest("tensors", files) != root


def test_fields_cannot_run_into_each_other():
    assert root_digest("t", [("ab", "c")]) != root_digest("t", [("a", "bc")])
    assert root_digest("t", [("a", ""), ("", "a")]) != root_digest("t", [("", ""), ("a", "a")])


def test_a_root_never_changes_between_releases():
    assert root_digest("files", [("a", 1, "x")]) == "e1bb474a0d49981a533320492603935d40c8d3dff914c64377fdbf9b0471caff"


@pytest.mark.parametrize("text", ["main", "A" * 40, "a" * 39, "a" * 41, "a" * 40 + "\n", None, 3, "٣" * 40])
def test_only_forty_lower_hex_digits_are_a_commit(text):
    assert not is_commit_sha(text)


def test_a_resolved_revision_that_equals_main_is_no_commit():
    """T2: huggingface_hub's ResolvedRevision is a str whose text may be `main`; only a plain str is accepted."""

    class Resolved(str):
        __slots__ = ()

    assert is_commit_sha("a" * 40)
    assert not is_commit_sha(Resolved("a" * 40))


def test_text_digests_keep_surrogates_apart():
    assert text_sha256("\ud800") != text_sha256("?")
