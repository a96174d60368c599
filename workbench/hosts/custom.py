"""Any `torch.nn.Module` as a host."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.dye import Activation, UnmeasurableError
from workbench.hosts.grid import measure_grid
from workbench.hosts.host import Host
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import PictureGrid, Site
from workbench.hosts.output import ClassOutput, NoOutput, Output


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

    Raises WorkbenchError, with every problem at once, if a submodule does not exist, is used more
    than once, does not give one activation `n c h w` (or of the declared shape) or lies on no
    measurable grid, if the answer does not fit the output, or if a link is unknown.
    """
    output = _output(name, output, classes, has_output)
    declared = {site: given for site, given in sites.items() if isinstance(given, Site)}
    modules = {
        site: given.module if isinstance(given, Site) else given for site, given in sites.items()
    }
    links = links or {}
    network = _nothing_in_place(copy.deepcopy(module).cpu().requires_grad_(False).eval())
    _refuse_unknown(name, network, modules, [*links], set(sites) - set(declared))
    shapes = _shapes(name, network, modules, declared, input, output)
    drafts = {
        site: declared.get(site) or _draft(site, submodule, shapes[site], links)
        for site, submodule in modules.items()
    }
    host = Host(
        name=name,
        fingerprint=state_fingerprint(network),
        network=network,
        input=cast(PictureInput, input),
        sites=drafts,
        output=output,
        source="torch.nn.Module",
    )
    return _with_measured_grids(host, frozenset(sites) - frozenset(declared))


def state_fingerprint(network: nn.Module) -> str:
    """SHA-256 over the state dict in order of names: each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(
            tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()


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


def _nothing_in_place(network: nn.Module) -> nn.Module:
    """The network with no stage that writes over its input, which may be a site's activation."""
    for stage in network.modules():
        if getattr(stage, "inplace", False) is True:
            stage.inplace = False  # type: ignore[assignment]
    return network


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
    input: Input,
    output: Output,
) -> dict[str, tuple[int, ...]]:
    """The shape of each site's activation of one item, channels first.

    Raises WorkbenchError for a site that gives no activation, and for an answer with problems.
    """
    answer, activations = _run_once(name, network, modules, input)
    problems = [
        f"site {site}: {problem}"
        for site, given in activations.items()
        if (problem := _problem(given, declared.get(site)))
    ]
    _raise_if_any(name, problems + output.problems(answer))
    return {site: tuple(given[0].shape[1:]) for site, given in activations.items()}


def _run_once(
    name: str, network: nn.Module, modules: Mapping[str, str], input: Input
) -> tuple[Any, dict[str, list[Any]]]:
    """The answer to the input's example, and all that each site's submodule gave on the way."""
    example = input.example()
    activations: dict[str, list[Any]] = {site: [] for site in modules}

    def keep(site: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda module, inputs, output: activations[site].append(output)

    handles = [
        network.get_submodule(submodule).register_forward_hook(keep(site))
        for site, submodule in modules.items()
    ]
    try:
        with torch.no_grad():
            return network(example), activations
    except RuntimeError as error:
        shape = " x ".join(map(str, example.shape[1:]))
        raise WorkbenchError(
            f"host {name}", f"does not take an input of {shape}: {error}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def _problem(given: list[Any], declared: Site | None) -> str:
    """The fault of what a site's submodule gave on one item; empty if there is none."""
    if len(given) != 1:
        return f"its submodule ran {len(given)} times on one input; expected once"
    shape = tuple(given[0].shape) if isinstance(given[0], Tensor) else type(given[0]).__name__
    if declared is not None:
        expected = (1, declared.channels, *declared.layout.shape)
        if shape != expected:
            return f"its submodule gives {shape}; declared is one tensor of {expected}"
    elif len(shape) != 4 or isinstance(shape, str):
        return f"its submodule gives {shape}; expected one tensor n c h w"
    return ""


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
            with torch.no_grad():
                spacing = measure_grid(_activation_at(host, name), host.input.size_px)
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
    return lambda x: host.activations(x, site)[site]


def _raise_if_any(name: str, problems: list[str]) -> None:
    if problems:
        raise WorkbenchError(f"host {name}", "; ".join(problems))
