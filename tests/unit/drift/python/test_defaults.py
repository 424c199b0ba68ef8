"""Defaults are reported where they are written; the call that reads them is dynamic."""

from __future__ import annotations

from tests.unit.drift.python.seen import SHA, found_in, seen


def test_options_of_argparse_with_their_revision_beside_them():
    source = """
        parser.add_argument("--model", default="org-a/m1", help="such as org-z/zzz")
        parser.add_argument("--model-revision", default="main")
        args = parser.parse_args()
        AutoModel.from_pretrained(args.model, revision=args.model_revision)
    """
    assert seen(source) == ["1:41 model org-a/m1 main floating", "4:27 model - main dynamic"]
    slot = found_in(source)[0].slot
    assert slot is not None
    assert slot.key == "revision"


def test_an_option_that_no_call_of_the_file_reads_is_told_by_its_name():
    assert seen("""
        parser.add_argument("--model_name_or_path", default="org-a/m1")
        parser.add_argument("--dataset-name", default="org-b/data")
        parser.add_argument("--output_dir", default="org-c/out")
        parser.add_argument("--hub_model_id", default="org-c/hub")
    """) == ["1:54 model org-a/m1 - floating", "2:48 dataset org-b/data - floating"]


def test_fields_of_settings_classes():
    assert seen(f"""
        @dataclass
        class Args:
            model: str = field(default="org-a/m1", metadata={{"help": "such as org-z/zzz"}})
            model_revision: str = "{SHA}"
            datasets: list = field(default_factory=lambda: ["org-d/x"])
            tokenizer_name: str = "org-t/tok"

        def main(args: Args):
            AutoModel.from_pretrained(args.model, revision=args.model_revision)
            for name in args.datasets:
                load_dataset(name)
    """) == [
        "3:33 model org-a/m1 SHA pinned",
        "5:54 dataset org-d/x - floating",
        "6:28 tokenizer org-t/tok - floating",
        "9:31 model - SHA dynamic",
        "11:22 dataset - - dynamic",
    ]


def test_options_of_typer_and_click_and_parameters():
    assert seen("""
        def main(model: str = typer.Option("org-a/m1", help="x"), data: str = "org-q/data"):
            AutoModel.from_pretrained(model)
            load_dataset(data)
        @click.command()
        @click.option("--model-id", default="org-a/m3")
        def cli(model_id):
            AutoModel.from_pretrained(model_id)
    """) == [
        "1:37 model org-a/m1 - floating",
        "1:72 dataset org-q/data - floating",
        "2:31 model - - dynamic",
        "3:18 dataset - - dynamic",
        "5:38 model org-a/m3 - floating",
        "7:31 model - - dynamic",
    ]


def test_environment_and_arguments_of_the_script():
    assert [
        line
        for line in seen("""
        A = os.environ.get("X", "org-a/m1")
        B = os.getenv("BASE_MODEL") or "org-b/m2"
        C = sys.argv[1] if len(sys.argv) > 1 else "org-c/m3"
        D = os.getenv("ADAPTER", "org-d/lora")
        E = os.getenv("IMAGE", "org-e/image")
        AutoModel.from_pretrained(A)
        AutoModel.from_pretrained(B)
        AutoModel.from_pretrained(C)
    """)
        if line.endswith("floating")
    ] == [
        "1:26 model org-a/m1 - floating",
        "2:33 model org-b/m2 - floating",
        "3:44 model org-c/m3 - floating",
        "4:27 adapter org-d/lora - floating",
    ]


def test_one_default_read_by_many_calls_is_one_finding_that_names_the_model():
    assert [
        line
        for line in seen("""
        parser.add_argument("--base", default="org-a/m1")
        args = parser.parse_args()
        AutoTokenizer.from_pretrained(args.base)
        AutoModel.from_pretrained(args.base)
    """)
        if "floating" in line
    ] == ["1:40 model org-a/m1 - floating"]


def test_a_default_of_a_call_without_a_revision_cannot_be_pinned_there():
    found = found_in("""
        def load(name="org-a/m1"):
            return AutoModel.from_pretrained(name)
    """)
    assert [one.unpinnable for one in found if one.ref] == [
        "a default that the caller can change: give it a revision of its own beside it"
    ]


def test_class_attributes_that_a_framework_reads():
    assert seen("""
        class Task(Base):
            DATASET_PATH = "org-a/data"
            default_dataset = "org-b/data"
            OUTPUT_DIR = "org-c/out"
            _model_repo_id = "org-d/model"
    """) == [
        "2:21 dataset org-a/data - floating",
        "3:24 dataset org-b/data - floating",
        "5:23 model org-d/model - floating",
    ]
