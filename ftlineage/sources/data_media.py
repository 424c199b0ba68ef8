"""Images, audio and other media columns: what counts is the bytes of each file, not where it lies.

``datasets`` keeps such a column as ``struct<bytes, path>`` where the bytes may be absent and the
path absolute: its own fingerprint does not change when the file does. Here the bytes are embedded
first, as ``push_to_hub`` does, and the path is left out, so the column is ``binary``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ftlineage.errors import BadInputError
from ftlineage.hashing.arrow_types import is_list
from ftlineage.sources.data_rows import Rows

# Files are brought into memory by so many rows at a time.
_ROWS = 64
_METADATA = b"huggingface"


def may_hold_media(schema: Any) -> bool:
    """Whether a schema carries ``datasets`` features with other types than plain values; cheap, for a first look."""
    text = (schema.metadata or {}).get(_METADATA, b"")
    kinds = {part.split(b'"')[1] for part in text.split(b'"_type":')[1:] if part.count(b'"') > 1}
    return bool(kinds - {b"Value", b"ClassLabel", b"List", b"LargeList", b"Sequence", b"Json"})


def media_features(schema: Any) -> Any | None:
    """The ``datasets.Features`` that a schema carries, if one of them is a media type."""
    if not may_hold_media(schema):
        return None
    from datasets import Features

    return with_media(Features.from_arrow_schema(schema))


def with_media(features: Any) -> Any | None:
    """These features, if one of them is a media type."""
    return features if any(_is_media(feature) for feature in features.values()) else None


def embedded_rows(rows: Rows, features: Any | None, shown: str) -> Rows:
    """Rows with every media value as the bytes of its file; the same rows if there are no media features."""
    if features is None:
        return rows
    return Rows(
        schema=embedded_schema(rows.schema, features),
        read=lambda _wanted: embedded(rows.read(rows.schema), features, shown),
    )


def embedded_schema(schema: Any, features: Any) -> Any:
    """The schema of :func:`embedded` batches."""
    import pyarrow as pa

    fields = [(field.name, _embedded_type(field.type, features.get(field.name))) for field in schema]
    return pa.schema(fields)


def embedded(batches: Iterable[Any], features: Any, shown: str) -> Iterator[Any]:
    """Batches with every media value as the bytes of its file.

    Args:
        batches: ``pyarrow.RecordBatch`` values as ``datasets`` stores them.
        features: Their ``datasets.Features``.
        shown: How errors name the data.

    Raises:
        BadInputError: A file cannot be read.
    """
    import pyarrow as pa

    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            part = batch.slice(start, _ROWS)
            columns = [
                _embed(column, features.get(name), shown)
                for name, column in zip(part.schema.names, part.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, names=part.schema.names)


def _is_media(feature: Any) -> bool:
    if hasattr(feature, "embed_storage"):
        return True
    if isinstance(feature, dict):
        return any(_is_media(inside) for inside in feature.values())
    inside = getattr(feature, "feature", None)
    return inside is not None and _is_media(inside)


def _embedded_type(kind: Any, feature: Any) -> Any:
    import pyarrow as pa

    if feature is None or not _is_media(feature):
        return kind
    if hasattr(feature, "embed_storage"):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _embedded_type(field.type, feature[field.name])) for field in kind])
    return pa.list_(_embedded_type(kind.value_type, feature.feature))


def _embed(array: Any, feature: Any, shown: str) -> Any:
    import pyarrow as pa

    if feature is None or not _is_media(feature):
        return array
    if hasattr(feature, "embed_storage"):
        return _file_bytes(array, feature, shown)
    if pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        arrays = [_embed(array.field(place), feature[name], shown) for place, name in enumerate(names)]
        return pa.StructArray.from_arrays(arrays, names=names, mask=array.is_null())
    if not is_list(array.type):
        raise BadInputError(path=shown, reason=f"media inside {array.type} cannot be embedded")
    # concat_arrays leaves out what lies beyond the slice; the lengths of fixed-size lists become offsets.
    plain = pa.concat_arrays([array.cast(pa.list_(array.type.value_type))])
    values = _embed(plain.values, feature.feature, shown)
    return pa.Array.from_buffers(
        pa.list_(values.type), len(plain), plain.buffers()[:2], plain.null_count, plain.offset, [values]
    )


def _file_bytes(array: Any, feature: Any, shown: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        storage = feature.embed_storage(array)
    except (OSError, ValueError) as error:
        reason = f"a file of its {type(feature).__name__.lower()} column cannot be read ({type(error).__name__})"
        raise BadInputError(path=shown, reason=reason) from error
    return pc.struct_field(storage, "bytes").cast(pa.binary())
