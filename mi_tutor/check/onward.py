"""What stands below a right answer: ours to compare with, a question further, and the way to what comes next."""

import html
import sys

from mi_tutor.check.card_style import with_code
from mi_tutor.check.outline import Chapter, Task, chapter_of, chapters


def onward(exercise: str, further: str) -> list[str]:
    """Lines of HTML.

    Args:
        exercise: the one that has just passed.
        further: a question that it leads to; empty where there is none.
    """
    lines = [f"Compare with ours: <code>show_solution({html.escape(repr(exercise))})</code>"]
    if further:
        lines.append(f"One question further: {with_code(further)}")
    if coming := next_exercise(exercise):
        chapter, task = coming
        same = chapter == chapter_of(exercise)
        where = "" if same else f" in chapter {html.escape(chapter.title)}"
        name = f"<code>{html.escape(task.name)}</code>{where}"
        lines.append(f"Next: {_link(name, chapter, task, same)}, about {task.minutes} minutes")
    return lines


def next_exercise(exercise: str) -> tuple[Chapter, Task] | None:
    """The exercise that follows in the course, starred ones left out; None behind the last, and behind a starred one."""
    order = [(chapter, task) for chapter in chapters() for task in chapter.tasks]
    names = [task.name for _, task in order]
    place = names.index(exercise) + 1 if exercise in names else len(order)
    return order[place] if place < len(order) else None


def _link(name: str, chapter: Chapter, task: Task, same: bool) -> str:
    """A link that works where the card stands.

    JupyterLab and Notebook open a notebook beside this one and go to a heading in it. In Colab an output lies in a frame
    of its own and knows no other file: there the next chapter opens from its own address.
    """
    if "google.colab" not in sys.modules:
        return f'<a href="{chapter.file}#Exercise:-{task.name}">{name}</a>'
    if same:
        return name
    from mi_tutor.address import in_colab

    return f'<a href="{html.escape(in_colab(chapter.file))}" target="_blank">{name}</a>'
