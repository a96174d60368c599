"""The handwritten sites that a later site reads: written by `propose --weights`, or exported.

`workbench export` writes a theory of the first site into a copy of the network. Its units are then
handwritten as the copy computes them, and all others stay trained.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from workbench.analyses.propose.site.written import WrittenFacts, WrittenSite, read_sites
from workbench.errors import WorkbenchError
from workbench.export.file import KEY as EXPORTED
from workbench.export.file import read_exported, read_facts
from workbench.hosts.branches import bias_of
from workbench.hosts.first_stage import first_branch
from workbench.hosts.host import Host
from workbench.splice.link import link_of
from workbench.splice.rivals import Window
from workbench.tensor_file import has_header


def sites_of(host: Host, file: Path) -> Sequence[WrittenSite]:
    """The handwritten sites of a file of `propose --weights`, or of `export`.

    Raises WorkbenchError for another kind of file, and for another network's.
    """
    return [exported_site(host, file)] if has_header(file, EXPORTED) else read_sites(host, file)


def exported_site(host: Host, file: Path) -> WrittenSite:
    """The units of the first site that a theory was exported into.

    Its numbers are those of the theory's families, and of its units' poses, gains and biases.
    Raises WorkbenchError for an exported network of another kind.
    """
    copied, facts = read_exported(file, host), read_facts(file)
    first = next(iter(host.sites))
    if facts.get("site") != first or "cost" not in facts:
        raise WorkbenchError(
            str(file),
            "is no copy with a theory of the first site in it, and with its cost",
            f"units of {first} that a theory of filters writes",
            "Export it again: workbench export SPEC --circuit FILE.",
        )
    units, cost = facts["units"], facts["cost"]
    convolution = first_branch(copied).convolutions[0]
    # its weights have the units' gains in them
    weight, bias = convolution.weight.detach()[units], bias_of(convolution).detach()[units]
    window = Window(weight, torch.ones(len(units)), bias, link_of(host.site(first)))
    numbers = cost["free"] + cost["poses"] + cost["calibrated"]
    row = WrittenFacts(first, facts["theory"], numbers, float(cost["bits"]), len(units))
    return WrittenSite(row, window, tuple(units))
