"""nbgrader with marks that can be trusted: a student's code never runs in the process that holds the gradebook.

nbgrader's own `autograde` runs a notebook and its checks in one kernel. Here nothing is run: what stands below each check
cell is written from the marks of `mi-tutor grade`, and nbgrader's SaveAutoGrades reads it as it always does. Gradebook,
formgrader, feedback, late penalties and export are nbgrader's own. A course's nbgrader_config.py calls `configure`.
"""

import html
import re
import secrets
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_output
from nbgrader import preprocessors, utils
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from traitlets import Float, Integer, Unicode

from mi_tutor.authoring.build import ANSWER_STUB, STUB
from mi_tutor.authoring.colab_cell import COLAB
from mi_tutor.check.outline import chapter_of
from mi_tutor.files.cells import CHECK
from mi_tutor.files.notebook_file import fresh_id
from mi_tutor.grading import formgrader
from mi_tutor.grading.grade import usable_cores
from mi_tutor.grading.handed_in import install
from mi_tutor.grading.inert import Inert, PicturesOnly, configure_pages
from mi_tutor.grading.own_exercises import Course, read_course
from mi_tutor.grading.own_release import OwnExercises
from mi_tutor.grading.pool import Done, Task, mark_all
from mi_tutor.grading.records import FOLDER, BadRecords, Key, Mark, Records
from mi_tutor.grading.submissions import CannotGrade, Submission, read
from mi_tutor.running.confine import Limits
from mi_tutor.running.sandbox import NoSandbox, find_sandbox


def configure(config: Any) -> None:
    """Set up nbgrader's configuration for a course of mi-tutor's chapters.

    Args:
        config: what `get_config()` gives in nbgrader_config.py.
    """
    install()
    config.GenerateAssignment.preprocessors = [OwnExercises, *GenerateAssignment.preprocessors.default()]
    config.Autograde.sanitize_preprocessors = [
        Inert,
        PicturesOnly,
        preprocessors.ClearOutput,
        preprocessors.DeduplicateIds,
        preprocessors.OverwriteKernelspec,
        RestoreCells,
        preprocessors.CheckCellMetadata,
    ]
    config.Autograde.autograde_preprocessors = [
        TrustedMarks,
        preprocessors.IgnorePattern,
        ClearMetadataPreprocessor,
        preprocessors.LimitOutput,
        preprocessors.SaveAutoGrades,
        preprocessors.AssignLatePenalties,
        preprocessors.CheckCellMetadata,
    ]
    config.GenerateFeedback.preprocessors = [
        preprocessors.GetGrades,
        WithoutColabCell,
        NamedByExercise,
        CSSHTMLHeaderPreprocessor,
    ]
    config.OverwriteCells.add_missing_cells = True
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = ANSWER_STUB
    configure_pages(config)
    formgrader.guard()


class RestoreCells(preprocessors.OverwriteCells):
    """nbgrader's OverwriteCells for whatever a student made of the cells: deleted with their neighbours, renamed, copied."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._released: dict[str, Any] = {}

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        if "nbgrader" in cell.metadata:
            name = cell.metadata["nbgrader"].get("grade_id")
            if name not in self._ours():
                del cell.metadata["nbgrader"]
            else:
                cell.metadata["nbgrader"] = self._ours()[name]
                if cell.metadata["nbgrader"]["cell_type"] == "code":
                    cell.pop("attachments", None)
        return super().preprocess_cell(cell, resources, cell_index)

    def add_missing_grade_cells(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Put each missing cell behind the last one there is of those that stand before it in the source."""
        source = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        worth = {cell.name: cell.max_score for cell in source.grade_cells}
        answers = {cell.name for cell in source.solution_cells}
        before: list[str] = []
        for cell in source.source_cells:
            places = {_grade_id(found): place for place, found in enumerate(nb.cells) if _grade_id(found)}
            there = cell.name in places and utils.is_grade(nb.cells[places[cell.name]])
            if cell.name in worth and not there:
                self.log.warning("The check cell %s was missing from the notebook and is put back", cell.name)
                place = max((places[name] for name in before if name in places), default=-1) + 1
                restored = self.missing_cell_transform(cell, worth[cell.name], is_solution=cell.name in answers)
                restored["id"] = fresh_id(restored, {str(found.get("id")) for found in nb.cells})
                nb.cells.insert(place, restored)
            before.append(cell.name)
        return nb, resources

    def _ours(self) -> dict[str, Any]:
        """By name, what nbgrader knew of each cell when it was released: nothing of a student's is believed about that."""
        if not self._released:
            source = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
            graded = {cell.name: cell.max_score for cell in (*source.grade_cells, *source.task_cells)}
            tasks, answers = ({cell.name for cell in of} for of in (source.task_cells, source.solution_cells))
            for cell in source.source_cells:
                points = {"points": graded[cell.name]} if cell.name in graded else {}
                self._released[cell.name] = NotebookNode(
                    schema_version=3,
                    grade_id=cell.name,
                    grade=cell.name in graded and cell.name not in tasks,
                    solution=cell.name in answers,
                    task=cell.name in tasks,
                    locked=bool(cell.locked),
                    cell_type=cell.cell_type,
                    checksum=cell.checksum,
                    **points,
                )
        return self._released


class WithoutColabCell(preprocessors.base.NbGraderPreprocessor):
    """Feedback is for reading: the cell that installs the course in Colab, a page of code, is left out of it."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        nb.cells = [cell for cell in nb.cells if _grade_id(cell) != COLAB]
        return nb, resources


class NamedByExercise(preprocessors.base.NbGraderPreprocessor):
    """Feedback calls a check by its exercise: `mean_kl`, where nbgrader names the cell, `check_mean_kl`."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        for cell in nb.cells:
            if utils.is_grade(cell) and not utils.is_solution(cell):
                cell.metadata.nbgrader["grade_id"] = _grade_id(cell).removeprefix(CHECK)
        return nb, resources


class TrustedMarks(preprocessors.base.NbGraderPreprocessor):
    """Writes below each check cell what the student's function earned where it was run: in a process of its own.

    The marks of an assignment, and its secret seed, are kept in the course's folder .mi-tutor: a submission that did not
    change is not run again.
    """

    workers = Integer(0, help="Notebooks at a time; 0 for as many as processors.").tag(config=True)
    timeout = Float(10.0, help="Seconds for one call of a student's function.").tag(config=True)
    memory = Integer(2048, help="MB for one call of a student's function.").tag(config=True)
    exercise = Unicode("", help="Mark this exercise again, whether or not anything changed; with --force.").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        about = resources["nbgrader"]
        checks = [cell for cell in nb.cells if utils.is_grade(cell) and not utils.is_solution(cell)]
        checks = [cell for cell in checks if cell.cell_type == "code"]
        names = tuple(_grade_id(cell).removeprefix(CHECK) for cell in checks)
        try:
            grading = self._grading(about, names)
            marks = grading.marks(about["student"])
        except (BadRecords, CannotGrade, NoSandbox) as error:
            raise NbGraderException(str(error)) from None
        for name, cell in zip(names, checks, strict=True):
            cell.execution_count = None
            if name in marks:
                cell.outputs = [_told(marks[name], cell.metadata.nbgrader["points"], name, grading.course)]
            else:
                sentence = f"{_grade_id(cell)} checks none of mi-tutor's exercises, and nothing else is run here."
                self.log.warning("%s It earns nothing; mark such cells in an assignment of their own.", sentence)
                cell.outputs = [_error(sentence)]
        return nb, resources

    def _grading(self, about: dict[str, str], names: tuple[str, ...]) -> "_Grading":
        converter = self.parent.parent
        gradings, key = _gradings.setdefault(converter, {}), (about["assignment"], about["notebook"])
        if key not in gradings:
            gradings[key] = _Grading(converter, about, names, self)
        return gradings[key]


_gradings: WeakKeyDictionary[Any, dict[tuple[str, str], "_Grading"]] = WeakKeyDictionary()
"""What is under way, by nbgrader's converter: one for a command, one for a click in formgrader."""


class _Grading:
    """One notebook of an assignment for all students that a run of nbgrader converts; marked side by side, ahead of it."""

    def __init__(self, converter: Any, about: dict[str, str], names: tuple[str, ...], settings: TrustedMarks) -> None:
        self._converter, self._assignment, self._notebook = converter, about["assignment"], about["notebook"]
        root = Path(converter.coursedir.root)
        self.course = read_course(root)
        self._names = [name for name in names if chapter_of(name) or self.course.own_among([name])]
        self._limits, self._log = Limits(settings.timeout, settings.memory * 2**20), settings.log
        folder = root / FOLDER / self._assignment
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        self._records = Records(folder, self._log.warning)
        self.sandbox = find_sandbox(hide=[root])
        if not self.sandbox.isolated:
            self._log.warning(self.sandbox.warning)
        self._keys: dict[str, Key] = {}
        self._troubles: dict[str, str] = {}
        self._again = settings.exercise
        self._before: dict[str, float] = {}
        """By key, the points that the exercise had which is to be marked again, until it is."""
        # Each such run marks anew: the name of its own keeps it from going on with another.
        run = [secrets.token_hex(8)]
        self._regrading = self._records.begin_regrading(self._again, run) if self._again else None
        self._coming = self._start(self._waiting(about["student"]), settings.workers)

    def marks(self, student: str) -> dict[str, Mark]:
        """By exercise. Raises CannotGrade."""
        key = self._key(student)
        if key not in self._keys and key not in self._troubles:
            self._coming = chain(self._start([student], 1), self._coming)  # handed in just now
        while not self._is_known(key) and key not in self._troubles:
            done = next(self._coming, None)
            if done is None:
                raise CannotGrade("It was not marked; run the same command again.")
            self._keep(done)
        if key in self._troubles:
            raise CannotGrade(self._troubles[key])
        return self._records.marks(key, self._keys[key])

    def _start(self, students: list[str], workers: int) -> Iterator[Done]:
        tasks = []
        for student in students:
            key, submission = self._key(student), self._submission(student)
            try:
                raw = read(submission)
            except CannotGrade as error:
                self._troubles[key] = str(error)
                continue
            held_for = self._records.key(key, raw, None, self.sandbox.name, self._limits)
            held_for = self.course.key(held_for, self._names)
            self._keys[key] = held_for
            known = self._records.known(key, held_for)
            if self._again in known:
                self._before[key] = self._records.marks(key, held_for)[self._again]["points"]
                known -= {self._again}
            if not known >= set(self._names):
                tasks.append(
                    Task(key, submission, held_for.content, held_for.seed, frozenset(known), None, tuple(self._names))
                )
        return mark_all(tasks, workers or usable_cores(), self.sandbox, self._limits, self.course)

    def _keep(self, done: Done) -> None:
        if done.trouble:
            self._troubles[done.key] = done.trouble
        else:
            self._records.keep(done.key, done.exercises, done.marks, self._keys[done.key], self._regrading)
            earned = sum(mark["points"] for mark in self._records.marks(done.key, self._keys[done.key]).values())
            self._log.info("Marked %s: %g points", done.key, earned)
            again = done.marks.get(self._again)
            if again and done.key in self._before:
                change = f"{self._before.pop(done.key):g} → {again['points']:g} points"
                self._log.warning("%s: %s marked again: %s", done.key.partition("/")[0], self._again, change)

    def _is_known(self, key: str) -> bool:
        if key not in self._keys or key in self._before:
            return False
        return self._records.known(key, self._keys[key]) >= set(self._names)

    def _waiting(self, first: str) -> list[str]:
        """The students whose notebook nbgrader is about to convert, in its order; it has begun with the first."""
        directory, students = self._converter.coursedir, []
        for student, place in self._converter.folders():
            if self._path(student) not in self._converter.handed_in:
                continue
            old = directory.format_path(directory.autograded_directory, student, self._assignment)
            when, before = directory.get_existing_timestamp(str(place)), directory.get_existing_timestamp(old)
            newer = when is not None and before is not None and when > before
            if student == first or self._converter.force or newer or not Path(old).exists():
                students.append(student)
        return students

    def _submission(self, student: str) -> Submission:
        found: Submission = self._converter.handed_in[self._path(student)]
        return found._replace(key=self._key(student))

    def _path(self, student: str) -> str:
        """Where nbgrader takes the notebook to lie."""
        directory = self._converter.coursedir
        folder = directory.format_path(directory.submitted_directory, student, self._assignment)
        return str(Path(folder, f"{self._notebook}.ipynb"))

    def _key(self, student: str) -> str:
        return f"{student}/{self._notebook}.ipynb"


def _grade_id(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or "")


def _told(mark: Mark, worth: float, name: str, course: Course) -> Any:
    """What stands below a check cell: for nbgrader the points that its cell is worth, for the student the sentence."""
    points = mark["points"] * worth / mark["max_points"]
    sentence = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(mark["message"]))
    key: Key = mark["key"]
    again = ""
    if not course.own_among([name]):  # those can only be drawn where their declaration is
        call = html.escape(f"check({name}, seed={key.seed})")
        again = f"The same inputs again: <code>{call}</code> "
    shown = (
        f"<div><strong>{points:g} of {worth:g} points</strong> &middot; {sentence}</div>"
        f'<div style="opacity:.75">{again}({key.isolation})</div>'
    )
    data = {"text/plain": f"{points:g}", "text/html": shown}
    return new_output("execute_result", data=data, metadata={}, execution_count=None)


def _error(sentence: str) -> Any:
    return new_output("error", ename="NotGraded", evalue=sentence, traceback=[sentence])
