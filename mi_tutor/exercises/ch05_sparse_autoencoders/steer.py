"""The exercise `steer`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.watched import edited_in_place
from mi_tutor.deferred import F, torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import clean_logits, hooked, with_mlp

if TYPE_CHECKING:
    from torch import Tensor


def _steer_cases(draw: Draw) -> Iterator[Case]:
    def on(site: str, layer: int, batch: int, position: int, coefficient: float, **choices: Any) -> dict[str, Any]:
        hook_name = f"blocks.{layer}.{site}"
        model, d_in = with_mlp(draw, site, watched=hook_name, **choices)
        return {
            "model": model,
            "tokens": draw.ids((batch, position), model.cfg.d_vocab),
            "hook_name": hook_name,
            "direction": draw.normal(d_in, scale=1.5),
            "coefficient": coefficient,
        }

    yield basic("the neurons of layer 0", **on("mlp.hook_post", 0, 2, 5, 2.0))
    yield basic("the neurons of layer 1", **on("mlp.hook_post", 1, 2, 4, 1.5))
    yield general("a stream that goes on", **on("hook_resid_post", 0, 3, draw.size(4, 7), 0.8))
    yield general("a stream that comes in", **on("hook_resid_pre", 1, 2, 6, 3.0, n_layers=3))
    yield general("the neurons of a middle layer", **on("mlp.hook_post", 1, 2, 5, -1.5, n_layers=3, n_heads=2))
    yield edge("a negative coefficient", **on("mlp.hook_post", 0, 2, 5, -2.5))
    yield edge("a coefficient of 0", **on("mlp.hook_post", 0, 2, 5, 0.0))
    yield edge("a large coefficient", **on("mlp.hook_post", 0, 2, 5, 50.0))
    yield edge("one layer", **on("hook_resid_pre", 0, 2, 5, 1.2, n_layers=1))
    yield edge("the last stream", **on("hook_resid_post", 1, 2, 5, 1.2))
    yield edge("one sequence", **on("mlp.hook_post", 0, 1, 6, 2.0))
    yield edge("one token", **on("hook_resid_post", 0, 2, 1, 2.0))
    yield edge("as many sequences and positions as dimensions", **on("mlp.hook_post", 0, 4, 4, 2.0, d_mlp=4))
    yield edge("a model that carries a hook of yours", **on("mlp.hook_post", 1, 2, 4, 2.0, hooked=True))
    yield edge("a model in training mode", **on("hook_resid_pre", 0, 2, 4, 2.0, training=True))
    still = on("mlp.hook_post", 0, 2, 5, 2.0)
    yield edge("a direction of zeros", **{**still, "direction": still["direction"] * 0})


def _steered(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    edited = edited_in_place(args["model"])
    if problem := close_to_single_precision(args, expected, got):
        return problem
    if edited:
        return Problem(
            "changed argument",
            "The hook changes the activation that it is given. Others may hold the same tensor: return a new one, `x + …`, "
            "and avoid `+=`.",
        )
    return None


def nothing_added(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """These are the logits of the model as it is: your hook has to return the new activation."""
    return clean_logits(model, tokens)


def coefficient_left_out(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added once, whatever the coefficient: multiply it by the coefficient."""
    return hooked(model, tokens, hook_name, lambda x: x + direction)


def direction_made_unit(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is brought to length 1: use it as given."""
    return hooked(model, tokens, hook_name, lambda x: x + coefficient * F.normalize(direction, dim=0))


def direction_put_in_place(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The activation is replaced by the direction: add it to what is there."""
    return hooked(model, tokens, hook_name, lambda x: (coefficient * direction).expand_as(x).clone())


def steered_at_the_last_position(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The direction is added at the last position only: at every position."""

    def edit(x: Tensor) -> Tensor:
        x[:, -1] += coefficient * direction
        return x

    return hooked(model, tokens, hook_name, edit)


def steered_after_the_first_position(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The first position is left out: add the direction at every position."""

    def edit(x: Tensor) -> Tensor:
        x[:, 1:] += coefficient * direction
        return x

    return hooked(model, tokens, hook_name, edit)


def first_sequence_steered(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added in the first sequence only: in every one."""

    def edit(x: Tensor) -> Tensor:
        x[0] += coefficient * direction
        return x

    return hooked(model, tokens, hook_name, edit)


def direction_subtracted(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is subtracted: add it; a negative coefficient subtracts."""
    return hooked(model, tokens, hook_name, lambda x: x - coefficient * direction)


def component_set(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """What was there along the direction is removed first, so that everywhere the same amount is present: this adds, and
    removes nothing."""
    unit = F.normalize(direction, dim=0)
    return hooked(model, tokens, hook_name, lambda x: x - (x @ unit)[..., None] * unit + coefficient * direction)


def scaled_by_the_activation(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The direction is scaled with the size of each activation: the same vector is added everywhere."""
    return hooked(
        model,
        tokens,
        hook_name,
        lambda x: x + coefficient * x.norm(dim=-1, keepdim=True) * F.normalize(direction, dim=0),
    )


def steered_in_layer_0(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added in layer 0, whatever `hook_name` says: hook the place that it names."""
    at = "blocks.0." + hook_name.split(".", 2)[2]
    return hooked(model, tokens, at, lambda x: x + coefficient * direction)


def steered_log_probs(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """These are log-probabilities: logits are asked for, as the model gives them."""
    return hooked(model, tokens, hook_name, lambda x: x + coefficient * direction).log_softmax(-1)


def steered_less_clean(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """This is the change in the logits: the logits themselves are asked for."""
    changed = hooked(model, tokens, hook_name, lambda x: x + coefficient * direction)
    return changed - clean_logits(model, tokens)


def steering_left_on(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The logits are right, but the hook stays on the model: from now on everybody is steered. `run_with_hooks` takes it
    off again."""
    model.add_hook(hook_name, lambda x, hook: x + coefficient * direction)
    return clean_logits(model, tokens)


def activation_edited(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The logits are right, but the hook edits the activation in place, and others may hold the same tensor. Return a new
    one: `x + coefficient * direction`."""

    def hook(value: Tensor, hook: Any) -> Tensor:
        value += coefficient * direction
        return value

    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])
    return logits


exercise = Exercise(
    __name__,
    further="A feature is never above 5. At a position where it is at 4, what does adding 5 times its row make of it, and how would you set it to 5 there instead?",
    cases=_steer_cases,
    answer=_steered,
    wrong=(
        nothing_added,
        coefficient_left_out,
        direction_made_unit,
        direction_put_in_place,
        steered_at_the_last_position,
        steered_after_the_first_position,
        first_sequence_steered,
        direction_subtracted,
        component_set,
        scaled_by_the_activation,
        steered_in_layer_0,
        steered_log_probs,
        steered_less_clean,
        steering_left_on,
        activation_edited,
    ),
    hints=(
        "You have written such a hook for `splice`. What does this one return?",
        "The activation is [batch, position, d_in] and the direction [d_in]: added, it reaches every position.",
        "The hook returns `x + coefficient * direction`; `x += …` would change what others hold.",
    ),
)
