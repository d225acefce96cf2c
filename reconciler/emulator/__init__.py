"""An independent Azure on loopback, for demos and tests.

Start it inside a process with `running(tenant)`, or as a command with `exempt emulator`. It speaks TLS to any client of
Azure Resource Manager and issues their tokens. What it does and on which evidence stands in docs/emulator.md. Of our own
code it knows only the id type of `reconciler.model`, the facts of `reconciler.catalog` and where bundled files lie, so
that it can judge the rest.
"""

from reconciler.emulator.server import Azure, running
from reconciler.emulator.tenantfile import TenantError, load_tenant

__all__ = ["Azure", "TenantError", "load_tenant", "running"]
