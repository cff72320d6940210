"""The exercise `mean_ablation_costs`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

    Edit = Callable[[Tensor, int], Tensor]
    """From z and a head, z with that head changed; z is a copy."""


def _cases(draw: Draw) -> Iterator[Case]:
    def on(model: Any, batch: int, position: int, layer: int) -> dict[str, Any]:
        return {"model": model, "tokens": draw.ids((batch, position), model.cfg.d_vocab), "layer": layer}

    yield basic("one layer of three heads", **on(draw.model(n_layers=1), 3, 5, 0))
    yield basic("the second layer of two", **on(draw.model(n_heads=2), 2, 4, 1))
    yield general("a model with MLPs", **on(draw.model(n_layers=3, d_mlp=9), 4, 7, draw.size(0, 2)))
    yield general("the third layer of three", **on(draw.model(n_layers=3, n_heads=4, d_head=2), 5, 6, 2))
    yield general("the first layer of two", **on(draw.model(n_heads=5), draw.size(2, 6), draw.size(3, 9), 0))
    yield edge("one head", **on(draw.model(n_heads=1, d_head=6), 3, 5, 1))
    yield edge("one sequence, whose mean is itself", **on(draw.model(), 1, 6, 0))
    yield edge("two positions", **on(draw.model(), 4, 2, 1))
    yield edge("a model that carries a hook of yours", **on(draw.model(hooked=True), 3, 4, 1))
    yield edge("a model in training mode", **on(draw.model(training=True, d_mlp=5), 3, 4, 0))
    yield edge("as many positions as sequences and heads", **on(draw.model(), 3, 3, 1))


def _loss(logits: Tensor, tokens: Tensor) -> Tensor:
    return -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean()


def _costs(
    model: Any, tokens: Tensor, layer: int, edit: Edit, loss: Callable[[Tensor, Tensor], Tensor] = _loss
) -> Tensor:
    """By how much the loss rises with each head edited, one at a time."""
    with torch.no_grad():
        intact = loss(model(tokens), tokens)
        return torch.stack([_edited(model, tokens, layer, h, edit, loss) for h in range(model.cfg.n_heads)]) - intact


def _edited(model: Any, tokens: Tensor, layer: int, head: int, edit: Edit, loss: Any = _loss) -> Tensor:
    def hook(z: Tensor, hook: Any) -> Tensor:
        return edit(z.clone(), head)

    cost: Tensor = loss(model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hook)]), tokens)
    return cost


def _held(z: Tensor, head: int) -> Tensor:
    z[:, :, head] = z[:, :, head].mean(0)
    return z


def zero_for_the_mean(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """Each head is set to zero. Its mean over the sequences is asked for: what it writes whatever the text."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = 0
        return z

    return _costs(model, tokens, layer, edit)


def mean_over_positions_too(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The mean is taken over sequences and positions: every position has a mean of its own."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = z[:, :, head].mean((0, 1))
        return z

    return _costs(model, tokens, layer, edit)


def mean_over_positions_instead(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The mean is taken over each sequence's positions. It is to go over the sequences, at each position, so that nothing
    is left that tells one text from another."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = z[:, :, head].mean(1, keepdim=True)
        return z

    return _costs(model, tokens, layer, edit)


def mean_over_heads(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The mean is taken over the heads of the layer: each head has a mean of its own, over the sequences."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = z.mean(2)
        return z

    return _costs(model, tokens, layer, edit)


def the_others_held(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The head in question is kept and all the others are held at their means: the other way round."""

    def edit(z: Tensor, head: int) -> Tensor:
        kept = z[:, :, head].clone()
        z = z.mean(0, keepdim=True).expand_as(z).clone()
        z[:, :, head] = kept
        return z

    return _costs(model, tokens, layer, edit)


def heads_stay_held(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """A head that was held once is held in all later runs as well. One at a time: give the next head a fresh copy of z."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, : head + 1] = z[:, :, : head + 1].mean(0)
        return z

    return _costs(model, tokens, layer, edit)


def falls_of_the_loss(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The sign is the wrong way round: a cost is the loss with the head held less the loss of the intact model."""
    return -_costs(model, tokens, layer, _held)


def losses_for_their_rise(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """These are the losses with a head held. By how much are they above that of the intact model?"""
    with torch.no_grad():
        return torch.stack([_edited(model, tokens, layer, head, _held) for head in range(model.cfg.n_heads)])


def summed_for_mean(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """These are sums over all predicted tokens; the mean is asked for."""
    return _costs(model, tokens, layer, _held) * (tokens.shape[0] * (tokens.shape[1] - 1))


def own_token_scored(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """Each token is scored under the logits at its own position. Those predict the one after it."""

    def loss(logits: Tensor, tokens: Tensor) -> Tensor:
        return -logits.log_softmax(-1).gather(-1, tokens[..., None]).mean()

    return _costs(model, tokens, layer, _held, loss)


def last_token_only(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """Only the last token of each sequence is scored; all that are predicted count."""

    def loss(logits: Tensor, tokens: Tensor) -> Tensor:
        return -logits[:, -2].log_softmax(-1).gather(-1, tokens[:, -1:]).mean()

    return _costs(model, tokens, layer, _held, loss)


def first_layer_always(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """These are the heads of layer 0, whatever `layer` is."""
    return _costs(model, tokens, 0, _held)


def hook_left_on(model: Any, tokens: Tensor, layer: int) -> Tensor:
    """The costs are right, but a hook stays on the model. `run_with_hooks` takes its hooks off again."""
    costs = _costs(model, tokens, layer, _held)
    model.add_hook(f"blocks.{layer}.attn.hook_z", lambda z, hook: None)
    return costs


exercise = Exercise(
    __name__,
    further="A head whose output hardly varies from token to token: what does its mean cost, and what does zero? Which of the two says whether it computes anything?",
    cases=_cases,
    answer=close_to_single_precision,
    wrong=(
        zero_for_the_mean,
        mean_over_positions_too,
        mean_over_positions_instead,
        mean_over_heads,
        the_others_held,
        heads_stay_held,
        falls_of_the_loss,
        losses_for_their_rise,
        summed_for_mean,
        own_token_scored,
        last_token_only,
        first_layer_always,
        hook_left_on,
    ),
    hints=(
        "It is `zero_ablate_head` with another value in the place of 0, once for every head. Which of z's four axes does the "
        "mean go over, and what shape is left?",
        "The hook sees z of all sequences at once, so that it can take the mean itself. The loss is minus the mean of "
        "`next_token_log_probs`; run the intact model once.",
        "In the hook, on a copy: `z[:, :, head] = z[:, :, head].mean(0)`. Then "
        "`torch.stack([loss with head held for each head]) - loss of the intact model`.",
    ),
)
