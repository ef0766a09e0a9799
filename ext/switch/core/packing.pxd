"""What compiled rules call of `switch/core/packing.py`, without a look through its module."""

from switch.core._packing_c cimport pack
