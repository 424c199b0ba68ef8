"""safetensors to digests: agrees with the library, covers every byte, independent of layout."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftlineage.core.sections import FileRecord, Tensor, TensorHeader
from ftlineage.errors import PathNotFoundError, StorageError
from ftlineage.hashing import tensors as module
from ftlineage.hashing.files import CHUNK
from ftlineage.hashing.tensors import DTYPE_BITS, content_digest, hash_tensors, read_header, record_tensors, summarise
from tests import safetensors_bytes


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_with(path: Path, tensors: safetensors_bytes.Tensors, metadata: dict[str, str] | None = None) -> Path:
    path.write_bytes(safetensors_bytes.write(tensors, metadata))
    return path


SMALL = {"b": ("F32", [2, 3], bytes(range(24))), "a": ("I8", [5], b"hello"), "z": ("BF16", [], b"\x00\x01")}


def test_header_and_tensors_of_a_small_file(tmp_path: Path) -> None:
    path = file_with(tmp_path / "m.safetensors", SMALL, {"format": "pt"})
    data = path.read_bytes()
    header = read_header(path)
    assert (header.metadata, header.sha256) == ({"format": "pt"}, sha(data[: header.size]))
    assert [(info.name, info.shape, data[info.start : info.stop]) for info in header.tensors] == [
        (name, tuple(shape), content) for name, (_, shape, content) in SMALL.items()
    ]
    record, found = hash_tensors(path, "m.safetensors")
    assert record == TensorHeader(file="m.safetensors", sha256=header.sha256, size=header.size)
    assert found == [
        Tensor(file="m.safetensors", name=name, dtype=dtype, shape=shape, sha256=sha(content))
        for name, (dtype, shape, content) in SMALL.items()
    ]


def test_one_pass_gives_the_files_digest_and_the_same_tensors(tmp_path: Path) -> None:
    path = file_with(tmp_path / "m.safetensors", SMALL)
    file, header, found = record_tensors(path, "x/m.safetensors")
    assert file == FileRecord(path="x/m.safetensors", size=path.stat().st_size, sha256=sha(path.read_bytes()))
    assert (header, found) == hash_tensors(path, "x/m.safetensors")


def layouts() -> dict[str, dict[str, tuple[str, list[int], bytes]]]:
    def some(*sizes: int) -> dict[str, tuple[str, list[int], bytes]]:
        return {f"t{number:05}": ("U8", [size], os.urandom(size)) for number, size in enumerate(sizes)}

    return {
        "no tensors": {},
        "one empty tensor": some(0),
        "empty tensors everywhere": some(0, 0, 5, 0, CHUNK, 0, 0),
        "one large": some(9 * CHUNK + 3),
        "exactly one chunk": some(CHUNK),
        "many small": some(*range(600)),
        "mixed": some(10, 3 * CHUNK, 7, CHUNK - 17, CHUNK, 4 * CHUNK + 1, 1, 0),
    }


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_every_layout_hashes_as_its_bytes(tmp_path: Path, layout: str, threads: int | None) -> None:
    content = layouts()[layout]
    path = file_with(tmp_path / "m.safetensors", content)
    done: list[int] = []
    record, found = hash_tensors(path, "m", threads=threads, update=done.append)
    assert sorted((t.name, t.sha256) for t in found) == sorted((n, sha(data)) for n, (_, _, data) in content.items())
    assert sum(done) == path.stat().st_size - record.size
    whole: list[int] = []
    file, again, same = record_tensors(path, "m", update=whole.append)
    assert (again, same, file.sha256) == (record, found, sha(path.read_bytes()))
    assert sum(whole) == file.size


@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_every_dtype_is_read(tmp_path: Path, dtype: str) -> None:
    data = bytes(DTYPE_BITS[dtype])  # eight elements
    path = file_with(tmp_path / "m.safetensors", {"t": (dtype, [2, 4], data)})
    assert hash_tensors(path, "m")[1][0].sha256 == sha(data)


def test_the_library_knows_the_same_dtypes_and_digests(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors")
    for dtype, bits in DTYPE_BITS.items():
        path = file_with(tmp_path / f"{dtype}.safetensors", {"t": (dtype, [8], bytes(bits))})
        with library.safe_open(path, framework="numpy") as opened:
            assert opened.get_slice("t").get_shape() == [8]
            assert opened.get_slice("t").get_dtype() == dtype
    from safetensors.numpy import save_file

    arrays = {name: numpy.random.default_rng(1).random((3, size)) for name, size in [("x", 5), ("y", 0), ("w", 100)]}
    save_file(arrays, tmp_path / "n.safetensors", metadata={"format": "np"})
    assert {t.name: (t.shape, t.sha256) for t in hash_tensors(tmp_path / "n.safetensors", "n")[1]} == {
        name: (list(array.shape), sha(array.tobytes())) for name, array in arrays.items()
    }


# --- the digest over content (trap T13) ----------------------------------------------------------


def summary(path: Path, tensors: safetensors_bytes.Tensors, metadata: dict[str, str] | None = None) -> str:
    header, found = hash_tensors(file_with(path, tensors, metadata), path.name)
    return summarise([header], found).digest


def test_t13_layout_and_metadata_do_not_change_the_content_digest(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    plain = summary(path, SMALL)
    assert summary(path, dict(reversed(SMALL.items()))) == plain
    assert summary(path, SMALL, {"format": "pt", "b": "2", "c": "3"}) == plain
    header, found = hash_tensors(path, "model-00001-of-00002.safetensors")
    assert summarise([header], found).digest == plain


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("bytes", {**SMALL, "a": ("I8", [5], b"hellO")}),
        ("dtype", {**SMALL, "a": ("U8", [5], b"hello")}),
        ("shape", {**SMALL, "b": ("F32", [3, 2], bytes(range(24)))}),
        ("name", {**{k: v for k, v in SMALL.items() if k != "a"}, "A": SMALL["a"]}),
        ("one less", {k: v for k, v in SMALL.items() if k != "a"}),
        ("one more empty", {**SMALL, "e": ("U8", [0], b"")}),
    ],
)
def test_whatever_a_model_could_feel_changes_the_content_digest(tmp_path: Path, what: str, changed: dict) -> None:
    assert summary(tmp_path / "m", SMALL) != summary(tmp_path / "m", changed), what


def test_summary_counts_and_sorts(tmp_path: Path) -> None:
    header, found = hash_tensors(file_with(tmp_path / "m", SMALL), "m")
    tensors = summarise([header], found)
    assert (tensors.count, tensors.parameters) == (3, 6 + 5 + 1)
    assert [tensor.name for tensor in tensors.entries] == ["a", "b", "z"]
    assert tensors.headers == [header]
    assert tensors.digest == content_digest(reversed(tensors.entries))


def test_members_folders_are_part_of_the_content(tmp_path: Path) -> None:
    path = file_with(tmp_path / "m", SMALL)
    one, two = hash_tensors(path, "one/m")[1], hash_tensors(path, "two/m")[1]
    assert content_digest(one) != content_digest(two)


# --- around the edges ----------------------------------------------------------------------------


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match=r"^m\.safetensors: no such file or folder\.$"):
        read_header(tmp_path / "m.safetensors")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_that_changes_while_it_is_hashed_has_no_digest(tmp_path: Path, threads: int) -> None:
    path = file_with(tmp_path / "m", {"a": ("U8", [5 * CHUNK], bytes(5 * CHUNK)), "b": ("U8", [1], b"x")})

    def touch(_amount: int) -> None:
        with path.open("r+b") as out:
            out.seek(-1, os.SEEK_END)
            out.write(b"y")

    with pytest.raises(StorageError, match="the file changed while it was read"):
        hash_tensors(path, "m", threads=threads, update=touch)
    with pytest.raises(StorageError, match="the file changed while it was read"):
        record_tensors(path, "m", update=touch)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_stays_flat_and_nothing_heavy_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    size = 300 * CHUNK
    header = safetensors_bytes.document({"t": safetensors_bytes.entry("U8", [size], 0, size)})
    with path.open("wb") as out:
        out.write(header)
        out.truncate(len(header) + size)
    program = f"""
import sys
from pathlib import Path
from ftlineage.hashing.tensors import hash_tensors, record_tensors
path = Path({str(path)!r})
assert hash_tensors(path, "m")[1] == record_tensors(path, "m")[2]
heavy = {{"torch", "numpy", "safetensors", "pyarrow", "huggingface_hub"}} & set(sys.modules)
assert not heavy, heavy
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    peak = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    assert peak < 60 * 1024, f"{peak} KiB"


def test_a_thousand_small_tensors_are_read_in_few_pieces(tmp_path: Path) -> None:
    path = file_with(tmp_path / "m", {f"t{number}": ("U8", [1000], bytes(1000)) for number in range(1000)})
    assert len(module._runs(read_header(path).tensors)) == 1
