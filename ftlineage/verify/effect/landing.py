"""Does an adapter land on its base? Engines drop tensors that name no module and serve the bare base.

Decided from names and shapes alone: the card's list of tensors, the configurations, and the headers
of the base's files. A tensor is refused only when no way of writing names leads to a module of the
base, or when the module's weight cannot have that shape; where a base's weights are merged, split
or packed, being there is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ftlineage.core import words
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import Adapter, Tensor
from ftlineage.verify.checks import shown
from ftlineage.verify.effect.adapter_tensors import METHODS, PROMPT_METHODS, ROOT, Member, Sorted, members, sort
from ftlineage.verify.effect.base_tensors import BaseTensors, Shape
from ftlineage.verify.effect.places import Places
from ftlineage.verify.effect.prompts import prompt_fault
from ftlineage.verify.effect.ranks import rank_of
from ftlineage.verify.effect.shapes import fits, widths

_CODE = "adapter.keys-unmatched"
_MAX_LAYERS = 10_000
_HINT = "Serve it on the base it was trained on, and save it with PEFT: model.save_pretrained(folder)"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why one module's tensors do not land: ``kind`` groups alike faults, the rest is for the finding."""

    kind: str
    message: str
    expected: Any = None
    actual: Any = None


def check_landing(adapter: Adapter, configs: Mapping[str, Mapping[str, Any]], base: BaseTensors) -> list[Finding]:
    """Every tensor of the adapter lands on a module of the base, with a shape that fits.

    Args:
        adapter: The card's section. Its files were verified, so its tensor list is theirs.
        configs: Every adapter configuration in the folder, by path, as parsed from the verified bytes.
        base: The base's tensors, from :func:`ftlineage.verify.effect.base_tensors.read_base_tensors`.

    Returns:
        One finding an adapter at most: ``adapter.keys-unmatched``.
    """
    places = Places(base)
    found = (_check_member(member, places, base) for member in members(adapter, configs))
    return [finding for finding in found if finding is not None]


def cannot_tell(why: str) -> Finding:
    """Nothing could be said, because the base's tensors are not here.

    Args:
        why: Half a sentence, such as ``the base is not on this machine``.
    """
    message = f"{why}, so it was not checked that the adapter's tensors land on it"
    hint = "Name its folder: --base PATH"
    return Finding(code="acts.absent", severity="note", section="adapter", message=message, hint=hint)


def _check_member(member: Member, places: Places, base: BaseTensors) -> Finding | None:
    if member.method in PROMPT_METHODS:
        fault = prompt_fault(member, base.config)
        return _finding(member, fault[0], expected=fault[1], actual=fault[2]) if fault is not None else None
    if member.method not in METHODS:
        return _unknown_method(member) if member.method else None
    tensors = sort(member.tensors, member.method)
    total = len(tensors.modules) + len(tensors.whole)
    faults = list(_faults(member, tensors, places, base))
    missing = [fault for fault in faults if fault.kind == "missing"]
    if missing and len(missing) == total:
        quantity = words.quantity(total, "module")
        message = (
            f"none of the {quantity} of {shown(member.weights)} exists in the base; engines serve the bare base then "
            f"(the first is {missing[0].message})"
        )
        return _finding(member, message, expected=total, actual=0)
    if missing:
        message = (
            f"{len(missing)} of {words.quantity(total, 'module')} of {shown(member.weights)} do not exist in "
            f"the base, the first is {missing[0].message}; engines leave them out"
        )
        return _finding(member, message, expected=total, actual=total - len(missing))
    if not faults:
        return None
    more = f" (and {words.quantity(len(faults) - 1, 'other module')})" if len(faults) > 1 else ""
    first = faults[0]
    return _finding(
        member, f"{shown(member.weights)}: {first.message}{more}", expected=first.expected, actual=first.actual
    )


def _faults(member: Member, tensors: Sorted, places: Places, base: BaseTensors) -> Iterator[Fault]:
    for module, parameters in tensors.modules.items():
        fault = _module_fault(member, module, parameters, places, base)
        if fault is not None:
            yield fault
    for name, tensor in tensors.whole.items():
        fault = _whole_fault(member, name, tensor, places, base)
        if fault is not None:
            yield fault


def _module_fault(
    member: Member, module: str, parameters: Mapping[str, Tensor], places: Places, base: BaseTensors
) -> Fault | None:
    if not module.startswith(ROOT):
        return Fault(kind="missing", message=words.clean(module))
    inner = module.removeprefix(ROOT)
    exists, weight = places.find(_original(inner, member.config), headed=_is_headed(member))
    if not exists:
        return Fault(kind="missing", message=words.clean(inner))
    direct = weight is not None and not member.config.get("target_parameters")
    fault = rank_fault(member, inner, parameters, direct=direct) if member.method == "lora" else None
    if fault is None and weight is not None and direct and not base.is_quantised:
        fault = _shape_fault(member, inner, parameters, weight)
    return fault


def _original(module: str, config: Mapping[str, Any]) -> str:
    """The base's module that a module of a model with repeated layers is a copy of (``layer_replication``)."""
    ranges = config.get("layer_replication")
    if not isinstance(ranges, list):
        return module
    sources: list[int] = []
    for pair in ranges:
        match pair:
            case [int(start), int(end)] if 0 <= start <= end <= _MAX_LAYERS and len(sources) <= _MAX_LAYERS:
                sources += range(start, end)
            case _:
                return module
    parts = module.split(".")
    at = next((index for index, part in enumerate(parts) if part.isascii() and part.isdecimal()), None)
    if at is None or len(parts[at]) > len(str(_MAX_LAYERS)) or int(parts[at]) >= len(sources):
        return module
    return ".".join([*parts[:at], str(sources[int(parts[at])]), *parts[at + 1 :]])


def _shape_fault(member: Member, module: str, parameters: Mapping[str, Tensor], weight: Shape) -> Fault | None:
    found = widths(member.method, parameters)
    if fits(found, weight):
        return None
    trained = [length for length in found if length is not None]
    name = next(iter(parameters))
    return Fault(
        kind="shape",
        message=(
            f"{words.clean(module)} was trained on a weight of {_times(trained)}, the base's has {_times(weight)} "
            f"(tensor {name}: {_times(parameters[name].shape)})"
        ),
        expected=list(weight),
        actual=trained,
    )


def _whole_fault(member: Member, name: str, tensor: Tensor, places: Places, base: BaseTensors) -> Fault | None:
    """A tensor saved whole: a module named in ``modules_to_save`` may be new, anything else is the base's."""
    if not name.startswith(ROOT):
        return Fault(kind="missing", message=words.clean(name))
    inner = name.removeprefix(ROOT).replace(".base_layer.", ".")  # a bias, or an embedding, that LoRA wraps
    module, _, parameter = inner.rpartition(".")
    exists, weight = places.find(module if parameter == "weight" else inner, headed=_is_headed(member))
    if not exists:
        return None if _is_saved(member, module) else Fault(kind="missing", message=words.clean(inner))
    # Classes and tokens may be added, so the first dimension is free; the width of a matrix is not.
    if weight is None or len(weight) < 2 or base.is_quantised or weight[1:] == tuple(tensor.shape[1:]):  # noqa: PLR2004
        return None
    message = f"tensor {words.clean(name)} has the shape {_times(tensor.shape)}, the base's has {_times(weight)}"
    return Fault(kind="shape", message=message, expected=list(weight), actual=list(tensor.shape))


def rank_fault(member: Member, module: str, parameters: Mapping[str, Tensor], *, direct: bool) -> Fault | None:
    """``lora_A`` and ``lora_B`` belong together, and have the rank that the configuration gives the module.

    Args:
        member: The adapter.
        module: The module's path.
        parameters: Its tensors.
        direct: Whether the rank stands in the shapes as it is; expert weights multiply it.
    """
    for a, b in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
        if (a in parameters) != (b in parameters):
            there, gone = (a, b) if a in parameters else (b, a)
            message = f"{words.clean(module)} has {there} and no {gone}, so it does nothing"
            return Fault(kind="pair", message=message)
        if a in parameters:
            return _rank_fault(
                module, parameters[a].shape, parameters[b].shape, rank_of(member.config, module), direct=direct
            )
    return None


def _rank_fault(module: str, a: Sequence[int], b: Sequence[int], rank: int | None, *, direct: bool) -> Fault | None:
    shapes = f"{words.clean(module)} has lora_A {_times(a)} and lora_B {_times(b)}"
    if len(a) < 2 or len(b) < 2 or 0 in (*a, *b):  # noqa: PLR2004 - matrices
        return Fault(kind="rank", message=f"{shapes}, which are no matrices", actual=[list(a), list(b)])
    # A grouped convolution's lora_B has a part of the rank.
    if a[0] != b[1] and not (len(b) > 2 and a[0] % b[1] == 0):  # noqa: PLR2004
        return Fault(kind="rank", message=f"{shapes}, whose ranks differ", expected=a[0], actual=b[1])
    if rank is None or a[0] == rank or (not direct and rank > 0 and a[0] % rank == 0):
        return None
    message = f"{words.clean(module)} has the rank {a[0]}, its configuration says {rank}"
    return Fault(kind="rank", message=message, expected=rank, actual=a[0])


def _is_saved(member: Member, module: str) -> bool:
    saved = member.config.get("modules_to_save")
    listed = [name for name in saved if isinstance(name, str)] if isinstance(saved, list) else []
    return any(f".{name}." in f".{module}." for name in listed)


def _is_headed(member: Member) -> bool:
    """Whether the model that was trained certainly had a language head, so that its names have the prefix of one."""
    return member.config.get("task_type") in ("CAUSAL_LM", "SEQ_2_SEQ_LM")


def _unknown_method(member: Member) -> Finding:
    message = (
        f"{shown(member.config_path)} has the method {words.clean(member.method)}, of which it is not known how its "
        "tensors are named; it was not checked that they land on the base"
    )
    return _finding(member, message, severity="note")


def _finding(
    member: Member, message: str, *, expected: Any = None, actual: Any = None, severity: Severity = "error"
) -> Finding:
    return Finding(
        code=_CODE,
        severity=severity,
        section="adapter",
        path=member.weights,
        expected=expected,
        actual=actual,
        message=message,
        hint=_HINT if severity == "error" else None,
    )


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "no"
