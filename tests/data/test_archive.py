"""Unpacking archives, valid and hostile."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.archive import find_data_folder, unpack

PLAIN: list[tuple[str, bytes]] = [
    ("./qlib_bin/calendars/day.txt", b"2020-01-06\n"),
    ("./qlib_bin/instruments/all.txt", b"A\t2020-01-06\t2020-01-06\n"),
    ("./qlib_bin/features/a/close.day.bin", b"\0" * 8),
]


def tar(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                info.mode = 0o6777
                archive.addfile(info, io.BytesIO(member[1]))
    return content.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zst(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def open_archive(tmp_path: Path, content: bytes, max_bytes: int = 10**6) -> Path:
    path = tmp_path / "data.tar"
    path.write_bytes(content)
    unpack(path, tmp_path / "out", max_bytes, lambda _: None)
    return tmp_path / "out"


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, zst])
def test_every_compression_is_recognised_by_its_content(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    content = compress(
        tar(("qlib_bin/._day.txt", b"x"), *PLAIN, special("qlib_bin/features/b", tarfile.DIRTYPE))
    )
    out = open_archive(tmp_path, content)
    folder = find_data_folder(out)
    assert folder == out / "qlib_bin"
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {f"./qlib_bin/{name}": path.read_bytes() for name, path in files.items()} == dict(PLAIN)
    assert not any(path.stat().st_mode & 0o7111 for path in files.values())


def test_progress_is_reported_in_bytes_of_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "data.tar.gz"
    path.write_bytes(gzip.compress(tar(*PLAIN)))
    reported: list[int] = []
    assert unpack(path, tmp_path / "out", 10**6, reported.append) == sum(len(content) for _, content in PLAIN)
    assert sum(reported) == path.stat().st_size


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (("../x", b""), "a path outside of its folder, '../x'"),
        (("a/../../x", b""), "a path outside of its folder"),
        (("/tmp/x", b""), "a path outside of its folder"),
        (("a\\..\\x", b""), "a name that is invalid on some systems"),
        (("c:x", b""), "a name that is invalid on some systems"),
        (("a\nb", b""), "a name that is invalid on some systems"),
        (special("x", tarfile.SYMTYPE, "/etc/passwd"), "a link, 'x'"),
        (special("x", tarfile.LNKTYPE, "qlib_bin/calendars/day.txt"), "a link, 'x'"),
        (special("x", tarfile.CHRTYPE), "a device or another special file, 'x'"),
        (special("x", tarfile.FIFOTYPE), "a device or another special file, 'x'"),
        (PLAIN[0], "two members of one name"),
        (("./qlib_bin/calendars/day.txt/x", b""), "two members of one name"),
        (("big", b"\0" * 10**6), r"files of more than 1,000,000 bytes \(--max-size\)"),
    ],
)
def test_unsafe_members_are_refused(
    tmp_path: Path, member: tuple[str, bytes] | tarfile.TarInfo, words: str
) -> None:
    with pytest.raises(DataError, match=f"data.tar: refused: it has {words}"):
        open_archive(tmp_path, gzip.compress(tar(*PLAIN, member)))
    assert {path.name for path in tmp_path.iterdir()} == {"data.tar", "out"}


def test_many_empty_files_count_as_the_space_they_take(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="files of more than 100,000 bytes"):
        open_archive(tmp_path, tar(*((str(n), b"") for n in range(30))), 100_000)


def test_endless_inflation_is_refused(tmp_path: Path) -> None:
    padding = b"\0" * 10**8  # behind the archive's end, in no member
    with pytest.raises(DataError, match="more than 16,977,216 bytes when inflated"):
        open_archive(tmp_path, gzip.compress(tar(*PLAIN) + padding, 1), 10**5)


def test_a_huge_header_is_refused_before_it_is_read(tmp_path: Path) -> None:
    header = special("x", tarfile.XHDTYPE)
    header.size = 1 << 30
    with pytest.raises(DataError, match="refused: it has a header of 1,073,741,824 bytes"):
        open_archive(tmp_path, header.tobuf() + b"\0" * 1024)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(tar(*PLAIN))[:-9],
        gzip.compress(b"no archive"),
        lzma.compress(tar(*PLAIN))[:-40],
    ],
    ids=["empty", "no archive", "cut gzip", "gzip of no archive", "cut xz"],
)
def test_damaged_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"data.tar: not an archive, or a damaged one"):
        open_archive(tmp_path, content)


def test_a_changed_byte_is_found_by_the_checksum_of_the_compression(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(tar(*PLAIN), 0))
    content[600] ^= 1
    with pytest.raises(DataError, match="a damaged one"):
        open_archive(tmp_path, bytes(content))


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    for members in ([("readme", b"")], [("a/x", b""), ("b/x", b"")]):
        out = tmp_path / members[0][0].replace("/", "_")
        out.mkdir()
        with pytest.raises(DataError, match=r"holds no Qlib data folder: expected calendars/day.txt"):
            find_data_folder(open_archive(out, tar(*members)))
