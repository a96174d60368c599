"""The layers that the networks are made of, written a second time: NumPy, float64, one sum per
kernel offset. Slow and plain on purpose.
"""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float

Array = np.ndarray
MIXED = (
    "mixed3a",
    "mixed3b",
    "mixed4a",
    "mixed4b",
    "mixed4c",
    "mixed4d",
    "mixed4e",
    "mixed5a",
    "mixed5b",
)


def windows_sum(
    x: Float[Array, "c h w"], kernel: Float[Array, "d kh kw c"], stride: int
) -> Float[Array, "d h2 w2"]:
    """Cross-correlation without padding."""
    rows, columns = (
        (x.shape[1] - kernel.shape[1]) // stride + 1,
        (x.shape[2] - kernel.shape[2]) // stride + 1,
    )
    out = np.zeros((kernel.shape[0], rows, columns))
    for i in range(kernel.shape[1]):
        for j in range(kernel.shape[2]):
            part = x[:, i : i + rows * stride : stride, j : j + columns * stride : stride][
                :, :rows, :columns
            ]
            out += np.einsum("dc,chw->dhw", kernel[:, i, j], part)
    return out


def pad(x: Float[Array, "c h w"], before: int, after: int, value: float) -> Float[Array, "c h2 w2"]:
    return np.pad(x, ((0, 0), (before, after), (before, after)), constant_values=value)


def max_pool(x: Float[Array, "c h w"], stride: int) -> Float[Array, "c h2 w2"]:
    """3x3, without padding."""
    rows, columns = (x.shape[1] - 3) // stride + 1, (x.shape[2] - 3) // stride + 1
    out = np.full((x.shape[0], rows, columns), -np.inf)
    for r in range(rows):
        for c in range(columns):
            out[:, r, c] = x[:, r * stride : r * stride + 3, c * stride : c * stride + 3].max(
                axis=(1, 2)
            )
    return out


def local_response_norm(x: Float[Array, "c h w"]) -> Float[Array, "c h w"]:
    """size 11, alpha 0.0011, beta 0.5, k 2, one channel at a time."""
    out = np.empty_like(x)
    for c in range(x.shape[0]):
        near = x[max(c - 5, 0) : c + 6]
        out[c] = x[c] / np.sqrt(2.0 + 0.0011 / 11 * (near**2).sum(axis=0))
    return out


def inceptionv1(x: Float[Array, "3 h w"], dump: Path) -> dict[str, Array]:
    """Every site, and "logits", from the dump's own files.

    Sides of `x` must halve evenly five times.
    """

    def tensor(name: str) -> Array:
        with h5py.File(dump / f"{name}.h5") as file:
            return np.asarray(file[name], dtype=np.float64)

    def conv(name: str, x: Array, before: int, after: int, stride: int = 1) -> Array:
        summed = windows_sum(pad(x, before, after, 0.0), tensor(f"{name}_w"), stride)
        return np.maximum(summed + tensor(f"{name}_b")[:, None, None], 0.0)

    def halve(x: Array) -> Array:
        return max_pool(pad(x, 0, 1, -np.inf), 2)

    def mixed(name: str, x: Array) -> Array:
        three = conv(f"{name}_3x3", conv(f"{name}_3x3_bottleneck", x, 0, 0), 1, 1)
        five = conv(f"{name}_5x5", conv(f"{name}_5x5_bottleneck", x, 0, 0), 2, 2)
        pooled = conv(f"{name}_pool_reduce", max_pool(pad(x, 1, 1, -np.inf), 1), 0, 0)
        return np.concatenate([conv(f"{name}_1x1", x, 0, 0), three, five, pooled])

    sites = {"conv2d0": conv("conv2d0", x, 2, 3, stride=2)}
    sites["conv2d1"] = conv("conv2d1", local_response_norm(halve(sites["conv2d0"])), 0, 0)
    sites["conv2d2"] = conv("conv2d2", sites["conv2d1"], 1, 1)
    x = halve(local_response_norm(sites["conv2d2"]))
    for name in MIXED:
        x = sites[name] = mixed(name, halve(x) if name in ("mixed4a", "mixed5a") else x)
    sites["logits"] = tensor("softmax2_w")[:, 0, 0] @ x.mean(axis=(1, 2)) + tensor("softmax2_b")
    return sites


def squeezenet(x: Float[Array, "3 h w"], weights: Callable[[str], Array]) -> dict[str, Array]:
    """Every site, and "logits".

    `weights` gives the tensor of a name such as "fire2.expand3x3.weight" (`out in kh kw`).
    """

    def conv(name: str, x: Array, padding: int = 0, stride: int = 1) -> Array:
        kernel = weights(f"{name}.weight").transpose(0, 2, 3, 1)
        return np.maximum(
            windows_sum(pad(x, padding, padding, 0.0), kernel, stride)
            + weights(f"{name}.bias")[:, None, None],
            0.0,
        )

    x = conv("conv1", x, stride=2)
    sites = {"conv1": x}
    for index in range(2, 10):
        squeezed = conv(f"fire{index}.squeeze1x1", max_pool(x, 2) if index in (2, 4, 6) else x)
        x = np.concatenate(
            [
                conv(f"fire{index}.expand1x1", squeezed),
                conv(f"fire{index}.expand3x3", squeezed, padding=1),
            ]
        )
        sites[f"fire{index}"] = x
    sites["logits"] = conv("conv10", x).mean(axis=(1, 2))
    return sites


def resnet50v2_trunk(x: Float[Array, "3 h w"], dump: Path) -> dict[str, Array]:
    """Every site, and "features", from the dump's own files."""

    def tensor(name: str) -> Array:
        return np.load(dump / f"resnetv24_{name}.npy").astype(np.float64)

    def norm(name: str, x: Array) -> Array:
        gamma, beta, mean, variance = (
            tensor(f"{name}_{part}")[:, None, None]
            for part in ("gamma", "beta", "running_mean", "running_var")
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def conv(name: str, x: Array, padding: int = 0, stride: int = 1) -> Array:
        return windows_sum(
            pad(x, padding, padding, 0.0), tensor(f"{name}_weight").transpose(0, 2, 3, 1), stride
        )

    x = np.maximum(norm("batchnorm1", conv("conv0", norm("batchnorm0", x), 3, 2)), 0.0)
    sites = {"relu": x}
    x = max_pool(pad(x, 1, 1, -np.inf), 2)
    for stage, units in ((1, 3), (2, 4), (3, 6)):
        for u in range(units):
            b, c = 3 * u, 0 if u == 0 else 3 * u + 1
            stride = 2 if u == 0 and stage > 1 else 1
            within, unit = f"stage{stage}_", f"stage{stage}_unit{u + 1}"
            a = sites[f"{unit}.input"] = np.maximum(norm(f"{within}batchnorm{b}", x), 0.0)
            h = sites[f"{unit}.reduced"] = np.maximum(
                norm(f"{within}batchnorm{b + 1}", conv(f"{within}conv{c}", a)), 0.0
            )
            h = np.maximum(
                norm(f"{within}batchnorm{b + 2}", conv(f"{within}conv{c + 1}", h, 1, stride)), 0.0
            )
            sites[f"{unit}.spatial"] = h
            x = conv(f"{within}conv{c + 2}", h) + (
                x if u else conv(f"{within}conv{c + 3}", a, 0, stride)
            )
    sites["features"] = x
    return sites
