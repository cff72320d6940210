"""Every edge into a head of layer 1, cut one at a time: what a hypothesis names, and all the others beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.models.plain import turned_by_position

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

TOKEN = "token"
"""The source that is no head: the embedding of the token that stands at the position."""


@dataclass(frozen=True)
class Run:
    """A two-layer model without MLPs on `[BOS] + block + block`, kept so that edges can be cut in it."""

    model: "TransformerBridge"
    tokens: "Int[Tensor, 'batch position']"
    wrote: "dict[str, Float[Tensor, 'batch position d_model']]"
    """What each source put into the stream before layer 1: "token", and the heads of layer 0, "0.0" and on."""
    before: "Float[Tensor, 'batch position d_model']"
    """The stream that layer 1 reads."""
    after: "Float[Tensor, 'batch position d_model']"
    """The stream that is unembedded."""
    loss: float
    """On the second copy, nats per token, its first token left out."""
    late: "dict[int, Tensor]" = field(default_factory=dict)
    """What heads of layer 1 write, by number, once an edge into one has been cut."""


class CutEdge(NamedTuple):
    """What is seen when an edge is cut."""

    added_loss: float
    """How much the loss on the second copy rises, nats per token, its first token left out."""
    pattern: "Float[Tensor, 'batch query key']"
    """The reading head's attention."""


def clean_run(model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']") -> Run:
    """The model as it is; what `cut_edge` cuts in."""
    import torch

    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens)
        z = cache["blocks.0.attn.hook_z"]
        wrote = {f"0.{head}": z[:, :, head] @ model.W_O[0, head] for head in range(model.cfg.n_heads)}
        wrote = {TOKEN: cache["blocks.0.hook_resid_pre"], **wrote}
        before, after = cache["blocks.1.hook_resid_pre"], cache["blocks.1.hook_resid_post"]
        return Run(model, tokens, wrote, before, after, _second_copy_loss(model, tokens, after))


def usual(part: "Float[Tensor, 'batch position d_model']") -> "Float[Tensor, 'd_model']":
    """The mean over sequences and positions: what a source usually says, and nothing about this text."""
    return part.mean((0, 1))


def cut_edge(run: Run, source: str, late: int, reader: str, instead: "Callable[[Tensor], Tensor]" = usual) -> CutEdge:
    """Put something else in place of what a source wrote, in one of the three things a head of layer 1 reads it for.

    All else reads it as before: the head's other two inputs, every other head, and the unembedding. The norm is taken
    again of what is left.

    Args:
        source: "token" or a head of layer 0, such as "0.2".
        reader: "q", "k" or "v".
        instead: from what the source wrote to what stands there now; its mean, if nothing is said.
    """
    import torch

    with torch.inference_mode():
        part = run.wrote[source]
        if late not in run.late:
            _, run.late[late] = _read(run, late, {})
        pattern, cut = _read(run, late, {reader: run.before - part + instead(part)})
        loss = _second_copy_loss(run.model, run.tokens, run.after - run.late[late] + cut)
        return CutEdge(loss - run.loss, pattern)


def _read(run: Run, late: int, instead: "dict[str, Tensor]") -> "tuple[Tensor, Tensor]":
    """A layer-1 head's pattern and output, where some of its three inputs may be other than the stream."""
    import torch
    from torch.nn.functional import layer_norm

    model = run.model

    def read(reader: str) -> "Tensor":
        x = instead.get(reader, run.before)
        x = layer_norm(x, x.shape[-1:], eps=model.cfg.eps)
        name = reader.upper()
        return x @ getattr(model, f"W_{name}")[1, late] + getattr(model, f"b_{name}")[1, late]

    q, k = turned_by_position(read("q")), turned_by_position(read("k"))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
    return pattern, pattern @ read("v") @ model.W_O[1, late]


def _second_copy_loss(model: "TransformerBridge", tokens: "Tensor", stream: "Tensor") -> float:
    from torch.nn.functional import cross_entropy, layer_norm

    period = (tokens.shape[1] - 1) // 2
    at = slice(1 + period, 2 * period)  # from here the second copy's tokens but its first are foretold
    x = layer_norm(stream[:, at], stream.shape[-1:], eps=model.cfg.eps)
    return float(cross_entropy((x @ model.W_U).flatten(0, 1), tokens[:, 2 + period :].flatten()))
