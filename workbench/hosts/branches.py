"""The convolutions through which units read the site just before theirs.

They are known where nothing lies between the two sites but convolutions, ReLUs, and stages that
keep channels apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.inception_blocks import LocalResponseNorm, MaxPoolSame, PoolSame
from workbench.hosts.pooling import MaxPool
from workbench.hosts.stages import is_altered, is_plain_sequence

# These pass each channel on by itself, smaller or weaker: a weight after them still belongs to one
# channel.
CHANNELS_APART = (
    MaxPool,
    MaxPoolSame,
    PoolSame,
    LocalResponseNorm,
    nn.MaxPool2d,
    nn.LocalResponseNorm,
)

# A pool, convolutions with a ReLU after each, and a unit's channel of the last.
UnitPath = tuple[nn.Module | None, tuple[nn.Conv2d, ...], int]


@dataclass(frozen=True)
class Branch:
    """Units that read through the same convolutions: the last one, after at most a 1x1 bottleneck.

    places    the indices of these units among those that were asked for
    channels  their channels of the last convolution
    pool      the block's own pool before its convolutions, if it has one
    """

    convolutions: tuple[nn.Conv2d, ...]
    places: list[int]
    channels: list[int]
    pool: nn.Module | None = None

    @property
    def bottleneck(self) -> nn.Conv2d | None:
        """The 1x1 convolution before the last one, if there is one."""
        return self.convolutions[0] if len(self.convolutions) > 1 else None

    @property
    def weight(self) -> Float[Tensor, "unit c kh kw"]:
        """The units' rows of the last convolution."""
        return self.convolutions[-1].weight[self.channels]

    @property
    def bias(self) -> Float[Tensor, " unit"]:
        """The units' biases of the last convolution."""
        return bias_of(self.convolutions[-1])[self.channels]

    @property
    def padding(self) -> int:
        """Cells of zeros around the last convolution's input."""
        return self.convolutions[-1].kernel_size[0] // 2


def bias_of(convolution: nn.Conv2d) -> Float[Tensor, " out"]:
    """A convolution's bias; 0 where it has none."""
    return (
        convolution.weight.new_zeros(convolution.out_channels)
        if convolution.bias is None
        else convolution.bias
    )


def branches(
    host: Host,
    upstream: str,
    site: str,
    units: Sequence[int],
    past: tuple[type[nn.Module], ...] = (),
    own_pool: bool = False,
) -> list[Branch]:
    """The branches between two sites that end in these units.

    Stages of the kinds `past` may lie before the units' block. With `own_pool` a pool of the block
    may lie before its convolutions. Raises WorkbenchError where something else may lie between the
    sites, and where that cannot be known of the host.
    """
    where = f"host {host.name}: from {upstream} to {site}"
    stages = stages_between(host, upstream, site)
    if stages is None or not all(isinstance(stage, past) for stage in stages):
        raise WorkbenchError(
            where,
            "no stage and the one just before it",
            "two neighbours of a chain, as mixed3a and mixed3b of inceptionv1",
        )
    by_convolutions: dict[tuple[nn.Conv2d, ...], Branch] = {}
    for place, unit in enumerate(units):
        path = unit_path(host.module(site), unit)
        if path is None or not _plain(path[1]) or (path[0] is not None and not own_pool):
            expected = (
                "a convolution of stride 1 and a ReLU, perhaps after a 1x1 convolution and its ReLU"
            )
            raise WorkbenchError(
                where, f"the way to unit {unit} is not known, or another", expected
            )
        pool, convolutions, channel = path
        branch = by_convolutions.setdefault(convolutions, Branch(convolutions, [], [], pool))
        branch.places.append(place)
        branch.channels.append(channel)
    return list(by_convolutions.values())


def stages_between(host: Host, upstream: str, site: str) -> list[nn.Module] | None:
    """The stages of a plain sequence that lie between two of its sites.

    None if a site is no stage of a plain sequence, or if they are computed in another order.
    """
    names = list(host.network._modules) if is_plain_sequence(host.network) else []
    here, before = host.site(site).module, host.site(upstream).module
    if not {here, before} <= set(names) or names.index(before) >= names.index(here):
        return None
    return [
        host.network.get_submodule(name)
        for name in names[names.index(before) + 1 : names.index(here)]
    ]


def unit_path(block: nn.Module, unit: int) -> UnitPath | None:
    """The path that the block declares by its method `chain`, or a convolution and a ReLU in a row.

    None for any other block.
    """
    if callable(chain := getattr(block, "chain", None)):
        if (declared := chain(unit)) is None:
            return None
        modules, channel = declared
        pools = 1 if isinstance(modules[0], CHANNELS_APART) else 0
        return modules[0] if pools else None, tuple(modules[pools:]), channel
    stages = list(block.children()) if is_plain_sequence(block) else []
    if any(map(is_altered, stages)):
        return None
    if len(stages) == 2 and type(stages[0]) is nn.Conv2d and type(stages[1]) is nn.ReLU:
        return None, (stages[0],), unit
    return None


def _plain(convolutions: Sequence[nn.Conv2d]) -> bool:
    """Whether they are one square SAME convolution, after at most one 1x1 bottleneck."""
    *above, (side, _) = [conv.kernel_size for conv in convolutions]
    unusual = [
        conv
        for conv in convolutions
        if (conv.stride, conv.dilation, conv.groups) != ((1, 1), (1, 1), 1)
    ]
    same = all(
        conv.padding == (conv.kernel_size[0] // 2,) * 2 and conv.padding_mode == "zeros"
        for conv in convolutions
    )
    return not unusual and same and side % 2 == 1 and above in ([], [(1, 1)])
