"""Which notebook of a student's counts: the same answer for `mi-tutor grade` and for nbgrader.

A chapter comes back as `01_bigrams-Copy1.ipynb`, as `01_bigrams (1).ipynb`, in another folder, and beside older copies. The
file that has the chapter's own name counts. Where none has it, the only one that holds the chapter's exercises does.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mi_tutor.check.outline import Chapter
from mi_tutor.grading.folders import NOTEBOOK, chapter_names, in_words
from mi_tutor.grading.submissions import CannotGrade, Submission, content_of, read


class Choice(NamedTuple):
    """Of several notebooks, the one that counts."""

    counts: Submission | None
    others: tuple[Submission, ...] = ()
    """Those that are not looked at, or, where none counts, that could be meant."""
    sentence: str = ""
    """What the person who grades has to know of it."""


class Choices(NamedTuple):
    """What was chosen among all submissions."""

    refused: dict[str, str]
    """By key, why a notebook cannot be graded."""
    left: dict[str, str]
    """By key, of a notebook that another one stands for: which; empty where both are the same, byte for byte."""


def choose(
    file: str, candidates: Iterable[Submission], place: str = "", outline: Sequence[Chapter] | None = None
) -> Choice:
    """The notebook that counts as the chapter `file`.

    Args:
        file: such as `01_bigrams.ipynb`.
        candidates: a student's notebooks, in order.
        place: the folder's key; what lies in it directly comes before what lies deeper.
        outline: which exercises each notebook asks for; the chapters' when left out.
    """
    candidates = list(candidates)
    named = [submission for submission in candidates if submission.path.name == file]
    direct = [submission for submission in named if submission.key.rpartition("/")[0] == place]
    named = direct or named
    if named and len(candidates) == 1:
        return Choice(named[0])
    same = [submission for submission in candidates if _chapter(submission, outline) == file]
    if len({_raw(submission) for submission in named}) == 1:
        rest = tuple(submission for submission in same if submission != named[0])
        different = [submission for submission in rest if _raw(submission) != _raw(named[0])]
        sentence = f"{file} counts; {_listed(different)} beside it is not looked at." if different else ""
        return Choice(named[0], rest, sentence)
    if not same:
        return Choice(None)
    if len({_raw(submission) for submission in same}) == 1:
        return Choice(same[0], tuple(same[1:]), f"{same[0].path.name} is taken for {file}.")
    sentence = f"{_listed(same)} are the same chapter: which one counts? Call it {file}, or move the others away"
    return Choice(None, tuple(same), sentence + "; or, if they are different people's, grade that folder by itself.")


def choose_all(submissions: Iterable[Submission], outline: Sequence[Chapter] | None = None) -> Choices:
    """Among notebooks that were found in folders, those that cannot be graded or need not be, as there are others.

    What lies in one folder is one student's, and so is what lies anywhere in a folder with the name of a chapter. Loose in the
    folder of all, or named one by one, they may be different people's.
    """
    places: dict[tuple[str, str], list[Submission]] = {}
    for submission in submissions:
        if "/" in submission.key and not submission.named:
            places.setdefault(_place(submission.key), []).append(submission)
    found = Choices({}, {})
    for (place, assignment), inside in places.items():
        files = [assignment] if assignment else sorted({_chapter(one, outline) for one in inside} - {""})
        for file in files if len(inside) > 1 else []:
            choice = choose(file, inside, place, outline)
            if choice.counts:
                found.left.update(dict.fromkeys((other.key for other in choice.others), choice.sentence))
            else:
                found.refused.update(
                    dict.fromkeys((other.key for other in choice.others), f"In {place}, {choice.sentence}")
                )
    return found


def _place(key: str) -> tuple[str, str]:
    """Whose a notebook is, as a folder, and the chapter's file that the folder is named after, if any."""
    folders, by_case = key.split("/")[:-1], {name.casefold(): name for name in chapter_names()}
    for depth, folder in enumerate(folders, 1):
        if folder.casefold() in by_case:
            return "/".join(folders[:depth]), by_case[folder.casefold()] + NOTEBOOK
    return "/".join(folders), ""


def _chapter(submission: Submission, outline: Sequence[Chapter] | None) -> str:
    """The chapter's file; "" for what cannot be read or holds no exercise."""
    try:
        return content_of(read(submission), submission.path.name, outline).chapter.file
    except CannotGrade:
        return ""


def _raw(submission: Submission) -> bytes:
    try:
        return read(submission)
    except CannotGrade:
        return b""


def _listed(submissions: Iterable[Submission]) -> str:
    return in_words([submission.path.name for submission in submissions])
