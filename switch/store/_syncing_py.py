"""The twin of the native thread that syncs files: see `SyncThread` there for what it is good for."""

import os
import threading

_END = -1  # the order to end


class SyncThread:
    """Syncs one descriptor at a time: `begin`, and `end` once `fileno()` is readable."""

    def __init__(self) -> None:
        self._ordered = os.eventfd(0, os.EFD_CLOEXEC)
        self._done = os.eventfd(0, os.EFD_CLOEXEC)
        self._descriptor = _END
        self._failure = 0
        self._thread = threading.Thread(target=self._work, name="log-sync", daemon=True)
        self._thread.start()
        self._running = True
        self._begun = False

    def fileno(self) -> int:
        """Readable while an outcome waits for `end`."""
        return self._done

    def begin(self, descriptor: int) -> None:
        """Sync `descriptor`, which stays open until `end`."""
        self._descriptor = descriptor
        self._begun = True
        os.eventfd_write(self._ordered, 1)

    def end(self) -> int:
        """The outcome, which is waited for: errno, or 0."""
        os.eventfd_read(self._done)
        self._begun = False
        return self._failure

    def close(self) -> None:
        """End the thread, once what was begun has ended."""
        if not self._running:
            return
        self._running = False
        if self._begun:
            os.eventfd_read(self._done)
        self.begin(_END)
        self._thread.join()
        os.close(self._ordered)
        os.close(self._done)

    def _work(self) -> None:
        while True:
            os.eventfd_read(self._ordered)
            if self._descriptor == _END:
                return
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._failure = error.errno or 0
            else:
                self._failure = 0
            os.eventfd_write(self._done, 1)
