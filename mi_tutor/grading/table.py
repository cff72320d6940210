"""The marks as one table for spreadsheets."""

import csv
import io
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mi_tutor.files import safe_write
from mi_tutor.grading.records import BadRecords, Mark
from mi_tutor.grading.spreadsheet import as_cell

SECONDS = 5.0
"""Between two writings of a table that grows."""
_COLUMNS = ("notebook", "exercise", "points", "max_points", "mistake", "message", "seed", "isolation")


class Table:
    """A CSV file that is brought up to date every few seconds while marks come in."""

    def __init__(self, file: Path, content: Callable[[], bytes]) -> None:
        self._file, self._content = file, content
        self._next = 0.0

    def refresh(self) -> None:
        """Write it if it is time to. A table that takes long to write is written the less often. Raises BadRecords."""
        if time.monotonic() >= self._next:
            begun = time.monotonic()
            self.write()
            took = time.monotonic() - begun
            self._next = begun + max(SECONDS, 20 * took)

    def write(self) -> None:
        """Raises BadRecords."""
        content = self._content()
        try:
            if not self._file.exists():
                with suppress(FileExistsError):  # another run was quicker
                    safe_write.create(self._file, content)
                    return
            safe_write.replace(self._file, content)
        except OSError as error:
            raise BadRecords(f"{self._file} cannot be written: {error.strerror}.") from None


def as_table(notebooks: dict[str, dict[str, Mark]], not_graded: dict[str, str]) -> bytes:
    """One line an exercise as CSV, for spreadsheets; a notebook that could not be graded has one line that says why."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for path, marks in sorted(notebooks.items()):
        for name, mark in marks.items():
            words = (path, name, mark["points"], mark["max_points"], mark["mistake"] or "", mark["message"])
            rows.writerow([as_cell(word) for word in (*words, mark["key"].seed, mark["key"].isolation)])
    for path, sentence in sorted(not_graded.items()):
        rows.writerow([as_cell(word) for word in (path, "", "", "", "not graded", sentence, "", "")])
    return text.getvalue().encode()
