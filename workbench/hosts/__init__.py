"""Trained networks: one file each, with its facts at the top.

`load(name)` gives a published host; `host_from_module` makes one of any `torch.nn.Module`.
"""

from workbench.hosts.custom import host_from_module
from workbench.hosts.host import Host
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import LINKS, Layout, PictureGrid, Site
from workbench.hosts.output import ClassOutput, EmbeddingOutput, NoOutput, Output, Quantity
from workbench.hosts.sequence_layout import HeadPlaces, Pattern, Places
from workbench.hosts.store import load
from workbench.hosts.tokens import TokenInput, TokenOutput
from workbench.hosts.transformer_host import at_length, transformer_host
from workbench.hosts.transformer_shape import TransformerShape

__all__ = [
    "LINKS",
    "ClassOutput",
    "EmbeddingOutput",
    "HeadPlaces",
    "Host",
    "Input",
    "Layout",
    "NoOutput",
    "Output",
    "Pattern",
    "PictureGrid",
    "PictureInput",
    "Places",
    "Quantity",
    "Site",
    "TokenInput",
    "TokenOutput",
    "TransformerShape",
    "at_length",
    "host_from_module",
    "load",
    "transformer_host",
]
