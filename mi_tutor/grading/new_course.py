"""`mi-tutor course init`: a folder in which nbgrader's own commands work, with the chapters as its assignments."""

import glob
import re
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from mi_tutor.authoring.build import BuildError, notebooks
from mi_tutor.check.outline import chapters
from mi_tutor.files import safe_write

CONFIGURATION = """\
# nbgrader's configuration for this course. `configure` has students' code run in processes of its own, where it can
# neither see the answers nor touch the marks; nbgrader takes the marks from there. It also has what students hand in
# shown so that nothing in it runs, in formgrader and in feedback.
from mi_tutor.grading.trusted_marks import configure

c = get_config()  # noqa: F821
configure(c)

c.CourseDirectory.course_id = {course!r}

# c.TrustedMarks.workers = 4  # notebooks at a time; as many as processors when left out
# c.TrustedMarks.timeout = 10.0  # seconds for one call of a student's function
# c.TrustedMarks.memory = 2048  # MB for one call
"""


class CourseError(Exception):
    """Why there is no course, as a sentence for the teacher."""


def run_init(folder: Path, names: Sequence[str]) -> int:
    """Make a course, or add chapters to one; nothing that is there already is changed.

    Args:
        names: chapters, such as `01` or `01_bigrams`; all when there are none.

    Returns:
        The command's exit status.
    """
    try:
        if find_spec("nbgrader") is None:
            raise CourseError("A course needs nbgrader: pip install 'mi-tutor[course]'")
        wanted = _chosen(names)
        if glob.escape(str(folder.resolve())) != str(folder.resolve()):
            raise CourseError(
                f"nbgrader finds nothing in {folder.resolve()}: leave *, ? and [ out of the course's path."
            )
        done = _write(folder / "nbgrader_config.py", CONFIGURATION.format(course=_course_id(folder)))
        print(f"{folder / 'nbgrader_config.py'}: {done}.")
        with as_file(files("mi_tutor.solutions")) as sources:
            made = dict(notebooks(sources, released=False))
        for name in wanted:
            path = folder / "source" / name / f"{name}.ipynb"
            print(f"{path}: {_write(path, made[f'{name}.ipynb'])}.")
    except (BuildError, CourseError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or folder} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"\nNext: cd {folder} && nbgrader generate_assignment {wanted[0]}, and hand out release/{wanted[0]}.")
    return 0


def _chosen(names: Sequence[str]) -> list[str]:
    """The names of these chapters, in the chapters' order."""
    there = [chapter.file.removesuffix(".ipynb") for chapter in chapters()]
    wanted = [name.removesuffix(".ipynb") for given in names for name in re.split(r"[,\s]+", given) if name]
    unknown = [name for name in wanted if not any(chapter == name or chapter[:2] == name for chapter in there)]
    if unknown:
        raise CourseError(f"There is no chapter {unknown[0]!r}; there are: {', '.join(there)}.")
    return [chapter for chapter in there if not wanted or chapter in wanted or chapter[:2] in wanted]


def _write(path: Path, text: str) -> str:
    """What became of the file, in words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    try:
        safe_write.create(path, content)
    except FileExistsError:
        return "there already" if path.read_bytes() == content else "yours, left as it is"
    return "new"


def _course_id(folder: Path) -> str:
    """The folder's name as nbgrader takes it."""
    return re.sub(r"[^\w-]+", "-", folder.resolve().name).strip("-") or "mechanistic-interpretability"
