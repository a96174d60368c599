"""The options and arguments that several commands share, and what their words mean."""

import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.engine import Engine

FILE = click.Path(path_type=Path)
DEFAULT_HOST = "squeezenet"
CPU = "cpu"  # workbench.arrays.devices has the same
OWN = ".py:"  # in the name of a function in a file; workbench.hosts.named has the same, and loads torch
SPEC = click.argument("spec_file", metavar="SPEC", type=FILE)


def trusted(context: click.Context, option: click.Parameter, given: str | tuple[str, ...] | None):
    """Callback of every option and argument that names hosts: what the user types may run, also where it is a function in a file."""
    for name in given if isinstance(given, tuple) else (given,):
        if name and OWN in name:
            from workbench.hosts.named import trust

            trust(name)
    return given


HOST = click.option(
    "--host",
    metavar="HOST",
    callback=trusted,
    help="Take circuits/HOST/FAMILY.yaml where no --circuit is given: an installed host, or my_hosts.py:make_host, a function in a file of yours, "
    "which runs only if it is named here.",
)
ONE_CIRCUIT = click.option(
    "--circuit", "circuit_file", type=FILE, help="Trained circuit to rebuild.  [default: circuits/squeezenet/FAMILY.yaml beside the specs]"
)


def CIRCUIT(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (used as the options above are)
    """`--circuit` and `--host`, which become the command's `circuit_file`: by default that of the host, or of SqueezeNet, for its `spec_file`."""

    @functools.wraps(command)
    def with_file(spec_file: Path, circuit_file: Path | None, host: str | None, **words) -> None:
        command(spec_file=spec_file, circuit_file=chosen_circuit(spec_file, circuit_file, host), **words)

    return ONE_CIRCUIT(HOST(with_file))


SPECS = click.argument("spec_files", metavar="[SPEC]...", nargs=-1, type=FILE)
CIRCUITS = click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=FILE,
    help="Trained circuit to rebuild; of several specs one for each, in their order.  [default: circuits/squeezenet/FAMILY.yaml beside the specs]",
)
IMAGES = click.option(
    "--images",
    type=FILE,
    help="Folder of pictures; labels from WordNet ids in names or sub-folders.  [default: photographs that scikit-image ships]",
)
CALIBRATION = click.option(
    "--calibration",
    type=FILE,
    help="Folder of pictures for each unit's gain and bias.  [default: other photographs that scikit-image ships]",
)
CALIBRATE_ON = click.option(
    "--calibrate-on",
    default=300,
    show_default=True,
    type=click.IntRange(1),
    help="Pictures of the calibration folder to take at the most, the first by content hash.",
)
BROKEN = click.option("--skip-broken", is_flag=True, help="Pass over files that are no sound pictures instead of refusing the folder.")
NO_CACHE = click.option(
    "--no-cache", is_flag=True, help="Compute all anew, and keep nothing but for this run, until it is complete (`workbench cache`)."
)
ENGINE_NAME = click.option(
    "--engine",
    type=click.Choice(("here", "ray")),
    default="here",
    show_default=True,
    help="Where batches of pictures are computed: in this process, or on a Ray cluster (the extra `cluster`; docs/engine.md).",
)
RAY_ADDRESS = click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="Of the cluster, as in 10.0.0.1:6379.  [default: RAY_ADDRESS, or one that runs here, or this machine's processors]",
)


def ENGINE(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (used as the options below are)
    """`--engine` and `--ray-address`, which become the command's `engine`."""

    @functools.wraps(command)
    def with_engine(engine: str, ray_address: str | None, **words) -> None:
        if engine == "ray" and words.get("device", CPU) != CPU:
            raise WorkbenchError("--engine ray", f"--device {words['device']}", f"--device {CPU}", "Tasks ask Ray for processors alone.")
        command(engine=chosen_engine(engine, ray_address), **words)

    return ENGINE_NAME(RAY_ADDRESS(with_engine))


def _chosen_device(context: click.Context, option: click.Parameter, given: str | None) -> str:
    from workbench.arrays.devices import chosen_device

    return chosen_device(given, lambda said: click.echo(said, err=True))


DEVICE = click.option(
    "--device",
    metavar="[cpu|cuda|cuda:N]",
    callback=_chosen_device,
    help="Where the network runs. On cuda the statistics are CuPy's where it is installed, torch's otherwise.  [default: cpu]",
)
SEED = click.option("--seed", default=0, show_default=True, help="Seed of everything random.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def chosen_engine(name: str, ray_address: str | None) -> "Engine":
    """The engine of that name. Raises WorkbenchError where Ray is not installed, and for an address that nothing asks for."""
    from workbench.engine import here

    if name == "ray":
        from workbench.cluster import Cluster

        return Cluster(ray_address)
    if ray_address:
        raise WorkbenchError("--ray-address", f"{ray_address}, with --engine {name}", "--engine ray")
    return here


def bind_option(said: str):
    """The option `--bind FAMILY=FILE`, which may be given again; `said` is its help. Warns of units that were found as another family."""

    def parsed(context: click.Context, option: click.Parameter, words: Sequence[str]) -> dict[str, Path]:
        bound = dict(bindings(words))
        if bound:
            from workbench.spec import load_circuit, misnamed

            for said in misnamed({family: load_circuit(file).circuit for family, file in bound.items()}):
                click.secho("warning: ", fg="yellow", bold=True, err=True, nl=False)
                click.echo(said, err=True)
        return bound

    return click.option("--bind", "bound", multiple=True, metavar="FAMILY=FILE", callback=parsed, help=said)


def bindings(words: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """`FAMILY=FILE` words as pairs."""
    for word in words:
        family, equals, file = word.partition("=")
        if not (family and equals and file):
            raise click.BadParameter(f"{word!r}: expected FAMILY=FILE, as in line=circuits/inceptionv1/line.yaml")
        yield family, Path(file)


def command_line() -> str:
    """This command, as it was given."""
    return shlex.join(["workbench", *sys.argv[1:]])


def paired(spec_files: Sequence[Path], circuit_files: Sequence[Path], host: str | None = None) -> list[tuple[Path, Path]]:
    """Each spec with its trained circuit. Raises WorkbenchError where there are circuits but not as many as specs, or of another host."""
    spec_files = spec_files or [Path("specs/curve-detectors.yaml")]
    for file in circuit_files if host else ():
        refuse_other_host(host or "", file)
    circuit_files = circuit_files or [default_circuit(file, host or DEFAULT_HOST) for file in spec_files]
    if len(circuit_files) != len(spec_files):
        raise WorkbenchError(
            "--circuit",
            f"{len(circuit_files)} for {len(spec_files)} specs ({', '.join(map(str, spec_files))})",
            "one for each spec, in their order",
            "Give as many --circuit as specs.",
        )
    return list(zip(spec_files, circuit_files, strict=True))


def chosen_circuit(spec_file: Path, circuit_file: Path | None, host: str | None) -> Path:
    """The circuit file that was given, or the default one. Raises WorkbenchError where it is of another host than the one that was named."""
    if host and circuit_file:
        refuse_other_host(host, circuit_file)
    return circuit_file or default_circuit(spec_file, host or DEFAULT_HOST)


def refuse_other_host(host: str, circuit_file: Path) -> None:
    """Raises WorkbenchError where a circuit file is of another host than the one that was named."""
    from workbench.spec import load_circuit

    found = load_circuit(circuit_file).host
    if found != host:
        raise WorkbenchError("--host", f"{host}, but {circuit_file} is of {found}", f"--host {found}", "A circuit file names its host.")


def default_circuit(spec_file: Path, host: str = DEFAULT_HOST) -> Path:
    """A host's trained circuit for the family that the spec stands for. Raises WorkbenchError for a host that is not known, and where no such file
    is there."""
    from workbench.hosts.store import refuse_unknown

    file = _circuit_place(spec_file, host)
    if not file.is_file():
        refuse_unknown(host)
        remedy = f"Name one with --circuit, or find the units: `workbench survey {host} --family {file.stem}`."
        raise WorkbenchError(str(file), "is not there", f"the trained circuit that {spec_file} stands for", remedy)
    return file


def known_circuit(spec_file: Path, host: str) -> Path | None:
    """The host's default circuit where it is there; None for a survey."""
    file = _circuit_place(spec_file, host)
    return file if file.is_file() else None


def _circuit_place(spec_file: Path, host: str) -> Path:
    """Where the default circuit is to lie: of an installed host beside the specs, of one of the user's where a survey writes it."""
    from workbench.hosts.named import folder_name, is_own
    from workbench.spec import load_theory

    family = list(load_theory(spec_file).theory.families)[-1]
    root = Path() if is_own(host) else spec_file.resolve().parent.parent
    return root / "circuits" / folder_name(host) / f"{family}.yaml"
