"""Trained networks: one file each, facts on top. `load(name)` is the door; `host_from_module` takes any `torch.nn.Module`."""

from workbench.hosts.custom import host_from_module
from workbench.hosts.host import Host, InputRange, Site
from workbench.hosts.store import load

__all__ = ["Host", "InputRange", "Site", "host_from_module", "load"]
