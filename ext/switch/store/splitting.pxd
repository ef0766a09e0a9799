"""What compiled callers reach of `switch/store/splitting.py`, without a look through its module."""

from switch.store._splitting_c cimport encode
