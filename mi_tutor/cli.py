"""The `mi-tutor` command. Each subcommand imports its room when it runs, so that `mi-tutor --help` is immediate."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Learn mechanistic interpretability by doing it.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """Learn mechanistic interpretability by doing it. Without a command: where you are and what is next."""
    if version:
        from mi_tutor.version import __version__

        print(f"mi-tutor {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        from mi_tutor.check.progress import progress

        print(progress().where())


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[DIR] [JUPYTERLAB'S OPTIONS]",
)
def lab(context: typer.Context) -> None:
    """Bring the chapters into DIR, your own copy (my-work when left out), and open JupyterLab there.

    What you wrote is kept when a chapter changes. Options such as --no-browser --port 8899 go to JupyterLab.
    """
    from mi_tutor.workspace.lab import run_lab, split_arguments

    raise typer.Exit(run_lab(*split_arguments(context.args)))


@app.command("progress")
def show_progress(
    as_json: Annotated[bool, typer.Option("--json", help="For a program: the same as JSON.")] = False,
) -> None:
    """Show what is done, chapter by chapter, and what is next."""
    from mi_tutor.check.progress import progress

    standing = progress()
    if as_json:
        import json

        print(json.dumps(standing.as_dict(), indent=2))
        return
    print(standing)
    if standing.kept_in and not standing.trouble:
        print(f"(kept in {standing.kept_in})")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Notebooks (.ipynb) or Python files (.py).")],
    exercise: Annotated[str | None, typer.Option(help="Check this exercise only.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draw other inputs.")] = None,
    device: Annotated[str | None, typer.Option(help="Where the inputs are, such as cuda.")] = None,
) -> None:
    """Check the exercises in notebooks or Python files, from an editor. Demonstrations are not run."""
    from mi_tutor.running.check_notebook import run_check

    raise typer.Exit(run_check(files, exercise=exercise, seed=seed, device=device))


_Folder = Annotated[Path | None, typer.Option(help="Your folder of chapters, where it is not here or in my-work.")]


@app.command()
def save(
    file: Annotated[
        Path | None, typer.Argument(help="The zip to make; in your folder, named with the date, when left out.")
    ] = None,
    folder: _Folder = None,
) -> None:
    """Put your notebooks and progress into one zip: a backup, or to go on elsewhere."""
    from mi_tutor.workspace.keep import run_keep, save_work

    raise typer.Exit(run_keep(save_work(file, folder=folder)))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A zip that mi-tutor save or save_work() made.")],
    folder: _Folder = None,
) -> None:
    """Bring back what is in such a zip. Nothing is lost: a file that differs is kept beside."""
    from mi_tutor.workspace.keep import restore_work, run_keep

    raise typer.Exit(run_keep(restore_work(file, folder=folder)))


@app.command()
def grade(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Notebooks, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="For a program: print all marks as JSON at the end.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Keep the marks in this file, one line an exercise.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Notebooks at a time; as many as processors.")] = None,
    exercise: Annotated[str | None, typer.Option(help="Mark this exercise again, and show what changed.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draw the inputs of this seed, not the assignment's own.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one call of a function.")] = 10.0,
    memory: Annotated[int, typer.Option(min=64, help="MB for one call of a function.")] = 2048,
    course: Annotated[
        Path | None, typer.Option(help="The course's folder, where the notebooks do not lie in its submitted/.")
    ] = None,
) -> None:
    """Grade submitted notebooks where their code can neither see the answers nor touch the marks.

    Run again after it was stopped, it goes on where it was. The assignment's secret seed and the marks are kept in the
    folder .mi-tutor beside the notebooks.
    """
    from mi_tutor.grading.grade import Wish, run_grade, usable_cores
    from mi_tutor.running.confine import Limits

    limits = Limits(timeout, memory * 2**20)
    raise typer.Exit(run_grade(Wish(paths, workers or usable_cores(), exercise, seed, limits, csv, as_json, course)))


course_app = typer.Typer(help="Teach with it: a course of nbgrader's.", no_args_is_help=True)
app.add_typer(course_app, name="course")


@course_app.command(context_settings={"allow_extra_args": True}, options_metavar="[--chapters 01 03 ...]")
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The course's folder; made when it is not there.")],
    chapters: Annotated[str | None, typer.Option(help="Which chapters, such as 01 03; all when left out.")] = None,
) -> None:
    """Make a folder in which nbgrader's own commands work, with the chapters as assignments, and marks to be trusted.

    Again with other chapters: adds them. What is there already is left as it is.
    """
    from mi_tutor.grading.new_course import run_init

    if chapters is None and context.args:
        raise typer.BadParameter(f"Say --chapters before {' '.join(context.args)}.")
    raise typer.Exit(run_init(folder, [chapters or "", *context.args]))


_Course = Annotated[Path, typer.Option("--course", help="The course's folder.")]


@course_app.command()
def marks(
    course: _Course = Path("."),
    csv: Annotated[Path | None, typer.Option(help="A line for each student and question.")] = None,
    canvas: Annotated[Path | None, typer.Option(help="What Canvas imports.")] = None,
    roster: Annotated[Path | None, typer.Option(help="With --canvas: the gradebook that Canvas exported.")] = None,
    moodle: Annotated[Path | None, typer.Option(help="What Moodle imports.")] = None,
    assignment: Annotated[list[str] | None, typer.Option(help="This one only; may be said more than once.")] = None,
    questions: Annotated[bool, typer.Option("--questions", help="Canvas, Moodle: a column for each question.")] = False,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Canvas, Moodle: sums that still grow, too.")
    ] = False,
) -> None:
    """Write the marks in nbgrader's gradebook for a registrar, for Canvas or for Moodle; without a file, to the screen."""
    from mi_tutor.grading.course_commands import Files, run_marks

    files = Files(csv, canvas, moodle, roster)
    raise typer.Exit(run_marks(course, files, assignment or [], each_question=questions, unfinished=unfinished))


@course_app.command()
def answers(
    assignment: Annotated[str, typer.Argument(help="Such as 01_bigrams.")],
    question: Annotated[str, typer.Argument(help="An exercise, or an open question.")],
    course: _Course = Path("."),
    page: Annotated[
        Path | None, typer.Option(help="To be read in a browser; ASSIGNMENT-QUESTION.html by default.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="To be marked in a spreadsheet, for `mi-tutor course enter`.")
    ] = None,
) -> None:
    """Show what all students wrote for one question, with the mark beside it."""
    from mi_tutor.grading.course_commands import run_answers

    raise typer.Exit(run_answers(course, assignment, question, page, csv))


@course_app.command()
def enter(
    file: Annotated[Path, typer.Argument(help="What `mi-tutor course answers --csv` wrote, with points filled in.")],
    course: _Course = Path("."),
) -> None:
    """Put a person's points and comments into the gradebook."""
    from mi_tutor.grading.course_commands import run_enter

    raise typer.Exit(run_enter(course, file))


@course_app.command()
def extend(
    assignment: Annotated[str, typer.Argument(help="Such as 01_bigrams.")],
    student: Annotated[str, typer.Argument(help="The student's folder.")],
    days: Annotated[float, typer.Option(min=0, help="In place of what was given before.")] = 0.0,
    hours: Annotated[float, typer.Option(min=0, help="Beside the days.")] = 0.0,
    course: _Course = Path("."),
) -> None:
    """Give one student more time; without --days and --hours, take it back."""
    from mi_tutor.grading.course_commands import run_extend

    raise typer.Exit(run_extend(course, assignment, student, days, hours))


@course_app.command()
def exercise(
    name: Annotated[str, typer.Argument(help="The function that students write, such as row_lengths.")],
    assignment: Annotated[
        str | None, typer.Option(help="Where it is given out, such as 01_bigrams; its own name when left out.")
    ] = None,
    course: Annotated[Path, typer.Option(help="The course's folder.")] = Path(),
) -> None:
    """Begin an exercise of your own, whose solution never leaves the course's folder; or look at one that is there."""
    from mi_tutor.grading.new_exercise import run_exercise

    raise typer.Exit(run_exercise(course, name, assignment))


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail with a diff when a chapter is stale.")
    ] = False,
    solved: Annotated[Path | None, typer.Option(help="Write the solved notebooks into this folder instead.")] = None,
) -> None:
    """Generate chapters/*.ipynb from solutions/*.py (in a clone of the repository)."""
    from mi_tutor.authoring.build import run_build

    raise typer.Exit(run_build(check=check, solved=solved))


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="One model; all of them when left out.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute every figure on the card; fail when one is off.")
    ] = False,
    train: Annotated[
        bool, typer.Option("--train", help="Train again from the corpus, going on where it stopped.")
    ] = False,
) -> None:
    """Show the cards of the bundled models, verify them, or train them again."""
    from mi_tutor.training.command import run_models

    raise typer.Exit(run_models(name, verify=verify, train=train))
