"""The hosts on this machine: converted once from published files, and loaded.

Files are checked by SHA-256 when a host is added, and again when it is loaded. A new published
host is one file with a `RECIPE` and one name in `PUBLISHED`.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from workbench.errors import WorkbenchError, nearest
from workbench.files import cache_folder, sha256, write_whole
from workbench.hosts import (
    efficientnet_lite0,
    inceptionv1,
    induction,
    minilm,
    modular_addition,
    resnet50v2_trunk,
    squeezenet,
    squeezenet_second_run,
    stories260k,
)
from workbench.hosts.host import Host
from workbench.hosts.made import FINAL, TRAININGS, is_made, load_made, made, made_name, training_of
from workbench.hosts.named import is_null, is_own, own_host, shuffled, split_null
from workbench.hosts.recipe import Recipe
from workbench.hosts.tokens import Tokenizer

PUBLISHED = (
    squeezenet,
    inceptionv1,
    squeezenet_second_run,
    efficientnet_lite0,
    resnet50v2_trunk,
    modular_addition,
    induction,
    stories260k,
    minilm,
)
RECIPES: dict[str, Recipe] = {host.RECIPE.name: host.RECIPE for host in PUBLISHED}
CLASSES_KEY = "classes"  # the one metadata key: safetensors orders several at random


@dataclass(frozen=True)
class HostRow:
    """One line of `workbench hosts list`."""

    name: str
    installed: bool
    sites: int
    source: str
    fingerprint: str


def weights_file(name: str) -> Path:
    """The path of that host's converted weights, whether the file exists or not."""
    return cache_folder() / "hosts" / f"{name}.safetensors"


def kept_folder(name: str) -> Path:
    """The folder of the published files that are kept beside that host's weights."""
    return cache_folder() / "hosts" / name


def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that host's texts.

    Raises WorkbenchError for a host that has none, and for kept files that are missing or altered.
    """
    wanted = RECIPES.get(name)
    if wanted is None or wanted.tokenizer is None:
        refuse_unknown(name)
        known = " or ".join(recipe.name for recipe in RECIPES.values() if recipe.tokenizer)
        raise WorkbenchError(
            f"host {name}", "it has no tokenizer", known, "Declare prompts of another kind."
        )
    for file in wanted.keeps:
        path = kept_folder(name) / file
        if not path.is_file() or sha256(path) != wanted.files[file]:
            raise WorkbenchError(
                str(path), "is missing or altered", wanted.files[file], _remedy(name)
            )
    return wanted.tokenizer(kept_folder(name))


def recipe(name: str) -> Recipe:
    """The recipe of that host; raises WorkbenchError with the near miss."""
    if name not in RECIPES:
        remedy = _made_remedy(name.partition("@")[0]) or nearest(name, RECIPES)
        raise WorkbenchError("hosts", f"no host {name!r}", remedy=remedy)
    return RECIPES[name]


def refuse_unknown(name: str) -> None:
    """Raise WorkbenchError for a name of neither a published host nor the null host of one.

    Names of a user's own file pass, and those of checkpoints whose training is known; `own_host`
    and `load_made` check them.
    """
    trained = split_null(name)[0] if is_null(name) else name
    if is_made(trained):
        training_of(trained.partition("@")[0])
    elif not is_own(trained):
        recipe(trained)


def add(name: str, directory: Path) -> Path:
    """Check the published files of a host in `directory`, convert them and keep the result.

    Returns the file of the converted weights. Raises WorkbenchError that names every file that is
    missing or altered; nothing is kept then.
    """
    wanted, directory = recipe(name), Path(directory)
    _refuse_wrong_files(wanted, directory)
    metadata = {CLASSES_KEY: " ".join(wanted.classes(directory))}
    content = safetensors.torch.save(wanted.convert(directory), metadata)
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted.fingerprint:
        raise WorkbenchError(
            f"host {name}",
            f"the right files convert to other weights ({digest})",
            wanted.fingerprint,
            f"This is a fault of the workbench or of safetensors {safetensors.__version__}: "
            "please report it.",
        )
    for file in wanted.keeps:
        write_whole(kept_folder(name) / file, (directory / file).read_bytes())
    write_whole(weights_file(name), content)
    return weights_file(name)


def pull(name: str) -> bool:
    """Fetch a host from its public source and add it; False if it was there and intact already.

    Raises WorkbenchError if the source cannot be reached or gives other files. Files that an
    interrupted pull fetched are used by the next one.
    """
    wanted = recipe(name)
    if intact(name):
        return False
    downloads = cache_folder() / "downloads" / name
    wanted.fetch(downloads)
    add(name, downloads)
    shutil.rmtree(downloads)
    return True


def intact(name: str) -> bool:
    """Whether the host is installed and its weights are those of its fingerprint."""
    wanted, file = recipe(name), weights_file(name)
    return file.is_file() and sha256(file) == wanted.fingerprint


def installed() -> list[HostRow]:
    """Every published host, the default first, and then those that were trained here."""
    published = [
        HostRow(host.name, intact(host.name), len(host.sites), host.source, host.fingerprint)
        for host in RECIPES.values()
    ]
    hosts = [load_made(name) for name in made()]
    return published + [
        HostRow(host.name, True, len(host.sites), host.source, host.fingerprint) for host in hosts
    ]


def load(name: str) -> Host:
    """The host of that name, frozen and in eval mode; the same object within one process.

    `workbench/hosts/named.py` lists the forms of names. Raises WorkbenchError if there is no such
    host, if it is not installed, or if its weights file was altered.
    """
    if is_null(name):
        return _null(name, load(split_null(name)[0]).facts)
    if is_own(name):
        return own_host(name)
    if is_made(name):
        return load_made(name)
    recipe(name)
    file = weights_file(name)
    try:
        return _load(name, file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        raise WorkbenchError(
            f"host {name}", f"is not installed ({file} is not there)", remedy=_remedy(name)
        ) from None


@lru_cache(maxsize=4)
def _null(name: str, trained: str) -> Host:
    """The null host of the trained one whose facts are `trained`."""
    return shuffled(name, load(split_null(name)[0]))


@lru_cache(maxsize=8)
def _load(name: str, file: Path, modified_ns: int) -> Host:
    wanted, content = RECIPES[name], file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted.fingerprint:
        raise WorkbenchError(
            str(file), f"altered or cut short (SHA-256 {digest})", wanted.fingerprint, _remedy(name)
        )
    with torch.device("meta"):  # spends no time and no random numbers on weights to be replaced
        network = wanted.build()
    network.load_state_dict(safetensors.torch.load(content), assign=True)
    network.requires_grad_(False).eval()
    # a fifth faster, and pools copy nothing
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    classes = tuple(_metadata(content)[CLASSES_KEY].split())
    return Host(
        name,
        digest,
        network,
        wanted.input,
        wanted.sites,
        wanted.answers(classes),
        wanted.source,
        reentrant=True,
    )


def _metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]


def _refuse_wrong_files(wanted: Recipe, directory: Path) -> None:
    if not directory.is_dir():
        raise WorkbenchError(
            str(directory),
            "is no folder",
            f"the folder with the files of {wanted.name}",
            f"They come from {wanted.source}.",
        )
    missing = [name for name in wanted.files if not (directory / name).is_file()]
    altered = [
        name
        for name, digest in wanted.files.items()
        if name not in missing and sha256(directory / name) != digest
    ]
    if missing or altered:
        problems = [
            f"{title}: {', '.join(names)}"
            for title, names in (("missing", missing), ("altered", altered))
            if names
        ]
        remedy = (
            f"Fetch them again from {wanted.source}, or run `workbench hosts pull {wanted.name}`."
        )
        raise WorkbenchError(
            str(directory),
            "; ".join(problems),
            f"the {len(wanted.files)} files of {wanted.name} unaltered",
            remedy,
        )


def _remedy(name: str) -> str:
    return (
        f"Run `workbench hosts pull {name}`, "
        f"or `workbench hosts add {name} DIR` if you have its files. {_made_remedy(name)}".rstrip()
    )


def _made_remedy(name: str) -> str:
    """The name of the network of that name that `workbench hosts make` trains, if there is one."""
    if name not in TRAININGS:
        return ""
    return f"The network that `workbench hosts make {name}` trains is {made_name(name, 0, FINAL)}."
