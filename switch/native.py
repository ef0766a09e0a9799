"""Which compiled modules of the switch are in use.

Every native module has a readable Python twin beside it (`_name_py.py` beside `_name_c`), and one chooser
module that imports one or the other. The choice is made once, from `MONETIQUE_NATIVE`: `0` runs the twins;
anything else wants the compiled modules and fails loudly where they are missing. There is no silent fallback.
"""

import os
import sys

NATIVE = os.environ.get("MONETIQUE_NATIVE", "1") != "0"

# Chooser modules; each has an attribute `IMPLEMENTATION`, "native" or "twin".
CHOOSERS = (
    "switch.cards.number_map",
    "switch.core.shelf",
    "switch.iso8583.codec",
    "switch.iso8583.compat",
    "switch.iso8583.frames",
    "switch.store.syncing",
)


def loaded() -> dict[str, str]:
    """The choice of each chooser module: {module: "native" | "twin"}."""
    for name in CHOOSERS:
        __import__(name)
    return {name: sys.modules[name].IMPLEMENTATION for name in CHOOSERS}
