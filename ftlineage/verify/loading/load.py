"""Load a version only if it is what its card says, from the very bytes that were found to be so.

Decides the order: every listed file is read once into memory and verified there; the base is
brought to the recorded commit and compared; then the model is built from the held bytes and the
compared base, and the base's files are looked at once more. Refused is everything that ``verify``
refuses, a version that nobody could decide about, and weights that do not fit the model exactly.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ftlineage.core import words
from ftlineage.core.card import CARD_NAME, Card, read_card
from ftlineage.core.finding import Report
from ftlineage.core.layout import ADAPTER_CONFIG, OWN_FILES, README_NAME
from ftlineage.core.sections import Adapter, AdapterMember
from ftlineage.errors import (
    BadInputError,
    FtlineageError,
    MissingExtraError,
    PathNotFoundError,
    VerificationFailedError,
    VerificationUndecidedError,
)
from ftlineage.verify import checks
from ftlineage.verify.folder import FolderVersion
from ftlineage.verify.given import Given
from ftlineage.verify.loading.base import BasePlace, fetch_base, find_base, states, unchanged
from ftlineage.verify.loading.held import HeldVersion
from ftlineage.verify.policy import Policy
from ftlineage.verify.runner import Outcome, Verification, as_policy, open_version
from ftlineage.verify.version import VersionFiles


def load(
    target: str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    policy: Policy | str | os.PathLike[str] | None = None,
    trust: str | os.PathLike[str] | None = None,
    require_signature: bool = False,
    given: Given | None = None,
    cls: Any = None,
    is_trainable: bool = False,
    **kwargs: Any,
) -> Any:
    """Verify a version, then build its model from the bytes that were verified.

    Args:
        target: A folder, the ``lineage.json`` in it, or ``hf://org/repo[@revision]``.
        base: A folder with the base's files; otherwise the Hub's commit that the card names, from
            the cache, or downloaded at that commit.
        policy: As for ``verify``.
        trust: As for ``verify``.
        require_signature: As for ``verify``.
        given: As for ``verify``.
        cls: The base's class; the recorded one when None.
        is_trainable: For training on; otherwise the model is frozen and in evaluation mode.
        **kwargs: For the base's ``from_pretrained``, such as ``device_map`` or ``dtype``; they go before
            what the card says. ``token`` is used for downloads too.

    Returns:
        A ``peft.PeftModel`` with every adapter of the version under its name, or the model itself
        if the version is a full fine-tune.

    Raises:
        VerificationFailedError, VerificationUndecidedError: Not proven; ``report`` says why.
        WeightsMismatchError, ChangedMeanwhileError: The weights do not fit, or the base was touched.
        UsageError: What was typed, or a library that is not installed.
        UndecidedError: The Hub does not give what is missing here.
    """
    version = load_verified(
        target,
        base=base,
        policy=policy,
        trust=trust,
        require_signature=require_signature,
        given=given,
        token=kwargs.get("token"),
    )
    return version.model(cls=cls, is_trainable=is_trainable, **kwargs)


def load_verified(
    target: str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    policy: Policy | str | os.PathLike[str] | None = None,
    trust: str | os.PathLike[str] | None = None,
    require_signature: bool = False,
    given: Given | None = None,
    token: str | bool | None = None,
) -> VerifiedVersion:
    """Verify a version and hold its bytes, to make model and tokenizer from one verification.

    Arguments and errors are those of :func:`load`.
    """
    demanded = as_policy(policy, trust=trust, require_signature=require_signature)
    if base is not None and not os.path.isdir(base):  # noqa: PTH112 - answers False where pathlib raises
        raise PathNotFoundError(path=str(base), hint="base= names a folder with the base's files")
    version = _hold(target, demanded, given, token=token)
    place = _base_place(version, base)
    shown = version.name or str(target)
    # What had to be downloaded is compared in a second round; the version itself is not read again.
    for _ in range(2):
        before = states(place) if place is not None else {}
        run = Verification(version, shown, policy=demanded, given=given)
        outcome = run.all(place.folder if place is not None and place.is_named else None, full_base=False, begun=_now())
        if outcome.report.verdict == "failed" or place is None:
            break
        fetch_base(place, token=token)
        if states(place) == before:
            break
    card = _proven(outcome, shown)
    return VerifiedVersion(card, outcome.report, version, place, before)


class VerifiedVersion:
    """A version that was verified and is held in memory; made by :func:`load_verified`."""

    def __init__(
        self, card: Card, report: Report, held: HeldVersion, place: BasePlace | None, before: Mapping[str, str]
    ) -> None:
        self.card = card
        self.report = report
        self._held = held
        self._place = place
        self._before = dict(before)

    def model(self, *, cls: Any = None, is_trainable: bool = False, **kwargs: Any) -> Any:
        """The model; arguments, result and errors as for :func:`load`."""
        _require_libraries()
        adapter = self._adapter()
        if adapter.type == "full":
            return self._full(adapter, cls=cls, is_trainable=is_trainable, arguments=kwargs)
        if adapter.type == "tensors":
            reason = "it holds bare tensors, of which nobody knows how they are put into a model"
            raise BadInputError(path=CARD_NAME, reason=reason)
        return self._peft(adapter, self._base(), cls=cls, is_trainable=is_trainable, arguments=kwargs)

    def processing(self, *, kind: str | None = None, **kwargs: Any) -> Any:
        """Tokenizer or processor of the version: the one saved with it, else the base's at its commit.

        Args:
            kind: ``tokenizer``, ``processor``, ``image_processor``, ...; the most comprehensive when None.
            **kwargs: For ``from_pretrained``.

        Raises:
            BadArgumentError: The version has none.
            ChangedMeanwhileError: The base was touched.
        """
        _require_libraries()
        from ftlineage.verify.loading import processing as load_processing

        files, recorded = self._adapter().files, self.card.body.preprocessing.processors
        if load_processing.has_processing(files):
            held = {file.path: self._bytes(file.path) for file in files if load_processing.is_processing(file.path)}
            return load_processing.from_held(held, recorded, source=self.report.target, kind=kind, arguments=kwargs)
        place = self._base()
        with unchanged(place, self._before):
            return load_processing.from_base(place, recorded, kind=kind, arguments=kwargs)

    def _peft(
        self, adapter: Adapter, place: BasePlace, *, cls: Any, is_trainable: bool, arguments: Mapping[str, Any]
    ) -> Any:
        from ftlineage.verify.loading.adapter import HeldAdapter, build_peft_model
        from ftlineage.verify.loading.full import read_object
        from ftlineage.verify.loading.model import load_base_model

        adapters = [
            HeldAdapter(
                name=member.name,
                path=path,
                config=read_object(self._bytes(path), path),
                tensors=self._tensors(adapter, member.folder),
            )
            for member in _members(adapter)
            for path in [str(PurePosixPath(member.folder, ADAPTER_CONFIG))]
        ]
        saved = {tensor.name: tensor for tensor in (adapter.tensors.entries if adapter.tensors else ())}
        configs = [one.config for one in adapters]
        with unchanged(place, self._before):
            model = load_base_model(place, cls=cls, configs=configs, saved=saved, arguments=arguments)
        return build_peft_model(model, adapters, is_trainable=is_trainable)

    def _full(self, adapter: Adapter, *, cls: Any, is_trainable: bool, arguments: Mapping[str, Any]) -> Any:
        from ftlineage.verify.loading.full import GENERATION_CONFIG, MODEL_CONFIG, build_full_model

        listed = {file.path for file in adapter.files}
        small = {name: self._bytes(name) for name in (MODEL_CONFIG, GENERATION_CONFIG) if name in listed}
        model = build_full_model(small, self._tensors(adapter, "."), cls=cls, arguments=arguments)
        model.config.name_or_path = self.report.target
        return model.train() if is_trainable else model

    def _tensors(self, adapter: Adapter, folder: str) -> dict[str, Any]:
        """Every tensor in one folder of the version; shards are put together."""
        from ftlineage.verify.loading.tensors import tensors_of

        headers = adapter.tensors.headers if adapter.tensors is not None else ()
        names = [header.file for header in headers if str(PurePosixPath(header.file).parent) == folder]
        parts = [tensors_of(self._held.held(name)) for name in names]
        merged = {name: tensor for part in parts for name, tensor in part.items()}
        if len(merged) != sum(map(len, parts)):
            raise BadInputError(path=folder, reason="two safetensors files hold a tensor of the same name")
        return merged

    def _base(self) -> BasePlace:
        place = self._place or find_base(self.card.body.base, None)
        if place is None:
            raise BadInputError(path=CARD_NAME, reason="it does not say which base the adapter belongs to")
        return place

    def _bytes(self, name: str) -> bytes:
        return bytes(self._held.held(name).data)

    def _adapter(self) -> Adapter:
        adapter = self.card.body.adapter
        if adapter is None:
            raise BadInputError(path=CARD_NAME, reason="it lists no weights")
        return adapter


# --- verifying -----------------------------------------------------------------------------------


def _hold(
    target: str | os.PathLike[str], demanded: Policy, given: Given | None, *, token: str | bool | None
) -> HeldVersion:
    """The version with its files on this machine; one on the Hub is judged there before it is downloaded."""
    source = open_version(target)
    if isinstance(source, FolderVersion):
        return HeldVersion(source, source.folder)
    from ftlineage.sources.hub import fetch_files
    from ftlineage.verify.remote import HubVersion

    if not isinstance(source, HubVersion):
        raise BadInputError(path=str(target), reason="it is neither a folder nor on the Hub")
    shown = source.name
    outcome = Verification(source, shown, policy=demanded, given=given).all(None, full_base=False, begun=_now())
    if outcome.report.verdict == "failed" or outcome.card is None or outcome.card.body.adapter is None:
        _proven(outcome, shown)
    elif not source.commit.cached:
        # Card and signature too: without the network, they are what the next load reads.
        own = (OWN_FILES - {README_NAME}) & {file.path for file in source.commit.files}
        listed = {file.path for file in outcome.card.body.adapter.files}
        fetch_files(source.commit, sorted(own | listed), token=token)
    return HeldVersion(source, source.commit.folder)


def _base_place(version: VersionFiles, base: str | os.PathLike[str] | None) -> BasePlace | None:
    """Where the base lies, by a card that nobody has verified yet: what is read there is judged by the verified one."""
    from ftlineage.core import codec

    try:
        card = read_card(version.read(CARD_NAME, codec.MAX_BYTES))
        adapter = card.body.adapter
        if base is None and adapter is not None and adapter.type == "full":
            return None  # a full model is served without its base
        return find_base(card.body.base, base)
    except FtlineageError:
        return None  # what is wrong with the version comes first, and is said better by verification


def _proven(outcome: Outcome, shown: str) -> Card:
    """The card of a version that was proven to be what it says.

    Raises:
        VerificationFailedError, VerificationUndecidedError: It was not.
    """
    report = outcome.report
    if report.ok and outcome.card is not None:
        return outcome.card
    # What is demanded and missing comes after everything that was found.
    order = report.findings if report.verdict == "failed" else report.findings[::-1]
    wanted = "error" if report.verdict == "failed" else "warning"
    first = next((finding for finding in order if finding.severity == wanted), None)
    kind = VerificationFailedError if report.verdict == "failed" else VerificationUndecidedError
    raise kind(
        target=words.clean(shown),
        reason=first.message if first is not None else "nothing proves it",
        hint=f"See all that was found: ftlineage verify {checks.typed(shown)}",
        report=report,
    )


def _members(adapter: Adapter) -> list[AdapterMember]:
    """Every adapter of the version, the one to be active first."""
    if not adapter.members:
        return [AdapterMember(name="default", folder=".", type=adapter.type, config={}, config_digest="0" * 64)]
    return sorted(adapter.members, key=lambda member: (member.name != "default", member.folder))


def _require_libraries() -> None:
    for package in ("torch", "transformers", "peft"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package=package, purpose="loading a model", extra="train") from error


def _now() -> float:
    return time.perf_counter()
