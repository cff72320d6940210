"""Commands that tests run, their words in one piece."""

import os
import subprocess
import sys
from pathlib import Path


def run(*command, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def teachers(home: Path) -> dict[str, str]:
    """Variables of a teacher with a home of their own: nothing of this machine's user is read or written."""
    places = {name: str(home) for name in ("HOME", "JUPYTER_CONFIG_DIR", "XDG_DATA_HOME")}
    places |= {name: str(home / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "IPYTHONDIR")}
    # As in an activated environment: nbgrader runs `alembic` by its name.
    return places | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def nbgrader(course: Path, *arguments: str) -> str:
    """What one nbgrader command in a course says. It has to succeed."""
    done = run(sys.executable, "-m", "nbgrader", *arguments, cwd=course, **teachers(course.parent / "home"))
    assert done.returncode == 0, done.stdout
    return done.stdout


def course_of_one(folder: Path, name: str) -> None:
    """Make a course's folder for one chapter and release that; the teacher's home lies beside the folder."""
    home = folder.parent / "home"
    home.mkdir()
    made = run("mi-tutor", "course", "init", folder, "--chapters", name, cwd=home, **teachers(home))
    assert made.returncode == 0, made.stdout
    nbgrader(folder, "generate_assignment", name)
