"""Tables that took longer to make than a chapter may take, each beside the autoencoders that it is about.

`frontier` is written by `python -m mi_tutor.training.sae_frontier`, `sites` by `python -m mi_tutor.training.sae_sites`;
`blind-rating` holds somebody's ratings of what `python -m mi_tutor.figures.blind_sheet` shows.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mi_tutor.assets import ASSETS
from mi_tutor.files.tensor_file import write_text

FOLDER = "sae-relu-1l-py"


def stored_table(name: str) -> Any:
    """One of the tables of the module's docstring, as it was written."""
    return json.loads((ASSETS / FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write_table(name: str, rows: Iterable[Mapping[str, Any]], assets: Path = ASSETS) -> None:
    """Write one, a line a row."""
    lines = ",\n ".join(json.dumps(row) for row in rows)
    write_text(assets / FOLDER / f"{name}.json", f"[\n {lines}\n]\n")
