"""Words and tables as MyST reads them."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]+`)")
_MEANS_SOMETHING = re.compile(r"([\\*_<>\[\]{}$|~#^])")


def plain(text: str) -> str:
    """Text that is to be read as it stands, except for what is between backticks."""
    parts = _CODE.split(text)
    parts[::2] = [_MEANS_SOMETHING.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table from cells that are Markdown already; the columns in `numbers` are set to the right."""
    lines = [head, ["---:" if i in numbers else ":---" for i in range(len(head))], *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines) + "\n"
