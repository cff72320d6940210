"""mi_tutor: learn mechanistic interpretability by doing it.

Importing this is light: torch and the libraries above it load when a name that needs them is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mi_tutor import moved
from mi_tutor.version import __version__ as __version__

if TYPE_CHECKING:
    from mi_tutor.check import Report, check, hint, needs, show_attempt, show_solution, show_stub
    from mi_tutor.check.predict import predict, reveal
    from mi_tutor.check.progress import progress
    from mi_tutor.device import choose_device, device_name
    from mi_tutor.models import corpus_tokens, load_model, load_tokenizer
    from mi_tutor.workspace.keep import restore_work, save_work


_HOMES = {
    "Report": "mi_tutor.check",
    "check": "mi_tutor.check",
    "choose_device": "mi_tutor.device",
    "corpus_tokens": "mi_tutor.models",
    "device_name": "mi_tutor.device",
    "hint": "mi_tutor.check",
    "load_model": "mi_tutor.models",
    "load_tokenizer": "mi_tutor.models",
    "needs": "mi_tutor.check",
    "predict": "mi_tutor.check.predict",
    "progress": "mi_tutor.check.progress",
    "restore_work": "mi_tutor.workspace.keep",
    "reveal": "mi_tutor.check.predict",
    "save_work": "mi_tutor.workspace.keep",
    "show_attempt": "mi_tutor.check",
    "show_solution": "mi_tutor.check",
    "show_stub": "mi_tutor.check",
}
__all__ = [
    "Report",
    "check",
    "choose_device",
    "corpus_tokens",
    "device_name",
    "hint",
    "load_model",
    "load_tokenizer",
    "needs",
    "predict",
    "progress",
    "restore_work",
    "reveal",
    "save_work",
    "show_attempt",
    "show_solution",
    "show_stub",
]


moved.install()


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mi_tutor' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
