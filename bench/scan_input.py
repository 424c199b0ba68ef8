"""Write a tree as repositories of fine-tuning code look: Python above all, settings, scripts, pages, a few notebooks.

    python -m bench.scan_input FOLDER [FILES]

The same bytes every time. Shares and sizes follow seven public repositories of 7,500 files together:
52 % Python (4.8 KB in the median, 9.8 KB on average), 15 % YAML, 10 % Markdown, 9 % shell. As there, a
quarter of the Python files load something from the Hub and another quarter only look as if they did:
a licence's header, a link, a path with one slash. The ids belong to nobody.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ftlineage.core import codec

FILES = 4000
IN_A_FOLDER = 25
LOADING, ALIKE = 0.24, 0.24  # of the Python files
SHA = "0123456789abcdef0123456789abcdef01234567"
ORGANISATIONS = ("contoso", "northwind", "initech", "hooli", "umbrella-labs", "globex")
TEXT = (
    "batch step loss token layer head mask weight score sample prompt label group state cache offset length config "
    "query value block scale shape index buffer worker result output target source metric"
)
WORDS = TEXT.split()

LINES = (
    "{a}_{b} = self.{c}_{a}({b}, {c}={n})",
    "if {a} is None or len({b}) > {n}:\n    raise ValueError(f'{a} has {{len({b})}} of {n} {c}s')",
    "for {a}, {b} in enumerate({c}_list):\n    self.{b}_{c}[{a}] = {b} * {n} + {c}.get('{a}', {n})",
    "{a} = [{b}.{c}(x) for x in self.{a}_{b} if x.{c} not in {{'{a}', '{b}', '{c}'}}]",
    "# The {a} of a {b} is known before its {c}, so the {a} decides.",
    "logger.info('%d {a}s of %d {b}s took %.2f s', {a}, {b}, {c} / {n}.0)",
    "with torch.no_grad():\n    {a} = ({b}.float() / {c}.sum(dim=-1, keepdim=True)).clamp(min=1e-{m})",
    "assert {a}.shape == ({b}, {n}), ({a}.shape, {b})",
    "{a} = {{'{b}': {n}, '{c}': [{b}, {c}], '{a} {b}': '/{c}/{a}.json'}}",
    "return {a} if {b} else self.{c}({a}, **kwargs)",
)
LOADS = (
    "model = AutoModelForCausalLM.from_pretrained('{id}', torch_dtype='auto')",
    "tokenizer = AutoTokenizer.from_pretrained(args.{a}_name, trust_remote_code=True)",
    "MODEL = '{id}'\nmodel = AutoModel.from_pretrained(\n    MODEL,\n    device_map='auto',\n    revision='{sha}',\n)",
    "{a} = load_dataset('{id}', split='train[:{n}]')",
    "{a} = load_dataset('json', data_files=args.{b}_files)",
    "parser.add_argument('--{a}_model', type=str, default='{id}', help='{b} of {c}')",
    "path = hf_hub_download(repo_id='{id}', filename='{a}.json', revision='main')",
    "{a} = SentenceTransformer('{id}')\n{b} = {a}.encode({c})",
)
MENTIONS = (
    "# Copyright 2024 The HuggingFace Inc. team. All rights reserved.",
    "# See https://huggingface.co/docs/{a}/main/{b} for the {c}.",
    "{a}_FILES = '{b}-lab/{c}-1'",
)
IMPORTS = """\
from datasets import load_dataset
from huggingface_hub import hf_hub_download
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
"""
FUNCTION = '''\
    def {a}_{b}(self, {b}, {c}={n}, *, {a}='{b}-{c}', **kwargs):
        """Gives the {a} of a {b}.

        Args:
            {c}: Its {a}.
        """
'''
SETTINGS = (
    "{a}_{b}: 0.{n}",
    "{a}_{b}_{c}:\n  {b}: true\n  {c}: [{a}, {b}]",
    "# {a}s before {b}s",
    "output_dir: output/{a}_{b}",
    "{b}_{a}:\n  - name: {c}\n    {a}: '{b}'",
)
COMMAND = """\
export {a}_{c}=$HOME/{a}/{b}
python -m {a}.{b} \\
    --model {id} \\
    --{c}_{a} {n} --{b}_{c} {n} \\
    --{a}_{c} {n} --{c}_{b} output/{c}
"""


def main(folder: str, files: int = FILES) -> None:
    total = 0
    for name, text in texts(files):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        total += path.write_bytes(text.encode())
    print(f"{files} files, {total} bytes")


def texts(files: int) -> Iterator[tuple[str, str]]:
    """Path and text of each file."""
    chance = random.Random(7)
    weights = [share for share, _, _ in KINDS]
    for number in range(files):
        _, ending, make = chance.choices(KINDS, weights)[0]
        folder = f"{WORDS[number // IN_A_FOLDER % len(WORDS)]}/part{number // IN_A_FOLDER}"
        yield f"{folder}/{ending.format(f'{WORDS[number % len(WORDS)]}_{number}')}", make(chance)


def fill(chance: random.Random, template: str) -> str:
    a, b, c = chance.sample(WORDS, 3)
    return template.format(
        a=a, b=b, c=c, n=chance.randint(2, 4096), m=chance.randint(3, 9), sha=SHA,
        id=f"{chance.choice(ORGANISATIONS)}/{chance.choice(WORDS)}-{chance.randint(1, 70)}b",
    )  # fmt: skip


def until(size: int, piece: Callable[[], str]) -> str:
    pieces: list[str] = []
    total = 0
    while total < size:
        pieces.append(piece())
        total += len(pieces[-1]) + 1
    return "\n".join(pieces) + "\n"


def length(chance: random.Random, median: int, spread: float) -> int:
    """Characters of a file: most are short, a few are very long."""
    return min(300_000, max(120, round(median * chance.lognormvariate(0, spread))))


def indented(text: str, margin: str) -> str:
    return "\n".join(margin + line for line in text.split("\n")) + "\n"


def python(chance: random.Random) -> str:
    drawn = chance.random()
    loads = drawn < LOADING
    text = fill(chance, chance.choice(MENTIONS)) + "\n\n" if LOADING <= drawn < LOADING + ALIKE else ""
    text += (
        f"import logging\n\nimport torch\n{IMPORTS * loads}\nlogger = logging.getLogger(__name__)\n\n\nclass Step:\n"
    )
    text += until(length(chance, 4200, 1.25), lambda: function(chance))
    if loads:
        picked = "\n".join(fill(chance, chance.choice(LOADS)) for _ in range(chance.randint(1, 6)))
        text += "\n\ndef main(args, parser):\n" + indented(picked, "    ")
    return text


def function(chance: random.Random) -> str:
    body = "\n".join(fill(chance, chance.choice(LINES)) for _ in range(chance.randint(3, 12)))
    return fill(chance, FUNCTION) + indented(body, "        ") + "        return None\n"


def yaml(chance: random.Random) -> str:
    text = until(length(chance, 1300, 0.75), lambda: fill(chance, chance.choice(SETTINGS)))
    if chance.random() < 0.6:
        text = fill(chance, "model_name_or_path: {id}\nmodel_revision: main\n") + text
    if chance.random() < 0.4:
        text += fill(chance, "datasets:\n  - path: {id}\n    type: alpaca\n")
    return text


def shell(chance: random.Random) -> str:
    return "#!/usr/bin/env bash\nset -euo pipefail\n" + until(length(chance, 1150, 0.8), lambda: fill(chance, COMMAND))


def json(chance: random.Random) -> str:
    many = max(2, round(12 * chance.lognormvariate(0, 1.8)))
    values = {f"{chance.choice(WORDS)}_{number}": fill(chance, "{a}/{b} {c} {n}") for number in range(many)}
    return codec.pretty_bytes(values).decode()


def notebook(chance: random.Random) -> str:
    def cell(number: int) -> dict[str, object]:
        source = fill(chance, chance.choice(LOADS if number % 5 == 1 else LINES)).splitlines(keepends=True)
        text = [fill(chance, "{a} {n} {b} {n}\n") for _ in range(30)]
        output = {"output_type": "stream", "name": "stdout", "text": text}
        return {"cell_type": "code", "execution_count": number, "metadata": {}, "outputs": [output], "source": source}

    cells = [cell(number) for number in range(chance.randint(8, 40))]
    return codec.pretty_bytes({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).decode()


def page(chance: random.Random) -> str:
    return until(length(chance, 3900, 1.0), lambda: fill(chance, "The {a} of `{id}` is a {b}: its {c} has {n}."))


def dockerfile(chance: random.Random) -> str:
    return fill(chance, 'FROM python:3.12\nRUN pip install {a}\nRUN hf download {id} --local-dir /{c}\nCMD ["{a}"]\n')


def makefile(chance: random.Random) -> str:
    return fill(chance, "{a}: {b}\n\tpython -m {a} --model {id} --{c} {n}\n\n{b}:\n\techo $(HOME)/{c}\n")


def rows(chance: random.Random) -> str:
    return until(length(chance, 9000, 1.0), lambda: fill(chance, "{n}\t{a} {b}\t{c}"))


# Share in a thousand files, name, text.
KINDS: tuple[tuple[int, str, Callable[[random.Random], str]], ...] = (
    (545, "{}.py", python),
    (155, "{}.yaml", yaml),
    (105, "{}.md", page),
    (90, "{}.sh", shell),
    (45, "{}.json", json),
    (40, "{}.txt", rows),
    (13, "{}.ipynb", notebook),
    (4, "Dockerfile.{}", dockerfile),
    (3, "{}.mk", makefile),
)

if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
