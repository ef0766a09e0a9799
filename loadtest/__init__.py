"""Load on a switch: compiled counterparts for the benchmark, and the relays that it is held against."""
