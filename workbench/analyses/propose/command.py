"""The command `workbench propose`."""

from pathlib import Path

import click

from workbench.errors import WorkbenchError
from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    COMMON,
    HOST,
    IMAGES,
    ONE_CIRCUIT,
    Common,
    chosen_circuit,
    output_option,
    trusted,
)
from workbench.terminal.session import Session
from workbench.terminal.types import NAME, SHIPPED_FILE, count


@click.command()
@click.argument("subject", metavar="SPEC|HOST", type=NAME, callback=trusted)
@click.option("--site", type=NAME, help="Propose a theory of every unit of this site of HOST.")
@click.option(
    "--terms",
    type=count(),
    help="With --site: terms of each unit.  [default: as many as pay for themselves in bits]",
)
@IMAGES
@ONE_CIRCUIT
@HOST
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--most",
    default=24,
    show_default=True,
    type=count(),
    help="Atoms (the smallest terms) to try.",
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
@COMMON
def propose(  # noqa: PLR0913
    subject: str,
    site: str | None,
    terms: int | None,
    images: Path | None,
    circuit_file: Path | None,
    host: str | None,
    calibration: Path | None,
    calibrate_on: int,
    most: int,
    atoms: int | None,
    output: Path,
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
    judge on; controls and rivals of as many bits stand beside the theories.

    \b
    workbench propose specs/curve-detectors.yaml --circuit circuits/squeezenet/curve.yaml -o found
    workbench score found/curve-detectors-proposed.yaml --circuit circuits/squeezenet/curve.yaml
    workbench propose inceptionv1 --site mixed3a --terms 20 --json
    """
    _refuse_mixed(site, {"--circuit": circuit_file, "--host": host, "--atoms": atoms}, terms)
    with Session() as session:
        pictures = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        work = session.work(common.seed, common.no_cache)
        if site:
            from workbench.analyses.propose.site.figures import site_json
            from workbench.analyses.propose.site.run import SiteRequest, propose_site
            from workbench.analyses.propose.site.table import site_table
            from workbench.hosts.store import load

            judge = session.pictures(images, common.skip_broken, "headline")
            request = SiteRequest(load(subject), site, pictures, judge, terms)
            whole = propose_site(request, output, work)
            files = output / "site.json", output / "site.png"
            session.print_result(common.as_json, site_json(whole), site_table(whole), *files)
            return
        from workbench.analyses.propose.figures import proposal_json
        from workbench.analyses.propose.run import ProposeRequest
        from workbench.analyses.propose.run import propose as find
        from workbench.analyses.propose.table import proposal_table
        from workbench.matching.subject import SubjectFiles

        spec_file = SHIPPED_FILE.convert(subject, None, None)
        circuit = SubjectFiles(spec_file, chosen_circuit(spec_file, circuit_file, host))
        result = find(ProposeRequest(circuit, pictures, most, atoms), output, work)
        shown = output / result.theory, output / "propose.png", output / "propose.json"
        session.print_result(common.as_json, proposal_json(result), proposal_table(result), *shown)


def _refuse_mixed(site: str | None, of_spec: dict[str, object], terms: int | None) -> None:
    """Refuse options of the other use of the command. Raises WorkbenchError."""
    given = [name for name, value in of_spec.items() if value is not None]
    if site and given:
        raise WorkbenchError(given[0], "given with --site", "one of them: it belongs to a SPEC")
    if terms is not None and not site:
        raise WorkbenchError("--terms", "given without --site", "--atoms, for a SPEC")
