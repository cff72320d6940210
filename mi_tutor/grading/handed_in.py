"""nbgrader's converters for what students really hand in.

nbgrader finds folders by patterns, so that one called `x [lab]` is left out; it reads a notebook by its exact name and without
a byte order mark; it copies whatever lies beside it, a link or a pipe included; and what it cannot read may stop the class.
Its converters are configured by traits but not replaced by any, so `install` puts these in their places: they differ in
which files they take and how they are read, and in telling at the end who was not graded, why, and what helps.
"""

import fnmatch
import glob
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbgrader import converters
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import StatementError
from traitlets import Type

from mi_tutor.files import notebook_file
from mi_tutor.files.cells import CHECK
from mi_tutor.grading.folders import NOTEBOOK, chapter_names, in_words, is_hidden, is_notebook, why_none
from mi_tutor.grading.printable import printable
from mi_tutor.grading.submissions import NOTHING, CannotGrade, Submission, cells_in, content_of, find, read
from mi_tutor.grading.timestamps import FILE, stamp_of
from mi_tutor.grading.which_counts import choose

PICTURES = (".png", ".jpg", ".jpeg", ".gif")
"""What of a student's other files goes on to whoever marks: an answer may show a picture. Nothing that a browser would run."""
MOST_BYTES = 10 * 2**20
_FIELDS = {
    "code": ("cell_type", "execution_count", "id", "metadata", "outputs", "source"),
    "markdown": ("attachments", "cell_type", "id", "metadata", "source"),
    "raw": ("attachments", "cell_type", "id", "metadata", "source"),
}


def install() -> None:
    """Put these classes where nbgrader's commands and formgrader look for theirs."""
    for module in (api, autogradeapp, converters):
        module.Autograde = TolerantAutograde
    for module in (api, generatefeedbackapp, converters):
        module.GenerateFeedback = TolerantFeedback
    CourseDirectory.get_existing_timestamp = _existing_timestamp
    api.NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


class _ByFolder(BaseConverter):
    """Takes folders by their names as they are, and of the files in them a timestamp and pictures."""

    def init_notebooks(self) -> None:
        self.assignments = {}
        for student, folder in self.folders():
            if not folder.is_dir():
                continue
            found = [str(path) for path in sorted(folder.iterdir()) if is_notebook(path.name) and path.is_file()]
            found = [path for path in found if fnmatch.fnmatchcase(Path(path).stem, self.coursedir.notebook_id)]
            if found:
                self.assignments[str(folder)] = found
            else:
                self.log.warning("%s: there is no notebook in %s", student, folder)
        if not self.assignments:
            super().init_notebooks()  # says what could have been meant

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Each student that is asked for, with the folder that the assignment has or would have; in order."""
        mark = "STUDENT-ID"
        path = self._format_source(self.coursedir.assignment_id, mark)
        above = path[: path.index(mark)] + mark + path[path.index(mark) + len(mark) :].partition(os.sep)[0]
        named = re.compile(re.escape(above).replace(re.escape(mark), "(.+)"), re.DOTALL)
        wanted = self.coursedir.student_id
        for place in sorted(glob.glob(glob.escape(above).replace(mark, "*"))):
            found = named.fullmatch(place)
            if found is None or not os.path.isdir(place) or is_hidden(os.path.basename(place)):
                continue
            if found[1] == wanted or fnmatch.fnmatchcase(found[1], wanted):
                yield found[1], Path(self._format_source(self.coursedir.assignment_id, found[1]))

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source, dest = (Path(make(assignment_id, student_id)) for make in (self._format_source, self._format_dest))
        for here, folders, files in os.walk(source):
            folders[:] = [name for name in folders if not is_hidden(name)]
            for name in files:
                path = Path(here, name)
                is_wanted = name == FILE or name.lower().endswith(PICTURES)
                if is_wanted and path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
                    copy = dest / path.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        copy.unlink(missing_ok=True)
                        shutil.copyfile(path, copy)
                    except OSError as error:
                        self.log.warning("%s: %s is not copied: %s", student_id, path, error.strerror)


class _Exporter(NotebookExporter):
    """Reads what was handed in as `mi-tutor grade` does, whatever the file is called."""

    def from_filename(self, filename: str, resources: Any = None, **more: Any) -> tuple[Any, Any]:
        counts = self.parent.handed_in.get(filename) if self.parent._sanitizing else None
        if counts is None:
            return super().from_filename(filename, resources, **more)
        try:
            notebook = whole(read(counts))
        except CannotGrade as error:
            raise NbGraderException(str(error)) from None
        resources["metadata"] = {"name": Path(filename).stem, "path": os.path.dirname(filename)}
        return self.from_notebook_node(notebook, resources, **more)


class TolerantAutograde(converters.Autograde, _ByFolder):
    """nbgrader's Autograde, for which what is odd about one student costs that student at most, and is told."""

    exporter_class = Type(_Exporter, klass=Exporter).tag(config=True)

    def init_notebooks(self) -> None:
        self.assignments: dict[str, list[str]] = {}
        self.handed_in: dict[str, Submission] = {}
        """By the path at which nbgrader takes a notebook to lie: the file that counts."""
        self.not_graded: dict[str, str] = {}
        """By student, why."""
        expected = self._expected()
        if not expected:
            super().init_notebooks()
            return
        for student, folder in self.folders():
            if "\n" in student:
                self.not_graded[student] = "nbgrader cannot take a folder's name with a line break: rename it."
                continue
            for name in expected:
                self._choose(student, folder, name)
        if not self.assignments and not self.not_graded:
            super().init_notebooks()

    def convert_notebooks(self) -> None:
        refused = dict(self.not_graded)
        self._enrol(refused)
        try:
            super().convert_notebooks()
        finally:
            for student, sentence in self.not_graded.items():
                self.log.error("Not graded: %s. %s", printable(student), printable(sentence))
        if refused:
            raise NbGraderException(
                "Mend what is named above and run the same command again: nobody else is marked anew."
            )

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        with self._telling(student_id):
            super().init_assignment(assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        with self._telling(self.init_single_notebook_resources(notebook_filename)["nbgrader"]["student"]):
            super().convert_single_notebook(notebook_filename)

    def _expected(self) -> list[str]:
        """The notebooks of the assignment that are asked for, as they were released; none where there is no such assignment."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                books = gradebook.find_assignment(self.coursedir.assignment_id).notebooks
            except MissingEntry:
                return []
            names = sorted(book.name for book in books)
            checks = [cell.name.removeprefix(CHECK) for book in books for cell in book.grade_cells]
        again = str(self.config.TrustedMarks.get("exercise", ""))
        if again and again not in checks:  # said before --force removes anything
            sentence = f"{self.coursedir.assignment_id} has no exercise {again!r}; it has {', '.join(checks)}."
            self.log.error(sentence)
            raise NbGraderException(sentence)
        return [name for name in names if fnmatch.fnmatchcase(name, self.coursedir.notebook_id)]

    def _choose(self, student: str, folder: Path, name: str) -> None:
        """Find the file that counts as a student's notebook of that name, or say why there is none."""
        file = name + NOTEBOOK
        if name not in chapter_names():
            if (folder / file).is_file():
                self._take(folder, file, Submission(folder / file, file, False))
            return
        place = folder if folder.is_dir() else self._student_folder(student, folder)
        found = list(find([place])) if place.is_dir() else []
        troubles = {submission.key: trouble for submission, trouble in found if trouble not in ("", NOTHING)}
        candidates = [submission for submission, trouble in found if not trouble]
        choice = choose(file, candidates)
        if file in troubles:
            self.not_graded[student] = troubles[file]
        elif choice.counts:
            if choice.sentence:
                self.log.warning("%s: %s", printable(student), printable(choice.sentence))
            self._take_if_it_can_be_read(student, folder, file, choice.counts)
        elif choice.sentence:
            self.not_graded[student] = f"In {place}, {choice.sentence}"
        elif place == folder:
            self._tell_why_none(student, folder, name, candidates, troubles)
        elif not candidates and not troubles:
            self._tell_why_none(student, place, name, [], {})

    def _take_if_it_can_be_read(self, student: str, folder: Path, file: str, counts: Submission) -> None:
        try:
            raw = read(counts)
            cells_in(raw, file)
        except CannotGrade as error:
            self.not_graded[student] = f"{counts.path.name}: {error}"
            return
        try:
            content_of(raw, file)
        except CannotGrade as error:
            self.log.warning("%s: %s Every exercise earns 0.", printable(student), error)
        self._take(folder, file, counts)

    def _take(self, folder: Path, file: str, counts: Submission) -> None:
        self.assignments.setdefault(str(folder), []).append(str(folder / file))
        self.handed_in[str(folder / file)] = counts

    def _tell_why_none(
        self, student: str, folder: Path, name: str, candidates: list[Submission], troubles: dict[str, str]
    ) -> None:
        if troubles:
            self.not_graded[student] = next(iter(troubles.values()))
        elif len(candidates) == 1:
            try:
                sentence = f"its exercises are those of {content_of(read(candidates[0]), '').chapter.file}."
            except CannotGrade as error:
                sentence = str(error)
            self.not_graded[student] = f"{candidates[0].path.name}: {sentence}"
        elif candidates:
            names = in_words([submission.path.name for submission in candidates])
            self.not_graded[student] = f"None of {names} holds an exercise of {name}."
        elif sentence := why_none(folder):
            self.not_graded[student] = sentence
        else:
            self.log.warning("%s: nothing was handed in, %s is empty.", printable(student), folder)

    def _student_folder(self, student: str, folder: Path) -> Path:
        """The folder that is called like the student, where the assignment's own is missing below it."""
        return next((above for above in folder.parents if above.name == student), folder)

    def _enrol(self, students: Iterable[str]) -> None:
        """Whoever handed in something has a row in the gradebook, if only with nothing in it."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            for student in students:
                try:
                    gradebook.update_or_create_student(student)
                except (ValueError, StatementError) as error:
                    gradebook.db.rollback()
                    self.log.warning("%s is not written into the gradebook: %s", printable(student), error)

    @contextmanager
    def _telling(self, student: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.not_graded[student] = str(error) or type(error).__name__
            raise


class TolerantFeedback(converters.GenerateFeedback, _ByFolder):
    """nbgrader's GenerateFeedback, for folders of any name; its list of marks calls each check by its exercise."""

    def write_single_notebook(self, output: str, resources: Any) -> None:
        named = re.sub(r'(<a href="#([\w-]+)">)Test cell(</a>)', r"\1<code>\2</code>\3", output)
        super().write_single_notebook(named, resources)


def whole(raw: bytes) -> Any:
    """A notebook's bytes as nbgrader's chain can take them: of format 4.5, each cell with an id, without any program's metadata.

    Outputs are left out, as autograde clears them. Raises CannotGrade.
    """
    try:
        read_in = notebook_file.read(raw)
    except notebook_file.NotANotebook as error:
        raise CannotGrade(f"It is no notebook: {error}.") from None
    taken: set[str] = set()
    for cell in read_in["cells"]:
        cell["id"] = notebook_file.fresh_id(cell, taken)
        taken.add(cell["id"])
        nbgrader = notebook_file.part(cell, "nbgrader")
        cell["metadata"] = {"nbgrader": nbgrader} if isinstance(nbgrader.get("grade_id"), str) else {}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        elif not _are_attachments(cell.get("attachments")):
            cell.pop("attachments", None)
        for field in set(cell) - set(_FIELDS[cell["cell_type"]]):
            del cell[field]
    metadata = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return nbformat.from_dict({"cells": read_in["cells"], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _are_attachments(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(bundle, dict) for bundle in found.values())


def _existing_timestamp(directory: CourseDirectory, folder: str) -> datetime | None:
    """nbgrader's `get_existing_timestamp`, which fails where a date cannot be read."""
    stamp = stamp_of(Path(folder))
    _warn_once(directory.log, stamp.warning)
    return stamp.when


def _submitted_timestamp(nbgrader: api.NbGraderAPI, assignment_id: str, student_id: str) -> datetime | None:
    """nbgrader's `get_submitted_timestamp`, by which formgrader lists submissions."""
    directory = nbgrader.coursedir
    place = directory.format_path(directory.submitted_directory, student_id, assignment_id)
    return _existing_timestamp(directory, os.path.abspath(place))


_said: set[str] = set()


def _warn_once(log: Any, sentence: str) -> None:
    """nbgrader reads the same file several times in a command."""
    if sentence and sentence not in _said:
        _said.add(sentence)
        log.warning("%s", printable(sentence))
