"""The command `workbench propose`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError
from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    COMMON,
    ENGINE,
    HOST,
    IMAGES,
    ONE_CIRCUIT,
    Common,
    chosen_circuit,
    output_option,
    trusted,
)
from workbench.terminal.session import Session
from workbench.terminal.types import EXISTING_FILE, NAME, SHIPPED_FILE, count

if TYPE_CHECKING:
    from workbench.engine import Engine
    from workbench.vision.pictures import Picture
    from workbench.work import Work

Shown = tuple[str, Any, *tuple[Path, ...]]  # what `print_result` shows: document, table, files


@click.command()
@click.argument("subject", metavar="SPEC|HOST", type=NAME, callback=trusted)
@click.option("--site", type=NAME, help="Propose a theory of every unit of this site of HOST.")
@click.option(
    "--terms",
    type=count(),
    help="With --site: terms of each unit.  [default: as many as pay for themselves in bits]",
)
@click.option(
    "--splice",
    type=count(),
    help="With --site: also put the whole site in place, as its theories and their rivals predict "
    "it, on so many of the judging pictures, the first by content hash, and compare the network's "
    "answers.",
)
@click.option(
    "--below",
    type=EXISTING_FILE,
    help="With --site: a file that --weights wrote at the site before, or that `workbench export` "
    "wrote. Its units are handwritten, and terms and weights are chosen and fitted on what they "
    "compute.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=NAME,
    help="With --site: a row of the table to compute besides `terms`; may be repeated. Families "
    "are not searched for then.  [default: all rows, and families]",
)
@click.option(
    "--units",
    type=count(),
    help="With --site and --row families: put so many units in families, those that cost the "
    "network's answers least; all others stay trained, in every row.  [default: all]",
)
@click.option(
    "--weights",
    is_flag=True,
    help="With --site: write the site as each --row has it, or as `terms` has it, to "
    "ROW.safetensors, with all that is handwritten below.",
)
@IMAGES
@ONE_CIRCUIT
@HOST
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--most",
    type=count(),
    help="Atoms (the smallest terms) to try.  [default: 24]",
)
@click.option(
    "--atoms",
    type=count(),
    help="Atoms to take.  [default: as many as pay for themselves in bits]",
)
@output_option(
    "propose",
    "NAME-proposed.yaml with its ledger, propose.json, propose.png; with --site theories and "
    "circuits of families, site.json, site.png",
)
@ENGINE
@COMMON
def propose(  # noqa: PLR0913
    subject: str,
    site: str | None,
    terms: int | None,
    splice: int | None,
    below: Path | None,
    rows: tuple[str, ...],
    units: int | None,
    weights: bool,
    images: Path | None,
    circuit_file: Path | None,
    host: str | None,
    calibration: Path | None,
    calibrate_on: int,
    most: int | None,
    atoms: int | None,
    output: Path,
    engine: "Engine",
    common: Common,
) -> None:
    """Find by search what the last family of SPEC reads, and write the theory that reads it.

    The families above the last are as SPEC has them, handwritten. Terms of the language (places,
    matches, values of upstream axes) are chosen one after another by how much they predict the
    trained units on half of the calibration pictures, with one weight for all units; the search
    stops when a term no longer pays for its bits on the other half. The same search with upstream
    units permuted, and with poses permuted, stands beside it. The result is a theory to read, edit,
    score and tune; score it on other pictures.

    With `--site`, propose a theory of every unit of a site of HOST. The units of the site before
    get one label each, a family and a pose, from their answers to drawn stimuli; so do the site's
    own units. The terms of a unit are chosen in the frame of its pose. `--images` are pictures to
    judge on; controls and rivals of as many bits stand beside the theories. Where the units read a
    bottleneck, its units are written too, before them (`hidden: ...`). With `--splice` the
    network's answers are compared with all units of the site in place at once. The units of a first
    site read the input. With `--weights` and `--below` a network is written site by site, each
    chosen on what lies below as it is written. The row `families` groups the units: each theory is
    shared by three or more, up to their poses.

    \b
    workbench propose specs/curve-detectors.yaml --circuit circuits/squeezenet/curve.yaml -o found
    workbench score found/curve-detectors-proposed.yaml --circuit circuits/squeezenet/curve.yaml
    workbench propose inceptionv1 --site mixed3a --terms 20 --json
    workbench propose squeezenet --site conv1 --weights -o first
    workbench propose squeezenet --site fire2 --below first/terms.safetensors -o second
    """
    of_spec = {"--circuit": circuit_file, "--host": host, "--most": most, "--atoms": atoms}
    of_site = {"--images": images, "--terms": terms, "--splice": splice, "--below": below}
    more = {"--row": rows or None, "--weights": weights or None, "--units": units}
    _refuse_mixed(site, of_spec, {**of_site, **more})
    with Session() as session:
        pictures = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        work = session.work(common.seed, common.no_cache, engine)
        if site:
            judge = session.pictures(images, common.skip_broken, "headline")
            how = {
                "terms": terms,
                "splice": splice or 0,
                "rows": rows or None,
                "weights": weights,
                "units": units,
            }
            shown = _of_site((subject, site, below), (pictures, judge), how, output, work)
        else:
            spec_file = SHIPPED_FILE.convert(subject, None, None)
            files = spec_file, chosen_circuit(spec_file, circuit_file, host)
            shown = _of_spec(files, pictures, (most, atoms), output, work)
        session.print_result(common.as_json, *shown)


def _of_spec(
    files: tuple[Path, Path],
    pictures: "Sequence[Picture]",
    atoms: tuple[int | None, int | None],
    output: Path,
    work: "Work",
) -> Shown:
    """Search for the last family of a spec with its circuit; `atoms` are those to try, to take."""
    from workbench.analyses.propose.figures import proposal_json
    from workbench.analyses.propose.run import MOST, ProposeRequest, propose
    from workbench.analyses.propose.table import proposal_table
    from workbench.matching.subject import SubjectFiles

    most, count = atoms
    request = ProposeRequest(SubjectFiles(*files), pictures, most or MOST, count)
    result = propose(request, output, work)
    written = output / result.theory, output / "propose.png", output / "propose.json"
    return proposal_json(result), proposal_table(result), *written


def _of_site(
    where: tuple[str, str, Path | None],
    pictures: "tuple[Sequence[Picture], Sequence[Picture]]",
    how: Mapping[str, Any],
    output: Path,
    work: "Work",
) -> Shown:
    """Search for every unit of a site.

    `where` is the host, its site, and the file of the sites below; `pictures` are those to fit on,
    and those to judge on; `how` are fields of a SiteRequest.
    """
    from workbench.analyses.propose.site.below import sites_of
    from workbench.analyses.propose.site.figures import site_json
    from workbench.analyses.propose.site.request import SiteRequest
    from workbench.analyses.propose.site.run import propose_site
    from workbench.analyses.propose.site.table import site_table
    from workbench.hosts.store import load

    name, site, file = where
    host = load(name)
    below = sites_of(host, file) if file else ()
    result = propose_site(SiteRequest(host, site, *pictures, below=below, **how), output, work)
    weights = sorted(output.glob("*.safetensors"))  # the folder is of this run alone
    files = output / "site.json", output / "site.png", *weights
    return site_json(result), site_table(result), *files


def _refuse_mixed(
    site: str | None, of_spec: Mapping[str, object], of_site: Mapping[str, object]
) -> None:
    """Refuse options of the other use of the command. Raises WorkbenchError."""
    for name, value in (of_spec if site else of_site).items():
        if value is not None:
            where = ("with", "a SPEC") if site else ("without", "a whole site")
            problem = f"given {where[0]} --site"
            raise WorkbenchError(name, problem, f"no {name}: it belongs to {where[1]}")
