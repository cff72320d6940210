"""README's table of chapters, read once: the site's first page and the notebook index.ipynb are written from it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from mi_tutor.check.outline import Chapter

_ROW = re.compile(r"^\|.*\]\(chapters/(\w+)\.ipynb\)")
BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!\[[^\]]*\]\([^)]*\)")


class Row(NamedTuple):
    """What README says of a chapter."""

    chapter: Chapter
    done: str
    """What a learner will have done, in Markdown."""
    hours: str


def chapter_rows(readme: str, chapters: Iterable[Chapter]) -> list[Row]:
    """A row for each chapter, in their order, without README's badges.

    Raises:
        LookupError: a chapter has no line in the table, or one without hours; the text gives the line to write.
    """
    told = {}
    for line in readme.splitlines():
        if row := _ROW.match(line):
            told[f"{row[1]}.ipynb"] = [BADGE.sub("", cell).strip() for cell in line.strip().strip("|").split("|")]
    rows = []
    for chapter in chapters:
        cells = told.get(chapter.file, [])
        hours = next((cell for cell in cells if cell.isdigit()), None)
        if hours is None:
            raise LookupError(
                f"README.md's table of chapters wants a line with {chapter.file} and its hours, a whole number. Its "
                f"exercises are announced with {sum(task.minutes for task in chapter.tasks)} minutes, half to three "
                f"quarters of the whole. Write this line into the table, with your own words and number:\n{_line(chapter)}"
            )
        rows.append(Row(chapter, max(cells[1:], key=len), hours))
    return rows


def _line(chapter: Chapter) -> str:
    """A line for the table, to be filled in."""
    name = chapter.title if chapter.title[:2] == chapter.file[:2] else f"{chapter.file[:2]} {chapter.title}"
    return f"| [{name}](chapters/{chapter.file}) | WHAT A LEARNER WILL HAVE DONE | HOURS | |"
