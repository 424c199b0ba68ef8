"""Adapters as cards list them, made from names and shapes alone, and the base they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ftlineage.core import codec
from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import Adapter, Tensor
from ftlineage.hashing.tensors import DTYPE_BITS, summarise
from ftlineage.verify.effect.base_tensors import BaseTensors
from tests.safetensors_bytes import write

CONFIG_PATH = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
ROOT = "base_model.model."
HIDDEN, GROUPED, INNER, TOKENS = 8, 4, 12, 32
ONE = {"F32": b"\0\0\x80\x3f", "BF16": b"\x80\x3f", "F16": b"\0\x3c"}
LORA: dict[str, Any] = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]}
# Output and input width of every linear module of a Llama's layer.
LINEAR = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (GROUPED, HIDDEN),
    "self_attn.v_proj": (GROUPED, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}


def tensor(
    name: str, shape: Sequence[int], content: bytes | None = None, *, dtype: str = "F32", file: str = WEIGHTS
) -> Tensor:
    """A tensor of a card; ``content`` is one element, repeated. Without it the bytes are nothing special."""
    size = DTYPE_BITS[dtype] // 8
    for length in shape:
        size *= length
    data = content * (size // len(content)) if content is not None else f"{file}/{name}".encode()
    return Tensor(file=file, name=name, dtype=dtype, shape=list(shape), sha256=sha256_hex(data))


def adapter(tensors: Sequence[Tensor], *, method: str = "lora") -> Adapter:
    return Adapter(type=method, tensors=summarise([], tensors))


def lora(module: str, out: int, into: int, *, rank: int = 2, b: bytes | None = None, **where: Any) -> list[Tensor]:
    """The two tensors of one module; ``b`` fills ``lora_B``."""
    return [
        tensor(f"{ROOT}{module}.lora_A.weight", [rank, into], **where),
        tensor(f"{ROOT}{module}.lora_B.weight", [out, rank], b, **where),
    ]


def lora_layers(prefix: str = "model.layers", layers: int = 2, **options: Any) -> list[Tensor]:
    """LoRA on every linear module of a Llama."""
    return [
        one
        for layer in range(layers)
        for name, (out, into) in LINEAR.items()
        for one in lora(f"{prefix}.{layer}.{name}", out, into, **options)
    ]


def base_shapes(prefix: str = "model.", layers: int = 2) -> dict[str, tuple[int, ...]]:
    """A Llama's tensors as its checkpoint names them."""
    shapes: dict[str, tuple[int, ...]] = {f"{prefix}embed_tokens.weight": (TOKENS, HIDDEN)}
    for layer in range(layers):
        shapes |= {f"{prefix}layers.{layer}.{name}.weight": widths for name, widths in LINEAR.items()}
        shapes[f"{prefix}layers.{layer}.input_layernorm.weight"] = (HIDDEN,)
    shapes[f"{prefix}norm.weight"] = (HIDDEN,)
    return shapes


def base(shapes: Mapping[str, tuple[int, ...] | None] | None = None, **config: Any) -> BaseTensors:
    """A base of the type ``llama`` unless told otherwise."""
    return BaseTensors(
        tensors=dict(base_shapes() if shapes is None else shapes), config={"model_type": "llama", **config}
    )


def write_base(
    folder: Path, shapes: Mapping[str, tuple[int, ...]], name: str = "model.safetensors", **config: Any
) -> Path:
    """A base's files, all zeros."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_bytes(codec.pretty_bytes({"model_type": "llama", **config}))
    (folder / name).write_bytes(
        write({key: ("U8", list(shape), bytes(_elements(shape))) for key, shape in shapes.items()})
    )
    return folder


def _elements(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total
