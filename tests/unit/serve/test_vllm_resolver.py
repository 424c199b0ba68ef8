"""The resolver inside vLLM's own server of models: what is served, what is refused, and by whom."""

from __future__ import annotations

import asyncio
import importlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftlineage.core.sections import Base
from ftlineage.errors import BadArgumentError, PathNotFoundError
from ftlineage.serve import deny
from ftlineage.serve.vllm_plugin import register
from ftlineage.serve.vllm_resolver import Gatekeeper, Settings, base_fault
from ftlineage.store.cards import read_card_file
from ftlineage.store.versions import kept_folder
from tests import real_vllm
from tests.sealed import MODEL, REVISION, base_records, rewrite, write_base
from tests.unit.serve.conftest import LORA, make_version

pytestmark = pytest.mark.usefixtures("home", "closed")


# By its full name: the package's attribute `verify` is the function.
RUNNER = importlib.import_module("ftlineage.verify.runner")


class Engine:
    """The engine behind vLLM's server; what it would load is written down."""

    def __init__(self, model: str) -> None:
        self.model_config = SimpleNamespace(model=model, max_model_len=8)
        self.renderer = self.input_processor = None
        self.loaded: list[Any] = []

    async def add_lora(self, request: Any) -> None:
        self.loaded.append(request)


class Server:
    """vLLM's ``OpenAIServingModels`` over our resolver and one that serves anything, asked last."""

    def __init__(self, *, model: str = MODEL) -> None:
        from vllm.entrypoints.openai.models.protocol import BaseModelPath
        from vllm.entrypoints.openai.models.serving import OpenAIServingModels
        from vllm.lora.request import LoRARequest
        from vllm.lora.resolver import LoRAResolver, LoRAResolverRegistry

        asked: list[str] = []
        self.asked = asked

        class Anything(LoRAResolver):
            async def resolve_lora(self, _base_model_name, lora_name):
                asked.append(lora_name)
                served = lora_name.startswith("other")
                return LoRARequest(lora_name=lora_name, lora_int_id=1, lora_path="/anything") if served else None

        LoRAResolverRegistry.resolvers.clear()  # an installed vLLM stays imported between tests
        register()
        LoRAResolverRegistry.register_resolver("anything", Anything())
        self.engine = Engine(model)
        self.models = OpenAIServingModels(self.engine, [BaseModelPath(model, model)])

    def ask(self, name: str) -> tuple[int, str]:
        """The status and message a client gets, or 200 and the path that is loaded."""
        return asyncio.run(self.answer(name))

    async def answer(self, name: str) -> tuple[int, str]:
        from vllm.entrypoints.serve import create_error_response
        from vllm.lora.request import LoRARequest

        try:
            found = await self.models.resolve_lora(name)
        except Exception as error:  # noqa: BLE001 - vLLM's handlers take every exception
            found = create_error_response(error)
        if isinstance(found, LoRARequest):
            return 200, found.lora_path
        return found.error.code, found.error.message


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTLINEAGE_SERVE", str(tmp_path / "versions"))
    monkeypatch.setenv("FTLINEAGE_SERVE_REVISION", REVISION)
    return make_version(tmp_path / "versions" / "bot")


@pytest.fixture
def server(vllm, folder) -> Server:
    return Server()


def name_of(folder: Path) -> str:
    return f"support-bot-{read_card_file(folder).id[7:19]}"


def test_a_verified_version_is_served_from_its_own_read_only_folder(server, folder):
    kept = kept_folder(read_card_file(folder).id)

    assert server.ask(name_of(folder)) == (200, str(kept))
    (request,) = server.engine.loaded
    assert (request.lora_name, request.lora_path, request.load_inplace) == (name_of(folder), str(kept), False)
    assert server.asked == []


def test_what_is_served_no_longer_follows_the_source(server, folder):
    status, path = server.ask(name_of(folder))
    weights = (Path(path) / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(b"evil")

    assert status == 200
    assert (Path(path) / "adapter_model.safetensors").read_bytes() == weights
    # The name is in vLLM's table now, so nobody is asked again: verifying at load is the guarantee.
    assert server.ask(name_of(folder)) == (200, path)
    assert len(server.engine.loaded) == 1


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "gpt-4", "other/repo", "..", "x" * 5000, "\x00", "scorer"])
def test_names_that_are_not_ours_are_left_to_others(server, name):
    status, _ = server.ask(name)

    assert status == (200 if name.startswith("other") else 404)
    assert server.asked == [name]


@pytest.mark.parametrize("name", ["other-0123456789ab", "support-bot-000000000000"])
def test_a_name_of_our_form_that_stands_for_nothing_ends_the_chain(server, name):
    assert server.ask(name) == (404, f"ftlineage: no version here is served as {name}.")
    assert server.asked == []


@pytest.mark.parametrize("name", ["support-bot", "support-bot@production", "support-bot@v7", "support-bot:latest"])
def test_a_name_that_can_move_is_refused(server, folder, name):
    message = f"ftlineage: no version here is served as {name}, which can move; ask for {name_of(folder)}."

    assert server.ask(name) == (404, message)
    assert server.asked == []


def test_a_tampered_version_is_refused_and_nobody_else_is_asked(server, folder):
    data = bytearray((folder / "adapter_model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "adapter_model.safetensors").write_bytes(data)

    assert server.ask(name_of(folder)) == (403, f"ftlineage: {name_of(folder)} is not served: adapter.changed.")
    assert (server.engine.loaded, server.asked) == ([], [])


def test_an_unlisted_pickle_is_refused(server, folder):
    (folder / "adapter_model.bin").write_bytes(b"pickle")

    assert server.ask(name_of(folder))[0] == 403


def test_an_altered_copy_is_refused(server, folder, vllm):
    _, path = server.ask(name_of(folder))
    target = Path(path) / "tokenizer.json"
    target.chmod(0o600)
    target.write_bytes(b"{}" + b" " * 36)

    assert Server().ask(name_of(folder)) == (403, f"ftlineage: {name_of(folder)} is not served, see the log.")


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "lineage.json"])
def test_what_changes_between_check_and_copy_is_not_served(server, folder, monkeypatch, name):
    asked_for = name_of(folder)
    verify = RUNNER.verify

    def verify_then_change(*arguments, **options):
        report = verify(*arguments, **options)
        data = (folder / name).read_bytes()
        changed = data.replace(b'"main"', b'"next"') if name == "lineage.json" else data[:-2] + b"\x00" + data[-1:]
        (folder / name).write_bytes(changed)
        return report

    monkeypatch.setattr(RUNNER, "verify", verify_then_change)

    assert server.ask(asked_for) == (403, f"ftlineage: {asked_for} is not served, see the log.")
    assert (server.engine.loaded, server.asked) == ([], [])


def test_evidence_that_cannot_be_had_is_no_yes(server, folder, monkeypatch):
    from ftlineage.errors import StorageError

    def fail(*_arguments, **_options):
        raise StorageError(path="/secret/place", cause="input/output error")

    monkeypatch.setattr(RUNNER, "verify", fail)

    assert server.ask(name_of(folder)) == (503, f"ftlineage: {name_of(folder)} is not served, see the log.")


def test_a_bug_of_ours_is_no_yes(server, folder, monkeypatch):
    monkeypatch.setattr(RUNNER, "verify", lambda *_arguments, **_options: 1 / 0)

    assert server.ask(name_of(folder)) == (503, f"ftlineage could not decide about {name_of(folder)}.")
    assert server.asked == []


def test_an_undecided_report_is_no_yes(server, folder, tmp_path, monkeypatch):
    policy = tmp_path / "policy.toml"
    policy.write_text('require = ["card", "adapter", "base"]\n')
    monkeypatch.setenv("FTLINEAGE_SERVE_POLICY", str(policy))
    status, message = Server().ask(name_of(folder))

    assert status in (403, 503)
    assert message.startswith(f"ftlineage: {name_of(folder)} is not served")


def test_a_signature_can_be_demanded(server, folder, monkeypatch):
    monkeypatch.setenv("FTLINEAGE_SERVE_REQUIRE_SIGNATURE", "1")

    assert Server().ask(name_of(folder))[0] in (403, 503)


def test_an_adapter_vllm_cannot_serve_is_refused_with_the_reason(vllm, tmp_path, folder):
    dora = make_version(tmp_path / "versions" / "dora", {**LORA, "use_dora": True})

    assert Server().ask(name_of(dora)) == (400, f"ftlineage: vLLM cannot serve {name_of(dora)}: it uses DoRA.")


def test_open_doors_are_refused(server, folder, monkeypatch):
    monkeypatch.setattr(deny, "_installed", False)

    assert server.ask(name_of(folder)) == (
        503,
        f"ftlineage: {name_of(folder)} is not served: the doors around verification are open.",
    )


def test_a_version_that_arrives_later_is_found(server, tmp_path):
    later = make_version(tmp_path / "versions" / "later", {**LORA, "lora_alpha": 32})

    assert server.ask(name_of(later))[0] == 200


def test_a_folder_whose_card_was_exchanged_keeps_its_old_name_to_nobody(server, folder):
    old = name_of(folder)
    rewrite(folder, lambda document: document["recipe"] or document.update(recipe={"method": "sft"}))

    assert server.ask(old)[0] == 404
    assert server.ask(name_of(folder))[0] == 200


def test_many_requests_at_once_load_it_once(server, folder):
    async def all_at_once() -> list[tuple[int, str]]:
        return await asyncio.gather(*(server.answer(name_of(folder)) for _ in range(20)))

    assert set(asyncio.run(all_at_once())) == {(200, str(kept_folder(read_card_file(folder).id)))}
    assert len(server.engine.loaded) == 1


# --- the base ------------------------------------------------------------------------------------

HUB = Base(model=MODEL, revision=REVISION, origin="hub")


@pytest.mark.parametrize(
    ("model", "revision", "reason"),
    [
        (MODEL, REVISION, None),
        ("acme/other", REVISION, f"it belongs to {MODEL}, and another base is served"),
        (MODEL, "f" * 40, "it belongs to commit 0123456789ab of its base, and ffffffffffff is served"),
        (MODEL, None, "nobody said which commit of its base is served: set FTLINEAGE_SERVE_REVISION"),
        ("/somewhere", REVISION, f"it belongs to {MODEL}, and another base is served"),
    ],
)
def test_the_served_base_is_the_cards(model, revision, reason):
    assert base_fault(HUB, model, revision=revision, folder=None) == reason


def test_offline_vllm_serves_a_snapshot_by_its_path(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for sha in (REVISION, "f" * 40):
        (tmp_path / "models--acme--base" / "snapshots" / sha).mkdir(parents=True)
    snapshots = tmp_path / "models--acme--base" / "snapshots"

    assert base_fault(HUB, str(snapshots / REVISION), revision=None, folder=None) is None
    assert "and ffffffffffff is served" in str(base_fault(HUB, str(snapshots / ("f" * 40)), revision=None, folder=None))


def test_a_local_base_is_the_folder_that_was_compared(tmp_path):
    base = write_base(tmp_path / "base")
    local = Base(model="base", origin="local", files=base_records(base))

    assert base_fault(local, str(base), revision=None, folder=base) is None
    assert base_fault(local, "base", revision=None, folder=base) == (
        "its base was a folder, and the one that is served was not compared: set FTLINEAGE_SERVE_BASE"
    )


def test_another_base_is_refused_by_the_server(vllm, folder):
    assert Server(model="acme/other").ask(name_of(folder)) == (
        403,
        f"ftlineage: {name_of(folder)} is not served: it belongs to {MODEL}, and another base is served.",
    )


# --- the plugin ----------------------------------------------------------------------------------


def test_vllm_finds_the_plugin_and_may_load_it_twice(vllm, folder, monkeypatch):
    from vllm import plugins
    from vllm.lora.resolver import LoRAResolverRegistry

    monkeypatch.setattr("importlib.metadata.entry_points", _entry_points)
    for _ in range(2):
        monkeypatch.setattr(plugins, "plugins_loaded", False)
        plugins.load_general_plugins()
        first = LoRAResolverRegistry.get_resolver("ftlineage")
    assert LoRAResolverRegistry.get_resolver("ftlineage") is first
    assert list(LoRAResolverRegistry.get_supported_resolvers()) == ["ftlineage"]


def _entry_points(*, group: str) -> list[Any]:
    import tomllib
    from importlib.metadata import EntryPoint

    settings = tomllib.loads((Path(real_vllm.__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    listed = settings["project"]["entry-points"].get(group, {})
    return [EntryPoint(name=name, value=value, group=group) for name, value in listed.items()]


def test_without_configuration_nothing_happens(monkeypatch):
    monkeypatch.delenv("FTLINEAGE_SERVE", raising=False)

    register()  # there is no vllm to import here, so importing it would fail


def test_a_folder_that_is_not_there_stops_vllm(vllm, monkeypatch, tmp_path):
    monkeypatch.setenv("FTLINEAGE_SERVE", str(tmp_path / "nowhere"))

    with pytest.raises(PathNotFoundError):
        register()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FTLINEAGE_SERVE_REVISION", "main"),
        ("FTLINEAGE_SERVE_REQUIRE_SIGNATURE", "yes"),
        ("VLLM_USE_RUST_FRONTEND", "1"),
    ],
)
def test_settings_that_mean_nothing_stop_vllm(vllm, folder, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadArgumentError, match=variable):
        register()


def test_one_version_can_be_the_folder(folder, monkeypatch):
    monkeypatch.setenv("FTLINEAGE_SERVE", str(folder))

    assert Gatekeeper(Settings.read(os.environ)).resolve(MODEL, name_of(folder)) is not None
