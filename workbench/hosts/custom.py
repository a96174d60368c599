"""Any `torch.nn.Module` as a host."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.grid import Activation, UnmeasurableError, measure_grid
from workbench.hosts.host import Host, InputRange, Site


def host_from_module(
    module: nn.Module,
    name: str,
    sites: Mapping[str, str | Site],
    input: InputRange,
    classes: Sequence[str] | None = None,
    has_output: bool = True,
) -> Host:
    """A frozen copy of `module`, in eval mode, as a host; `module` itself stays as it was.

    module   pictures `n 3 size_px size_px` to logits `n classes`, or without `has_output` to anything
    sites    the submodule of each site, in the order in which the network computes them; channels, size, stride and offset are measured.
             A Site in place of a name is taken as it is, for what cannot be measured (a cell that sees the whole picture)
    classes  WordNet ids by output index
    Raises WorkbenchError, with every problem at once, if a submodule does not exist, does not give one activation `n c h w`, is used more
    than once, or lies on no measurable grid, or if the logits do not fit.
    """
    network = _nothing_in_place(copy.deepcopy(module).cpu().requires_grad_(False).eval())
    modules = {site: each.module if isinstance(each, Site) else each for site, each in sites.items()}
    _refuse_unknown(name, network, modules)
    shapes = _run_once(name, network, modules, input, (lambda logits: _logit_faults(logits, classes)) if has_output else None)
    declared = {site: each for site, each in sites.items() if isinstance(each, Site)}
    drafts = {site: declared.get(site) or Site(site, modules[site], *shapes[site], stride_px=1, offset_px=0) for site in sites}
    known = tuple(classes) if classes is not None else None
    host = Host(name, state_fingerprint(network), network, input, drafts, known, "torch.nn.Module", has_output)
    return _with_measured_grids(host, frozenset(sites) - frozenset(declared))


def _nothing_in_place(network: nn.Module) -> nn.Module:
    """The same network, whose stages leave what they read as it is: a site's activation is looked at again."""
    for stage in network.modules():
        if getattr(stage, "inplace", False) is True:
            stage.inplace = False  # type: ignore[assignment]
    return network


def state_fingerprint(network: nn.Module) -> str:
    """SHA-256 over the state dict in order of names: each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _refuse_unknown(name: str, network: nn.Module, modules: Mapping[str, str]) -> None:
    known = [each for each, _ in network.named_modules() if each]
    problems = [
        f"site {site}: no submodule {module!r}. {nearest(module, known)}" for site, module in modules.items() if module not in known
    ]
    _raise_if_any(name, problems)


def _run_once(
    name: str, network: nn.Module, modules: Mapping[str, str], input: InputRange, faults: Callable[[object], list[str]] | None
) -> dict[str, tuple[int, int, int]]:
    """Channels, height and width at each site; refuses what is no activation, and an output with `faults`."""
    outputs: dict[str, list] = {site: [] for site in modules}

    def keep(site: str):
        return lambda module, inputs, output: outputs[site].append(output)

    handles = [network.get_submodule(module).register_forward_hook(keep(site)) for site, module in modules.items()]
    try:
        with torch.no_grad():
            logits = network(torch.zeros(1, 3, input.size_px, input.size_px))
    except RuntimeError as error:
        raise WorkbenchError(f"host {name}", f"does not take a picture of 3 x {input.size_px} x {input.size_px}: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
    problems = [f"site {site}: {found}" for site, found in ((site, _fault(each)) for site, each in outputs.items()) if found]
    _raise_if_any(name, problems + (faults(logits) if faults else []))
    return {site: tuple(each[0].shape[1:]) for site, each in outputs.items()}


def _fault(outputs: list) -> str:
    if len(outputs) != 1:
        return f"its submodule ran {len(outputs)} times on one picture; expected once"
    if not isinstance(outputs[0], Tensor) or outputs[0].ndim != 4:
        shape = tuple(outputs[0].shape) if isinstance(outputs[0], Tensor) else type(outputs[0]).__name__
        return f"its submodule gives {shape}; expected one tensor n c h w"
    return ""


def _logit_faults(logits: object, classes: Sequence[str] | None) -> list[str]:
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        return [f"the network gives {shape} for one picture; expected logits 1 x classes"]
    if classes is not None and len(classes) != logits.shape[1]:
        return [f"{len(classes)} classes are named; the network has {logits.shape[1]} outputs"]
    return []


def _with_measured_grids(host: Host, measured: frozenset[str]) -> Host:
    sites, problems = {}, []
    for name, draft in host.sites.items():
        sites[name] = draft
        if name not in measured:
            continue
        try:
            with torch.no_grad():
                grid = measure_grid(_activation_at(host, name), host.input.size_px)
        except UnmeasurableError as error:
            problems.append(
                f"site {name}: its place in the picture cannot be measured: {error}. Give a Site with its stride and offset instead"
            )
        else:
            sites[name] = Site(name, draft.module, draft.channels, draft.height, draft.width, grid.stride_px, grid.offset_px)
    _raise_if_any(host.name, problems)
    return replace(host, sites=sites)


def _activation_at(host: Host, site: str) -> Activation:
    return lambda x: host.activations(x, site)[site]


def _raise_if_any(name: str, problems: list[str]) -> None:
    if problems:
        raise WorkbenchError(f"host {name}", "; ".join(problems))
