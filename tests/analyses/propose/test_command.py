"""The command `workbench propose` refuses options of its other use before any work."""

import pytest
from click.testing import CliRunner

from workbench.cli import main

SPEC = "specs/curve-detectors.yaml"
MIXED = [
    (["squeezenet", "--site", "fire3", "--circuit", SPEC], "--circuit: given with --site"),
    (["squeezenet", "--site", "fire3", "--host", "squeezenet"], "--host: given with --site"),
    (["squeezenet", "--site", "fire3", "--most", "5"], "--most: given with --site"),
    (["squeezenet", "--site", "fire3", "--atoms", "5"], "--atoms: given with --site"),
    ([SPEC, "--terms", "5"], "--terms: given without --site"),
    ([SPEC, "--splice", "5"], "--splice: given without --site"),
    ([SPEC, "--images", "."], "--images: given without --site"),
    ([SPEC, "--below", SPEC], "--below: given without --site"),
    ([SPEC, "--row", "mean"], "--row: given without --site"),
    ([SPEC, "--weights"], "--weights: given without --site"),
]


@pytest.mark.parametrize(("arguments", "message"), MIXED)
def test_options_of_the_other_use_are_refused(arguments, message):
    result = CliRunner().invoke(main, ["propose", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
