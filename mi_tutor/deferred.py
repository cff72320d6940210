"""torch, loaded when it is first used: declarations read as ever, and a list of them costs no second of import.

    from mi_tutor.deferred import F, torch

Names are looked up anew at each use, so that what replaces one in torch is seen here too. Python's own LazyLoader, and the
package lazy_loader that is made of it, put an unloaded module into `sys.modules`, where another package's
`import torch.nn` would then load parts of torch twice. Type annotations do not load it, given
`from __future__ import annotations` and `Tensor` imported under TYPE_CHECKING.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch as torch
    import torch.nn.functional as F
else:
    import importlib
    from types import ModuleType

    class _Deferred(ModuleType):
        def __getattr__(self, name: str) -> object:
            try:
                module = self.__dict__["module"]
            except KeyError:
                module = self.__dict__["module"] = importlib.import_module(self.__name__)
            return getattr(module, name)

    torch, F = _Deferred("torch"), _Deferred("torch.nn.functional")

__all__ = ["F", "torch"]
