"""How an exercise and a chapter stand, for one learner."""

from dataclasses import dataclass

from mi_tutor.check.outline import Chapter, Task


@dataclass(frozen=True)
class Standing:
    """How one exercise stands."""

    task: Task
    state: str
    """"done" once it has passed, "tried" before that, else "not yet"."""
    points: float
    """The most that a try has earned."""
    slipped: bool = False
    """Done, but the latest try does not pass."""

    @property
    def words(self) -> str:
        return "done, but your latest try does not pass" if self.slipped else self.state


@dataclass(frozen=True)
class ChapterProgress:
    """How one chapter stands."""

    chapter: Chapter
    standings: tuple[Standing, ...]
    starred: tuple[Standing, ...] = ()

    @property
    def done(self) -> int:
        return sum(standing.state == "done" for standing in self.standings)

    @property
    def points(self) -> float:
        return sum(standing.points for standing in self.standings)

    @property
    def max_points(self) -> int:
        return sum(standing.task.points for standing in self.standings)

    @property
    def minutes_left(self) -> int:
        """What the exercises that are not done take, by the chapter's own estimates; reading comes on top."""
        return sum(standing.task.minutes for standing in self.standings if standing.state != "done")

    @property
    def begun(self) -> bool:
        return any(standing.state != "not yet" for standing in self.standings + self.starred)

    @property
    def first_open(self) -> Standing | None:
        """The first exercise that is not done."""
        return next((standing for standing in self.standings if standing.state != "done"), None)

    def __str__(self) -> str:
        if not self.standings:
            return "no exercises"
        stars = sum(standing.state == "done" for standing in self.starred)
        return (
            f"{self.done} of {many(len(self.standings), 'exercise')}, {self.points:g} of {many(self.max_points, 'point')}"
            f"{f', and {stars} starred' if stars else ''}"
        )


def many(number: float, thing: str) -> str:
    """A number and what it counts, such as "1 exercise" and "2 exercises"."""
    return f"{number:g} {thing}{'' if number == 1 else 's'}"
