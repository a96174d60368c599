"""The command line. Each command checks its words, calls one stage and prints; whatever is heavy is imported when it is needed."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.terminal import Session

FILE = click.Path(path_type=Path)
RATE = 0.06  # as workbench.tune.tune has it
FAMILIES = (
    "curve",
    "early_curve",
    "gabor",
    "line",
    "high-low-frequency",
)  # that a survey finds; workbench.survey has the same, and loads torch
SPEC = click.argument("spec_file", metavar="SPEC", type=FILE)
CIRCUIT = click.option(
    "--circuit", "circuit_file", type=FILE, help="Trained circuit to rebuild.  [default: circuits/squeezenet/FAMILY.yaml beside the specs]"
)
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
SEED = click.option("--seed", default=0, show_default=True, help="Seed of everything random.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def bind_option(said: str):
    """The option `--bind FAMILY=FILE`, which may be given again; `said` is its help."""

    def parsed(context: click.Context, option: click.Parameter, words: Sequence[str]) -> dict[str, Path]:
        return dict(bindings(words))

    return click.option("--bind", "bound", multiple=True, metavar="FAMILY=FILE", callback=parsed, help=said)


class Commands(click.Group):
    """Tells a WorkbenchError without a traceback, and suggests the command that was meant."""

    def invoke(self, context: click.Context):
        try:
            return super().invoke(context)
        except WorkbenchError as error:
            click.secho("error: ", fg="red", bold=True, err=True, nl=False)
            click.echo(str(error), err=True)
            context.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(
                "interrupted: nothing half-written. A score or a tuning goes on where it stopped when the same command is given again.",
                err=True,
            )
            context.exit(130)

    def resolve_command(self, context: click.Context, words: list[str]):
        from workbench.errors import nearest

        if words and self.get_command(context, words[0]) is None and not words[0].startswith("-"):
            raise click.UsageError(f"no command {words[0]!r}. {nearest(words[0], self.commands)}", context)
        return super().resolve_command(context, words)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="workbench")
def main() -> None:
    """Write a network's weights by hand from a theory, splice them in, and measure what survives.

    \b
    workbench hosts pull squeezenet        a trained network to work on
    workbench check specs/*.yaml           is the theory well said?
    workbench show specs/curve-detectors.yaml -o kernels.png
    workbench score specs/curve-detectors.yaml -o out
    """


@main.group(cls=Commands)
def hosts() -> None:
    """Trained networks: list, add from files, pull from their public source."""


@hosts.command("list")
@AS_JSON
def hosts_list(as_json: bool) -> None:
    """Every known host and whether it is installed."""
    from dataclasses import asdict

    from workbench.hosts.store import installed

    rows = [asdict(row) for row in installed()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(
            f"{row['name']:12} {'installed' if row['installed'] else 'absent   '}  {row['sites']:2} sites  "
            f"{row['fingerprint'][:12]}  {row['source']}"
        )


@hosts.command("add")
@click.argument("name")
@click.argument("directory", type=FILE)
def hosts_add(name: str, directory: Path) -> None:
    """Check a host's published files in DIRECTORY by SHA-256 and convert them once into the cache."""
    from workbench.hosts.store import add

    click.echo(f"{name}: checked and converted to {add(name, directory)}")


@hosts.command("pull")
@click.argument("name", default="squeezenet")
def hosts_pull(name: str) -> None:
    """Fetch a host from its public source, check it and convert it."""
    from workbench.hosts.store import pull, weights_file

    click.echo(f"{name}: {'pulled to' if pull(name) else 'already there, intact:'} {weights_file(name)}")


@main.command()
@click.argument("host_name", metavar="HOST")
@click.option("--family", default="curve", show_default=True, help=f"Family to find: {', '.join(FAMILIES)}.")
@click.option("--site", "sites", multiple=True, help="Site to look at; may be given again.  [default: every site of moderate depth]")
@click.option("-o", "--output", type=FILE, help="Circuit file to write.  [default: circuits/HOST/FAMILY.yaml]")
@IMAGES
@BROKEN
def survey(host_name: str, family: str, sites: tuple[str, ...], output: Path | None, images: Path | None, skip_broken: bool) -> None:
    """Find a family's units in HOST from behaviour alone, with their poses."""
    from workbench.hosts.store import load
    from workbench.spec import dump_circuit
    from workbench.survey import survey as find

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        found = find(load(host_name), family, pictures, sites or None, session.counter)
    target = output or Path("circuits") / host_name / f"{family}.yaml"
    dump_circuit(found, target)
    click.echo(f"{len(found.units)} {family} units at {found.site} of {host_name}: {target}")


@main.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=FILE)
@AS_JSON
def check(spec_files: tuple[Path, ...], as_json: bool) -> None:
    """Validate specs; every problem of every file at once."""
    from workbench.spec import SpecError, load_theory

    rows, failed = [], False
    for file in spec_files:
        try:
            spec = load_theory(file)
            rows.append({"file": str(file), "theory": spec.theory.theory, "families": list(spec.theory.families), "problems": []})
        except WorkbenchError as error:
            failed = True
            problems = [str(problem) for problem in error.problems] if isinstance(error, SpecError) else [str(error)]
            rows.append({"file": str(file), "problems": problems})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            click.echo("\n".join(row["problems"]) if row["problems"] else f"{row['file']}: {row['theory']}, {' -> '.join(row['families'])}")
    if failed:
        raise SystemExit(2)


@main.command("compile")
@SPEC
@CIRCUIT
@click.option("-o", "--output", type=FILE, required=True, help="File to write (.safetensors).")
def compile_command(spec_file: Path, circuit_file: Path | None, output: Path) -> None:
    """Compile a theory into weights, with names and provenance; the same bytes every time."""
    from workbench.compiler import write_circuit

    circuit = compiled(spec_file, circuit_file)
    write_circuit(circuit, output)
    click.echo(f"{circuit!r}\n{circuit.weights} weights: {output}")


@main.command()
@click.argument("file", metavar="SPEC|OUT", type=FILE)
@CIRCUIT
@click.option("-o", "--output", type=FILE, default=Path("kernels.png"), show_default=True, help="Picture to write.")
def show(file: Path, circuit_file: Path | None, output: Path) -> None:
    """Draw kernels by family and pose: red excites, blue inhibits, white is zero."""
    from workbench.compiler import read_circuit
    from workbench.report.kernels import save_kernels

    circuit = read_circuit(file) if file.suffix == ".safetensors" else compiled(file, circuit_file)
    save_kernels(circuit, output)
    click.echo(f"{circuit!r}\n{output}")


@main.command()
@SPECS
@CIRCUITS
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=FILE, default=Path("out"), show_default=True, help="Folder to write: score.json, pictures, report.html."
)
@bind_option(
    "Also score the theory with FAMILY read off the trained units of a circuit FILE in place of compiled ones; may be given again. "
    "Each adds a link `bound.FAMILY` to the chain from the last step by hand to everything by hand."
)
@click.option(
    "--beside", multiple=True, metavar="SPEC", type=FILE, help="Also score another theory of the same units: a baseline, or a variant."
)
@BROKEN
@SEED
@AS_JSON
def score(
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    bound: dict[str, Path],
    beside: tuple[Path, ...],
    skip_broken: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Compile, splice, compare with ablations and controls, and write the report. The loop.

    Several specs are spliced together: the units of every circuit are replaced in the same run, at whatever sites they are. SPEC is
    specs/curve-detectors.yaml by default.
    """
    from workbench.rebuild import rebuild
    from workbench.report import table
    from workbench.score.document import to_json

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        card = rebuild(paired(spec_files, circuit_files), pictures, fit, output, session.stage, seed, command_line(), bound, beside)
    if as_json:
        click.echo(to_json(card), nl=False)
    else:
        session.print(table(card))
        click.echo(f"report: {output / 'report.html'}")


@main.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=FILE)
@CIRCUITS
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=FILE, default=Path("frontier"), show_default=True, help="Folder to write: frontier.json, frontier.png."
)
@BROKEN
@SEED
@AS_JSON
def frontier(
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Write more and more of the host by hand, spec by spec in the given order, and plot what survives.

    The first circuit's units are spliced, then those of the first two together, and so on; each set beside its zero ablation and the same
    handwritten units permuted, against the share of the host's units, up to the deepest of the sites, that is handwritten.
    """
    from workbench.frontier import frontier as grow
    from workbench.report.frontier import frontier_table
    from workbench.score.frontier import frontier_json

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = grow(paired(spec_files, circuit_files), pictures, fit, output, session.stage, seed)
    if as_json:
        click.echo(frontier_json(found), nl=False)
    else:
        session.print(frontier_table(found))
        click.echo(f"frontier: {output / 'frontier.png'}, {output / 'frontier.json'}")


@main.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option("-o", "--output", type=FILE, default=Path("layers"), show_default=True, help="Folder to write: layers.json, layers.png.")
@BROKEN
@SEED
@AS_JSON
def layers(
    spec_file: Path, circuit_file: Path | None, images: Path | None, output: Path, skip_broken: bool, seed: int, as_json: bool
) -> None:
    """Score every family of a theory by itself: which trained units are like it, and how like?

    The score of a circuit is of its last family. Here each family of SPEC is matched with the host's trained units, at every site up to the
    circuit's, by what both answer to one set of drawn stimuli: lines, edges, arcs and gratings, bright, dark and coloured, in every pose.
    A trained unit corresponds to the family unit whose tuning correlates best with its own, if that is enough. Then both are compared
    on photographs, which had no part in the matching; `permuted` pairs each trained unit with a wrong unit of the same family.

    \b
    workbench layers specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images DIR -o layers
    """
    from workbench.layers import layers as compare
    from workbench.report.layers import layers_table
    from workbench.score.layers import layers_json

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        found = compare(spec_file, circuit_file or default_circuit(spec_file), pictures, output, session.stage, seed)
    if as_json:
        click.echo(layers_json(found), nl=False)
    else:
        session.print(layers_table(found))
        click.echo(f"layers: {output / 'layers.png'}, {output / 'layers.json'}")


@main.command()
@SPEC
@CIRCUIT
@bind_option("The trained units, of a circuit FILE at the site before, that FAMILY corresponds to; may be given again.")
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, default=Path("claims"), show_default=True, help="Folder to write: claims.json, claims.png.")
@BROKEN
@SEED
@AS_JSON
def claims(
    spec_file: Path,
    circuit_file: Path | None,
    bound: dict[str, Path],
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Make the edits that SPEC makes claims about, in the trained network and by hand, and see whether they come true.

    An edit takes away weights between a family and the last one. In the trained network these are the weights from the units that --bind gives
    for the family; a claim about a family without any is not tested there. A claim that fails is a result: the exit code is 0.

    \b
    workbench claims specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.claims import claims as test
    from workbench.report.claims import claims_table
    from workbench.score.claims import claims_json

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = test(spec_file, circuit_file or default_circuit(spec_file), bound, pictures, output, session.stage, seed)
    if as_json:
        click.echo(claims_json(found), nl=False)
    else:
        session.print(claims_table(found))
        click.echo(f"claims: {output / 'claims.png'}, {output / 'claims.json'}")


@main.command()
@SPEC
@CIRCUIT
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, required=True, help="File to write (.safetensors).")
@BROKEN
@SEED
def write(
    spec_file: Path,
    circuit_file: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    seed: int,
) -> None:
    """Write a circuit into a copy of the host's own weights, and export the copy.

    For a theory of one family that reads `input`, at a site that is the network's first convolution and its ReLU (conv1 of squeezenet, conv2d0
    of inceptionv1): the units' filters become the handwritten ones, gain and bias calibrated as `score` does. The host itself stays as it
    was. From Python, workbench.splice.written_file.read_written(FILE) is the network again.
    """
    from workbench.write import write as into_copy

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        made = into_copy(spec_file, circuit_file or default_circuit(spec_file), pictures, output, session.stage, seed)
    click.echo(f"{made.name}: {made.source}\nfingerprint {made.fingerprint}: {output}")


@main.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option("-o", "--output", type=FILE, required=True, help="Spec to write: comments kept, with a ledger of what was fitted on what.")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(1), help="Steps of gradient descent.")
@click.option(
    "--most", default=200, show_default=True, type=click.IntRange(1), help="Pictures to fit on at the most, the first by content hash."
)
@click.option(
    "--rate", default=RATE, show_default=True, type=click.FloatRange(0, 1, min_open=True), help="Rate of the descent at its highest."
)
@click.option("--hold", multiple=True, metavar="FAMILY", help="Family whose numbers stay as they are; may be given again. Saves its time.")
@BROKEN
@SEED
def tune(
    spec_file: Path,
    circuit_file: Path | None,
    images: Path | None,
    output: Path,
    steps: int,
    most: int,
    rate: float,
    hold: tuple[str, ...],
    skip_broken: bool,
    seed: int,
) -> None:
    """Fit what SPEC marks `tune`, within its bounds, by gradient through the compiler.

    An interrupted fit goes on where it stopped when the same command is given again.
    """
    from workbench.tune.spec import tuned_spec

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        circuit_file = circuit_file or default_circuit(spec_file)
        before, after = tuned_spec(spec_file, circuit_file, pictures, output, steps, most, seed, session.stage, hold, rate)
    click.echo(f"mean Pearson on the tuning pictures {before:.3f} -> {after:.3f}: {output}")


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


def paired(spec_files: Sequence[Path], circuit_files: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Each spec with its trained circuit. Raises WorkbenchError where there are circuits but not as many as specs."""
    spec_files = spec_files or [Path("specs/curve-detectors.yaml")]
    circuit_files = circuit_files or [default_circuit(file) for file in spec_files]
    if len(circuit_files) != len(spec_files):
        raise WorkbenchError(
            "--circuit",
            f"{len(circuit_files)} for {len(spec_files)} specs ({', '.join(map(str, spec_files))})",
            "one for each spec, in their order",
            "Give as many --circuit as specs.",
        )
    return list(zip(spec_files, circuit_files, strict=True))


def default_circuit(spec_file: Path) -> Path:
    """The default host's trained circuit for the family that the spec stands for."""
    from workbench.spec import load_theory

    family = list(load_theory(spec_file).theory.families)[-1]
    return spec_file.resolve().parent.parent / "circuits" / "squeezenet" / f"{family}.yaml"


def compiled(spec_file: Path, circuit_file: Path | None):
    """The handwritten circuit of a spec for the host that its trained circuit names."""
    from workbench.compiler import compile_spec
    from workbench.hosts.store import load
    from workbench.spec import load_circuit, load_theory

    spec = load_theory(spec_file)
    trained = load_circuit(circuit_file or default_circuit(spec_file))
    return compile_spec(spec, trained, load(trained.host))
