"""How units hear the site just before their own: the convolutions between, where these, ReLUs and what keeps channels apart are all that lies
between."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.inception_blocks import LocalResponseNorm, MaxPoolSame, PoolSame

# What passes each channel on by itself, smaller or weaker: a weight behind it can still be told by its channel.
CHANNELS_APART = (MaxPoolSame, PoolSame, LocalResponseNorm, nn.MaxPool2d, nn.LocalResponseNorm)

Chain = tuple[
    nn.Module | None, tuple[nn.Conv2d, ...], int
]  # a pool, convolutions with a ReLU behind each, and a unit's channel of the last


@dataclass(frozen=True)
class Branch:
    """Units that hear through the same convolutions: the last, after at most a 1x1 bottleneck.

    places    where these units are among those that were asked for
    channels  theirs of the last convolution
    pool      of the block itself, before its convolutions
    """

    convolutions: tuple[nn.Conv2d, ...]
    places: list[int]
    channels: list[int]
    pool: nn.Module | None = None

    @property
    def bottleneck(self) -> nn.Conv2d | None:
        return self.convolutions[0] if len(self.convolutions) > 1 else None

    @property
    def weight(self) -> Float[Tensor, "unit c kh kw"]:
        """The units' rows of the last convolution."""
        return self.convolutions[-1].weight[self.channels]

    @property
    def bias(self) -> Float[Tensor, " unit"]:
        """And of its bias."""
        return bias_of(self.convolutions[-1])[self.channels]

    @property
    def padding(self) -> int:
        """Cells of zeros around what the last convolution reads."""
        return self.convolutions[-1].kernel_size[0] // 2


def bias_of(convolution: nn.Conv2d) -> Float[Tensor, " out"]:
    """A convolution's bias; 0 where it has none."""
    return convolution.weight.new_zeros(convolution.out_channels) if convolution.bias is None else convolution.bias


def branches(
    host: Host, upstream: str, site: str, units: Sequence[int], past: tuple[type[nn.Module], ...] = (), own_pool: bool = False
) -> list[Branch]:
    """The branches between two sites that end in these units. Stages of the kinds `past` may lie before their block, and with `own_pool` a pool
    of the block before their convolutions.

    Raises WorkbenchError where something else may lie between, and where the host does not tell what does.
    """
    where = f"host {host.name}: from {upstream} to {site}"
    stages = stages_between(host, upstream, site)
    if stages is None or not all(isinstance(stage, past) for stage in stages):
        raise WorkbenchError(
            where, "no stage and the one just before it", "two neighbours of a chain, as mixed3a and mixed3b of inceptionv1"
        )
    found: dict[tuple[nn.Conv2d, ...], Branch] = {}
    for place, unit in enumerate(units):
        chain = _chain(host.module(site), unit)
        if chain is None or not _plain(chain[1]) or (chain[0] is not None and not own_pool):
            expected = "a convolution of stride 1 and a ReLU, perhaps after a 1x1 convolution and its ReLU"
            raise WorkbenchError(where, f"the way to unit {unit} is not known, or another", expected)
        pool, convolutions, channel = chain
        branch = found.setdefault(convolutions, Branch(convolutions, [], [], pool))
        branch.places.append(place)
        branch.channels.append(channel)
    return list(found.values())


def stages_between(host: Host, upstream: str, site: str) -> list[nn.Module] | None:
    """The stages of a chain that lie between two of its sites; None of a network that is no chain, or that computes them in another order."""
    names = list(host.network._modules) if type(host.network) is nn.Sequential else []
    here, before = host.site(site).module, host.site(upstream).module
    if not {here, before} <= set(names) or names.index(before) >= names.index(here):
        return None
    return [host.network.get_submodule(name) for name in names[names.index(before) + 1 : names.index(here)]]


def _chain(block: nn.Module, unit: int) -> Chain | None:
    """What a block tells of itself, or what a convolution and a ReLU in a row are."""
    if callable(told := getattr(block, "chain", None)):
        if (way := told(unit)) is None:
            return None
        modules, channel = way
        pools = 1 if isinstance(modules[0], CHANNELS_APART) else 0
        return modules[0] if pools else None, tuple(modules[pools:]), channel
    stages = list(block.children()) if type(block) is nn.Sequential else []
    if len(stages) == 2 and type(stages[0]) is nn.Conv2d and type(stages[1]) is nn.ReLU:
        return None, (stages[0],), unit
    return None


def _plain(convolutions: Sequence[nn.Conv2d]) -> bool:
    """Whether they are one square SAME convolution, after 1x1 bottlenecks at most one."""
    *above, (side, _) = [conv.kernel_size for conv in convolutions]
    unusual = [conv for conv in convolutions if (conv.stride, conv.dilation, conv.groups) != ((1, 1), (1, 1), 1)]
    same = all(conv.padding == (conv.kernel_size[0] // 2,) * 2 and conv.padding_mode == "zeros" for conv in convolutions)
    return not unusual and same and side % 2 == 1 and above in ([], [(1, 1)])
