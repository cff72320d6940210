"""Run as a program: grade a folder, and be killed, or fail, at one chosen step of writing the marks down.

    python grade_and_fail.py FOLDER [STEP {kill,half,full}]

What marks the notebooks is replaced: each earns as many points as its file has bytes, and is named on standard output
when it is marked. Standard error ends in how many steps there were.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from failing_os import CountingOs

from mi_tutor.check.outline import chapter_of
from mi_tutor.files import safe_write
from mi_tutor.grading import grade
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


def main() -> None:
    home = Path(sys.argv[1])
    counting = CountingOs(int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 3 else CountingOs(0, "")
    safe_write.os = counting
    grade.mark_all = mark_all
    grade.find_sandbox = lambda hide: Sandbox((), True, "")
    status = grade.run_grade(grade.Wish([home], 1, EXERCISE, 5, Limits(), home / "marks.csv"))
    print(counting.count, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
