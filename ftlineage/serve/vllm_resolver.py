"""What vLLM's resolver of ours decides: which version a name stands for, whether it may be served, on which base.

Everything but the thin class at the end works without vLLM. Refused: a server whose doors around
the resolver are open, because there verification would be for show; a base that is not the card's,
or whose commit nobody pinned.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ftlineage.core import words
from ftlineage.core.digest import is_commit_sha
from ftlineage.core.sections import Base
from ftlineage.errors import BadArgumentError, FtlineageError, MismatchError, UndecidedError, UsageError
from ftlineage.hashing.progress import hidden_progress
from ftlineage.serve import deny
from ftlineage.serve.catalogue import Catalogue
from ftlineage.serve.errors import NotServableError, VersionRefusedError, VersionUndecidedError, VersionUnknownError
from ftlineage.serve.gate import Demands, Proven, keep, prove, refusal
from ftlineage.serve.vllm_command import ENGINE, MIDDLEWARE, check_environment
from ftlineage.serve.vllm_limits import adapter_fault
from ftlineage.sources.hub_cache import identify_snapshot

if TYPE_CHECKING:
    import logging

NAME = "ftlineage"
_STATUS: tuple[tuple[type[FtlineageError], HTTPStatus], ...] = (
    (VersionUnknownError, HTTPStatus.NOT_FOUND),
    (MismatchError, HTTPStatus.FORBIDDEN),
    (UndecidedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UsageError, HTTPStatus.BAD_REQUEST),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says: where versions lie, which base is served, what must hold."""

    folder: Path
    revision: str | None
    demands: Demands

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Settings:
        """The settings in environment variables; :mod:`ftlineage.serve.vllm_plugin` lists them.

        Raises:
            BadArgumentError: A value means nothing, or another variable switches the guards off.
        """
        check_environment(variables)
        revision = variables.get("FTLINEAGE_SERVE_REVISION") or None
        if revision is not None and not is_commit_sha(revision):
            raise BadArgumentError(argument="FTLINEAGE_SERVE_REVISION", reason=f"{revision!r} is no 40-hex commit")
        required = variables.get("FTLINEAGE_SERVE_REQUIRE_SIGNATURE", "0")
        if required not in ("", "0", "1"):
            raise BadArgumentError(argument="FTLINEAGE_SERVE_REQUIRE_SIGNATURE", reason=f"{required!r} is not 0 or 1")
        demands = Demands(
            base=_path(variables, "FTLINEAGE_SERVE_BASE"),
            policy=_path(variables, "FTLINEAGE_SERVE_POLICY"),
            trust=_path(variables, "FTLINEAGE_SERVE_TRUST"),
            require_signature=required == "1",
        )
        return cls(folder=Path(variables["FTLINEAGE_SERVE"]), revision=revision, demands=demands)


class Gatekeeper:
    """Turns a served name into a verified, kept version.

    Args:
        settings: Where to look and what must hold.

    Raises:
        PathNotFoundError: The folder of versions does not exist.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalogue = Catalogue(settings.folder)

    def resolve(self, model: str, name: str) -> Proven | None:
        """The version to serve under a name, or None for a name that is not ours.

        Args:
            model: What the engine serves as its base.
            name: What the request asked for.

        Raises:
            FtlineageError: It is ours and must not be served.
        """
        folder = self._catalogue.find(name)
        if folder is None:
            return None
        if not deny.is_installed():
            hint = f"Start vLLM with --middleware {MIDDLEWARE}"
            raise VersionUndecidedError(name=name, reason="the doors around verification are open", hint=hint)
        report = prove(folder, self._settings.demands)
        if not report.ok:
            raise refusal(report, name)
        version = keep(folder, report)
        if version.name != name:  # the card was exchanged after it was found
            raise VersionRefusedError(name=name, reason=f"the folder now holds {version.name}")
        fault = adapter_fault(version.config)
        if fault is not None:
            raise NotServableError(engine=ENGINE, target=name, reason=fault)
        fault = base_fault(version.base, model, revision=self._settings.revision, folder=self._settings.demands.base)
        if fault is not None:
            raise VersionRefusedError(name=name, reason=fault)
        return version


def base_fault(base: Base, model: str, *, revision: str | None, folder: Path | None) -> str | None:
    """Why an engine's base is not the one a card names, or None.

    Args:
        base: The card's section.
        model: What the engine serves: a Hub name, or a path (offline, vLLM puts the snapshot's path there).
        revision: The commit the engine was started with, if its name does not say.
        folder: A folder that was compared with the card byte by byte.
    """
    if folder is not None and os.path.realpath(model) == os.path.realpath(folder):
        return None
    if base.origin == "local" or base.revision is None:
        return "its base was a folder, and the one that is served was not compared: set FTLINEAGE_SERVE_BASE"
    snapshot = identify_snapshot(Path(model)) if os.path.isdir(model) else None  # noqa: PTH112 - never raises
    served, at = (snapshot.repo, snapshot.sha) if snapshot is not None else (model, revision)
    if served != base.model:
        return f"it belongs to {words.clean(base.model)}, and another base is served"
    if at is None:
        return "nobody said which commit of its base is served: set FTLINEAGE_SERVE_REVISION"
    if at != base.revision:
        return f"it belongs to commit {words.short(base.revision)} of its base, and {words.short(at)} is served"
    return None


def make_resolver(variables: Mapping[str, str]) -> Any:
    """An instance of vLLM's ``LoRAResolver`` for these settings.

    Raises:
        FtlineageError: The settings cannot be used.
    """
    import asyncio
    import logging

    from vllm.lora.request import LoRARequest
    from vllm.lora.resolver import LoRAResolver

    keeper = Gatekeeper(Settings.read(variables))
    log = logging.getLogger("vllm.ftlineage")  # below vLLM's logger, which has the handlers

    class FtlineageResolver(LoRAResolver):
        """Serves what verification said yes to."""

        async def resolve_lora(self, base_model_name: str, lora_name: str) -> Any:
            try:
                with hidden_progress():  # a server's terminal is its log
                    version = await asyncio.to_thread(keeper.resolve, base_model_name, lora_name)
            except Exception as error:
                raise _refused(error, lora_name, log) from error
            if version is None:
                return None
            log.info("verified %s: card %s", version.name, version.report.card)
            # vLLM counts the numbers itself and replaces this one.
            return LoRARequest(lora_name=version.name, lora_int_id=1, lora_path=str(version.folder))

    return FtlineageResolver()


def _refused(error: Exception, name: str, log: logging.Logger) -> Exception:
    """The error vLLM turns into an HTTP answer: a sentence for the client, places and causes for the log."""
    from vllm.exceptions import GracefulHTTPError

    shown = words.clean(name)[:200]
    if not isinstance(error, FtlineageError):
        log.error("ftlineage could not decide about %s", shown, exc_info=error)
        return GracefulHTTPError(f"ftlineage could not decide about {shown}.", HTTPStatus.SERVICE_UNAVAILABLE)
    log.warning("ftlineage refused %s: %s", shown, words.clean(str(error)))
    status = next(status for family, status in _STATUS if isinstance(error, family))
    # Only these are known to name no place on this machine.
    own = isinstance(error, VersionRefusedError | VersionUndecidedError | VersionUnknownError | NotServableError)
    said = words.clean(error.sentence) if own else f"{shown} is not served, see the log"
    return GracefulHTTPError(f"ftlineage: {said}.", status)


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    return Path(text) if text else None
