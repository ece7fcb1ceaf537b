"""Fetching from a real server on loopback: complete, resumed, changed, corrupt and refused files."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lstm_bench.core.errors import DataError, RunError
from lstm_bench.data import download
from lstm_bench.data.fetch import default_folder, fetch
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize


@dataclass
class Site:
    """One file, and how its server behaves.

    Attributes
    ----------
    cut : bytes after which the next answers are cut off, one entry an answer
    tag, modified : version of the file; None for a server that does not state it
    ranges : whether the server supports ranges
    errors : statuses of the next answers
    requests : the headers Range and If-Range of each request
    """

    content: bytes
    url: str = ""
    cut: list[int] = field(default_factory=list)
    tag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    length: bool = True
    errors: list[int] = field(default_factory=list)
    requests: list[tuple[str | None, str | None]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers with the site's file, or a range of it, by RFC 9110."""

    site: Site

    def do_GET(self) -> None:
        site, requested, condition = self.site, self.headers["Range"], self.headers["If-Range"]
        site.requests.append((requested, condition))
        if site.errors:
            self.send_error(site.errors.pop(0))
            return
        begin = 0
        same = condition in (site.tag, site.modified)
        if requested and site.ranges and (condition is None or same):
            match = re.fullmatch(r"bytes=(\d+)-", requested)
            assert match, requested
            begin = int(match[1])
            if begin >= len(site.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(site.content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(site.content) - 1}/{len(site.content)}")
        else:
            self.send_response(200)
        if site.length:
            self.send_header("Content-Length", str(len(site.content) - begin))
        for name, value in (("ETag", site.tag), ("Last-Modified", site.modified)):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        rest = site.content[begin:]
        self.wfile.write(rest[: site.cut.pop(0)] if site.cut else rest)

    def log_message(self, *_: object) -> None:
        """Do not log."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "qlib_bin"
    synthesize(folder, stocks=12, days=250)
    return folder


def packed(folder: Path, *extra: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        archive.add(folder, "qlib_bin")
        for member in extra:
            archive.addfile(member, io.BytesIO(b"\0" * member.size))
    return content.getvalue()


@pytest.fixture
def site(market: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = Site(packed(market))
    handler = type("OfSite", (Handler,), {"site": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.url = f"http://127.0.0.1:{server.server_port}/some/qlib_bin.tar.gz?download=1"
        yield served
        server.shutdown()
        thread.join()


def left(tmp_path: Path) -> set[str]:
    return {path.name for path in tmp_path.iterdir()}


def test_a_folder_is_fetched_verified_and_stripped_of_its_wrapping(
    site: Site, market: Path, tmp_path: Path
) -> None:
    reported: list[tuple[str, int]] = []

    class Recorder:
        def begin(self, what: str, done: int, total: int | None) -> None:
            assert total == len(site.content)
            reported.append((what, done))

        def advance(self, count: int) -> None:
            reported[-1] = reported[-1][0], reported[-1][1] + count

    digest = hashlib.sha256(site.content).hexdigest()
    fetched = fetch(site.url, tmp_path / "deep" / "cn", sha256=digest.upper(), progress=Recorder())
    assert (fetched.sha256, fetched.archive_bytes, fetched.resumed_at) == (digest, len(site.content), 0)
    assert fingerprint(Provider(fetched.folder)) == fingerprint(Provider(market))
    assert left(tmp_path / "deep") == {"cn"}
    assert reported == [("downloading", len(site.content)), ("unpacking", len(site.content))]
    with pytest.raises(DataError, match="expected a new or empty folder"):
        fetch(site.url, fetched.folder)
    assert len(site.requests) == 1


def test_a_cut_connection_is_resumed_in_the_same_call(site: Site, market: Path, tmp_path: Path) -> None:
    site.cut = [40_000, 10_000]
    fetched = fetch(site.url, tmp_path / "cn")
    assert site.requests == [(None, None), ("bytes=40000-", '"one"'), ("bytes=50000-", '"one"')]
    assert fingerprint(Provider(fetched.folder)) == fingerprint(Provider(market))


def interrupted(site: Site, tmp_path: Path) -> None:
    """Leave a download of 40,000 bytes behind."""
    site.cut, site.errors = [40_000], []
    original = site.content

    class Stop:
        def begin(self, what: str, done: int, total: int | None) -> None:
            self.done = done

        def advance(self, count: int) -> None:
            self.done += count
            if self.done >= 40_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(site.url, tmp_path / "cn", progress=Stop())
    assert left(tmp_path) == {".cn.download", ".cn.download.json"}
    assert (tmp_path / ".cn.download").read_bytes() == original[:40_000]
    site.cut, site.requests = [], []


@pytest.mark.parametrize("modified", [None, "Wed, 01 Jan 2020 00:00:00 GMT"])
def test_the_next_call_resumes_the_last_one(
    site: Site, market: Path, tmp_path: Path, modified: str | None
) -> None:
    site.modified = modified
    if modified:
        site.tag = 'W/"weak"'  # too weak to join two parts by
    interrupted(site, tmp_path)
    fetched = fetch(site.url, tmp_path / "cn")
    assert site.requests == [("bytes=40000-", modified or '"one"')]
    assert fetched.resumed_at == 40_000
    assert fetched.sha256 == hashlib.sha256(site.content).hexdigest()
    assert left(tmp_path) == {"cn"}


def test_a_file_that_has_changed_is_fetched_anew(site: Site, market: Path, tmp_path: Path) -> None:
    interrupted(site, tmp_path)
    site.content, site.tag = packed(market), '"two"'
    fetched = fetch(site.url, tmp_path / "cn")
    assert site.requests == [("bytes=40000-", '"one"')]
    assert fetched.sha256 == hashlib.sha256(site.content).hexdigest()


@pytest.mark.parametrize("how", ["no validator", "no ranges", "another address", "complete", "too long"])
def test_parts_that_cannot_be_joined_are_fetched_whole(site: Site, tmp_path: Path, how: str) -> None:
    if how == "no validator":
        site.tag = None
    interrupted(site, tmp_path)
    expected: list[tuple[str | None, str | None]] = [("bytes=40000-", '"one"')]
    if how == "no validator":
        expected = [(None, None)]
    elif how == "no ranges":
        site.ranges = False
    elif how == "another address":
        site.url = site.url.replace("some", "other")
        expected = [(None, None)]
    else:
        (tmp_path / ".cn.download").write_bytes(site.content + b"x" * (how == "too long"))
        size = len(site.content) + (how == "too long")
        expected = [(f"bytes={size}-", '"one"')] + ([(None, None)] if how == "too long" else [])
    fetched = fetch(site.url, tmp_path / "cn")
    assert site.requests == expected
    assert fetched.sha256 == hashlib.sha256(site.content).hexdigest()
    assert left(tmp_path) == {"cn"}


def special(name: str, kind: bytes, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else "", size
    return info


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (special("qlib_bin/../../evil", tarfile.REGTYPE), "a path outside of its folder"),
        (special("qlib_bin/evil", tarfile.SYMTYPE), "a link"),
        (special("qlib_bin/evil", tarfile.BLKTYPE), "a device"),
        (special("qlib_bin/evil", tarfile.REGTYPE, 20_000_000), "files of more than 10,000,000 bytes"),
    ],
)
def test_a_malicious_archive_is_refused_with_nothing_left_behind(
    site: Site, market: Path, tmp_path: Path, member: tarfile.TarInfo, words: str
) -> None:
    site.content = packed(market, member)
    with pytest.raises(DataError, match=f"refused: it has {words}"):
        fetch(site.url, tmp_path / "home" / "cn", max_bytes=10_000_000)
    assert left(tmp_path) == {"home"}
    assert not left(tmp_path / "home")


def test_a_tampered_archive_is_refused_with_nothing_left_behind(site: Site, tmp_path: Path) -> None:
    digest = hashlib.sha256(site.content).hexdigest()
    changed = bytearray(site.content)
    changed[len(changed) // 2] ^= 1
    site.content = bytes(changed)
    with pytest.raises(DataError, match=f"SHA-256 is .*, expected {digest}"):
        fetch(site.url, tmp_path / "cn", sha256=digest)
    assert not left(tmp_path)
    with pytest.raises(DataError, match="damaged"):  # the compression's own checksum
        fetch(site.url, tmp_path / "cn")
    assert not left(tmp_path)


@pytest.mark.parametrize("length", [True, False])
def test_a_download_beyond_the_limit_is_refused(site: Site, tmp_path: Path, length: bool) -> None:
    site.length = length
    with pytest.raises(DataError, match=r"expected at most 50,000 \(--max-size\)"):
        fetch(site.url, tmp_path / "cn", max_bytes=50_000)
    assert not left(tmp_path)


def test_an_archive_of_something_else_is_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "readme").touch()
    site.content = packed(tmp_path / "other")
    with pytest.raises(DataError, match="no Qlib data folder"):
        fetch(site.url, tmp_path / "cn")
    assert left(tmp_path) == {"other"}


def test_failures_of_the_server_are_retried_and_refusals_are_not(site: Site, tmp_path: Path) -> None:
    site.errors = [404]
    with pytest.raises(DataError, match="the server answered 404 Not Found"):
        fetch(site.url, tmp_path / "cn")
    assert len(site.requests) == 1
    site.errors = [503] * 5
    with pytest.raises(RunError, match=r"the server answered 503 .*; 0 bytes are kept"):
        fetch(site.url, tmp_path / "cn")
    assert len(site.requests) == 6
    site.errors = [503, 503]
    assert fetch(site.url, tmp_path / "cn").folder == tmp_path / "cn"


def test_a_refused_connection_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(RunError, match="Connection refused"):
        fetch("http://127.0.0.1:9/qlib_bin.tar.gz", tmp_path / "cn")
    assert not left(tmp_path)


@pytest.mark.parametrize(
    ("url", "sha256", "words"),
    [
        ("ftp://host/qlib_bin.tar.gz", None, "expected an address that begins with https"),
        ("qlib_bin.tar.gz", None, "expected an address that begins with https"),
        ("https://host/qlib_bin.zip", None, r"ends with .tar.gz, .*--out"),
        ("https://host/.tar.gz", None, "--out"),
        ("https://host/a%2F..%2F..%2Fx.tar.gz", None, "--out"),
        ("https://host/qlib_bin.tar.gz", "abc", "--sha256: got 'abc', expected 64"),
    ],
)
def test_invalid_addresses_and_checksums_are_refused(url: str, sha256: str | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fetch(url, sha256=sha256)


def test_the_folder_is_named_after_the_archive() -> None:
    assert default_folder("https://host/a/qlib_bin.tar.gz?x=1") == Path("qlib_bin")
    assert default_folder("https://host/a%20b.TGZ") == Path("a b")
