"""The exercise `head_outputs`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.exercise import Exercise

if TYPE_CHECKING:
    from torch import Tensor


def heads_added_up(z: Tensor, W_O: Tensor) -> Tensor:
    """The heads are added up already, which is what the layer does in the end. Keep them apart: one vector for each
    head."""
    return einsum(z, W_O, "b p h d, h d m -> b p m")


def first_head_serves_all(z: Tensor, W_O: Tensor) -> Tensor:
    """Every head goes through the first head's W_O: each has its own, `W_O[head]`."""
    return z @ W_O[0]


def every_head_through_every_matrix(z: Tensor, W_O: Tensor) -> Tensor:
    """Every head's W_O reads all heads' z added up. Head h reads its own z alone, `z[:, :, h] @ W_O[h]`: the axis `head`
    stands once on each side and stays."""
    return einsum(z, W_O, "b p g d, h d m -> b p h m")


def heads_met_positions(z: Tensor, W_O: Tensor) -> Tensor:
    """`z @ W_O` lines up the axes before the last two from the right, so that W_O's heads meet z's positions. Head h belongs
    to W_O[h]: name the axes in an einsum, or bring the heads to the same place first."""
    return z @ W_O


def every_head_through_the_sum(z: Tensor, W_O: Tensor) -> Tensor:
    """Every head goes through the sum of all heads' W_O: head h has its own, `W_O[h]`."""
    return z @ W_O.sum(0)


def reshaped_for_transposed(z: Tensor, W_O: Tensor) -> Tensor:
    """With the heads in front the products are right, and come out as [batch, head, position, d_model]. `reshape` only counts the
    entries off anew, so that heads and positions are mixed: `transpose(1, 2)` moves the axis back."""
    return (z.transpose(1, 2) @ W_O).reshape(*z.shape[:3], W_O.shape[-1])


def heads_before_positions(z: Tensor, W_O: Tensor) -> Tensor:
    """The axes come out as [batch, head, position, d_model]; `position` belongs before `head`, as in z."""
    return einsum(z, W_O, "b p h d, h d m -> b h p m")


def heads_in_reverse(z: Tensor, W_O: Tensor) -> Tensor:
    """The heads of z meet the matrices in reverse order: head h goes with W_O[h]."""
    return einsum(z, W_O.flip(0), "b p h d, h d m -> b p h m")


def shared_evenly(z: Tensor, W_O: Tensor) -> Tensor:
    """The outputs are divided by the number of heads. Heads add to the residual stream; nothing is averaged."""
    return einsum(z, W_O, "b p h d, h d m -> b p h m") / W_O.shape[0]


def scaled_like_scores(z: Tensor, W_O: Tensor) -> Tensor:
    """The outputs are divided by √d_head: that belongs to the attention scores, and has been done when z is made."""
    return einsum(z, W_O, "b p h d, h d m -> b p h m") / W_O.shape[1] ** 0.5


def z_cut_the_wrong_way(z: Tensor, W_O: Tensor) -> Tensor:
    """z is laid out [head, d_head], and has been cut up again as if it were [d_head, head]: entries of different heads
    are mixed."""
    mixed = z.flatten(2).unflatten(2, (z.shape[3], z.shape[2])).transpose(2, 3)
    return einsum(mixed, W_O, "b p h d, h d m -> b p h m")


exercise = Exercise(
    __name__,
    further="Multiply one head's `z` from the right by an invertible matrix R, and its `W_O` from the left by R⁻¹. What changes in your result? What, then, does a single entry of `z` mean?",
    wrong=(
        heads_added_up,
        first_head_serves_all,
        every_head_through_every_matrix,
        heads_met_positions,
        every_head_through_the_sum,
        reshaped_for_transposed,
        heads_before_positions,
        heads_in_reverse,
        shared_evenly,
        scaled_like_scores,
        z_cut_the_wrong_way,
    ),
    hints=(
        "For one head it is a matrix product: `z[:, :, h] @ W_O[h]`. Which axis disappears in it, and which appears?",
        "einsum does all heads at once. Name the axes of both; `head` stands in both and in the result.",
        "`einops.einsum(z, W_O, names)`, where what is not named on the right is summed over. The names are "
        '`"batch position head d_head, head d_head d_model -> batch position head d_model"`.',
    ),
    gradients=("z", "W_O"),
    bf16=True,
)
