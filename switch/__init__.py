"""The authorization switch, the simulated institutions around it, and the command `monetique`."""

from switch.native import install

install()
