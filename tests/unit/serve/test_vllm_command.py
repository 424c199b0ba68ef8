"""The command line against vLLM's own parser and its own lists of flags."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from ftlineage.core.digest import text_sha256
from ftlineage.core.sections import Base, ChatTemplate, FileRecord, Preprocessing
from ftlineage.errors import BadArgumentError
from ftlineage.serve.errors import NotServableError
from ftlineage.serve.gate import Demands, keep, prove
from ftlineage.serve.vllm_command import (
    MIDDLEWARE,
    build_launch,
    check_environment,
    check_extra,
    check_together,
    shared_template,
)
from tests import real_vllm
from tests.sealed import MODEL, REVISION, base_records, write_base
from tests.unit.serve.conftest import LORA, make_version

FLAGS = {
    "--revision", "--tokenizer-revision", "--code-revision", "--enable-lora", "--max-loras", "--max-lora-rank",
    "--lora-modules", "--middleware", "--fingerprint-mode", "--fingerprint-value", "--enable-request-id-headers",
}  # fmt: skip


def proven(folder: Path, *, base: Path | None = None, **changes):
    make_version(folder, **changes)
    return keep(folder, prove(folder, Demands(base=base)))


def options(command: tuple[str, ...]) -> set[str]:
    return {word for word in command if word.startswith("--")}


def parse(command: tuple[str, ...]):
    """What vLLM's parser makes of a command; flags by vLLM's own list, adapters by its own action."""
    from vllm.entrypoints.common.cli_args import LoRAParserAction
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser(prog="vllm serve")
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--lora-modules", nargs="+", type=str, action=LoRAParserAction)
    parser.add_argument("--middleware", action="append", type=str, default=[])
    for switch in ("--enable-lora", "--enable-request-id-headers"):
        parser.add_argument(switch, action="store_true")
    known = real_vllm.engine_flags() | set(real_vllm.frontend_flags())
    for flag in sorted(known - FLAGS | (FLAGS & known)):
        if flag.startswith("--") and flag not in parser._option_string_actions:
            parser.add_argument(flag)
    assert command[:2] == ("vllm", "serve")
    return parser.parse_args(list(command[2:]))


def test_one_version_gets_one_static_adapter_on_a_pinned_base(tmp_path, home, vllm):
    version = proven(tmp_path / "a", config={**LORA, "r": 2, "rank_pattern": {"layers.1": 9}})

    launch = build_launch([version], extra=["--port", "8001"])
    parsed = parse(launch.command)

    assert parsed.model_tag == MODEL
    assert (parsed.revision, parsed.tokenizer_revision, parsed.code_revision) == (REVISION,) * 3
    assert parsed.enable_lora is True
    assert (parsed.max_loras, parsed.max_lora_rank) == ("1", "16")
    (module,) = parsed.lora_modules
    assert (module.name, module.path, module.base_model_name) == (version.name, str(version.folder), MODEL)
    assert module.name == f"support-bot-{version.card.id[7:19]}"
    assert parsed.middleware == [MIDDLEWARE]
    assert (parsed.fingerprint_mode, parsed.fingerprint_value) == ("custom", launch.fingerprint)
    assert launch.fingerprint.startswith("ftl-")
    assert len(launch.fingerprint) == 16
    assert parsed.enable_request_id_headers is True
    assert parsed.port == "8001"


def test_every_flag_is_one_of_vllm(tmp_path, home):
    launch = build_launch([proven(tmp_path / "a")], chat_template=tmp_path / "t.jinja")

    assert options(launch.command) == FLAGS | {"--chat-template"}
    assert options(launch.command) <= real_vllm.engine_flags() | set(real_vllm.frontend_flags())
    assert "custom" in ast.literal_eval(real_vllm.frontend_flags()["--fingerprint-mode"].removeprefix("Literal"))


def test_several_versions_of_one_base_share_a_server(tmp_path, home, vllm):
    first, second = proven(tmp_path / "a"), proven(tmp_path / "b", config={**LORA, "lora_alpha": 9}, name="scorer")

    parsed = parse(build_launch([first, second], max_loras=3).command)

    assert [module.name for module in parsed.lora_modules] == [first.name, second.name]
    assert second.name.startswith("scorer-")
    assert parsed.max_loras == "3"


def test_an_extra_word_cannot_become_an_adapter(tmp_path, home, vllm, capsys):
    launch = build_launch([proven(tmp_path / "a")])

    with pytest.raises(SystemExit):
        parse((*launch.command, "evil=/path"))
    assert "unrecognized arguments: evil=/path" in capsys.readouterr().err


def test_the_fingerprint_moves_with_what_is_launched(tmp_path, home):
    first, second = proven(tmp_path / "a"), proven(tmp_path / "b", config={**LORA, "lora_alpha": 9})

    prints = [
        build_launch(versions, extra=extra).fingerprint
        for versions, extra in [
            ([first], []), ([second], []), ([first, second], []), ([first], ["--seed", "1"]),
            ([first], ["1", "--seed"][::-1]),
        ]
    ]  # fmt: skip

    assert len(set(prints)) == 4
    assert prints[3] == prints[4]
    assert build_launch([second, first]).fingerprint == prints[2]


def test_the_environment_keeps_nothing_that_opens_a_door(tmp_path, home):
    launch = build_launch([proven(tmp_path / "a")])

    made = launch.environment({"PATH": "/bin", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "VLLM_SERVER_DEV_MODE": "1"})

    assert made == {"PATH": "/bin", "VLLM_PLUGINS": "ftlineage"}


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("", "ftlineage"),
        ("ascend", "ascend,ftlineage"),
        ("lora_filesystem_resolver,ascend,ftlineage,lora_hf_hub_resolver", "ascend,ftlineage"),
    ],
)
def test_plugins_for_hardware_stay_and_other_resolvers_go(tmp_path, home, wanted, given):
    assert build_launch([proven(tmp_path / "a")], plugins=wanted).set == {"VLLM_PLUGINS": given}


def test_the_printed_command_is_the_command(tmp_path, home):
    launch = build_launch([proven(tmp_path / "it's a folder")], extra=["--chat-template-content-format", "a b"])
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "vllm").write_text('#!/bin/sh\nprintf "%s\\0" "$@" "$VLLM_PLUGINS" "${VLLM_SERVER_DEV_MODE-unset}"\n')
    (bin_ / "vllm").chmod(0o755)

    done = subprocess.run(
        ["bash", "-c", launch.shell()],
        capture_output=True,
        check=True,
        env={"PATH": f"{bin_}:/usr/bin:/bin", "VLLM_SERVER_DEV_MODE": "1"},
    )

    assert done.stdout.decode().split("\0") == [*launch.command[1:], "ftlineage", "unset", ""]


# --- the base ------------------------------------------------------------------------------------


def test_a_local_base_must_be_named_and_is_served_from_there(tmp_path, home):
    base = write_base(tmp_path / "base")
    local = Base(model="base", origin="local", files=base_records(base))
    config = {**LORA, "base_model_name_or_path": "base", "revision": None}
    version = proven(tmp_path / "a", base=base, config=config, base_section=local)

    with pytest.raises(NotServableError) as caught:
        build_launch([version])
    assert caught.value.sentence == f"vLLM cannot serve {version.name}: its base base was a folder"
    assert caught.value.hint == "Name the folder it lies in: --base PATH"
    command = build_launch([version], base=base).command
    assert command[2] == str(base)
    assert not any("revision" in word for word in command)


def test_code_is_pinned_to_its_own_commit(tmp_path, home):
    code = "f" * 40
    section = Base(model=MODEL, revision=REVISION, origin="hub", code_revision=code)

    command = build_launch([proven(tmp_path / "a", base_section=section)]).command

    assert command[command.index("--code-revision") + 1] == code


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revision": "f" * 40}, f"it belongs to {MODEL}@{'f' * 40}, and {{first}} to {MODEL}@{REVISION}"),
        ({"model": "acme/other"}, f"it belongs to acme/other@{REVISION}, and {{first}} to {MODEL}@{REVISION}"),
    ],
)
def test_versions_of_two_bases_cannot_share_a_server(tmp_path, home, change, reason):
    section = msgspec.structs.replace(Base(model=MODEL, revision=REVISION, origin="hub"), **change)
    config = {**LORA, "base_model_name_or_path": section.model, "revision": section.revision}
    first, second = proven(tmp_path / "a"), proven(tmp_path / "b", config=config, base_section=section)

    with pytest.raises(NotServableError) as caught:
        check_together([first, second])
    assert caught.value.reason == reason.format(first=first.name)


def test_local_bases_are_told_apart_by_their_bytes(tmp_path, home):
    version = proven(tmp_path / "a")
    sections = [
        Base(model="base", origin="local", files=[FileRecord(path="w", size=1, sha256=digit * 64)]) for digit in "ab"
    ]
    cards = [SimpleNamespace(body=_body(version, base=section)) for section in sections]
    copies = [msgspec.structs.replace(version, name=f"v-{index}", card=card) for index, card in enumerate(cards)]

    with pytest.raises(NotServableError):
        check_together(copies)


def test_one_name_stands_once(tmp_path, home):
    version = proven(tmp_path / "a")

    with pytest.raises(NotServableError, match="it is named twice"):
        check_together([version, version])


# --- chat templates ------------------------------------------------------------------------------


def _body(version, **changes):
    return msgspec.structs.replace(version.card.body, **changes)


def templates(text: str | None) -> Preprocessing:
    named = {"tool_use": "tools"} if text is None else {"default": text, "tool_use": "tools"}
    listed = [ChatTemplate(name=name, text=body, sha256=text_sha256(body)) for name, body in named.items()]
    return Preprocessing(chat_templates=listed)


def test_a_template_that_all_share_is_given(tmp_path, home):
    first = proven(tmp_path / "a", preprocessing=templates("{{ a }}"))
    second = proven(tmp_path / "b", preprocessing=templates("{{ a }}"), config={**LORA, "lora_alpha": 9})

    assert shared_template([first, second]) == "{{ a }}"
    assert shared_template([proven(tmp_path / "c")]) is None


@pytest.mark.parametrize("other", [None, "{{ b }}"])
def test_versions_with_two_templates_cannot_share_a_server(tmp_path, home, other):
    first = proven(tmp_path / "a", preprocessing=templates("{{ a }}"))
    second = proven(tmp_path / "b", preprocessing=templates(other), config={**LORA, "lora_alpha": 9})

    with pytest.raises(NotServableError, match=f"its chat template is not that of {first.name}, and a server has one"):
        shared_template([first, second])


# --- what was typed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["--lora-modules", "x=/evil"], ["--lora-modules=x=/evil"], ["--lora_modules", "x=/evil"],
        ["--lora-mod", "x=/y"],
        ["--revision", "main"], ["--rev=main"], ["--tokenizer", "x"], ["--model=x"], ["--config", "x.yaml"],
        ["--no-enable-lora"], ["--disable-lora"], ["--default-mm-loras.image", "/evil"], ["--port", "1", "--grpc"],
        ["--chat-template", "x"], ["--hf-config-path", "x"], ["--max-lora-rank", "512"], ["--fingerprint-value=x"],
    ],
)  # fmt: skip
def test_arguments_that_replace_what_was_verified_are_refused(words):
    with pytest.raises(BadArgumentError, match="it would replace what was verified"):
        check_extra(words)


@pytest.mark.parametrize(
    "words",
    [
        [], ["--port", "8001"], ["-tp", "2"], ["--tokenizer-mode", "slow"], ["--trust-remote-code"], ["-O3"],
        ["--", "x"],
        ["--middleware", "mine.Log"], ["--chat-template-content-format", "string"], ["--max-cpu-loras", "4"],
    ],
)  # fmt: skip
def test_other_arguments_pass(words):
    check_extra(words)


def test_extra_arguments_begin_with_an_option():
    with pytest.raises(BadArgumentError, match="arguments for vLLM begin with an option"):
        check_extra(["evil=/path"])


def test_every_version_needs_a_place(tmp_path, home):
    first, second = proven(tmp_path / "a"), proven(tmp_path / "b", config={**LORA, "lora_alpha": 9})

    with pytest.raises(BadArgumentError, match="--max-loras: less than the 2 versions named"):
        build_launch([first, second], max_loras=1)


@pytest.mark.parametrize("name", ["VLLM_USE_RUST_FRONTEND", "VLLM_USE_MODELSCOPE"])
def test_what_would_go_around_us_is_refused(name):
    for value in ("0", "", "false"):
        check_environment({name: value})
    with pytest.raises(BadArgumentError, match=f"{name}=1: the"):
        check_environment({name: "1"})
