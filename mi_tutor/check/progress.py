"""What is done and what is next: `progress()` in a notebook, `mi-tutor progress` outside. Neither loads torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_tutor.check.outline import Chapter, Task, chapter_of, chapters
from mi_tutor.check.predictions import Summary, summary
from mi_tutor.check.progress_card import card
from mi_tutor.check.records import Record, kept, save
from mi_tutor.check.standing import ChapterProgress, Standing, many


@dataclass(frozen=True)
class Progress:
    """What is done by chapter and what is next. A card in a notebook, a plain table as its `repr`."""

    chapters: tuple[ChapterProgress, ...]
    current: ChapterProgress | None
    """Where to go on: the chapter worked in last, or the first unfinished one; None when all is done."""
    kept_in: Path | None
    """The file that holds it; None where none does."""
    trouble: str
    """Why it cannot be kept, as a sentence; empty where it can."""
    predictions: Summary
    """How what was predicted went."""

    @property
    def total(self) -> ChapterProgress:
        """All chapters as if they were one."""
        every = tuple(standing for part in self.chapters for standing in part.standings)
        stars = tuple(standing for part in self.chapters for standing in part.starred)
        return ChapterProgress(Chapter("", "All chapters", tuple(standing.task for standing in every)), every, stars)

    @property
    def next(self) -> Standing | None:
        """The exercise to do next; None when all are done."""
        return self.current.first_open if self.current else None

    @property
    def next_sentence(self) -> str:
        """What is next, where, how hard and how long."""
        if self.current is None or self.next is None:
            return f"All {many(self.total.done, 'exercise')} are done." if self.chapters else "There are no chapters."
        task = self.next.task
        return (
            f"Next: {task.name} in {self.current.chapter.file} "
            f"(difficulty {task.difficulty} of 5, about {many(task.minutes, 'minute')})."
        )

    @property
    def left_sentence(self) -> str:
        """How long the rest of the chapter takes."""
        if self.current is None:
            return ""
        return f"The exercises left in this chapter take about {many(self.current.minutes_left, 'minute')}."

    def where(self) -> str:
        """Two or three lines: where the learner is, what is next, how to go on."""
        if self.current is None:
            lines = [self.next_sentence]
        elif not self.total.begun:
            first = self.chapters[0]
            lines = [f"Welcome. Begin with chapter {first.chapter.title} ({first.chapter.file})."]
            if first is not self.current:
                lines.append(f"The first exercises are in chapter {self.current.chapter.title}.")
        else:
            title = self.current.chapter.title
            here = f"You are in chapter {title}: {self.current}."
            before = f"You have done {self.total}; chapter {title} comes next."
            lines = [
                here if self.current.begun else before,
                f"{self.next_sentence} {self.left_sentence}",
            ]
        go_on = "opens the chapters" if self.current is None or not self.total.begun else "goes on there"
        lines.append(f"`mi-tutor lab` {go_on}; `mi-tutor --help` lists everything.")
        return "\n".join([*lines, self.trouble] if self.trouble else lines)

    def as_dict(self) -> dict[str, Any]:
        """The same for a program; what `mi-tutor progress --json` prints."""
        return {
            "chapters": [
                {
                    "file": part.chapter.file,
                    "title": part.chapter.title,
                    "done": part.done,
                    "points": part.points,
                    "max_points": part.max_points,
                    "minutes_left": part.minutes_left,
                    "exercises": [
                        {**s.task._asdict(), "points": s.points, "max_points": s.task.points}
                        | {"state": s.state, "latest_try_passes": None if s.state == "not yet" else _passes(s)}
                        for s in part.standings + part.starred
                    ],
                }
                for part in self.chapters
            ],
            "predictions": {"made": self.predictions.made, "told": list(self.predictions.sentences)},
            "next": self.next and self.current and {"chapter": self.current.chapter.file, **self.next.task._asdict()},
            "kept_in": str(self.kept_in) if self.kept_in else None,
            "trouble": self.trouble or None,
        }

    def __repr__(self) -> str:
        lines = [f"Done: {self.total}."]
        width = max((len(s.task.name) for part in self.chapters for s in part.standings + part.starred), default=0)
        for part in self.chapters:
            lines += ["", f"{part.chapter.title}: {part}"]
            if part.begun or part is self.current:
                for s in part.standings + part.starred:
                    earned = f"{s.points:g} of {many(s.task.points, 'point')}" if s.task.points else "starred"
                    lines.append(f"  {s.task.name:{width}}  {earned:13}  {s.words}")
        if self.predictions.made:
            lines += ["", str(self.predictions)]
        lines += ["", f"{self.next_sentence} {self.left_sentence}".rstrip()]
        return "\n".join([*lines, self.trouble] if self.trouble else lines)

    def _repr_html_(self) -> str:
        return card(
            self.chapters,
            self.total,
            self.current,
            f"{self.next_sentence}\n{self.left_sentence}",
            self.trouble,
            str(self.predictions),
        )


def progress() -> Progress:
    """What you have done, chapter by chapter, and what is next. It outlives the notebook's kernel."""
    save()
    records, predictions, path, trouble = kept()
    parts = tuple(
        ChapterProgress(c, *(tuple(_standing(task, records) for task in tasks) for tasks in (c.tasks, c.starred)))
        for c in chapters()
    )
    places = [place for record in records if (place := chapter_of(record.exercise))]
    latest = [part for part in parts if places and part.chapter == places[-1]]
    current = next((part for part in (*latest, *parts) if part.first_open), None)
    return Progress(parts, current, path, trouble, summary(predictions))


def _standing(task: Task, records: list[Record]) -> Standing:
    tries = [record for record in records if record.exercise == task.name]
    if not tries:
        return Standing(task, "not yet", 0)
    if any(record.passed for record in tries):
        return Standing(task, "done", task.points, slipped=not tries[-1].passed)
    return Standing(task, "tried", min(task.points, max(record.points for record in tries)))


def _passes(standing: Standing) -> bool:
    return standing.state == "done" and not standing.slipped
