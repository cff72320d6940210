"""Run as a program: grade a folder, and be killed, or fail, at one chosen step of writing the marks and the table down.

    python grade_and_fail.py FOLDER [STEP {kill,half,full}]

What marks the notebooks is replaced: each earns as many points as its file has bytes, and is named on standard output
when it is marked. Standard error ends in how many steps there were.
"""

import functools
import os
import signal
import sqlite3
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from failing_os import CountingOs

from mi_tutor.check.outline import chapter_of
from mi_tutor.files import safe_write
from mi_tutor.grading import grade, records, table
from mi_tutor.grading.pool import Done
from mi_tutor.running.confine import Limits
from mi_tutor.running.sandbox import Sandbox

NAMES = [task.name for task in chapter_of("mean_kl").tasks]
POINTS_MORE = int(sys.argv[4]) if len(sys.argv) > 4 else 0
EXERCISE = sys.argv[5] if len(sys.argv) > 5 else None


def mark_all(tasks, *settings):
    for task in tasks:
        print("marked", task.key, flush=True)
        mark = {
            "points": task.submission.path.stat().st_size + POINTS_MORE,
            "max_points": 999,
            "mistake": None,
            "message": "fine",
        }
        yield Done(
            task.key, NAMES, {name: mark for name in NAMES if task.only in (None, name) and name not in task.known}
        )


class FailingConnection(sqlite3.Connection):
    """A connection whose statements count as steps, too."""

    def __init__(self, *arguments, counting, **named):
        super().__init__(*arguments, **named)
        self.counting = counting

    def step(self):
        self.counting.count += 1
        if self.counting.count == self.counting.step:
            if self.counting.fault == "full":
                raise sqlite3.OperationalError("database or disk is full")
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, *arguments):
        self.step()
        return super().execute(*arguments)

    def executemany(self, *arguments):
        self.step()
        return super().executemany(*arguments)


class FailingSqlite:
    """`sqlite3` with such connections."""

    def __init__(self, counting):
        self.connect = functools.partial(
            sqlite3.connect, factory=functools.partial(FailingConnection, counting=counting)
        )

    def __getattr__(self, name):
        return getattr(sqlite3, name)


def main() -> None:
    home = Path(sys.argv[1])
    counting = CountingOs(int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 3 else CountingOs(0, "")
    safe_write.os, records.sqlite3 = counting, FailingSqlite(counting)
    table.SECONDS = 3600  # or a slow machine takes more steps than a quick one
    grade.mark_all = mark_all
    grade.find_sandbox = lambda hide: Sandbox((), True, "")
    status = grade.run_grade(grade.Wish([home], 1, EXERCISE, 5, Limits(), home / "marks.csv"))
    print(counting.count, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
