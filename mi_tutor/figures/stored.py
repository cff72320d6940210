"""Tables that took longer to make than a chapter may take, each beside the autoencoders that it is about.

`frontier` is written by `python -m mi_tutor.training.sae_frontier`, `sites` by `python -m mi_tutor.training.sae_sites`;
`blind-rating` holds somebody's ratings of what `python -m mi_tutor.figures.blind_sheet` shows.
"""

import json
from typing import Any

from mi_tutor.assets import ASSETS


def stored_table(name: str) -> Any:
    """One of the tables of the module's docstring, as it was written."""
    return json.loads((ASSETS / "sae-relu-1l-py" / f"{name}.json").read_text(encoding="utf-8"))
