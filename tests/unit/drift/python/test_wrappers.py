"""Functions that hand a parameter on to a loader are loaders, here and in other files of the tree."""

from __future__ import annotations

from ftlineage.drift.python.reader import collect_wrappers
from ftlineage.drift.python.wrappers import Wrappers, absolute, module_of, same_module
from tests.unit.drift.python.seen import SHA, found_in, seen

_LOADERS = """
def load(name, revision=None):
    return AutoModel.from_pretrained(name, revision=revision)

class Encoder:
    def __init__(self, model_name, device="cpu"):
        self.model_name = model_name

    def start(self):
        return SentenceTransformer(self.model_name)

BASE_MODEL = "org-c/base"
"""


def _tree(**files: str) -> Wrappers:
    tree = Wrappers()
    for path, text in files.items():
        tree.add(collect_wrappers(text, path.replace("__", "/") + ".py"))
    return tree


def test_a_function_of_the_file():
    assert seen(f"""
        def load(name, revision=None):
            return AutoModel.from_pretrained(name, revision=revision)
        def outer(name):
            return load(name)
        load("org-a/m1")
        outer("org-a/m2")
        load("org-a/m3", revision="main")
        load("org-a/m4", "{SHA}")
    """) == [
        "2:38 model - - dynamic",
        "4:17 model - - dynamic",
        "5:7 model org-a/m1 - floating",
        "6:8 model org-a/m2 - floating",
        "7:7 model org-a/m3 main floating",
        "8:7 model org-a/m4 SHA pinned",
    ]


def test_a_revision_that_the_function_fixes_holds_for_its_callers():
    assert seen(f"""
        def load(name):
            return AutoModel.from_pretrained(name, revision="{SHA}")
        load("org-a/m1")
    """) == ["2:38 model - SHA dynamic", "3:7 model org-a/m1 SHA pinned"]


def test_methods_and_constructors():
    assert [
        line
        for line in seen("""
        class Runner:
            def __init__(self, model_name):
                self.model_name = model_name
                self.tokenizer = self._load(model_name)

            def _load(self, name):
                return AutoTokenizer.from_pretrained(name)

            def run(self):
                return AutoModel.from_pretrained(self.model_name)
        Runner("org-a/m1")
        Runner(model_name="org-a/m2")
    """)
        if "floating" in line
    ] == [
        "11:9 model org-a/m1 - floating",
        "11:9 tokenizer org-a/m1 - floating",
        "12:20 model org-a/m2 - floating",
        "12:20 tokenizer org-a/m2 - floating",
    ]


def test_a_wrapper_without_a_revision_says_so():
    (_, found) = found_in("""
        def load(name):
            return AutoModel.from_pretrained(name)
        load("org-a/m1")
    """)
    assert (found.slot, found.unpinnable, found.via) == (None, "load() takes no revision", "load")


def test_functions_classes_and_constants_of_other_files():
    tree = _tree(src__pkg__loaders=_LOADERS)
    source = """
        from pkg.loaders import BASE_MODEL, Encoder, load
        load("org-a/m1")
        load("org-a/m2", revision="main")
        Encoder("org-b/enc")
        AutoModel.from_pretrained(BASE_MODEL)
    """
    assert seen(source, "scripts/run.py", tree) == [
        "2:7 model org-a/m1 - floating",
        "3:7 model org-a/m2 main floating",
        "4:10 model org-b/enc - floating",
        "5:27 model org-c/base - floating",
    ]
    assert seen(source.replace("from pkg.loaders", "from .loaders"), "src/pkg/run.py", tree)[0] == (
        "2:7 model org-a/m1 - floating"
    )
    assert seen('from elsewhere import load\nload("org-a/m1")', "scripts/run.py", tree) == []


def test_a_known_loader_stays_what_it_is_where_the_tree_defines_it():
    tree = _tree(
        trl__trainer="class SFTTrainer:\n    def __init__(self, model, ref=None):\n        A.from_pretrained(ref)"
    )
    source = 'from trl.trainer import SFTTrainer\nSFTTrainer(model="org-a/m1")'
    assert seen(source, "run.py", tree) == ["2:19 model org-a/m1 - floating"]


def test_two_modules_that_a_name_could_mean_are_neither():
    tree = _tree(a__util=_LOADERS, b__util=_LOADERS.replace("name", "model"))
    assert seen('from util import load\nload("org-a/m1")', "run.py", tree) == []


def test_modules_by_path():
    assert module_of("src/pkg/a.py") == "src.pkg.a"
    assert module_of("src/pkg/__init__.py") == "src.pkg"
    assert absolute("..util", "src/pkg/sub/a.py") == "src.pkg.util"
    assert absolute("pkg.util", "src/pkg/a.py") == "pkg.util"
    assert same_module("src.pkg.util", "pkg.util")
    assert same_module("src.pkg.util", "pkg")
    assert not same_module("src.pkg.util", "util.pkg")
    assert not same_module("src.pkg.util", "")


def test_tests_export_nothing():
    assert collect_wrappers(_LOADERS, "tests/test_x.py").wrappers == ()
    assert [one.name for one in collect_wrappers(_LOADERS, "src/x.py").wrappers] == ["load", "Encoder"]
