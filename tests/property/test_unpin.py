"""``unpin(pin(x)) == x`` where commands, URLs and settings load: scripts, images, make, workflows, servers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rewriting import pinned, reading, unpinned

IDS = st.sampled_from(["northwind/base", "northwind/base-7b", "contoso/Large.v2"])
REFS = st.sampled_from(["main", "v1.0", "refs/pr/3", "feature/x", "a1b2c3d"])
COMMENTS = st.sampled_from(["", "  # ours", "  # main @ 2020-01-01", " # é ✓"])
PROGRAMS = st.sampled_from(
    [
        "hf download {id}{revision} --local-dir /models",
        "hf download{revision} {id}",
        "huggingface-cli download {id} --repo-type dataset{revision} > log.txt",
        "vllm serve {id} --port 8000{revision}",
        "vllm serve '{id}' --enable-lora --lora-modules ours={other}",
        "python -m sglang.launch_server --model-path {id}{revision}",
        "python train.py --model_name_or_path={id} --model_revision main",
        'curl -sL "https://huggingface.co/{id}/resolve/{ref}/config.json" -o config.json',
        "wget https://huggingface.co/datasets/{id}/resolve/{ref}/rows.jsonl && echo done",
        "git clone https://huggingface.co/{id}",
        "echo {id}",
    ]
)


@st.composite
def commands(draw, *, breaks=True) -> str:
    """One command line, perhaps over several lines."""
    ref = draw(REFS)
    revision = draw(st.sampled_from(["", f" --revision {ref}", f" --revision={ref}"]))
    text = draw(PROGRAMS).format(id=draw(IDS), other=draw(IDS), ref=ref, revision=revision)
    if breaks and draw(st.booleans()):
        text = text.replace(" --", " \\\n    --")
    return text


@st.composite
def scripts(draw) -> str:
    """A shell script: plain commands, a variable, a function, a pipe."""
    lines = ["#!/usr/bin/env bash", f"MODEL={draw(IDS)}"]
    shapes = st.sampled_from(["{c}", "if true; then {c}; fi", "({c}) | tee log", "HF_HOME=/tmp {c}", "X=$({c})"])
    body = draw(st.lists(st.tuples(shapes, commands(), COMMENTS), min_size=1, max_size=4))
    lines += [shape.format(c=command) + comment for shape, command, comment in body]
    lines += draw(st.sampled_from([[], ['vllm serve "$MODEL"'], ["hf download ${MODEL} --revision main"]]))
    return ("\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))).replace(
        "\n", draw(st.sampled_from(["\n", "\r\n"]))
    )


@st.composite
def images(draw) -> str:
    """A Dockerfile with commands in both forms."""
    lines = ["FROM python:3.12", f"ENV MODEL={draw(IDS)}"]
    lines += ["RUN " + command for command in draw(st.lists(commands(), min_size=1, max_size=3))]
    quoted = ", ".join(f'"{word}"' for word in draw(commands(breaks=False)).split())
    return "\n".join([*lines, f"CMD [{quoted}]", ""])


@st.composite
def makefiles(draw) -> str:
    """A target for each command."""
    targets = enumerate(draw(st.lists(commands(), min_size=1, max_size=3)))
    return "".join(f"get{number}:\n\t@{command.replace(chr(10), chr(10) + chr(9))}\n\n" for number, command in targets)


@st.composite
def workflows(draw) -> str:
    """Steps of a workflow, in a line or a block."""
    styles = st.sampled_from(["|", ">-"])
    drawn = draw(st.lists(st.tuples(styles, commands(breaks=False)), min_size=1, max_size=3))
    steps = [f"      - run: {style}\n          {command}" for style, command in drawn]
    return "on: push\njobs:\n  build:\n    runs-on: ubuntu\n    steps:\n" + "\n".join(steps) + "\n"


@st.composite
def servers(draw) -> str:
    """Settings of a server: a cache of models and the command that serves one."""
    lines = ["model_name: ours", "model_cache:"]
    for name in draw(st.lists(IDS, min_size=1, max_size=3)):
        revision = draw(st.sampled_from(["", "\n    revision: main", '\n    revision: "v1.0"  # kept']))
        lines.append(f"  - repo_id: {name}{draw(COMMENTS)}{revision}")
    lines += ["docker_server:", f'  start_command: sh -c "vllm serve {draw(IDS)} --port 8000"']
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


FILES = st.one_of(
    st.tuples(st.just("run.sh"), scripts()),
    st.tuples(st.just("Dockerfile"), images()),
    st.tuples(st.just("Makefile"), makefiles()),
    st.tuples(st.just(".github/workflows/ci.yml"), workflows()),
    st.tuples(st.just("config.yaml"), servers()),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_pins_in_commands_and_settings_come_off_byte_for_byte(file):
    path, text = file
    done = pinned(text, path)
    after = {(one.ref, one.revision) for one in reading(path)(done.text, path) if one.status == "pinned"}
    assert {(one.ref, one.sha) for one in done.pins} <= after
    back = unpinned(done, path)
    assert back.text == text
    assert (back.kept, len(back.unpins)) == ([], len(done.pins))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("run.sh", "hf download northwind/base\nwget https://huggingface.co/contoso/Large.v2/resolve/main/a.json\n"),
        ("Dockerfile", "FROM python:3.12\nRUN hf download northwind/base\nRUN hf download contoso/Large.v2\n"),
        ("Makefile", "get:\n\thf download northwind/base\n\thf download contoso/Large.v2 --revision main\n"),
        (
            "config.yaml",
            "model_cache:\n  - repo_id: northwind/base\n    revision: main\n  - repo_id: contoso/Large.v2\n",
        ),
    ],
)
def test_there_is_something_to_take_off(path, text):
    done = pinned(text, path)
    assert ([pin.ref for pin in done.pins], done.refused) == (["northwind/base", "contoso/Large.v2"], [])
    assert unpinned(done, path).text == text
