"""What one worker does in a row, for its fixtures' sake."""

import re

SPREAD = "test_declarations.py"
"""A third of the time goes into this file; its tests share what belongs to one exercise only."""


def scope_of(nodeid: str) -> str:
    """A file, or of the declarations one exercise."""
    file, _, test = nodeid.partition("::")
    exercise = re.search(r"\[(\w+)", test) if file.endswith(SPREAD) else None
    return f"{file} {exercise[1]}" if exercise else file
