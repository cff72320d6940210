"""The first code cell of every chapter: in Google Colab it installs the course, anywhere else it does nothing.

It stands in no source: the build writes it below a chapter's title. nbgrader knows it as a read-only cell, so that a newer
version of a chapter brings a newer one, and JupyterLab shows only its first line until it is opened.
"""

from typing import Any

from mi_tutor.address import repository

COLAB = "colab"
"""The cell's id, and its nbgrader id."""

# Ordinary Python rather than %pip, for whatever reads chapters without IPython.
_SOURCE = """\
# Google Colab only: this installs the course there. Anywhere else this cell does nothing.
import sys

if "google.colab" in sys.modules:
    import os
    import subprocess
    from importlib import invalidate_caches
    from importlib.util import find_spec

    if find_spec("mi_tutor") is None:
        course = "ADDRESS"
        course = os.environ.get("MI_TUTOR_SOURCE", course)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", course]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        print(done.stderr if done.returncode else "", end="")
        invalidate_caches()
    if find_spec("mi_tutor") is None:
        print("The course could not be installed. Is there a network? Run this again.")
    else:
        from mi_tutor.colab import set_up

        set_up()"""


def colab_cell() -> Any:
    """The cell, for nbformat 4."""
    import nbformat

    nbgrader = {"grade": False, "locked": True, "solution": False, "task": False, "schema_version": 3}
    return nbformat.v4.new_code_cell(
        _SOURCE.replace("ADDRESS", f"mi-tutor @ git+{repository()}"),
        id=COLAB,
        metadata={"nbgrader": {"grade_id": COLAB, **nbgrader}, "jupyter": {"source_hidden": True}},
    )


def with_colab_cell(cells: list[Any]) -> list[Any]:
    """The cells with this one below the title, or at the top where there is none."""
    below = 1 if cells and cells[0].cell_type == "markdown" else 0
    return [*cells[:below], colab_cell(), *cells[below:]]
