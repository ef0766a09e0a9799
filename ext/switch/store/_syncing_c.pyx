"""A thread that syncs files without ever holding Python's lock (the twin: `switch.store._syncing_py`).

A thread of Python's would need the lock three times a batch, to take the order, to come out of the system call and to
report, and each time take it from a loop that is in the middle of something: a dozen context switches, half a
millisecond's wait each. This one waits for an eventfd and reports by another.

Order and outcome cross between the threads in `Shared`, one field each; the eventfds, written after and read before,
order the accesses.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from posix.unistd cimport close, fdatasync, read, write

cdef extern from "<sys/eventfd.h>" nogil:
    int EFD_CLOEXEC
    int eventfd(unsigned int initial, int flags)

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int SIG_SETMASK
    int sigfillset(sigset_t *signals)

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    int pthread_create(pthread_t *thread, void *attributes, void *(*work)(void *) noexcept nogil, void *argument)
    int pthread_join(pthread_t thread, void **result)
    int pthread_sigmask(int how, const sigset_t *signals, sigset_t *before)

cdef enum:
    END = -1  # the order to end


cdef struct Shared:
    int ordered  # eventfd: there is an order
    int done  # eventfd: it is carried out
    int descriptor  # the order: what to sync
    int failure  # the outcome: errno, or 0


cdef void await_one(int descriptor) noexcept nogil:
    """Take what the eventfd counted, waiting until it is not zero."""
    cdef uint64_t count
    while read(descriptor, &count, sizeof(count)) < 0 and errno == EINTR:
        pass


cdef void post_one(int descriptor) noexcept nogil:
    cdef uint64_t one = 1
    while write(descriptor, &one, sizeof(one)) < 0 and errno == EINTR:
        pass


cdef void *work(void *argument) noexcept nogil:
    """The thread: one order after the other."""
    cdef Shared *shared = <Shared *> argument
    while True:
        await_one(shared.ordered)
        if shared.descriptor == END:
            return NULL
        shared.failure = errno if fdatasync(shared.descriptor) < 0 else 0
        post_one(shared.done)


cdef class SyncThread:
    """Syncs one descriptor at a time: `begin`, and `end` once `fileno()` is readable."""

    cdef Shared *shared
    cdef pthread_t thread
    cdef bint running
    cdef bint begun

    def __cinit__(self):
        cdef sigset_t every, before
        cdef int error
        self.shared = <Shared *> calloc(1, sizeof(Shared))
        if self.shared == NULL:
            raise MemoryError
        self.shared.ordered = eventfd(0, EFD_CLOEXEC)
        self.shared.done = eventfd(0, EFD_CLOEXEC)
        if self.shared.ordered < 0 or self.shared.done < 0:
            raise OSError(errno, "no eventfd for the thread that syncs the log")
        sigfillset(&every)  # signals are Python's main thread's
        pthread_sigmask(SIG_SETMASK, &every, &before)
        error = pthread_create(&self.thread, NULL, work, self.shared)
        pthread_sigmask(SIG_SETMASK, &before, NULL)
        if error:
            raise OSError(error, "no thread to sync the log")
        self.running = True

    def __dealloc__(self):
        self.close()
        if self.shared != NULL:
            if self.shared.ordered >= 0:
                close(self.shared.ordered)
            if self.shared.done >= 0:
                close(self.shared.done)
            free(self.shared)

    def fileno(self):
        """Readable while an outcome waits for `end`."""
        return self.shared.done

    def begin(self, int descriptor):
        """Sync `descriptor`, which stays open until `end`."""
        self.shared.descriptor = descriptor
        self.begun = True
        post_one(self.shared.ordered)

    def end(self):
        """The outcome, which is waited for: errno, or 0."""
        with nogil:
            await_one(self.shared.done)
        self.begun = False
        return self.shared.failure

    cpdef close(self):
        """End the thread, once what was begun has ended."""
        if not self.running:
            return
        self.running = False
        with nogil:
            if self.begun:
                await_one(self.shared.done)
            self.shared.descriptor = END
            post_one(self.shared.ordered)
            pthread_join(self.thread, NULL)
