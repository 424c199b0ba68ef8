"""Dockerfiles and Makefiles."""

from __future__ import annotations

from ftlineage.drift.commands.reader import read_dockerfile, read_makefile
from tests.unit.drift.commands.seen import SHA, pinned, rows

DOCKERFILE = f"""\
FROM vllm/vllm-openai:v0.6
ARG MODEL=org-a/arg
ARG REVISION
# RUN hf download org-a/comment
ENV CACHE=/x NAME="org-a/env"
RUN pip install x && \\
    # hf download org-a/inner
    hf download ${{MODEL}} && \\
    huggingface-cli download org-a/run --revision {SHA}
RUN ["hf", "download", "org-a/list"]
RUN <<EOF
hf download org-a/doc
EOF
ADD https://huggingface.co/org-a/add/resolve/main/x.bin /x
CMD ["--model", "org-a/image"]
FROM python:3.12
ENTRYPOINT ["vllm", "serve"]
CMD ["org-a/cmd", "--port", "1"]
FROM python:3.12
CMD vllm serve $NAME
ENV MODEL_ID org-a/app
ENV SERVED_MODEL_NAME=org-a/served
"""


def test_dockerfile() -> None:
    assert rows(read_dockerfile(DOCKERFILE)) == [
        (2, "org-a/arg", "model", "floating"),
        (9, "org-a/run", "model", "pinned"),
        (10, "org-a/list", "model", "floating"),
        (12, "org-a/doc", "model", "floating"),
        (14, "org-a/add", "model", "floating"),
        (15, "org-a/image", "model", "floating"),
        (18, "org-a/cmd", "model", "floating"),
        (20, "org-a/env", "model", "floating"),
        (21, "org-a/app", "model", "floating"),
    ]


def test_dockerfile_slots() -> None:
    assert f'["hf", "download", "org-a/list", "--revision", "{SHA}"]' in pinned(read_dockerfile, DOCKERFILE, 2)
    assert f'CMD ["org-a/cmd", "--revision", "{SHA}", "--port", "1"]' in pinned(read_dockerfile, DOCKERFILE, 6)
    assert f"vllm serve $NAME --revision {SHA}\n" in pinned(read_dockerfile, DOCKERFILE, 7)
    found = read_dockerfile(DOCKERFILE)
    assert [each.slot.comment if each.slot else "-" for each in found] == [
        "-",
        "#",
        None,
        "#",
        None,
        None,
        None,
        "#",
        "-",
    ]


def test_makefile() -> None:
    text = """\
MODEL ?= org-a/default
DATA := org-a/data
ALIAS = $(DATA)
# NOTE = org-a/comment
run: $(MODEL)
\t@python t.py --model $(MODEL) --dataset ${ALIAS}
\t-M=org-a/shell; vllm serve $$M \\
\t  --port 1
\tfor m in org-b/one org-b/two; do hf download $$m; done
\t@echo hf download org-a/echo
not-a-recipe: hf download org-a/no
"""
    found = read_makefile(text)
    assert rows(found) == [
        (1, "org-a/default", "model", "floating"),
        (6, "org-a/data", "dataset", "floating"),
        (7, "org-a/shell", "model", "floating"),
        (9, "org-b/one", "model", "floating"),
        (9, "org-b/two", "model", "floating"),
    ]
    assert f"vllm serve $$M --revision {SHA} \\\n" in pinned(read_makefile, text, 2)
