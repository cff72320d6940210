"""Checking a file without a notebook's interface, for people who work in an editor: what `mi-tutor check` does."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from mi_tutor.files.cells import Unreadable, read_cells
from mi_tutor.running.check_process import Problem, Refused, Result, Waiting, check_file

_STYLES = {"right": "bold blue", "not yet right": "bold dark_orange"}


def run_check(
    files: list[Path], *, exercise: str | None = None, seed: int | None = None, device: str | None = None
) -> int:
    """Check the exercises in files and print what came of it.

    Args:
        files: notebooks and Python files.
        exercise: check this one only.
        seed: draws other inputs.
        device: where the inputs are.

    Returns:
        0 when every exercise is right and every cell runs; 1 when not; 2 when a file cannot be read or the exercise or
        device does not exist; 130 after Ctrl-C.
    """
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    results: list[Result] = []
    amiss = unusable = False
    try:
        for file in files:
            try:
                cells = read_cells(file)
            except Unreadable as error:
                _say(errors, str(error))
                unusable = True
                continue
            _say(console, str(file), "bold")
            before = len(results)
            for event in check_file(file, cells, exercise=exercise, seed=seed, device=device):
                match event:
                    case Refused():
                        _say(errors, event.text)
                        return 2
                    case Waiting():
                        _say(console, event.text, "dim")
                    case Problem():
                        _say(console, event.text, "dark_orange")
                        amiss = True
                    case Result():
                        _show(console, event)
                        results.append(event)
            if len(results) == before and exercise is None:
                _say(console, "Nothing in it is checked: it has no check cell and no function of an exercise's name.")
                amiss = True
    except KeyboardInterrupt:
        _say(errors, "Stopped.")
        return 130
    if results:
        _summary(console, results)
    elif exercise and not unusable:
        _say(errors, f"Nothing there is called {exercise}, and nothing asks for its check.")
        return 2
    return 2 if unusable else int(amiss or any(result.state != "right" for result in results))


def _show(console: Console, result: Result) -> None:
    line = Text(f"{result.exercise}: ").append(result.state, _STYLES.get(result.state, "bold"))
    console.print(line.append(f". {_points([result])}."), soft_wrap=not console.is_terminal)
    if result.text:
        _say(console, f"  {result.text}")
    for text in result.case:
        console.print(Text(f"  {text}"), soft_wrap=True)  # in one piece, to be copied
    if result.printed:
        _say(console, f"  It printed: {result.printed}", "dim")


def _summary(console: Console, results: list[Result]) -> None:
    from mi_tutor.check.progress import progress

    right = sum(result.state == "right" for result in results)
    things = "exercise" if len(results) == 1 else "exercises"
    console.print()
    _say(console, f"{right} of {len(results)} {things} right, {_points(results)}.", "bold")
    standing = progress()
    for sentence in filter(None, (standing.next_sentence, standing.trouble)):
        _say(console, sentence)


def _points(results: list[Result]) -> str:
    most = sum(result.max_points for result in results)
    earned = sum(result.points for result in results)
    return f"{earned:g} of {most:g} point{'' if most == 1 else 's'}"


def _say(console: Console, text: str, style: str = "") -> None:
    """Without markup: learners' code and tensors are full of square brackets."""
    console.print(Text(text, style), soft_wrap=not console.is_terminal)
