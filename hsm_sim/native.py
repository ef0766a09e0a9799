"""Which compiled modules of the HSM are in use; see `switch.native` for the rule, which is the same here."""

import os
import sys

NATIVE = os.environ.get("MONETIQUE_NATIVE", "1") != "0"

CHOOSERS = ("hsm_sim.crypto.pinblock",)


def loaded() -> dict[str, str]:
    """The choice of each chooser module: {module: "native" | "twin"}."""
    for name in CHOOSERS:
        __import__(name)
    return {name: sys.modules[name].IMPLEMENTATION for name in CHOOSERS}
