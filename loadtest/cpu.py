"""CPU time of other processes, and how much of a core this machine gives to one that never waits.

python -m loadtest.cpu SECONDS        spins, and prints the share
"""

import os
import sys
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU seconds that all threads of a process have used, user and kernel: proc(5), /proc/PID/stat, fields 14 and 15.

    The kernel counts in nanoseconds and shows ticks, of 10 ms as a rule: measure for seconds.

    >>> cpu_seconds(os.getpid()) > 0
    True
    """
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()  # the name, field 2, may itself hold spaces and parentheses
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def spin(seconds: float) -> float:
    """Compute for `seconds`; the share of a core that this process was given, 0 to 1.

    >>> 0 < spin(0.01) <= 1.01
    True
    """
    began, cpu_began = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        pass
    return (time.process_time() - cpu_began) / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.stdout.write(f"{spin(float(sys.argv[1]))}\n")
