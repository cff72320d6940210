"""The exercise `zero_ablate_head`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch00_orientation._shared import cached_activation, head_cases

if TYPE_CHECKING:
    from torch import Tensor


def _with_z(model: Any, tokens: Tensor, layer: int, edit: Any) -> Tensor:
    def hook(z: Tensor, hook: Any) -> Tensor:
        return torch.as_tensor(edit(z.clone()))

    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hook)])
    return logits


def nothing_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """These are the logits of the intact model. If your hook makes a new tensor, it has to return it. (Writing into
    `model.W_O` does nothing either, for that is a copy: leave the weights alone, a hook does it.)"""
    return _with_z(model, tokens, layer, lambda z: z)


def whole_layer_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """All heads of the layer are zero; only `head` should be."""
    return _with_z(model, tokens, layer, torch.zeros_like)


def position_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`z[:, head]` is a position: the axes of `hook_z` are [batch, position, head, d_head]. (In a pattern the head comes
    second; here it comes third.)"""
    return _with_z(model, tokens, layer, lambda z: z.index_fill(1, torch.tensor([head], device=z.device), 0))


def dimension_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`z[..., head]` is one number of every head: the axes of `hook_z` are [batch, position, head, d_head], and the head is the
    third, `z[:, :, head]`."""

    def edit(z: Tensor) -> Tensor:
        z[..., head] = 0
        return z

    return _with_z(model, tokens, layer, edit)


def last_position_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The head is zero at the last position only; it should be silent everywhere."""

    def edit(z: Tensor) -> Tensor:
        z[:, -1, head] = 0
        return z

    return _with_z(model, tokens, layer, edit)


def everything_else_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This keeps `head` and silences the others: the other way round."""

    def edit(z: Tensor) -> Tensor:
        kept = torch.zeros_like(z)
        kept[:, :, head] = z[:, :, head]
        return kept

    return _with_z(model, tokens, layer, edit)


def replaced_by_its_mean(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The head's output is replaced by its mean. That is mean ablation, a good idea for another time; here it becomes
    zero."""

    def edit(z: Tensor) -> Tensor:
        z[:, :, head] = z[:, :, head].mean((0, 1), keepdim=True)
        return z

    return _with_z(model, tokens, layer, edit)


def value_bias_kept(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The head still writes its value bias `b_V`: a pattern's rows sum to 1, so b_V reaches z whatever is attended to.
    With z at zero it goes as well."""

    def edit(z: Tensor) -> Tensor:
        z[:, :, head] = model.blocks[layer].attn.b_V.reshape(z.shape[2:])[head]
        return z

    return _with_z(model, tokens, layer, edit)


def output_bias_removed(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The layer's output bias `b_O` is gone too. It belongs to the layer and not to this head: it stays."""

    def edit(z: Tensor) -> Tensor:
        z[:, :, head] = 0
        return z

    def without_bias(out: Tensor, hook: Any) -> Tensor:
        return out - model.blocks[layer].attn.b_O

    def silence(z: Tensor, hook: Any) -> Tensor:
        return edit(z.clone())

    at = f"blocks.{layer}.attn"
    with torch.no_grad():
        hooks = [(f"{at}.hook_z", silence), (f"{at}.hook_out", without_bias)]
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=hooks)
    return logits


def later_layers_not_recomputed(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The head's output is taken away at the end, from the final residual stream. But later layers have read it, and the
    norms have scaled with it: set it to zero where it arises and let the model run on."""
    last = model.cfg.n_layers - 1
    z = cached_activation(model, tokens, f"blocks.{layer}.attn.hook_z")[:, :, head]
    written = z @ model.W_O[layer, head]
    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(
            tokens, fwd_hooks=[(f"blocks.{last}.hook_resid_post", lambda resid, hook: resid - written)]
        )
    return logits


def only_its_direct_path(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """What the head adds to the logits directly is taken away from them. But later layers have read it, and the last norm has
    scaled it: set it to zero where it arises and let the model run on."""
    z = cached_activation(model, tokens, f"blocks.{layer}.attn.hook_z")[:, :, head]
    with torch.no_grad():
        logits: Tensor = model(tokens)
    return logits - z @ model.W_O[layer, head] @ model.W_U


def log_probs_for_logits(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """These are log-probabilities; the raw logits are asked for."""
    return _ablated(model, tokens, layer, head).log_softmax(-1)


def change_in_logits(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is how much the logits change; the ablated model's logits themselves are asked for."""
    with torch.no_grad():
        intact: Tensor = model(tokens)
    return _ablated(model, tokens, layer, head) - intact


def only_the_last_logits(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """These are the logits at the last position; all positions are asked for."""
    return _ablated(model, tokens, layer, head)[:, -1]


def layer_below_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """A head of the layer before has been silenced: layers count from 0."""
    return _ablated(model, tokens, (layer - 1) % model.cfg.n_layers, head)


def layer_below_but_the_lowest_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """A head of the layer before has been silenced, where there is one: layers count from 0."""
    return _ablated(model, tokens, max(layer - 1, 0), head)


def first_layer_ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """A head of layer 0 has been silenced, whatever `layer` is: the name has to contain it, as in
    `f"blocks.{layer}.attn.hook_z"`."""
    return _ablated(model, tokens, 0, head)


def ablation_left_on(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The logits are right, but the hook stays on the model: from now on the head is silent for everybody.
    `run_with_hooks` takes it off again, also when something goes wrong."""

    def hook(z: Tensor, hook: Any) -> Tensor:
        z = z.clone()
        z[:, :, head] = 0
        return z

    model.add_hook(f"blocks.{layer}.attn.hook_z", hook)
    with torch.no_grad():
        logits: Tensor = model(tokens)
    return logits


def weights_overwritten(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The logits are right, but the model's weights have been changed to get them, and stay so. Leave the weights alone:
    a hook changes one run and nothing else."""
    with torch.no_grad():
        model.blocks[layer].attn.o.weight.view(model.cfg.d_model, model.cfg.n_heads, -1)[:, head] = 0
        logits: Tensor = model(tokens)
    return logits


def weights_written_into(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This writes into the model's weights, and torch refuses, for they want gradients. Leave the weights alone: a hook
    changes one run and nothing else."""
    model.blocks[layer].attn.W_O[head] = 0
    logits: Tensor = model(tokens)
    return logits


def _ablated(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    return _with_z(model, tokens, layer, lambda z: z.index_fill(2, torch.tensor([head], device=z.device), 0))


exercise = Exercise(
    __name__,
    further="Suppose a head wrote the same vector at every position of every text. Would zeroing it change the logits? Would it have told the model anything about the text?",
    cases=head_cases,
    answer=close_to_single_precision,
    wrong=(
        nothing_ablated,
        whole_layer_ablated,
        position_ablated,
        dimension_ablated,
        last_position_ablated,
        everything_else_ablated,
        replaced_by_its_mean,
        value_bias_kept,
        output_bias_removed,
        later_layers_not_recomputed,
        log_probs_for_logits,
        change_in_logits,
        only_the_last_logits,
        layer_below_ablated,
        layer_below_but_the_lowest_ablated,
        first_layer_ablated,
        ablation_left_on,
        weights_overwritten,
        weights_written_into,
        only_its_direct_path,
    ),
    hints=(
        "A hook is a function that gets an activation while the model runs, and may hand back another. At which activation "
        "is a head still by itself, and which axis of it is the head?",
        "The place is `blocks.{layer}.attn.hook_z`, [batch, position, head, d_head]. Make a copy, set one head to zero at "
        "every position, return the copy.",
        "`model.run_with_hooks(tokens, fwd_hooks=[(name, function)])` returns the logits and takes the hook off afterwards; "
        "the function is called as `function(z, hook)`. In it: `z = z.clone()`, `z[:, :, head] = 0`, `return z`.",
    ),
)
