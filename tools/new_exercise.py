"""Begin an exercise: `make exercise CH=05 NAME=row_lengths`.

It puts a small exercise that works into the three places that belong to one, for you to replace piece by piece: the
chapter's source, the declaration, the answers that test it.
"""

import keyword
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[1]
TEMPLATES = Path(__file__).parent / "exercise"
ENDING = re.compile(r"^# ## What is simplified here", re.MULTILINE)
"""The part of a chapter before which a new exercise is put."""


class CannotBegin(Exception):
    """Why there is no new exercise, and what to do."""


def begin(number: str, name: str, root: Path = ROOT) -> list[Path]:
    """Write the three pieces; the files, in the order in which they are read.

    Raises:
        CannotBegin: there is no such chapter, or the name cannot be used; nothing has been written then.
    """
    sources = sorted((root / "solutions").glob(f"ch{number}_*.py")) if re.fullmatch(r"\d\d", number) else []
    if not sources:
        there = ", ".join(path.name[2:4] for path in sorted((root / "solutions").glob("ch??_*.py")))
        raise CannotBegin(
            f"There is no chapter {number!r}; there are: {there}. For example: make exercise CH=01 NAME={name or 'row_lengths'}"
        )
    (source,) = sources
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or len(name) > 58:
        raise CannotBegin(
            f"{name!r} is no name for an exercise: small letters, digits and underscores, at most 58, as in row_lengths."
        )
    taken = [path for path in (root / "mi_tutor" / "exercises").glob("ch*/*.py") if path.stem == name]
    if taken or re.search(rf"^def {name}\(", source.read_text("utf-8"), re.MULTILINE):
        raise CannotBegin(f"There is something called {name!r} already: {(taken or [source])[0].relative_to(root)}.")
    text = source.read_text("utf-8")
    ending = ENDING.search(text)
    if ending is None:
        raise CannotBegin(f"{source.relative_to(root)} has no section `## What is simplified here` to put it before.")
    # That section may begin a cell, or stand in the middle of one, which is then cut in two.
    before = re.sub(r"(\n# %% \[markdown\]|\n#)?\n*\Z", "\n", text[: ending.start()])
    cells = _filled("cells.py.txt", name)
    declaration = root / "mi_tutor" / "exercises" / source.stem / f"{name}.py"
    answers = root / "tests" / "exercises" / source.stem / f"{name}.py"
    declaration.write_text(_filled("declaration.py.txt", name), encoding="utf-8")
    answers.write_text(_filled("answers.py.txt", name), encoding="utf-8")
    source.write_text(f"{before}\n{cells}# %% [markdown]\n{text[ending.start() :]}", encoding="utf-8")
    return [source, declaration, answers]


def _filled(template: str, name: str) -> str:
    return Template((TEMPLATES / template).read_text("utf-8")).substitute(name=name)


def main() -> int:
    number, name = (*sys.argv[1:], "", "")[:2]
    try:
        source, declaration, answers = begin(number, name)
    except CannotBegin as problem:
        print(problem, file=sys.stderr)
        return 2
    here = Path.cwd()
    print(f"""{source.relative_to(here)}: the exercise as learners read it, with its solution; search for {name}
{declaration.relative_to(here)}: its inputs, how an answer is judged, its mistakes and hints
{answers.relative_to(here)}: other right answers, and wrong ones that nobody foresaw

It works as it stands. See it green, then make it yours:

  make test PYTEST_ARGS="tests/exercises -k {name}"
  make chapters""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
