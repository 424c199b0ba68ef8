"""Where an id and its revision come from: constants, attributes, dicts, branches, loops, calls."""

from __future__ import annotations

import pytest

from ftlineage.drift.python.reader import read_python
from tests.unit.drift.python.seen import SHA, found_in, seen


def test_tuple_assignment_gives_one_finding_a_use_at_the_use():
    assert seen("""
        model_id, rev = "org-a/m1", "main"
        AutoModel.from_pretrained(model_id, revision=rev)
        AutoTokenizer.from_pretrained(model_id)
    """) == ["2:27 model org-a/m1 main floating", "3:31 tokenizer org-a/m1 - floating"]


def test_attributes_of_classes_and_objects():
    assert seen(f"""
        class Encoder:
            repo = "acme-x/encoder"
            rev = "{SHA}"

            def __init__(self, name="org-a/m1"):
                self.name = name
                self.other = "org-c/other"

            def load(self):
                AutoModel.from_pretrained(self.name)
                AutoModel.from_pretrained(self.other)
                AutoModel.from_pretrained(self.repo, revision=self.rev)
        AutoModel.from_pretrained(Encoder.repo, revision=Encoder.rev)
    """) == [
        "5:30 model org-a/m1 - floating",
        "10:35 model - - dynamic",
        "11:35 model org-c/other - floating",
        "12:35 model acme-x/encoder SHA pinned",
        "13:27 model acme-x/encoder SHA pinned",
    ]


def test_base_classes_of_the_file_lend_their_attributes():
    assert seen("""
        class Base:
            MODEL_ID = "org-a/m1"
        class Child(Base):
            def load(self):
                return AutoModel.from_pretrained(self.MODEL_ID)
    """) == ["5:42 model org-a/m1 - floating"]


def test_an_entry_by_known_key_is_one_id_by_unknown_key_it_is_all_of_them():
    assert seen("""
        MODELS = {"a": "org-a/m1", "b": "org-b/m2"}
        AutoModel.from_pretrained(MODELS["a"])
        AutoModel.from_pretrained(MODELS[name])
    """) == [
        "1:17 model org-a/m1 - floating",
        "1:34 model org-b/m2 - floating",
        "2:27 model org-a/m1 - floating",
        "3:27 model - - dynamic",
    ]


def test_a_dict_from_id_to_commit_pins_what_is_looked_up_in_it():
    assert seen(f"""
        PINS = {{"org-a/m1": "{SHA}", "org-b/m2": "{SHA}"}}
        M = "org-a/m1"
        AutoModel.from_pretrained(M, revision=PINS[M])
        AutoModel.from_pretrained(M, revision=PINS.get(M, "main"))
        for name, sha in PINS.items():
            AutoModel.from_pretrained(name, revision=sha)
    """) == [
        "1:10 model org-a/m1 SHA pinned",
        f"1:{10 + len('org-a/m1') + 4 + len(SHA) + 4} model org-b/m2 SHA pinned",
        "3:27 model org-a/m1 SHA pinned",
        "4:27 model org-a/m1 SHA pinned",
        "6:31 model - - dynamic",
    ]


def test_a_registry_of_dicts_keeps_each_revision_with_its_id():
    assert seen(f"""
        REGISTRY = {{
            "a": {{"path": "org-a/m1", "revision": "{SHA}"}},
            "b": {{"path": "org-b/m2", "revision": "main"}},
        }}
        entry = REGISTRY[name]
        AutoModel.from_pretrained(entry["path"], revision=entry["revision"])
    """) == [
        "2:20 model org-a/m1 SHA pinned",
        "3:20 model org-b/m2 main floating",
        "6:27 model - - dynamic",
    ]


def test_strings_put_together():
    assert seen("""
        ORG, NAME = "org-a", "m1"
        AutoModel.from_pretrained(f"{ORG}/{NAME}")
        AutoModel.from_pretrained(ORG + "/" + NAME)
        AutoModel.from_pretrained("{}/{}".format(ORG, NAME))
        AutoModel.from_pretrained(f"{ORG}/{other}")
        AutoModel.from_pretrained(f"./out/{other}")
    """) == [
        "2:27 model org-a/m1 - floating",
        "3:27 model org-a/m1 - floating",
        "4:27 model org-a/m1 - floating",
        "5:27 model - - dynamic",
        "6:27 model - - local",
    ]


def test_branches_give_all_their_ids():
    assert seen("""
        if big:
            name = "org-a/big"
        else:
            name = "org-a/small"
        AutoModel.from_pretrained(name)
        AutoModel.from_pretrained("org-b/x" if big else "org-b/y")
    """) == [
        "2:13 model org-a/big - floating",
        "4:13 model org-a/small - floating",
        "5:27 model - - dynamic",
        "6:27 model - - dynamic",
        "6:28 model org-b/x - floating",
        "6:50 model org-b/y - floating",
    ]


def test_the_last_assignment_before_a_use_holds():
    assert seen("""
        name = "org-a/one"
        AutoModel.from_pretrained(name)
        name = "org-a/two"
        with torch.no_grad():
            AutoModel.from_pretrained(name)
    """) == ["2:27 model org-a/one - floating", "5:31 model org-a/two - floating"]


def test_a_branch_does_not_see_what_the_other_one_sets():
    assert seen("""
        if big:
            name = "org-a/big"
            AutoModel.from_pretrained(name)
        else:
            name = "org-a/small"
            AutoModel.from_pretrained(name)
    """) == ["3:31 model org-a/big - floating", "6:31 model org-a/small - floating"]


def test_loops_over_literals():
    assert [
        line
        for line in seen("""
        for name in ["org-a/d1", "org-b/d2"]:
            load_dataset(name)
        for name, size in [("org-a/t1", 1)]:
            AutoTokenizer.from_pretrained(name)
        for number, name in enumerate(("org-x/e1",)):
            AutoTokenizer.from_pretrained(name)
        models = [AutoModel.from_pretrained(one) for one in ("org-c/l1", "org-c/l2")]
    """)
        if line.endswith("floating")
    ] == [
        "1:15 dataset org-a/d1 - floating",
        "1:27 dataset org-b/d2 - floating",
        "3:22 tokenizer org-a/t1 - floating",
        "5:33 tokenizer org-x/e1 - floating",
        "7:55 model org-c/l1 - floating",
        "7:67 model org-c/l2 - floating",
    ]


def test_parametrized_tests_name_their_ids_above():
    assert [
        line
        for line in seen("""
        @pytest.mark.parametrize("name, size", [("org-a/m1", 1), pytest.param("org-b/m2", 2, id="x")])
        def test_load(name, size):
            AutoModel.from_pretrained(name)
        @pytest.mark.parametrize("name", ["org-c/m3"])
        def test_other(name):
            AutoModel.from_pretrained(name)
    """)
        if line.endswith("floating")
    ] == [
        "1:43 model org-a/m1 - floating",
        "1:72 model org-b/m2 - floating",
        "4:36 model org-c/m3 - floating",
    ]


def test_arguments_handed_on_in_a_dict():
    assert seen(f"""
        fixed = {{"revision": "{SHA}", "trust_remote_code": True}}
        AutoModel.from_pretrained("org-a/m1", **fixed)
        free = dict(trust_remote_code=True)
        AutoModel.from_pretrained("org-a/m2", **free)
        free["revision"] = "v2"
        AutoModel.from_pretrained("org-a/m3", **free)
        def load(**kwargs):
            AutoModel.from_pretrained("org-a/m4", **kwargs)
    """) == [
        "2:28 model org-a/m1 SHA pinned",
        "4:28 model org-a/m2 - floating",
        "4:28 code org-a/m2 - floating",
        "6:28 model org-a/m3 v2 floating",
        "6:28 code org-a/m3 v2 floating",
        "8:32 model org-a/m4 - dynamic",
    ]


def test_what_functions_of_the_file_return():
    assert seen("""
        def default_model():
            return "org-a/m1"
        def same(name):
            return name
        AutoModel.from_pretrained(default_model())
        AutoModel.from_pretrained(same("org-b/m2"))
    """) == ["5:27 model org-a/m1 - floating", "6:27 model org-b/m2 - floating"]


@pytest.mark.parametrize("value", ["args.revision", "REVISIONS[name]", "get_revision()"])
def test_a_revision_that_only_a_run_knows_is_dynamic(value):
    assert seen(f'AutoModel.from_pretrained("org-a/m1", revision={value})') == ["1:28 model org-a/m1 - dynamic"]


def test_a_parameter_without_a_default_revision_is_dynamic_with_one_it_is_known():
    assert seen("""
        def load(rev=None):
            return load_dataset("org-a/d", revision=rev)
        def other(rev="main"):
            return load_dataset("org-a/e", revision=rev)
    """) == ["2:26 dataset org-a/d - dynamic", "4:26 dataset org-a/e main floating"]


def test_lines_are_those_of_the_statement_around_the_id():
    found = found_in("""
        model = AutoModel.from_pretrained(
            "org-a/m1",
            device_map="auto",
        )
    """)
    assert [(one.line, one.column, one.lines, one.via) for one in found] == [
        (2, 6, (1, 4), "AutoModel.from_pretrained")
    ]


def test_columns_count_characters_behind_other_scripts():
    assert seen('é, ü = 1, AutoModel.from_pretrained("org-a/m1", note="日本")') == ["1:38 model org-a/m1 - floating"]


def test_a_byte_order_mark_and_windows_line_ends_move_nothing():
    text = '\ufeffx = 1\r\nAutoModel.from_pretrained("org-a/m1", revision="main")\r\n'
    (one,) = found_in(text)
    assert (one.line, one.column) == (2, 28)
    assert one.slot is not None
    assert text[one.slot.start : one.slot.end] == "main"


@pytest.mark.parametrize("ref", ["acme/base", "org/base-model", "test/model", "team/model", "foo/bar"])
def test_owners_that_sound_made_up_are_owners(ref: str) -> None:
    found = read_python(f'from transformers import AutoModel\nAutoModel.from_pretrained("{ref}")\n', "a.py")
    assert [(one.ref, one.line, one.column) for one in found] == [(ref, 2, 28)]


@pytest.mark.parametrize("ref", ["your-org/model", "path/to", "username/model", "<org>/model", "my-username/x"])
def test_what_is_to_be_replaced_is_no_id(ref: str) -> None:
    found = read_python(f'from transformers import AutoModel\nAutoModel.from_pretrained("{ref}")\n', "a.py")
    assert [one.ref for one in found if one.ref is not None] == []


def test_a_dict_of_dicts_walked_by_a_loop_gives_its_entries():
    assert seen("""
        SETS = {"a": {"path": "org-a/pics"}, "b": {"path": "org-b/clips"}}
        for name, info in SETS.items():
            load_dataset(info["path"])
        for info in SETS.values():
            load_dataset(info.get("path"))
    """) == [
        "1:24 dataset org-a/pics - floating",
        "1:53 dataset org-b/clips - floating",
        "3:18 dataset - - dynamic",
        "5:18 dataset - - dynamic",
    ]


def test_a_dict_handed_to_a_function_of_the_file_is_walked_there():
    assert seen("""
        SETS = {"a": {"path": "org-a/pics"}, "b": {"path": "org-b/clips"}}
        def load_all(sets):
            for name, info in sets.items():
                load_one(name, info)
        def load_one(name, info):
            load_dataset(info["path"])
        load_all(SETS)
    """) == [
        "1:24 dataset org-a/pics - floating",
        "1:53 dataset org-b/clips - floating",
        "6:18 dataset - - dynamic",
    ]


def test_what_other_calls_give_does_not_come_back_from_one():
    assert seen("""
        def choose(choices):
            one = choices[ask()]
            return one["name"], one["value"]
        name, model = choose([{"name": "x", "value": "org-a/m1"}])
        other, data = choose([{"name": "y", "value": "org-b/d2"}])
        AutoModel.from_pretrained(model)
    """) == ["6:27 model - - dynamic"]
