"""Run as a program: bring chapters into a folder, and be killed, or fail, at one chosen step of the writing.

    python bring_and_fail.py FOLDER RELEASES [STEP {kill,half,full}]

RELEASES is a folder of notebooks. `kill` is SIGKILL before the step, `half` the same in the middle of a write, `full`
is a disk without room. Prints how many steps there were.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from failing_os import CountingOs

from mi_tutor.files import notebook_file, safe_write
from mi_tutor.workspace.bring import WorkspaceError, bring_chapters


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
