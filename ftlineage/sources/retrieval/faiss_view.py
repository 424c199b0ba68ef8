"""What a FAISS index holds, apart from how it is saved or searched fast: settings, and codes with ids.

Decides which kinds can be taken apart into vectors as coded. All others are refused here (None) and
are covered by their bytes as FAISS saves them: kinds that mix the codes of several vectors (fast
scan), keep more beside them (``IndexIVFPQR``), or are not known to this release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ftlineage.core.digest import sha256_hex

_PLACE = ("int8", "int64")
_BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Codes:
    """The vectors of one index as coded; ``ids`` maps its own ids to those the user gave."""

    index: Any
    ids: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """An index taken apart: a name in the style of ``index_factory``, settings, and codes."""

    name: str
    settings: dict[str, Any]
    codes: tuple[Codes, ...]


def view(library: Any, index: Any) -> View | None:
    """Take an index apart, or None for a kind that cannot be.

    Args:
        library: The ``faiss`` module.
        index: Any index; it is only read.
    """
    if isinstance(index, library.IndexBinary):
        return None
    index = library.downcast_index(index)
    # Exact names: a subclass may keep more than its parent.
    take_apart = _KINDS.get(type(index).__name__)
    return None if take_apart is None else take_apart(library, index)


def batches(library: Any, codes: tuple[Codes, ...], schema: Any) -> Iterator[Any]:
    """All vectors as Arrow batches with the columns of :func:`schema`; only one batch is ever copied."""
    for part, item in enumerate(codes):
        for number, ids, stored in _lists(library, item.index):
            yield from _cut(item, (part, number), ids, stored, schema)


def schema() -> Any:
    """Columns of an index: ``part`` (of a composed index), ``list`` (inverted), ``id``, ``code``."""
    import pyarrow as pa

    return pa.schema([("part", pa.int8()), ("list", pa.int64()), ("id", pa.int64()), ("code", pa.large_binary())])


# --- kinds -------------------------------------------------------------------------------------


def _flat(_library: Any, index: Any) -> View:
    return _leaf(index, "Flat", {})


def _scalar(library: Any, index: Any) -> View:
    return _leaf(index, "SQ", _scalar_settings(library, index.sq))


def _product(library: Any, index: Any) -> View:
    settings = {**_product_settings(library, index.pq), "search": int(index.search_type)}
    return _leaf(index, f"PQ{index.pq.M}x{index.pq.nbits}", settings)


def _leaf(index: Any, name: str, settings: dict[str, Any]) -> View:
    return View(name=name, settings={"kind": name, **_common(index), **settings}, codes=(Codes(index=index),))


def _inverted(library: Any, index: Any) -> View | None:
    quantizer = view(library, index.quantizer)
    if quantizer is None:
        return None
    kind = type(index).__name__
    settings = {"kind": kind, **_common(index), "probe": int(index.nprobe), "quantizer": quantizer.settings}
    if kind == "IndexIVFPQ":
        settings |= {"residual": bool(index.by_residual), **_product_settings(library, index.pq)}
    if kind == "IndexIVFScalarQuantizer":
        settings |= {"residual": bool(index.by_residual), **_scalar_settings(library, index.sq)}
    code = {"IndexIVFFlat": "Flat", "IndexIVFScalarQuantizer": "SQ"}.get(kind, "PQ")
    return View(name=f"IVF{index.nlist},{code}", settings=settings, codes=(Codes(index=index), *quantizer.codes))


def _graph(library: Any, index: Any) -> View | None:
    """Graphs depend on the order and threads of building; their width and search effort are settings."""
    stored = view(library, index.storage)
    if stored is None:
        return None
    if hasattr(index, "hnsw"):
        name, width, effort = "HNSW", index.hnsw.nb_neighbors(1), index.hnsw.efSearch
    else:
        name, width, effort = "NSG", index.nsg.R, index.nsg.search_L
    settings = {"kind": name, "width": int(width), "effort": int(effort), "storage": stored.settings}
    return View(name=f"{name}{width},{stored.name}", settings=settings, codes=stored.codes)


def _mapped(library: Any, index: Any) -> View | None:
    inner = view(library, index.index)
    if inner is None or any(codes.ids is not None for codes in inner.codes):
        return None
    ids = library.vector_to_array(index.id_map)
    first, *others = inner.codes  # the others are quantisers, whose ids are their own
    codes = (replace(first, ids=ids), *others)
    return View(name=f"IDMap,{inner.name}", settings={"kind": "IDMap", "index": inner.settings}, codes=codes)


def _transformed(library: Any, index: Any) -> View | None:
    inner = view(library, index.index)
    steps = [_step(library, library.downcast_VectorTransform(index.chain.at(n))) for n in range(index.chain.size())]
    if inner is None or None in steps:
        return None
    settings = {"kind": "PreTransform", "steps": steps, "index": inner.settings}
    return View(name=f"PreTransform,{inner.name}", settings=settings, codes=inner.codes)


def _step(library: Any, step: Any) -> dict[str, Any] | None:
    match type(step).__name__:
        case "LinearTransform" | "PCAMatrix" | "OPQMatrix" | "RandomRotationMatrix":
            matrix, bias = _floats(library, step.A), _floats(library, step.b)
            return {"in": int(step.d_in), "out": int(step.d_out), "matrix": matrix, "bias": bias}
        case "NormalizationTransform":
            return {"norm": float(step.norm)}
    return None


def _scalar_settings(library: Any, quantizer: Any) -> dict[str, Any]:
    return {"type": int(quantizer.qtype), "trained": _floats(library, quantizer.trained)}


def _product_settings(library: Any, quantizer: Any) -> dict[str, Any]:
    return {
        "parts": int(quantizer.M),
        "bits": int(quantizer.nbits),
        "centroids": _floats(library, quantizer.centroids),
    }


def _common(index: Any) -> dict[str, Any]:
    return {"d": int(index.d), "metric": int(index.metric_type), "metric_arg": float(index.metric_arg)}


def _floats(library: Any, vector: Any) -> str:
    return sha256_hex(library.vector_to_array(vector).astype("<f4").tobytes())


_KINDS: dict[str, Callable[[Any, Any], View | None]] = {
    "IndexFlat": _flat,
    "IndexFlatL2": _flat,
    "IndexFlatIP": _flat,
    "IndexScalarQuantizer": _scalar,
    "IndexPQ": _product,
    "IndexIVFFlat": _inverted,
    "IndexIVFScalarQuantizer": _inverted,
    "IndexIVFPQ": _inverted,
    "IndexHNSWFlat": _graph,
    "IndexHNSWSQ": _graph,
    "IndexHNSWPQ": _graph,
    "IndexNSGFlat": _graph,
    "IndexIDMap": _mapped,
    "IndexIDMap2": _mapped,
    "IndexPreTransform": _transformed,
}


# --- codes -------------------------------------------------------------------------------------


def _lists(library: Any, index: Any) -> Iterator[tuple[int, Any, Any]]:
    """Inverted lists of an index as ``(number, ids, codes)`` where they lie; a flat index is list 0."""
    import numpy as np

    if not hasattr(index, "invlists"):
        stored = library.rev_swig_ptr(index.codes.data(), index.ntotal * index.code_size)
        yield 0, np.arange(index.ntotal, dtype=np.int64), stored
        return
    lists = index.invlists
    for number in range(index.nlist):
        size = lists.list_size(number)
        if size:
            codes = library.rev_swig_ptr(lists.get_codes(number), size * index.code_size)
            yield number, library.rev_swig_ptr(lists.get_ids(number), size), codes


def _cut(item: Codes, place: tuple[int, int], ids: Any, stored: Any, columns: Any) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    width = item.index.code_size
    step = max(1, _BATCH_BYTES // max(width, 1))
    for start in range(0, len(ids), step):
        own = np.array(ids[start : start + step], np.int64)
        given = own if item.ids is None else item.ids[own]
        data = pa.py_buffer(np.array(stored[start * width : (start + len(own)) * width]))
        code = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(own), [None, data])
        constants = [pa.array(np.full(len(own), value, kind)) for value, kind in zip(place, _PLACE, strict=True)]
        arrays = [*constants, pa.array(given), code.cast(pa.large_binary())]
        yield pa.record_batch(arrays, schema=columns)
