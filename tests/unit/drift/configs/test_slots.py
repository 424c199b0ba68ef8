"""Where a revision goes: the text of each format with a commit written at the place that the reader gives."""

import pytest

from ftlineage.drift.configs.reader import read_config

SHA = "7ae557604adf67be50417f59c2c2f167def9a775"
TRL = "use_peft: true\nlearning_rate: 1\nbeta: 0.1\n"
AXOLOTL = "base_model: ./x\nsequence_len: 1\nmicro_batch_size: 1\n"


def pinned(text, path="a.yaml", number=0):
    """The text with a commit at one reference's place; the place must pin that reference and no other."""
    found = [one for one in read_config(text, path) if one.ref is not None and not one.is_local]
    slot = found[number].slot
    assert slot is not None, found[number].unpinnable
    new = text[: slot.start] + slot.before + SHA + slot.after + text[slot.end :]
    again = [one for one in read_config(new, path) if one.ref is not None and not one.is_local]
    assert [one.revision == SHA for one in again] == [one is found[number] for one in found]
    assert [one.ref for one in again] == [one.ref for one in found]
    return new


YAML = [
    ("model_name_or_path: nord/x\n" + TRL, f"model_name_or_path: nord/x\nmodel_revision: {SHA}\n" + TRL),
    (TRL + "model_name_or_path: nord/x", TRL + f"model_name_or_path: nord/x\nmodel_revision: {SHA}"),
    ("model_name_or_path: nord/x  # why\n" + TRL, f"model_name_or_path: nord/x  # why\nmodel_revision: {SHA}\n" + TRL),
    (
        "model_name_or_path: nord/x\nmodel_revision: main\n" + TRL,
        f"model_name_or_path: nord/x\nmodel_revision: {SHA}\n" + TRL,
    ),
    (
        "model_name_or_path: nord/x\nmodel_revision: 'v1'\n" + TRL,
        f"model_name_or_path: nord/x\nmodel_revision: '{SHA}'\n" + TRL,
    ),
    (
        "model_name_or_path: nord/x\nmodel_revision:\n" + TRL,
        f"model_name_or_path: nord/x\nmodel_revision: {SHA}\n" + TRL,
    ),
    (
        "model_name_or_path: nord/x\nmodel_revision: null\n" + TRL,
        f"model_name_or_path: nord/x\nmodel_revision: {SHA}\n" + TRL,
    ),
    (
        'model_name_or_path: nord/x\nmodel_revision: ""\n' + TRL,
        f'model_name_or_path: nord/x\nmodel_revision: "{SHA}"\n' + TRL,
    ),
    ("model_name_or_path:\n  nord/x\n" + TRL, f"model_name_or_path:\n  nord/x\nmodel_revision: {SHA}\n" + TRL),
    (
        "model_name_or_path: >-\n  nord/x\n\n" + TRL,
        f"model_name_or_path: >-\n  nord/x\nmodel_revision: {SHA}\n\n" + TRL,
    ),
    ("\ufeffmodel_name_or_path: nord/x\n" + TRL, f"\ufeffmodel_name_or_path: nord/x\nmodel_revision: {SHA}\n" + TRL),
    (
        AXOLOTL + "datasets:\n  - path: nord/d\n    type: a\n",
        AXOLOTL + f"datasets:\n  - path: nord/d\n    revision: {SHA}\n    type: a\n",
    ),
    (
        AXOLOTL + "datasets:\n- {path: nord/d, type: a}\n",
        AXOLOTL + f"datasets:\n- {{path: nord/d, revision: {SHA}, type: a}}\n",
    ),
    (
        AXOLOTL + 'datasets: [{"path": "nord/d"}]\n',
        AXOLOTL + f'datasets: [{{"path": "nord/d", "revision": "{SHA}"}}]\n',
    ),
    ("task: x\ndataset_path: nord/d\n", f"task: x\ndataset_path: nord/d\ndataset_kwargs:\n  revision: {SHA}\n"),
    (
        "task: x\ndataset_path: nord/d\ndataset_kwargs:\n  data_files:\n    a: b.json\n",
        f"task: x\ndataset_path: nord/d\ndataset_kwargs:\n  data_files:\n    a: b.json\n  revision: {SHA}\n",
    ),
    (
        "task: x\ndataset_path: nord/d\ndataset_kwargs: {}\n",
        f"task: x\ndataset_path: nord/d\ndataset_kwargs: {{revision: {SHA}}}\n",
    ),
    (
        "task: x\nmodel_args: pretrained=nord/m,dtype=auto\n",
        f"task: x\nmodel_args: pretrained=nord/m,revision={SHA},dtype=auto\n",
    ),
    ("merge_method: t\nbase_model: nord/m\n", f"merge_method: t\nbase_model: nord/m@{SHA}\n"),
    ("merge_method: t\nbase_model: nord/m@v1\n", f"merge_method: t\nbase_model: nord/m@{SHA}\n"),
    ("env:\n  MODEL_ID: nord/m\n", f"env:\n  MODEL_ID: nord/m\n  REVISION: {SHA}\n"),
    ("environment:\n  - MODEL_ID=nord/m\n", f"environment:\n  - MODEL_ID=nord/m\n  - REVISION={SHA}\n"),
    ('environment:\n  - "MODEL_ID=nord/m"\n', f'environment:\n  - "MODEL_ID=nord/m"\n  - "REVISION={SHA}"\n'),
    (
        "env:\n  - name: MODEL_ID\n    value: nord/m\n",
        f"env:\n  - name: MODEL_ID\n    value: nord/m\n  - name: REVISION\n    value: {SHA}\n",
    ),
]


@pytest.mark.parametrize(("text", "expected"), YAML)
def test_yaml(text, expected):
    assert pinned(text) == expected


@pytest.mark.parametrize(("text", "expected"), YAML)
def test_yaml_with_windows_line_breaks(text, expected):
    assert pinned(text.replace("\n", "\r\n")) == expected.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{\n  "peft_type": "LORA",\n  "base_model_name_or_path": "nord/m"\n}',
            f'{{\n  "peft_type": "LORA",\n  "base_model_name_or_path": "nord/m",\n  "revision": "{SHA}"\n}}',
        ),
        (
            '{"base_model_name_or_path": "nord/m", "peft_type": "LORA", "revision": null}',
            f'{{"base_model_name_or_path": "nord/m", "peft_type": "LORA", "revision": "{SHA}"}}',
        ),
        (
            '{"base_model_name_or_path": "nord/m", "peft_type": "LORA"}',
            f'{{"base_model_name_or_path": "nord/m", "revision": "{SHA}", "peft_type": "LORA"}}',
        ),
    ],
)
def test_json_has_no_remarks(text, expected):
    assert pinned(text, "adapter_config.json") == expected
    assert [one.slot and one.slot.comment for one in read_config(text, "adapter_config.json")] == [None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'stage = "sft"\nfinetuning_type = "lora"\nmodel_name_or_path = "nord/m" # x\n',
            f'stage = "sft"\nfinetuning_type = "lora"\nmodel_name_or_path = "nord/m" # x\nmodel_revision = "{SHA}"\n',
        ),
        (
            'model_parameters.model_name = "nord/m"\n',
            f'model_parameters.model_name = "nord/m"\nmodel_parameters.revision = "{SHA}"\n',
        ),
        (
            "[model_parameters]\n  model_name = 'nord/m'\n  revision = 'main'\n",
            f"[model_parameters]\n  model_name = 'nord/m'\n  revision = '{SHA}'\n",
        ),
        (
            'model_parameters = {model_name = "nord/m"}\n',
            f'model_parameters = {{model_name = "nord/m", revision = "{SHA}"}}\n',
        ),
    ],
)
def test_toml(text, expected):
    assert pinned(text, "a.toml") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TRL + "model_name_or_path: ./x\ndataset_name: nord/d\n", "TRL reads no revision for datasets"),
        (TRL + "dataset_mixer:\n  nord/d: 1.0\n", "alignment-handbook reads no revision for the datasets of a mixture"),
        (
            '{"a": {"hf_hub_url": "nord/d"}}',
            "the registry has no key for a revision: download the dataset at a commit and name its file",
        ),
        ("hf_model: nord/m\n", "no known framework reads this file, so no key is known for the revision"),
        ("env:\n  BASE_MODEL: nord/m\n", "which variable holds its revision is the program's own affair"),
        (AXOLOTL + "kd_teacher: nord/m\n", "Axolotl reads no revision for kd_teacher"),
    ],
)
def test_no_key_is_invented_where_none_is_read(text, reason):
    [one] = [one for one in read_config(text, "a.json" if text.startswith("{") else "a.yaml") if not one.is_local]
    assert (one.slot, one.unpinnable) == (None, reason)


def test_a_revision_that_stands_there_is_replaced_whoever_reads_it():
    assert pinned("hf_model: nord/m\nrevision: main\n") == f"hf_model: nord/m\nrevision: {SHA}\n"


def test_one_key_for_several_ids_is_read_and_not_written():
    text = TRL + "model_name_or_path:\n- nord/a\n- nord/b\nmodel_revision: main\n"
    found = read_config(text, "a.yaml")
    assert [(one.revision, one.slot, one.unpinnable) for one in found] == [
        ("main", None, "model_revision holds for other ids too")
    ] * 2


def test_an_alias_is_a_use_of_its_own_at_the_line_of_its_anchor():
    text = TRL + "model_name_or_path: &m nord/x\ntokenizer_name: *m\n"
    found = read_config(text, "a.yaml")
    assert [(one.line, one.column, one.kind) for one in found] == [(4, 24, "model"), (4, 24, "tokenizer")]
    assert [one.lines for one in found] == [(4, 4), (4, 5)]


def test_a_merge_brings_in_the_revision():
    text = f"common: &c\n  revision: {SHA}\nrag:\n  <<: *c\n  embedding_model: nord/m\n"
    assert [(one.ref, one.revision) for one in read_config(text, "a.yaml")] == [("nord/m", SHA)]


def test_a_key_said_twice_counts_once_with_its_last_value():
    text = TRL + "model_name_or_path: nord/a\nmodel_name_or_path: nord/b\n"
    assert [(one.ref, one.line) for one in read_config(text, "a.yaml")] == [("nord/b", 5)]
