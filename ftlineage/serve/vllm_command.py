"""The command line that serves verified versions with vLLM: static adapters, every part of the base pinned.

Decides flags and environment; runs nothing and reads nothing. Static ``--lora-modules`` is the
default because the resolver of a running vLLM only works with run-time loading switched on, which
opens doors that skip it (``docs/adr/0010-static-adapters-first.md``). Refused: versions of several
bases or chat templates in one server, what vLLM would not load, and extra arguments that replace
what was verified.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ftlineage.core import codec, words
from ftlineage.core.digest import root_digest
from ftlineage.errors import BadArgumentError
from ftlineage.serve.errors import NotServableError
from ftlineage.serve.gate import Proven
from ftlineage.serve.vllm_limits import adapter_fault, lora_rank, max_lora_rank

ENGINE = "vLLM"
MIDDLEWARE = "ftlineage.serve.deny.DenyAdapterDoors"
PLUGIN = "ftlineage"
SERVE_VARIABLE = "FTLINEAGE_SERVE"

# Each would let something in that was not verified: adapters by request or by name, weights by
# request, the base under names nobody serves.
UNSET = (
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING",
    "VLLM_LORA_RESOLVER_CACHE_DIR",
    "VLLM_LORA_RESOLVER_HF_REPO_LIST",
    "VLLM_SERVER_DEV_MODE",
    "VLLM_SKIP_MODEL_NAME_VALIDATION",
    SERVE_VARIABLE,
)
# Shipped with vLLM: they serve whatever lies in a folder, or on the Hub, under the name that was asked for.
_RESOLVERS = frozenset({"lora_filesystem_resolver", "lora_hf_hub_resolver"})
_REFUSED_VARIABLES = {
    "VLLM_USE_RUST_FRONTEND": "the Rust front end runs no Python middleware, so the doors would stay open",
    "VLLM_USE_MODELSCOPE": "the base would come from ModelScope, where the card's commit means nothing",
}
# Flags that decide what is served; abbreviations of them are refused too, because argparse takes those.
_OURS = (
    "--model", "--revision", "--tokenizer", "--tokenizer-revision", "--code-revision", "--hf-config-path", "--config",
    "--enable-lora", "--disable-lora", "--no-enable-lora", "--lora-modules", "--max-loras", "--max-lora-rank",
    "--lora-target-modules", "--default-mm-loras", "--chat-template", "--fingerprint-mode", "--fingerprint-value",
    "--grpc", "--grpc-port",
)  # fmt: skip


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """How to start the engine: the command, and what it needs in its environment and must not have."""

    command: tuple[str, ...]
    set: dict[str, str]
    unset: tuple[str, ...]
    fingerprint: str

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of the engine."""
        return {key: value for key, value in inherited.items() if key not in self.unset} | self.set

    def shell(self) -> str:
        """The same as one command to copy, an option a line."""
        lines = ["env", *(f"-u {name}" for name in self.unset)]
        lines += [f"{name}={shlex.quote(value)}" for name, value in self.set.items()]
        groups: list[list[str]] = [[]]
        for word in self.command:
            if word.startswith("--"):
                groups.append([])
            groups[-1].append(word)
        return " \\\n  ".join([" ".join(lines), *(shlex.join(group) for group in groups)])


def build_launch(
    versions: Sequence[Proven],
    *,
    base: Path | None = None,
    chat_template: Path | None = None,
    max_loras: int | None = None,
    plugins: str = "",
    extra: Sequence[str] = (),
) -> Launch:
    """The command line for these versions.

    Args:
        versions: Verified and kept, at least one.
        base: A folder with the base that was compared with the cards; needed for a base that was
            a folder when the version was recorded.
        chat_template: A file with the template that all cards agree on, see :func:`shared_template`.
        max_loras: Adapters in one batch; one for each version if not given.
        plugins: ``VLLM_PLUGINS`` as it was; what drives special hardware is a plugin too.
        extra: Further arguments for ``vllm serve``.

    Raises:
        NotServableError: vLLM cannot serve one of them, or not beside the others.
        BadArgumentError: An extra argument replaces what was verified.
    """
    check_servable(versions)
    check_together(versions)
    check_extra(extra)
    slots = _slots(versions, max_loras)
    rank = max_lora_rank(max(lora_rank(version.config) for version in versions))
    fingerprint = _fingerprint(versions, extra)
    template = ("--chat-template", str(chat_template)) if chat_template is not None else ()
    model, *revisions = _base_arguments(versions[0], base)
    command = (
        *("vllm", "serve", model, *revisions),
        *("--enable-lora", "--max-loras", str(slots), "--max-lora-rank", str(rank)),
        *("--lora-modules", *(_module(version, model) for version in versions)),
        *template,
        *("--middleware", MIDDLEWARE),
        *("--fingerprint-mode", "custom", "--fingerprint-value", fingerprint),
        "--enable-request-id-headers",  # takes no value, so that no extra word is read as one more adapter
        *extra,
    )
    return Launch(command=command, set={"VLLM_PLUGINS": _plugins(plugins)}, unset=UNSET, fingerprint=fingerprint)


def check_servable(versions: Sequence[Proven]) -> None:
    """Refuse what vLLM would not load, before an engine is started for it.

    Raises:
        NotServableError: With vLLM's reason.
    """
    for version in versions:
        fault = adapter_fault(version.config)
        if fault is not None:
            raise _cannot(version, fault)


def check_together(versions: Sequence[Proven]) -> None:
    """Refuse versions that one server cannot hold.

    Raises:
        NotServableError: They are of several bases, or two have one name.
    """
    first = versions[0]
    names: dict[str, Proven] = {}
    for version in versions:
        if _base_key(version) != _base_key(first):
            raise _cannot(version, f"it belongs to {_base_name(version)}, and {first.name} to {_base_name(first)}")
        if version.name in names:
            raise _cannot(version, "it is named twice")
        names[version.name] = version


def shared_template(versions: Sequence[Proven]) -> str | None:
    """The chat template of all versions; a server has one, and an adapter alone would get the base's.

    Raises:
        NotServableError: They were trained with different ones.
    """
    templates: dict[str | None, Proven] = {}
    for version in versions:
        listed = version.card.body.preprocessing.chat_templates
        text = next((template.text for template in listed if template.name == "default"), None)
        templates.setdefault(text, version)
    if len(templates) > 1:
        first, second = list(templates.values())[:2]
        raise _cannot(second, f"its chat template is not that of {first.name}, and a server has one")
    return next(iter(templates))


def check_extra(extra: Sequence[str]) -> None:
    """Refuse arguments that replace what was verified.

    Raises:
        BadArgumentError: The first such argument.
    """
    if extra and not extra[0].startswith("-"):
        raise BadArgumentError(argument=extra[0], reason="arguments for vLLM begin with an option")
    for word in extra:
        name = word.partition("=")[0].partition(".")[0].replace("_", "-")
        if len(name) > 2 and name.startswith("--") and any(own.startswith(name) for own in _OURS):  # noqa: PLR2004
            raise BadArgumentError(
                argument=word,
                reason="it would replace what was verified",
                hint="Leave it out; ftlineage launch sets base, adapters and template from the cards",
            )


def check_environment(inherited: Mapping[str, str]) -> None:
    """Refuse variables that switch off what guards the server.

    Raises:
        BadArgumentError: One is set.
    """
    for name, reason in _REFUSED_VARIABLES.items():
        if inherited.get(name, "").strip().lower() not in ("", "0", "false"):
            raise BadArgumentError(argument=f"{name}={inherited[name]}", reason=reason, hint=f"Type: unset {name}")


def _base_arguments(version: Proven, base: Path | None) -> tuple[str, ...]:
    claimed = version.base
    if base is not None:
        return (str(base.absolute()),)
    if claimed.origin == "local" or claimed.revision is None:
        hint = "Name the folder it lies in: --base PATH"
        raise NotServableError(
            engine=ENGINE, target=version.name, reason=f"its base {words.clean(claimed.model)} was a folder", hint=hint
        )
    # Without --trust-remote-code the code revision is not read; with it, code is never taken from a branch.
    code = claimed.code_revision or claimed.revision
    revisions = ("--revision", claimed.revision, "--tokenizer-revision", claimed.revision, "--code-revision", code)
    return (claimed.model, *revisions)


def _module(version: Proven, model: str) -> str:
    entry = {"name": version.name, "path": str(version.folder), "base_model_name": model}
    return codec.compact_text(entry)


def _plugins(wanted: str) -> str:
    """The plugins that were asked for, without the resolvers that verify nothing, and ours."""
    kept = [name for name in wanted.split(",") if name and name != PLUGIN and name not in _RESOLVERS]
    return ",".join([*kept, PLUGIN])


def _slots(versions: Sequence[Proven], wanted: int | None) -> int:
    if wanted is not None and wanted < len(versions):
        reason = f"less than the {words.quantity(len(versions), 'version')} named; each needs a place of its own"
        raise BadArgumentError(argument="--max-loras", reason=reason)
    return wanted or len(versions)


def _fingerprint(versions: Sequence[Proven], extra: Sequence[str]) -> str:
    """What ``system_fingerprint`` of every answer says: a digest over the versions, their base and the arguments."""
    parts = [("version", version.name, version.report.card or "") for version in versions]
    parts += [("base", "", _base_name(versions[0]))]
    parts += [("argument", str(index), word) for index, word in enumerate(extra)]
    return f"ftl-{root_digest('vllm-launch', parts)[:12]}"


def _base_key(version: Proven) -> object:
    claimed = version.base
    files = tuple((file.path, file.sha256) for file in claimed.files) if claimed.origin == "local" else ()
    return (claimed.origin, claimed.model, claimed.revision, claimed.code_revision, files)


def _base_name(version: Proven) -> str:
    claimed = version.base
    return words.clean(f"{claimed.model}@{claimed.revision}" if claimed.revision else claimed.model)


def _cannot(version: Proven, reason: str) -> NotServableError:
    return NotServableError(engine=ENGINE, target=version.name, reason=reason)
