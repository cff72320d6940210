"""`os` with a fault at one chosen step: for programs that tests kill, or fill the disk of, while they write."""

import errno
import os
import signal

STEPS = ("open", "write", "fsync", "chmod", "link", "unlink", "replace", "rename")


class CountingOs:
    """`os` for safe_write, with a fault at one of the calls that change something."""

    def __init__(self, step: int, fault: str):
        self.step, self.fault, self.count = step, fault, 0

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def call(*arguments, **named):
            self.count += 1
            if self.count == self.step:
                if self.fault != "kill" and name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                if self.fault == "full":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call
