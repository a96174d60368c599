"""Trained networks: one file each, with its facts at the top.

`load(name)` gives a published host; `host_from_module` makes one of any `torch.nn.Module`.
"""

from workbench.hosts.custom import host_from_module
from workbench.hosts.host import Host
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import LINKS, Layout, PictureGrid, Site
from workbench.hosts.output import ClassOutput, EmbeddingOutput, NoOutput, Output, Quantity
from workbench.hosts.store import load

__all__ = [
    "LINKS",
    "ClassOutput",
    "EmbeddingOutput",
    "Host",
    "Input",
    "Layout",
    "NoOutput",
    "Output",
    "PictureGrid",
    "PictureInput",
    "Quantity",
    "Site",
    "host_from_module",
    "load",
]
