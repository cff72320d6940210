"""After a kernel has been restarted, the first error says that the cells above have to be run again.

The kernel knows nothing then, not even `check`, so nothing of ours is loaded that could say it. Python runs the file that
PYTHONSTARTUP names, and IPython does so in a notebook's kernel: `mi-tutor lab` names `kernel_start.py`, which calls
`watch`. (A startup file in the learner's own IPython profile would be theirs to keep, and ours to clean up.)
"""

import os
import sys
from types import TracebackType
from typing import Any

START = os.path.join(os.path.dirname(__file__), "kernel_start.py")
OWN = "MI_TUTOR_OWN_PYTHONSTARTUP"
"""The environment variable that says which file the learner's own PYTHONSTARTUP named."""


def variables(environment: dict[str, str]) -> dict[str, str]:
    """What to set for a JupyterLab whose kernels should say it."""
    own = environment.get("PYTHONSTARTUP", "")
    return {"PYTHONSTARTUP": START} | ({OWN: own} if own and own != START else {})


def watch() -> None:
    """In a notebook's kernel, begin to watch for a name that no cell of ours has brought yet; elsewhere nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return
    if own := os.environ.get(OWN):
        shell.safe_execfile(own, shell.user_ns)
    shell.set_custom_exc((NameError,), _show)


def _show(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    name = getattr(error, "name", None)
    if name and not _begun(shell.user_ns):
        print(
            f"`{name}` is missing because this kernel has not run the cells above: Run > Run All Above Selected Cell.",
            file=sys.stderr,
        )


def _begun(names: dict[str, Any]) -> bool:
    """Whether a chapter's first cell has been run: something of the course's is there."""
    return any((getattr(value, "__module__", "") or "").startswith("mi_tutor") for value in list(names.values()))
