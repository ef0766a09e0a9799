"""Run a command while holding `build/lock`: `python .ci/locked.py COMMAND…`.

Whatever installs or builds goes through here, so that a second make waits for the first one, and for the build that
`make up` does beside its bench. The command inherits the lock: it is free once the command and all that it started are
gone, however they ended.
"""

import fcntl
import os
import sys
from pathlib import Path


def main() -> None:
    """Wait for the lock, then become the command."""
    Path("build").mkdir(exist_ok=True)
    lock = os.open("build/lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("waiting for another make, or for the build beside a running bench, to end\n")
        fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
