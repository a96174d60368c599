"""The options and arguments that several commands share, and how their values are read."""

import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workbench.errors import WorkbenchError
from workbench.shipped import given_or_shipped, shipped
from workbench.terminal.tokens import given_for_tokens, of_tokens, refuse_other_host
from workbench.terminal.types import FILE, NAME, OUTPUT_FOLDER, SEEDS, SHIPPED_FILE, count

if TYPE_CHECKING:
    from workbench.engine import Engine

DEFAULT_HOST = "squeezenet"
CPU = "cpu"  # as in workbench.arrays.devices, which would load torch
# part of the name of a host that is a function in a file; as in workbench.hosts.named
OWN = ".py:"
FAMILY_FILE = "expected FAMILY=FILE, as in line=circuits/inceptionv1/line.yaml"
Given = TypeVar("Given", str, tuple[str, ...], str | None)
SPEC = click.argument("spec_file", metavar="SPEC", type=SHIPPED_FILE)


def trusted(context: click.Context, option: click.Parameter, given: Given) -> Given:
    """Allow the hosts that the user names to run, if they are functions in a file.

    The callback of every option and argument that names hosts.
    """
    for name in given if isinstance(given, tuple) else (given,):
        if name and OWN in name:
            from workbench.hosts.named import trust

            trust(name)
    return given


HOST = click.option(
    "--host",
    type=NAME,
    metavar="HOST",
    callback=trusted,
    help="Use circuits/HOST/FAMILY.yaml if no --circuit is given. HOST is an installed host, or "
    "my_hosts.py:make_host for a function in a file of yours, which runs only if named here.",
)
ONE_CIRCUIT = click.option(
    "--circuit",
    "circuit_file",
    type=SHIPPED_FILE,
    help="Trained circuit to rebuild.  "
    "[default: circuits/squeezenet/FAMILY.yaml next to the specs]",
)


def CIRCUIT(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator, as the options above)
    """Add `--circuit` and `--host`, which become the command's `circuit_file`.

    By default it is the circuit of the host, or of SqueezeNet, for the command's `spec_file`.
    """

    @functools.wraps(command)
    def with_file(
        spec_file: Path, circuit_file: Path | None, host: str | None, **words: Any
    ) -> None:
        command(
            spec_file=spec_file, circuit_file=chosen_circuit(spec_file, circuit_file, host), **words
        )

    return ONE_CIRCUIT(HOST(with_file))


SPECS = click.argument("spec_files", metavar="[SPEC]...", nargs=-1, type=SHIPPED_FILE)
CIRCUITS = click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=SHIPPED_FILE,
    help="Trained circuit to rebuild; one for each spec, in the same order.  "
    "[default: circuits/squeezenet/FAMILY.yaml next to the specs]",
)
IMAGES = click.option(
    "--images",
    type=FILE,
    help="Folder of pictures; labels are read from WordNet ids in names or sub-folders.  "
    "[default: photographs that scikit-image ships]",
)
CALIBRATION = click.option(
    "--calibration",
    type=FILE,
    help="Folder of pictures to fit each unit's gain and bias on.  "
    "[default: other photographs that scikit-image ships]",
)
CALIBRATE_ON = click.option(
    "--calibrate-on",
    default=300,
    show_default=True,
    type=count(),
    help="Use at most this many calibration pictures, the first by content hash.",
)
BROKEN = click.option(
    "--skip-broken",
    is_flag=True,
    help="Skip files that cannot be read as pictures instead of refusing the folder.",
)
NO_CACHE = click.option(
    "--no-cache",
    is_flag=True,
    help="Ignore the cache: compute everything, and keep results only until this run is complete.",
)
ENGINE_NAME = click.option(
    "--engine",
    type=click.Choice(("here", "ray")),
    default="here",
    show_default=True,
    help="Where batches of pictures are computed: in this process, or on a Ray cluster "
    "(the extra `cluster`; docs/engine.md).",
)
RAY_ADDRESS = click.option(
    "--ray-address",
    type=NAME,
    metavar="ADDRESS",
    help="Address of the cluster, as in 10.0.0.1:6379.  "
    "[default: RAY_ADDRESS, or a cluster that runs here, or this machine's processors]",
)


def ENGINE(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator, as the options above)
    """Add `--engine` and `--ray-address`, which become the command's `engine`."""

    @functools.wraps(command)
    def with_engine(engine: str, ray_address: str | None, **words: Any) -> None:
        if engine == "ray" and words.get("device", CPU) != CPU:
            raise WorkbenchError(
                "--engine ray",
                f"--device {words['device']}",
                f"--device {CPU}",
                "Tasks ask Ray for processors alone.",
            )
        command(engine=chosen_engine(engine, ray_address), **words)

    return ENGINE_NAME(RAY_ADDRESS(with_engine))


def _chosen_device(context: click.Context, option: click.Parameter, given: str | None) -> str:
    from workbench.arrays.devices import chosen_device

    return chosen_device(given, lambda message: click.echo(message, err=True))


DEVICE = click.option(
    "--device",
    type=NAME,
    metavar="[cpu|cuda|cuda:N]",
    callback=_chosen_device,
    help="Where the network runs. On cuda, statistics are computed by CuPy if it is installed, "
    "otherwise by torch.  [default: cpu]",
)
SEED = click.option(
    "--seed", default=0, show_default=True, type=SEEDS, help="Seed of everything random."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def chosen_engine(name: str, ray_address: str | None) -> "Engine":
    """The engine of that name.

    Raises WorkbenchError if Ray is not installed, or if an address is given for another engine.
    """
    from workbench.engine import here

    if name == "ray":
        from workbench.cluster import Cluster

        return Cluster(ray_address)
    if ray_address:
        raise WorkbenchError(
            "--ray-address", f"{ray_address}, with --engine {name}", "--engine ray"
        )
    return here


def use_trained_option(
    text: str, alone: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option `--use-trained FAMILY=FILE`, which may be given again; `text` is its help.

    With `alone` a family may be given without a file, and then has None. It warns of units that
    were found as another family.
    """

    def parsed(
        context: click.Context, option: click.Parameter, words: Sequence[str]
    ) -> dict[str, Path | None]:
        named = [word for word in words if alone and word and "=" not in word]
        files = {
            family: SHIPPED_FILE.convert(file, option, context)
            for family, file in family_files([word for word in words if word not in named])
        }
        if files:
            from workbench.spec import load_circuit, misnamed

            circuits = {
                family: load_circuit(file).circuit
                for family, file in files.items()
                if not (alone and of_tokens([file]))
            }
            for warning in misnamed(circuits):
                click.secho("warning: ", fg="yellow", bold=True, err=True, nl=False)
                click.echo(warning, err=True)
        return {**dict.fromkeys(named), **files}

    return click.option(
        "--use-trained",
        "bound",
        multiple=True,
        metavar="FAMILY[=FILE]" if alone else "FAMILY=FILE",
        callback=parsed,
        help=text,
    )


def with_files(given: Mapping[str, Path | None]) -> dict[str, Path]:
    """The files of families. Raises BadParameter for a family that was given alone."""
    for family, file in given.items():
        if file is None:
            raise click.BadParameter(f"{family!r}: {FAMILY_FILE}", param_hint="'--use-trained'")
    return {family: file for family, file in given.items() if file is not None}


def families_alone(given: Mapping[str, Path | None]) -> tuple[str, ...]:
    """The families of a theory of tokens. Raises BadParameter for a family with a file."""
    for family, file in given.items():
        if file is not None:
            raise click.BadParameter(
                f"'{family}={file}': expected FAMILY alone; the circuit file has its units",
                param_hint="'--use-trained'",
            )
    return tuple(given)


def family_files(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`FAMILY=FILE` words as pairs. Raises BadParameter for any other word."""
    for word in words:
        family, equals, file = word.partition("=")
        if not (family and equals and file):
            raise click.BadParameter(f"{word!r}: {FAMILY_FILE}")
        yield family, file


COMPARE_WITH = click.option(
    "--compare-with",
    "compare_with",
    multiple=True,
    metavar="SPEC",
    type=SHIPPED_FILE,
    help="Also score another theory of the same units; may be given again.",
)


def output_option(default: str, files: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--output`: the folder that a command writes its `files` to."""
    return click.option(
        "-o",
        "--output",
        type=OUTPUT_FOLDER,
        default=Path(default),
        show_default=True,
        help=f"Folder to write: {files}.",
    )


@dataclass(frozen=True)
class Common:
    """The options that most analyses share, as one parameter of a command."""

    skip_broken: bool
    no_cache: bool
    seed: int
    as_json: bool


def COMMON(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator)
    """Add `--skip-broken`, `--no-cache`, `--seed` and `--json`, which become `common`."""

    @functools.wraps(command)
    def with_common(
        skip_broken: bool, no_cache: bool, seed: int, as_json: bool, **words: Any
    ) -> None:
        command(common=Common(skip_broken, no_cache, seed, as_json), **words)

    return BROKEN(NO_CACHE(SEED(AS_JSON(with_common))))


def command_line() -> str:
    """The command line of this process, as it was typed."""
    return shlex.join(["workbench", *sys.argv[1:]])


def paired(
    spec_files: Sequence[Path], circuit_files: Sequence[Path], host: str | None = None
) -> list[tuple[Path, Path]]:
    """Each spec with its trained circuit.

    Raises WorkbenchError if circuits are given but not one for each spec, or of another host.
    """
    spec_files = spec_files or [given_or_shipped("specs/curve-detectors.yaml")]
    for file in circuit_files if host else ():
        refuse_other_host(host or "", file)
    circuit_files = circuit_files or [
        default_circuit(file, host or DEFAULT_HOST) for file in spec_files
    ]
    if len(circuit_files) != len(spec_files):
        raise WorkbenchError(
            "--circuit",
            f"{len(circuit_files)} for {len(spec_files)} specs ({', '.join(map(str, spec_files))})",
            "one for each spec, in their order",
            "Give as many --circuit as specs.",
        )
    return list(zip(spec_files, circuit_files, strict=True))


def chosen_circuit(spec_file: Path, circuit_file: Path | None, host: str | None) -> Path:
    """The circuit file that was given, or the default one.

    Raises WorkbenchError if it belongs to another host than `host`, and for a theory of tokens
    without a circuit.
    """
    if host and circuit_file:
        refuse_other_host(host, circuit_file)
    if of_tokens([spec_file]):
        return given_for_tokens(circuit_file)
    return circuit_file or default_circuit(spec_file, host or DEFAULT_HOST)


def default_circuit(spec_file: Path, host: str = DEFAULT_HOST) -> Path:
    """A host's trained circuit for the last family of a spec.

    Raises WorkbenchError for an unknown host, and if there is no such file.
    """
    from workbench.hosts.store import refuse_unknown

    file = _circuit_place(spec_file, host)
    if not os.path.isfile(file):
        refuse_unknown(host)
        raise WorkbenchError(
            str(file),
            "does not exist",
            f"the trained circuit for {spec_file}",
            "Name one with --circuit, or find the units: "
            f"`workbench survey {host} --family {file.stem}`.",
        )
    return file


def known_circuit(spec_file: Path, host: str) -> Path | None:
    """The host's default circuit; None if there is none yet, so that a survey has to find it."""
    file = _circuit_place(spec_file, host)
    return file if os.path.isfile(file) else None


def _circuit_place(spec_file: Path, host: str) -> Path:
    """The path of the default circuit.

    It is in a folder `circuits` next to the spec, above it, or in the current folder, else it is
    the shipped one. For the user's own host it is where a survey writes it.
    """
    from workbench.hosts.named import folder_name, is_own
    from workbench.spec import load_theory

    family = list(load_theory(spec_file).theory.families)[-1]
    name = Path("circuits", folder_name(host), f"{family}.yaml")
    if is_own(host):
        return name
    spec_folder = spec_file.resolve().parent
    places = (spec_folder / name, spec_folder.parent / name, name)
    return next(filter(os.path.isfile, places), None) or shipped(name) or name
