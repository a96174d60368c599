"""Any `torch.nn.Module` as a host."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import nn

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.dye import Activation, UnmeasurableError
from workbench.hosts.frozen import frozen_copy, state_fingerprint
from workbench.hosts.grid import measure_grid
from workbench.hosts.host import Host
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import PictureGrid, Site
from workbench.hosts.output import ClassOutput, NoOutput, Output
from workbench.hosts.trial import answer_problems, site_problem, tried


def host_from_module(
    module: nn.Module,
    name: str,
    sites: Mapping[str, str | Site],
    input: Input,
    classes: Sequence[str] | None = None,
    has_output: bool = True,
    output: Output | None = None,
    links: Mapping[str, str] | None = None,
) -> Host:
    """A frozen copy of `module`, in eval mode, as a host; `module` itself stays as it was.

    module   from what `input.batch` gives to what `output` expects
    sites    the submodule of each site, in the order in which the network computes them. Channels,
             size, stride and offset are measured. A Site in place of a submodule's name is taken as
             declared, for what cannot be measured (a cell that depends on the whole picture)
    output   what the network's answers are (`workbench.hosts.output`). By default it is
             `ClassOutput(classes)`, with `classes` the WordNet ids by output index, or `NoOutput`
             where `has_output` is false
    links    the link of each measured site that has another than "relu" (`Site.link`)

    Raises WorkbenchError for a module that cannot be copied (`frozen_copy`) or does not take a
    batch of two inputs; and, with every problem at once, if a submodule does not exist, is used
    more than once, does not give one activation `n c h w` (or of the declared shape) in float32,
    has values below 0 and no link, or lies on no measurable grid, if the answer does not fit the
    output, or if a link is unknown.
    """
    output = _output(name, output, classes, has_output)
    declared = {site: given for site, given in sites.items() if isinstance(given, Site)}
    modules = {
        site: given.module if isinstance(given, Site) else given for site, given in sites.items()
    }
    links = links or {}
    network = frozen_copy(name, module)
    _refuse_unknown(name, network, modules, [*links], set(sites) - set(declared))
    shapes = _shapes(name, network, modules, declared, links, input, output)
    drafts = {
        site: declared.get(site) or _draft(site, submodule, shapes[site], links)
        for site, submodule in modules.items()
    }
    host = Host(
        name=name,
        fingerprint=state_fingerprint(network),
        network=network,
        input=input,
        sites=drafts,
        output=output,
        source="torch.nn.Module",
    )
    return _with_measured_grids(host, frozenset(sites) - frozenset(declared))


def _output(
    name: str, output: Output | None, classes: Sequence[str] | None, has_output: bool
) -> Output:
    if output is not None:
        if classes is not None or not has_output:
            raise WorkbenchError(
                f"host {name}",
                "is given an output, and classes or has_output besides",
                "either output or classes and has_output",
                "Write output=ClassOutput(classes) for a network with classes.",
            )
        return output
    if not has_output:
        return NoOutput()
    return ClassOutput(None if classes is None else tuple(classes))


def _refuse_unknown(
    name: str,
    network: nn.Module,
    modules: Mapping[str, str],
    linked: Sequence[str],
    measured: set[str],
) -> None:
    known = [submodule for submodule, _ in network.named_modules() if submodule]
    problems = [
        f"site {site}: no submodule {submodule!r}. {nearest(submodule, known)}"
        for site, submodule in modules.items()
        if submodule not in known
    ]
    problems += [
        f"links: {site!r} is no measured site. {nearest(site, measured)}"
        for site in linked
        if site not in measured
    ]
    _raise_if_any(name, problems)


def _draft(site: str, submodule: str, shape: tuple[int, ...], links: Mapping[str, str]) -> Site:
    """A site whose stride and offset are still to be measured."""
    channels, height, width = shape
    grid = PictureGrid(height, width, stride_px=1, offset_px=0)
    return Site(site, submodule, channels, grid, links.get(site, "relu"))


def _shapes(
    name: str,
    network: nn.Module,
    modules: Mapping[str, str],
    declared: Mapping[str, Site],
    links: Mapping[str, str],
    input: Input,
    output: Output,
) -> dict[str, tuple[int, ...]]:
    """The shape of each site's activation of one item, channels first.

    Raises WorkbenchError for a site that gives no activation, or values below 0 without a declared
    link, and for an answer with problems.
    """
    answer, activations = tried(name, network, modules, input)
    linked = set(links) if isinstance(input, PictureInput) else set(modules)
    problems = [
        f"site {site}: {problem}"
        for site, given in activations.items()
        if (problem := site_problem(site, given, declared.get(site), site in linked))
    ]
    _raise_if_any(name, problems + answer_problems(answer, output))
    return {site: tuple(given[0].shape[1:]) for site, given in activations.items()}


def _with_measured_grids(host: Host, measured: frozenset[str]) -> Host:
    sites, problems = dict(host.sites), []
    for name, draft in host.sites.items():
        if name not in measured:
            continue
        if not isinstance(host.input, PictureInput):
            problems.append(
                f"site {name}: only sites over pictures are measured. Give a Site instead"
            )
            continue
        try:
            spacing = measure_grid(_activation_at(host, name), host.picture_input.size_px)
        except UnmeasurableError as error:
            problems.append(
                f"site {name}: its place in the picture cannot be measured: {error}. "
                "Give a Site with its stride and offset instead"
            )
        else:
            layout = replace(draft.grid, stride_px=spacing.stride_px, offset_px=spacing.offset_px)
            sites[name] = replace(draft, layout=layout)
    _raise_if_any(host.name, problems)
    return replace(host, sites=sites)


def _activation_at(host: Host, site: str) -> Activation:
    return lambda rgb: host.activations(host.input.encode(rgb), site)[site]


def _raise_if_any(name: str, problems: list[str]) -> None:
    if problems:
        raise WorkbenchError(f"host {name}", "; ".join(problems))
