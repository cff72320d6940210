"""Answers to every exercise that are not ours: other right ones, and wrong ones that are no listed misconception."""

import importlib

from mi_tutor.check.exercise import exercises

_MODULES = {name: importlib.import_module(f"exercises.{e.solutions}.{name}") for name, e in exercises().items()}
RIGHT = {name: module.RIGHT for name, module in _MODULES.items()}
"""Right answers written differently: the checker has to accept them all."""
NEARLY_RIGHT = {name: getattr(module, "NEARLY_RIGHT", ()) for name, module in _MODULES.items()}
"""Wrong answers that are nearly right: none may pass."""
