"""Marks for a course: what `mi-tutor grade` does."""

import difflib
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from mi_tutor.grading.own_exercises import Course, WrongDeclaration, find_course, no_course, read_course
from mi_tutor.grading.pool import Done, Task, mark_all
from mi_tutor.grading.printable import printable
from mi_tutor.grading.records import FOLDER, BadRecords, Key, Mark, Records, Regrading, edition
from mi_tutor.grading.submissions import NOTHING, CannotGrade, Submission, content_of, find, home_of, read
from mi_tutor.grading.table import Table, as_table
from mi_tutor.grading.which_counts import choose_all
from mi_tutor.running.confine import Limits
from mi_tutor.running.sandbox import NoSandbox, Sandbox, find_sandbox


class Wish(NamedTuple):
    """What is to be graded, and how."""

    paths: list[Path]
    workers: int
    exercise: str | None = None
    """This one only, again."""
    seed: int | None = None
    """For everybody, instead of each one's own."""
    limits: Limits = Limits()
    csv: Path | None = None
    as_json: bool = False
    course: Path | None = None
    """Its folder, where the submissions do not lie in its submitted/."""


class _Run(NamedTuple):
    """A grading run under way."""

    wish: Wish
    sandbox: Sandbox
    records: Records
    paths: dict[str, str]
    """By its place below the home folder, a notebook's path as the person finds it."""
    keys: dict[str, Key]
    """By place, what its marks have to hold for."""
    not_graded: dict[str, str]
    """By path, why."""
    notes: list[str]
    """What else is odd, and cost nobody anything."""
    out: Console
    course: Course

    def key_of(self, submission: Submission, raw: bytes) -> Key:
        """Raises CannotGrade."""
        key = self.records.key(submission.key, raw, self.wish.seed, self.sandbox.name, self.wish.limits)
        if not self.course.own:  # what it holds need not be known here, then
            return key
        return self.course.key(key, _names(self, submission, raw))

    @property
    def notebooks(self) -> dict[str, dict[str, Mark]]:
        """The marks of this run's notebooks, by path; none that was given for another content, seed or checker."""
        found = {}
        for place, path in self.paths.items():
            # When one exercise is marked again, the others stand as they are.
            key = None if self.wish.exercise else self.keys.get(place)
            marks = {} if path in self.not_graded or place not in self.keys else self.records.marks(place, key)
            if marks:
                found[path] = marks
        return found


def run_grade(wish: Wish) -> int:
    """Grade notebooks, print what came of it, and keep it.

    Returns:
        0 when every notebook was graded, whatever the marks; 1 when one could not be, which is named; 2 when nothing could
        be begun; 130 after Ctrl-C.
    """
    out = Console(highlight=False, stderr=wish.as_json)
    home = home_of(wish.paths)
    try:
        course = _course(home, wish, out)
        if wish.exercise:
            _find_exercise(wish.exercise, course)
        warn = partial(_say, out, style="dark_orange")
        records = Records(home / FOLDER, warn)
        sandbox = find_sandbox(hide=[home, course.root] if course.root else [home])
        run = _Run(wish, sandbox, records, {}, {}, {}, [], out, course)
        if not sandbox.isolated:
            _say(out, sandbox.warning, "bold dark_orange")
        _grade(run)
        notebooks = run.notebooks
        _sum_up(run, len(notebooks))
    except (BadRecords, NoSandbox, WrongDeclaration) as error:
        _say(Console(stderr=True, highlight=False), str(error))
        return 2
    except KeyboardInterrupt:
        _say(out, "Stopped. What is marked is kept; the same command goes on from here.")
        return 130
    if wish.as_json:
        print(json.dumps(as_dict(notebooks, run.not_graded, sandbox, run.notes), indent=2))
    return 1 if run.not_graded else 0


def as_dict(
    notebooks: dict[str, dict[str, Mark]],
    not_graded: dict[str, str],
    sandbox: Sandbox,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The marks for another program."""
    written = {}
    for path, marks in sorted(notebooks.items()):
        exercises = {name: {field: mark[field] for field in mark if field != "key"} for name, mark in marks.items()}
        sums = {field: sum(mark[field] for mark in marks.values()) for field in ("points", "max_points")}
        seeds = {name: mark["key"].seed for name, mark in marks.items()}
        written[path] = {"exercises": exercises, **sums, "seed": next(iter(seeds.values()))}
        if len(set(seeds.values())) > 1:  # an exercise was marked again, and the notebook had changed
            written[path]["seeds"] = seeds
    return {
        "notebooks": written,
        "not_graded": dict(sorted(not_graded.items())),
        "notes": list(notes),
        "isolation": sandbox.name,
        "edition": edition(),
    }


def _grade(run: _Run) -> None:
    """Mark what is not marked yet, writing down each notebook's marks as they come."""
    again = None
    if run.wish.exercise:
        key = run.course.key(Key("", 0, edition(), run.sandbox.name, *run.wish.limits), [run.wish.exercise])
        held_for = [run.wish.seed, *key]
        again = run.records.begin_regrading(run.wish.exercise, held_for)
    tasks = _tasks(run, again)
    table = Table(run.wish.csv, lambda: as_table(run.notebooks, run.not_graded)) if run.wish.csv else None
    if table:
        table.write()
    for done in mark_all(tasks, run.wish.workers, run.sandbox, run.wish.limits, run.course):
        if done.trouble:
            _refuse(run, done.key, done.trouble)
        elif done.marks:
            run.records.keep(done.key, done.exercises, done.marks, run.keys[done.key], again)
            _tell(run, done)
        if table:
            table.refresh()
    if table:
        table.write()
    if again:
        _tell_changes(run, again)


def _tasks(run: _Run, again: Regrading | None) -> list[Task]:
    """What is to be marked."""
    submissions: list[Submission] = []
    for submission, trouble in find(run.wish.paths):
        if submission.key in run.paths:
            continue  # named twice
        if trouble == NOTHING:
            _note(run, f"{submission.path}: {trouble}")
            continue
        run.paths[submission.key] = str(submission.path)
        if trouble:
            _refuse(run, submission.key, trouble)
        else:
            submissions.append(submission)
    choices = choose_all(submissions, run.course.outline)
    for key, trouble in choices.refused.items():
        _refuse(run, key, trouble)
    for key, sentence in choices.left.items():
        path = run.paths.pop(key)
        _note(run, f"{Path(path).parent}: {sentence}" if sentence else "")
    submissions = [submission for submission in submissions if submission.key not in choices.left]
    if not run.paths:
        raise BadRecords("There is no notebook (.ipynb) there.")
    done = run.records.regraded(again) if again else {}
    tasks = []
    for submission in submissions:
        if str(submission.path) in run.not_graded:
            continue
        try:
            raw = read(submission)
            held_for = run.keys[submission.key] = run.key_of(submission, raw)
        except CannotGrade as error:
            _refuse(run, submission.key, str(error))
            continue
        if submission.key in done:
            continue
        known = set() if run.wish.exercise else run.records.known(submission.key, held_for)
        if known and known >= _names(run, submission, raw):
            continue
        tasks.append(
            Task(submission.key, submission, held_for.content, held_for.seed, frozenset(known), run.wish.exercise)
        )
    return tasks


def _names(run: _Run, submission: Submission, raw: bytes) -> set[str]:
    """The exercises that a notebook is asked for. Raises CannotGrade."""
    return {task.name for task in content_of(raw, submission.path.name, run.course.outline).chapter.tasks}


def _tell_changes(run: _Run, again: Regrading) -> None:
    """What marking an exercise again changed; then it is over."""
    points = run.records.regraded(again)
    changed = {key: pair for key, pair in points.items() if pair[0] not in (None, pair[1])}
    for key, (before, now) in changed.items():
        _say(run.out, f"{run.paths.get(key, key)}: {again.exercise} {before:g} → {now:g} points.", "bold")
    _say(run.out, f"{len(changed)} of {len(points)} marks changed.")
    run.records.end_regrading(again)


def _tell(run: _Run, done: Done) -> None:
    marks = done.marks if run.wish.exercise else run.records.marks(done.key, run.keys[done.key])
    wrong = [f"{name} ({mark['mistake']})" for name, mark in marks.items() if mark["mistake"]]
    rest = f" Not right: {', '.join(wrong)}." if wrong else ""
    _say(run.out, f"{run.paths[done.key]}: {_points(marks)}.{rest}")


def _sum_up(run: _Run, count: int) -> None:
    lost = len(run.not_graded)
    rest = f", {lost} could not be" if lost else ""
    seed = "each with a seed of its own" if run.wish.seed is None else f"seed {run.wish.seed}"
    _say(run.out, f"{count} notebook{'' if count == 1 else 's'} graded{rest}; {seed}, {run.sandbox.name}.", "bold")


def _points(marks: dict[str, Mark]) -> str:
    earned, most = (sum(mark[field] for mark in marks.values()) for field in ("points", "max_points"))
    return f"{earned:g} of {most:g} points"


def _refuse(run: _Run, key: str, sentence: str) -> None:
    run.not_graded[run.paths[key]] = sentence
    _say(run.out, f"{run.paths[key]}: not graded. {sentence}", "dark_orange")


def _note(run: _Run, sentence: str) -> None:
    """Say what is odd, once."""
    if sentence and sentence not in run.notes:
        run.notes.append(sentence)
        _say(run.out, sentence)


def _course(home: Path, wish: Wish, out: Console) -> Course:
    """The course that was named, or that the submissions lie in. Raises BadRecords and WrongDeclaration."""
    if wish.course and not wish.course.is_dir():
        raise BadRecords(f"There is no folder {wish.course}.")
    root = wish.course or find_course(home)
    if root is None:
        return no_course()
    course = read_course(root)
    if course.own:
        _say(out, f"With the exercises of {root}: {', '.join(own.name for own in course.own)}.")
    return course


def _find_exercise(name: str, course: Course) -> None:
    known = [task.name for chapter in course.outline for task in chapter.tasks]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise BadRecords(f"No exercise is called {name!r}.{f' Did you mean {near[0]!r}?' if near else ''}")


def _say(console: Console, text: str, style: str = "") -> None:
    """Without markup, and without what a terminal would obey: file names are students', too."""
    console.print(Text(printable(text), style), soft_wrap=not console.is_terminal)


def usable_cores() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
