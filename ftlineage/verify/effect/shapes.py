"""What shape of weight an adapter's tensors fit, by method.

Decides the output and input width that the tensors of one module imply, and whether a weight of the
base has them. Only what follows from the shapes is claimed: a width that a method does not show is
None and fits everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ftlineage.core.sections import Tensor

Widths = tuple[int | None, int | None]
Shapes = Mapping[str, Sequence[int]]


def widths(method: str, parameters: Mapping[str, Tensor]) -> Widths:
    """Output and input width of the module that these tensors were trained on."""
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    read = _READERS.get(method)
    return read(shapes) if read is not None else (None, None)


def fits(found: Widths, weight: Sequence[int]) -> bool:
    """Whether a weight has these widths.

    Args:
        found: Output and input width, None where unknown.
        weight: The base's shape: ``[out, in]``, or ``[in, out]`` for GPT-2's Conv1D; ``[out, in / groups,
            kernel...]`` for convolutions; one dimension for norms.
    """
    out, into = found
    if len(weight) < 2:  # noqa: PLR2004 - a norm, or one number
        return not weight or out in (None, weight[0])
    if len(weight) == 2:  # noqa: PLR2004 - a matrix
        return _match(out, into, weight[0], weight[1]) or _match(out, into, weight[1], weight[0])
    return out in (None, weight[0]) and (into is None or weight[1] == 0 or into % weight[1] == 0)


def _match(out: int | None, into: int | None, rows: int, columns: int) -> bool:
    return out in (None, rows) and into in (None, columns)


def _dimension(shapes: Shapes, name: str, index: int) -> int | None:
    shape = shapes.get(name)
    return shape[index] if shape is not None and len(shape) > index else None


def _product(shapes: Shapes, a: str, b: str) -> Widths:
    """``B @ A``: ``A`` is ``[r, in]`` and ``B`` is ``[out, r]``."""
    return _dimension(shapes, b, 0), _dimension(shapes, a, 1)


def _lora(shapes: Shapes) -> Widths:
    if "lora_embedding_A" in shapes or "lora_embedding_B" in shapes:
        # An embedding's weight is [tokens, dim]; it may have been resized, which its width may not.
        return None, _dimension(shapes, "lora_embedding_B", 0)
    return _product(shapes, "lora_A.weight", "lora_B.weight")


def _lokr(shapes: Shapes) -> Widths:
    """The Kronecker product of two matrices, each whole or as a product itself."""
    rows = [_first(shapes, (f"lokr_w{side}", f"lokr_w{side}_a"), 0) for side in (1, 2)]
    columns = [_first(shapes, (f"lokr_w{side}", f"lokr_w{side}_b"), 1) for side in (1, 2)]
    return _times(rows), _times(columns)


def _first(shapes: Shapes, names: Sequence[str], index: int) -> int | None:
    return next((_dimension(shapes, name, index) for name in names if name in shapes), None)


def _times(lengths: Sequence[int | None]) -> int | None:
    return math.prod(length for length in lengths if length is not None) if None not in lengths else None


def _scale(shapes: Shapes) -> Widths:
    """IA3: ``[out, 1]``, or ``[1, in]`` for feed-forward modules."""
    shape = shapes.get("ia3_l", ())
    if len(shape) != 2:  # noqa: PLR2004 - of a convolution
        return None, None
    return (shape[0], None) if shape[1] == 1 else (None, shape[1])


_READERS: Mapping[str, Callable[[Shapes], Widths]] = {
    "lora": _lora,
    "adalora": lambda shapes: _product(shapes, "lora_A", "lora_B"),
    "hira": lambda shapes: _product(shapes, "hira_A", "hira_B"),
    "delora": lambda shapes: _product(shapes, "delora_A", "delora_B"),
    "loha": lambda shapes: (_dimension(shapes, "hada_w1_a", 0), _dimension(shapes, "hada_w1_b", 1)),
    "lokr": _lokr,
    "ia3": _scale,
    "vera": lambda shapes: (_dimension(shapes, "vera_lambda_b", 0), None),
    "boft": lambda shapes: (_dimension(shapes, "boft_s", 0), None),
    "miss": lambda shapes: (_dimension(shapes, "miss_block", 1), None),
    "ln_tuning": lambda shapes: (_dimension(shapes, "ln_tuning_layers.weight", 0), None),
    "trainable_tokens": lambda shapes: (None, _dimension(shapes, "trainable_tokens_delta", 1)),
}
