"""The thread that syncs the log beside the loop: the compiled one, or with `MONETIQUE_NATIVE=0` its twin in Python."""

from typing import TYPE_CHECKING

from switch.native import NATIVE

if TYPE_CHECKING or not NATIVE:
    from switch.store._syncing_py import SyncThread
else:
    from switch.store._syncing_c import SyncThread

IMPLEMENTATION = "native" if NATIVE else "twin"

__all__ = ["IMPLEMENTATION", "SyncThread"]
