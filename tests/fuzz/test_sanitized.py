"""The native modules, built with gcc's address and undefined-behaviour sanitizers, on damaged messages.

To see that a mistake is found, plant one, run this file, and take the mistake out again:

- `ext/hsm_sim/crypto/_pinblock_c.pyx`, `decode`: accept `length > NIBBLES`. Target `pinblock` then reads past an
  array on the stack, seed 152.
- `ext/switch/iso8583/_wire.pxd`, `read_span`: let a value end three bytes behind its frame. Targets `codec` and
  `compat` then read past a block of the heap, seeds 69 and 0.
- `ext/switch/core/_shelf_c.pyx`, `copy_out`: let `part` be `size`. Target `shelf` then reads past the ring, seed 3.
- `ext/switch/core/_glance_c.pyx`, `taken`: let `size` be eight more than what is left. Target `glance` then reads past
  a record, seed 0.
- `ext/switch/store/_splitting_c.pyx`, `header_at`: forget `header.size > left`. Target `splitting` then reads past a
  segment, seed 5.
"""

import subprocess
import sys

import pytest

from tests.support import sanitized

# What takes some three seconds each; a round of the last three is an exchange over sockets.
ROUNDS = {
    "pinblock": 20_000, "codec": 1_500, "compat": 1_500, "shelf": 700, "packing": 400, "glance": 5_000,
    "splitting": 15_000, "hosts": 250, "relay": 250, "generator": 60,
}  # fmt: skip
PATIENCE_S = 300.0  # for a machine with other things to do
FINDING_LINES = 12


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """What `make test` has built already is only looked at."""
    if sanitized.libasan() is None:
        pytest.skip("gcc has no libasan or no libubsan here: the native modules are not run under sanitizers")
    sanitized.build()


@pytest.mark.parametrize("target", ROUNDS)
def test_nothing_is_out_of_bounds_or_undefined(target: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.native", target, str(ROUNDS[target])],
        cwd=sanitized.ROOT, env=sanitized.environment(), timeout=PATIENCE_S, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    seed = ran.stdout.split()[-1:]
    finding = "\n".join(ran.stderr.splitlines()[:FINDING_LINES])
    assert ran.returncode == 0, f"python -m tests.fuzz.native {target} 1 {seed} under sanitizers:\n{finding}"
    assert seed == [str(ROUNDS[target] - 1)]
