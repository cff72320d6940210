"""What is read from a chapter's source is what the chapter says, and what its declarations say."""

import functools
from pathlib import Path

import nbformat
import pytest

from mi_tutor.check import outline
from mi_tutor.check.exercise import exercises

ROOT = Path(__file__).parents[2]


@functools.cache
def chapters() -> list[Path]:
    return sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_the_outline_says_what_the_chapter_says(path):
    chapter = next(chapter for chapter in outline.chapters() if chapter.file == path.name)
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert prose.startswith(f"# {chapter.title}\n")
    points = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points for c in cells if is_check(c)}
    assert {f"check_{task.name}": task.points for task in chapter.tasks} == points
    for task in chapter.tasks:
        head = f"### Exercise: `{task.name}`\n*Difficulty {task.difficulty} of 5, about {task.minutes} minutes.*"
        assert head in prose
    for task in chapter.starred:
        head = f"### Starred: `{task.name}`\n*Difficulty {task.difficulty} of 5, about {task.minutes} minutes.*"
        assert head in prose


def is_check(cell) -> bool:
    return cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade", False)


def test_the_outline_and_the_declarations_agree():
    for chapter in outline.chapters():
        for task in chapter.tasks:
            assert exercises()[task.name].max_points == task.points
