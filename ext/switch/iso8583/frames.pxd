"""What compiled callers reach of `switch/iso8583/frames.py`, without a look through its module."""

from switch.iso8583._frames_c cimport cut, join, parted
