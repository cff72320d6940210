"""Watching the tensors that a call makes, for exercises whose point is not to make a large one."""

import weakref
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mi_tutor.check.compare import Problem


class BlockRule(TorchDispatchMode):
    """No tensor larger than one block, at most two blocks alive, and all of it done in torch.

    Case sizes are chosen so that nothing else an answer needs (weights, slices of them, the result) is as large as half
    a block.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.block = rows * columns
        self.largest = 0
        self.most_alive = 0
        self.produced = 0
        self._holders: dict[int, weakref.WeakSet[Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._note(tensor)
        return result

    def _note(self, tensor: Tensor) -> None:
        if not tensor.is_floating_point():
            return
        self.largest = max(self.largest, tensor.numel())
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        known = self._holders.get(address)
        if known is None or not len(known):
            self.produced += tensor.numel()
        # Views keep a block alive as well as the block itself does: both are holders of one storage.
        if storage.nbytes() // max(1, tensor.element_size()) * 2 > self.block:
            self._holders.setdefault(address, weakref.WeakSet()).add(tensor)
            self.most_alive = max(self.most_alive, sum(1 for holders in self._holders.values() if len(holders)))

    def broken(self) -> Problem | None:
        """The rule that was broken, if one was."""
        if self.largest > self.block:
            return Problem(
                "too large a tensor",
                f"With chunk_size = {self.rows} and d_vocab = {self.columns} it made a tensor of {self.largest:,} entries; "
                f"{self.rows} rows at a time are {self.block:,}. Multiply a slice of rows, keep its best k, let it go.",
            )
        if self.most_alive > 2:
            return Problem(
                "too many blocks alive",
                f"It kept {self.most_alive} blocks of logits alive at once; two are allowed. Keep only the best k of each "
                "block before the next is made.",
            )
        if self.produced < self.columns * self.columns:
            return Problem(
                "left torch", "It left torch for part of the work (a NumPy copy, say); stay with torch tensors."
            )
        return None
