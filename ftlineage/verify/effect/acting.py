"""Does an adapter act at all? Engines serve the bare base without a word when every ``lora_B`` is zero.

Decided from what the card holds: the digest of every tensor was just found right, so "all zeros" is
"has the digest of that many zero bytes", and no byte is read a second time. An adapter fails only
when it is proven that nothing in it can change an output; whatever cannot be judged by its tensors
alone (prompts, replaced norms, an initialisation that changed the base) is taken to act.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from ftlineage.core import words
from ftlineage.core.finding import Finding, Severity
from ftlineage.core.sections import Adapter, Tensor
from ftlineage.hashing.tensors import DTYPE_BITS
from ftlineage.verify.checks import shown
from ftlineage.verify.effect.adapter_tensors import METHODS, ROOT, Member, Method, members, sort
from ftlineage.verify.effect.ranks import alpha_of

# One element of each type as it lies in the file (little-endian): zeros, and ones.
_NEGATIVE_ZERO = {
    "F64": b"\0\0\0\0\0\0\0\x80",
    "F32": b"\0\0\0\x80",
    "F16": b"\0\x80",
    "BF16": b"\0\x80",
    "F8_E4M3": b"\x80",
    "F8_E5M2": b"\x80",
}
_ONE = {
    "F64": b"\0\0\0\0\0\0\xf0\x3f",
    "F32": b"\0\0\x80\x3f",
    "F16": b"\0\x3c",
    "BF16": b"\x80\x3f",
    "F8_E4M3": b"\x38",
    "F8_E5M2": b"\x3c",
}
_PIECE = 1 << 20
_HINT = "Serve a version saved after training; a checkpoint from before the first step looks like this"


def check_acting(adapter: Adapter, configs: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Something in the adapter changes the base's output.

    Args:
        adapter: The card's section. Its files were verified: the digests are those of the bytes.
        configs: Every adapter configuration in the folder, by path, as parsed from the verified bytes.

    Returns:
        One finding an adapter at most: ``adapter.inert``, an error if nothing acts, a warning if
        only tensors beside it do (a trained head), a note if some of its modules do not.
    """
    return [finding for member in members(adapter, configs) for finding in _check_member(member)]


def _check_member(member: Member) -> list[Finding]:
    method = METHODS.get(member.method)
    if method is None:
        return []
    tensors = sort(member.tensors, member.method)
    judged = {
        module: parameters
        for module, parameters in tensors.modules.items()
        if any(name in method.factors or name in method.shifts or name in method.scales for name in parameters)
    }
    why = {module: _idle(module, parameters, method, member) for module, parameters in judged.items()}
    idle = [module for module, reason in why.items() if reason]
    if not idle:
        return []
    beside = len(tensors.modules) > len(judged) or bool(tensors.whole)
    return [_finding(member, idle, len(judged), str(why[idle[0]]), beside=beside)]


def _idle(module: str, parameters: Mapping[str, Tensor], method: Method, member: Member) -> str | None:
    """Why a module is left as it was, in words; None if it is not."""
    if any(0 in tensor.shape for tensor in parameters.values()):
        return None  # an empty tensor has the wrong shape, which is another fault
    if not all(_is_all_zero(tensor) for name, tensor in parameters.items() if name in method.shifts):
        return None
    if not all(_is_all_one(tensor) for name, tensor in parameters.items() if name in method.scales):
        return None
    factors = {name: tensor for name, tensor in parameters.items() if name in method.factors}
    if not factors:
        return _nothing(name for name in parameters if name in method.shifts or name in method.scales)
    if member.method == "lora" and alpha_of(member.config, module) == 0:
        return "lora_alpha is 0"
    # The factor that training begins from at zero comes last in the alphabet nearly always.
    zero = next((name for name in sorted(factors, reverse=True) if _is_all_zero(factors[name])), None)
    return f"{zero.removesuffix('.weight')} is all zeros" if zero is not None else None


def _nothing(names: Iterable[str]) -> str:
    listed = sorted(name.removesuffix(".weight") for name in names)
    return f"{' and '.join(listed)} {'changes' if len(listed) == 1 else 'change'} nothing"


def _finding(member: Member, idle: list[str], total: int, reason: str, *, beside: bool) -> Finding:
    file = shown(member.weights)
    where = f"{words.clean(idle[0].removeprefix(ROOT))}: {reason}"
    none = f"none of its {total:,} modules acts" if total > 1 else "its one module does not act"
    severity: Severity
    if len(idle) < total:
        severity, hint = "note", None
        message = f"{len(idle)} of {words.quantity(total, 'module')} of {file} do not act, the first is {where}"
    elif beside:
        severity, hint = "warning", _HINT
        message = f"only the whole tensors saved in {file} change the base's output; {none} ({where})"
    else:
        severity, hint = "error", _HINT
        message = f"{file} cannot change the base's output: {none} ({where})"
    return Finding(
        code="adapter.inert",
        severity=severity,
        section="adapter",
        path=member.weights,
        expected=total,
        actual=total - len(idle),
        message=message,
        hint=hint,
    )


# --- digests of known content --------------------------------------------------------------------


def _is_all_zero(tensor: Tensor) -> bool:
    return tensor.sha256 == _digest(b"\0", _byte_size(tensor)) or _is_all(tensor, _NEGATIVE_ZERO)


def _is_all_one(tensor: Tensor) -> bool:
    return _is_all(tensor, _ONE)


def _is_all(tensor: Tensor, elements: Mapping[str, bytes]) -> bool:
    element = elements.get(tensor.dtype)
    return element is not None and tensor.sha256 == _digest(element, _byte_size(tensor) // len(element))


def _byte_size(tensor: Tensor) -> int:
    bits = DTYPE_BITS.get(tensor.dtype, 8)
    for length in tensor.shape:
        bits *= length
    return bits // 8


@lru_cache(maxsize=256)
def _digest(element: bytes, count: int) -> str:
    """SHA-256 of an element repeated, in constant memory."""
    state: Any = hashlib.sha256()
    feed: Callable[[bytes], None] = state.update
    per_piece = _PIECE // len(element)
    piece = element * min(count, per_piece)
    for _ in range(count // per_piece):
        feed(piece)
    feed(element * (count % per_piece))
    digest: str = state.hexdigest()
    return digest
