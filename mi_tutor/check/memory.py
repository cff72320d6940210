"""Watching what a call makes, for exercises whose point is not to make a large tensor.

`BlockRule` and `TableRule` see every tensor, from inside the process that makes it. `ProcessRule` sees only how much
memory a whole process takes, but sees it from outside, where the code that is judged has no say.
"""

import tracemalloc
import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mi_tutor.check.compare import Problem


class BlockRule(TorchDispatchMode):
    """No tensor larger than one block of rows, and no more than two blocks' worth of entries alive at once.

    Every floating storage that appears during the call is followed until the last tensor on it is gone; views count
    with what they keep alive. What leaves torch for NumPy or lists is seen by tracemalloc.

    Args:
        rows, columns: the size of a block.
        allowance: entries that any answer needs besides: the result, its pieces, slices and copies of the weights. Less
            than a block, or a third block would not show.
    """

    def __init__(self, rows: int, columns: int, allowance: int) -> None:
        super().__init__()
        self.rows, self.columns, self.allowance = rows, columns, allowance
        self.block = rows * columns
        self.largest = self.live = self.most_live = self.outside = 0
        self._storages: dict[int, dict[int, weakref.ref[Tensor]]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch would import its compiler, for a second, to keep it away from here. Nothing is compiled in a check."""
        return False

    def __enter__(self) -> "BlockRule":
        super().__enter__()
        torch.empty(1).abs()  # the first dispatched operation imports something, slowly while it is traced
        self._tracing = tracemalloc.is_tracing()
        if not self._tracing:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.outside = tracemalloc.get_traced_memory()[1] - self._before
        if not self._tracing:
            tracemalloc.stop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                self._note(tensor, given)
        return result

    def _note(self, tensor: Tensor, given: set[int]) -> None:
        storage = tensor.untyped_storage()
        address, entries = storage.data_ptr(), storage.nbytes() // tensor.element_size()
        holders = self._storages.get(address)
        if holders is None:
            # A view of an argument, or of something older than the call, is not the call's own.
            if address in given:
                return
            holders = self._storages[address] = {}
            self.live += entries
        self.largest = max(self.largest, tensor.numel())
        self.most_live = max(self.most_live, self.live)
        key = id(tensor)  # tensors are told apart by identity: == compares their entries

        def gone(_: Any) -> None:
            holders.pop(key, None)
            if not holders and self._storages.get(address) is holders:
                del self._storages[address]
                self.live -= entries

        if key not in holders:
            holders[key] = weakref.ref(tensor, gone)

    def broken(self) -> Problem | None:
        """The rule that was broken, if one was."""
        if self.largest > self.block:
            return Problem(
                "too large a tensor",
                f"With chunk_size = {self.rows} and d_vocab = {self.columns} it made a tensor of {self.largest:,} "
                f"entries; {self.rows} rows of logits are {self.block:,}. Multiply a slice of rows, keep its best k, let "
                "it go.",
            )
        if self.most_live > 2 * self.block + self.allowance:
            return Problem(
                "too many blocks alive",
                f"It held {self.most_live / self.block:.1f} blocks of logits at once; two are allowed. Keep only the best k "
                "of each block before the next is made; `del` what you no longer need, and `.clone()` a slice you keep, "
                "since a slice keeps its whole block.",
            )
        # Half a MiB of small objects is nothing to speak of, and some of them are this watch's own.
        if self.outside > max(4 * self.columns * self.columns, 2**19):
            return Problem(
                "too large outside torch",
                f"It built about {self.outside / 2**20:.1f} MiB in NumPy or in lists, as much as the whole table. The rule "
                "is the same there: `chunk_size` rows at a time.",
            )
        return None


class TableRule(BlockRule):
    """No table [d_vocab d_vocab], in one piece or in pieces that are kept.

    Half of one is allowed, and as much for everything that is alive at once: cases are drawn so that an answer without
    the table needs far less, factors, logits and copies of the weights together.
    """

    def __init__(self, d_vocab: int) -> None:
        super().__init__(d_vocab // 2, d_vocab, 0)

    def broken(self) -> Problem | None:
        table = self.columns * self.columns
        if self.largest > self.block:
            return Problem(
                "too large a tensor",
                f"With d_vocab = {self.columns} it made a tensor of {self.largest:,} entries; the table [d_vocab d_vocab] "
                f"has {table:,} and is not to be made. Multiply the small matrices first.",
            )
        if self.most_live > self.block:
            return Problem(
                "too many blocks alive",
                f"It held {self.most_live:,} entries at once; the whole table [d_vocab d_vocab] has {table:,}, and is not to "
                "be made, in pieces either. Multiply the small matrices first.",
            )
        if self.outside > max(2 * table, 2**19):
            return Problem(
                "too large outside torch",
                f"It built about {self.outside / 2**20:.1f} MiB in NumPy or in lists, as much as the whole table. It is not "
                "to be made there either.",
            )
        return None


class ProcessRule:
    """A process that holds no more than so many bytes beyond what it held when it was fresh.

    Whoever runs the process puts what it held, as the system counts it, into `held`.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    def broken(self) -> Problem | None:
        """The rule, if it was broken."""
        if self.held <= self.most:
            return None
        return Problem(
            "too large a tensor",
            f"Its process held {self.held // 10**6:,} MB, where an answer that never makes the whole table stays below "
            f"{self.most // 10**6:,} MB.",
        )


Rule = BlockRule | ProcessRule
