"""Modules that a learner's notebook or a course's configuration may still import by the name they had before.

The old name gives the very module that has its place now, so a class is the same class under both.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "mi_tutor.course": "mi_tutor.grading",
    "mi_tutor.course.trusted_marks": "mi_tutor.grading.trusted_marks",
    "mi_tutor.models.bigrams": "mi_tutor.corpus.bigrams",
    "mi_tutor.models.corpus": "mi_tutor.corpus",
    "mi_tutor.models.dashboard": "mi_tutor.figures.dashboard",
    "mi_tutor.models.heads": "mi_tutor.figures.heads",
    "mi_tutor.models.induction": "mi_tutor.figures.induction",
    "mi_tutor.models.labels": "mi_tutor.corpus.labels",
    "mi_tutor.models.ngrams": "mi_tutor.corpus.ngrams",
    "mi_tutor.models.sae_figures": "mi_tutor.figures.sae_figures",
    "mi_tutor.models.sae_toy": "mi_tutor.training.sae_toy",
    "mi_tutor.models.tokenizer": "mi_tutor.corpus.tokenizer",
    "mi_tutor.models.toy": "mi_tutor.training.toy",
}
"""What chapters and `mi-tutor course init` have written down since the first version."""


class _Moved(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=fullname == "mi_tutor.course") if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(MOVED[spec.name])
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # the import system has just written the old name over it


def install() -> None:
    """Have Python ask here first, or it would find `mi_tutor.course.x` in grading's folder and load it twice. Once only."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Moved())
