"""What compiled rules call of `switch/iso8583/codec.py`, without a look through its module."""

from switch.iso8583._codec_c cimport emit, scan
