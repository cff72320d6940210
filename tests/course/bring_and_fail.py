"""Run as a program: bring chapters into a folder, and be killed, or fail, at one chosen step of the writing.

    python bring_and_fail.py FOLDER RELEASES [STEP {kill,half,full}]

RELEASES is a folder of notebooks. `kill` is SIGKILL before the step, `half` the same in the middle of a write, `full`
is a disk without room. Prints how many steps there were.
"""

import errno
import os
import signal
import sys
from pathlib import Path

from mi_tutor.course import notebook_file, safe_write
from mi_tutor.course.workspace import WorkspaceError, bring_chapters

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


def main() -> None:
    folder, releases = Path(sys.argv[1]), Path(sys.argv[2])
    counting = CountingOs(*((int(sys.argv[3]), sys.argv[4]) if len(sys.argv) > 3 else (0, "")))
    safe_write.os = counting
    notebook_file.is_valid = lambda notebook: True  # importing nbformat takes a second, and there are many runs
    try:
        bring_chapters(folder, {path.name: path.read_bytes() for path in releases.glob("*.ipynb")})
    except WorkspaceError as error:
        sys.exit(str(error))
    print(counting.count)


if __name__ == "__main__":
    main()
