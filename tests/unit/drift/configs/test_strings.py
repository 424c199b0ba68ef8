"""Addresses, command lines and whole files inside values, at their places in the file."""

import pytest

from ftlineage.drift.configs.reader import read_config

SHA = "7ae557604adf67be50417f59c2c2f167def9a775"


def places(text, path="a.yaml"):
    return [(one.line, one.column, one.ref, one.revision) for one in read_config(text, path)]


def pin(text, path="a.yaml"):
    [one] = read_config(text, path)
    slot = one.slot
    assert slot is not None, one.unpinnable
    return text[: slot.start] + slot.before + SHA + slot.after + text[slot.end :]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("run: |\n  set -e\n  hf download nord/m\n", (3, 15)),
        ("run: >-\n  vllm serve\n  nord/m\n", (3, 3)),
        ("run: vllm serve nord/m\n", (1, 17)),
        ('run: "vllm  serve \\\n  nord/m"\n', (2, 3)),
        ('run: "echo \\"a\\"\\nvllm serve nord/m"\n', (1, 30)),
        ("run: 'echo ''a''; vllm serve nord/m'\n", (1, 30)),
        ("jobs:\n  x:\n    steps:\n    - run: |\n\n        vllm serve \\\n          nord/m\n", (7, 11)),
        ("containers:\n- command: [vllm, serve, nord/m]\n", (2, 26)),
        ("containers:\n- command: [vllm, serve]\n  args:\n  - nord/m\n", (4, 5)),
        ("containers:\n- image: vllm/vllm-openai:v0.8\n  args:\n  - --model\n  - nord/m\n", (5, 5)),
        ('containers:\n- command: ["/bin/sh", "-c", "vllm serve nord/m"]\n', (2, 42)),
        ("script:\n  - pip install x\n  - hf download nord/m\n", (3, 17)),
    ],
)
def test_command_lines(text, place):
    assert places(text) == [(*place, "nord/m", None)]
    assert text.splitlines()[place[0] - 1][place[1] - 1 :].startswith("nord/m")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run: |\n  hf download nord/m\n", f"run: |\n  hf download nord/m --revision {SHA}\n"),
        ("run: vllm serve nord/m --revision main\n", f"run: vllm serve nord/m --revision {SHA}\n"),
        ("command: [vllm, serve, nord/m]\n", f'command: [vllm, serve, nord/m, "--revision", "{SHA}"]\n'),
        (
            "command:\n  - vllm\n  - serve\n  - nord/m\n  - --seed\n",
            f"command:\n  - vllm\n  - serve\n  - nord/m\n  - --revision\n  - {SHA}\n  - --seed\n",
        ),
    ],
)
def test_pins_in_command_lines(text, expected):
    assert pin(text) == expected
    assert {one[3] for one in places(expected)} == {SHA}


def test_json_argument_lists():
    text = '{"command": ["vllm", "serve", "nord/m"]}'
    assert pin(text, "a.json") == f'{{"command": ["vllm", "serve", "nord/m", "--revision", "{SHA}"]}}'


@pytest.mark.parametrize(
    "text",
    [
        "args: [--served-model-name, nord/m]\n",
        "run: echo nord/m\n",
        "# run: vllm serve nord/m\nrun: make\n",
        "uses: actions/checkout@v4\nwith: {repository: nord/m}\n",
        "description: see https://huggingface.co/nord/m\n",
    ],
)
def test_what_is_no_load(text):
    assert places(text) == []


def test_addresses_in_values_and_not_in_comments():
    text = (
        "# https://huggingface.co/nord/a/resolve/main/x.bin\n"
        "weights: https://huggingface.co/nord/m/resolve/main/x.bin\n"
        "files:\n  - hf://datasets/nord/d/x.parquet\n"
        f"pinned: https://huggingface.co/nord/p/resolve/{SHA}/x.bin\n"
    )
    assert [(line, ref, revision) for line, _, ref, revision in places(text)] == [
        (2, "nord/m", "main"),
        (4, "nord/d", None),
        (5, "nord/p", SHA),
    ]


def test_files_within_values():
    text = (
        "data:\n"
        "  train.yaml: |\n    base_model: nord/m\n    sequence_len: 1\n    micro_batch_size: 1\n"
        "    datasets: [{path: nord/d}]\n"
        "  run.sh: |\n    vllm serve nord/s\n"
        "  main.py: |\n    load_dataset('nord/p')\n"
    )
    assert [(line, ref) for line, _, ref, _ in places(text)][:3] == [(3, "nord/m"), (6, "nord/d"), (8, "nord/s")]
    slot = read_config(text, "a.yaml")[0].slot
    assert slot is not None
    assert text[slot.start - 10 : slot.start] + slot.before == "el: nord/m\n    revision_of_model: "


def test_files_within_files_end_somewhere():
    text = "vllm serve nord/m\n"
    for number in range(6):
        text = f"f{number}.yaml: |\n" + "".join(f"  {line}\n" for line in text.splitlines())
    assert places(text) == []
