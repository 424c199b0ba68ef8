"""FAISS: an index file, a folder with one and its document store, or an index in memory.

Covered are every stored vector as coded, its id, what the index was trained to, metric and search
parameters, plus files beside it (LangChain's ``index.pkl``, LlamaIndex's ``docstore.json``) by
their bytes: pickles are hashed, never loaded. Ids are content: an index without an id map numbers
its vectors by position, so there the order counts, as it does for whoever looks a hit up by number.
Left out are the graphs of HNSW and NSG, which depend on the order and threads of building.

Kinds that cannot be taken apart (``faiss_view``) are covered by their bytes as FAISS saves them.
An index is read into memory, as for a search.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ftlineage.core.digest import sha256_hex
from ftlineage.core.sections import FileRecord
from ftlineage.errors import BadInputError, PathNotFoundError
from ftlineage.hashing.files import list_files, record_files
from ftlineage.hashing.rows import RowFingerprint
from ftlineage.sources.retrieval.faiss_view import View, batches, schema, view
from ftlineage.sources.retrieval.interface import (
    Content,
    choose,
    client_library,
    comes_from,
    fingerprint_rows,
    make_content,
    refuse_collection,
)

KIND = "faiss"
ALGORITHM = "faiss-v1"
_NAMES = (".faiss", ".index", "vector_store.json")
# The four letters a FAISS file begins with name its kind: IxFI, IwPQ, IHNf, IBxF, ...
_MAGIC = re.compile(rb"I[A-Zxwmv2][A-Za-z0-9]{2}")


def recognises(source: object) -> bool:
    """A file with FAISS's mark, a folder that holds one, or an index object."""
    if not isinstance(source, Path):
        return comes_from(source, "faiss")
    return _has_magic(source) if source.is_file() else bool(_index_files(source))


def read(source: Any, collection: str | None) -> Content:
    """Read every vector; see ``interface.Engine``."""
    library = client_library("faiss", extra=KIND, package="faiss-cpu")
    client_library("pyarrow", extra=KIND)
    if not isinstance(source, Path):
        refuse_collection(collection, "a FAISS index in memory")
        index = source if isinstance(source, library.IndexBinary) else library.downcast_index(source)
        return _content(library, index, [], shown=type(source).__name__)
    file = _index_file(source, collection)
    beside = record_files(_beside(file, whole=source.is_dir()), file.parent)
    return _content(library, _open(library, file, str(source)), beside, shown=str(source))


def _open(library: Any, file: Path, shown: str) -> Any:
    with file.open("rb") as opened:
        binary = opened.read(2) == b"IB"
    # Read-only, or lists that lie in a file of their own would be opened for writing. Mapping them
    # (IO_FLAG_MMAP) reads wild memory for such an index in faiss 1.15.
    flags = library.IO_FLAG_READ_ONLY
    try:
        return library.read_index_binary(str(file)) if binary else library.read_index(str(file), flags)
    except (RuntimeError, MemoryError, OSError) as error:
        raise BadInputError(path=shown, reason=f"FAISS cannot read it: {_plain(error)}") from error


# --- files -------------------------------------------------------------------------------------


def _index_file(source: Path, collection: str | None) -> Path:
    if source.is_file():
        refuse_collection(collection, "a FAISS file")
        return source
    if not source.is_dir():
        raise PathNotFoundError(path=str(source))
    files = {file.stem: file for file in _index_files(source)}
    return files[choose(list(files), collection, what="index")]


def _index_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.name.endswith(_NAMES) and _has_magic(file))


def _has_magic(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return _MAGIC.fullmatch(opened.read(4)) is not None
    except OSError:
        return False


def _beside(file: Path, *, whole: bool) -> list[Path]:
    """The document store: files named like the index, or all files of a folder that holds one index."""
    others = [other for other in _index_files(file.parent) if other != file]
    whole = whole and not others
    listed = list_files(file.parent, keep=lambda name: not name.startswith("."), enter=lambda _: False)
    return [path for path in listed if path not in (file, *others) and (whole or path.stem == file.stem)]


# --- content -----------------------------------------------------------------------------------


def _content(library: Any, index: Any, beside: list[FileRecord], *, shown: str) -> Content:
    try:
        count, found = int(index.ntotal), view(library, index)
        if found is None:
            name, rows, settings = type(index).__name__, None, {"saved": _saved(library, index)}
        else:
            name, rows, settings = found.name, _rows(library, found, shown), found.settings
    except (RuntimeError, MemoryError, IndexError) as error:
        raise BadInputError(path=shown, reason=f"FAISS cannot read it: {_plain(error)}") from error
    return make_content(
        KIND, algorithm=ALGORITHM, version=name, settings=settings, rows=rows, files=beside, count=count
    )


def _rows(library: Any, found: View, shown: str) -> RowFingerprint:
    total = sum(int(codes.index.ntotal) for codes in found.codes)
    columns = schema()
    rows = fingerprint_rows(batches(library, found.codes, columns), columns, total=total)
    if rows.rows != total:
        raise BadInputError(path=shown, reason=f"it says {total} vectors and holds {rows.rows}")
    return rows


def _saved(library: Any, index: Any) -> str:
    save = library.serialize_index_binary if isinstance(index, library.IndexBinary) else library.serialize_index
    return sha256_hex(memoryview(save(index)))


def _plain(error: BaseException) -> str:
    """FAISS's own words, without the C++ function and source file before them."""
    text = str(error).rpartition("Error: ")[2] or type(error).__name__
    return text.partition("\n")[0][:200]
