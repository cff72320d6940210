"""The exercise `ablation_effects`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


def _ablation_cases(draw: Draw) -> Iterator[Case]:
    def on(model: Any, batch: int, period: int, n_vocab: int = 13) -> dict[str, Any]:
        block = draw.ids((batch, period), n_vocab - 1) + 1
        tokens = torch.cat([torch.zeros_like(block[:, :1]), block, block], dim=1)
        return {"model": model, "tokens": tokens, "period": period}

    yield basic("two layers of three heads", **on(draw.model(), 2, 4))
    yield basic("two layers of two heads", **on(draw.model(n_heads=2), 3, 3))
    yield general("three layers", **on(draw.model(n_layers=3, n_heads=2), 2, draw.size(3, 6)))
    yield general("one layer of four heads", **on(draw.model(n_layers=1, n_heads=4, d_head=2), 2, 5))
    yield general("a model with MLPs", **on(draw.model(n_heads=2, d_mlp=9), 3, draw.size(3, 6)))
    yield edge("period 1", **on(draw.model(), 3, 1))
    yield edge("one sequence", **on(draw.model(), 1, 5))
    yield edge("one head", **on(draw.model(n_heads=1, d_head=6), 2, 4))
    yield edge("one layer, one head", **on(draw.model(n_layers=1, n_heads=1), 2, 3))
    yield edge("the full context", **on(draw.model(n_ctx=11), 2, 5))
    yield edge("a model that carries a hook of yours", **on(draw.model(hooked=True), 2, 3))
    yield edge("a model in training mode", **on(draw.model(training=True, d_mlp=5), 2, 3))
    yield edge("as many positions as heads and sequences", **on(draw.model(), 3, 1))


Edit = Callable[["Tensor", int], "Tensor"]


def _silenced(z: Tensor, head: int) -> Tensor:
    return z.index_fill(2, torch.tensor([head], device=z.device), 0)


def _with_heads(model: Any, tokens: Tensor, edit: Edit, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """What one edit after the other does to a measure of the logits, [layer head], the unedited model's not subtracted."""
    cfg, rows = model.cfg, []
    with torch.no_grad():
        for layer in range(cfg.n_layers):
            for head in range(cfg.n_heads):
                hook = (f"blocks.{layer}.attn.hook_z", lambda z, hook, head=head: edit(z.clone(), head))
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=[hook])))
    return torch.stack(rows).view(cfg.n_layers, cfg.n_heads)


def _copy_loss(tokens: Tensor, first: int, last: int, shift: int = 0) -> Callable[[Tensor], Tensor]:
    """Mean cross-entropy on the tokens first … last; with a shift under the logits of another position than they should."""

    def measure(logits: Tensor) -> Tensor:
        return F.cross_entropy(logits[:, first - 1 + shift : last + shift].mT, tokens[:, first : last + 1])

    return measure


def _effects(model: Any, tokens: Tensor, edit: Edit, measure: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.no_grad():
        clean = measure(model(tokens))
    return _with_heads(model, tokens, edit, measure) - clean


def _second(tokens: Tensor, period: int) -> Callable[[Tensor], Tensor]:
    return _copy_loss(tokens, 1 + period, 2 * period)


def first_token_left_out(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The second copy's first token is left out. Nobody can predict it, but it counts here: logits at `period` … 2·period - 1."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, min(2 + period, 2 * period), 2 * period))


def both_copies(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The loss is taken over both copies: only the second is asked for."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1, 2 * period))


def first_copy(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The loss is that of the first copy: the second is asked for."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1, period))


def logits_of_the_token_itself(model: Any, tokens: Tensor, period: int) -> Tensor:
    """Each token is scored under the logits at its own position, which have seen it. Those at `period` … 2·period - 1 predict the
    second copy."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1 + period, 2 * period, shift=1))


def clean_less_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The sign is the wrong way round: ablated less clean, so that a head that helps has a positive effect."""
    return -_effects(model, tokens, _silenced, _second(tokens, period))


def clean_not_subtracted(model: Any, tokens: Tensor, period: int) -> Tensor:
    """These are the losses of the ablated models: the clean model's loss has to be subtracted."""
    return _with_heads(model, tokens, _silenced, _second(tokens, period))


def whole_layers_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """All heads of a layer are zero at once, so that a row holds one number again and again: one head at a time."""
    return _effects(model, tokens, lambda z, head: torch.zeros_like(z), _second(tokens, period))


def every_hook_takes_the_last_head(model: Any, tokens: Tensor, period: int) -> Tensor:
    """Every run silences the last head. A function made in a loop reads the loop's variable when it runs, and hooks that are all
    made first run after the loop: give the number to the function, `head=head`."""
    last = model.cfg.n_heads - 1
    return _effects(model, tokens, lambda z, head: _silenced(z, last), _second(tokens, period))


def the_same_head_of_every_layer(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The head of that number is silent in every layer at once: a hook's name says one layer, `blocks.{layer}.attn.hook_z`."""
    measure, rows = _second(tokens, period), []
    with torch.no_grad():
        clean = measure(model(tokens))
        for head in range(model.cfg.n_heads):
            silence = lambda z, hook, head=head: _silenced(z, head)  # noqa: E731
            hooks = [(f"blocks.{layer}.attn.hook_z", silence) for layer in range(model.cfg.n_layers)]
            rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean)
    return torch.stack(rows).expand(model.cfg.n_layers, model.cfg.n_heads)


def positions_for_heads(model: Any, tokens: Tensor, period: int) -> Tensor:
    """`z[:, head]` is a position: the axes of `hook_z` are [batch, position, head, d_head]."""

    def edit(z: Tensor, head: int) -> Tensor:
        return z.index_fill(1, torch.tensor([head % z.shape[1]], device=z.device), 0)

    return _effects(model, tokens, edit, _second(tokens, period))


def ablated_in_the_second_copy(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The head is silent in the second copy only. What it wrote in the first copy is read later: zero at every position."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, 1 + period :, head] = 0
        return z

    return _effects(model, tokens, edit, _second(tokens, period))


def mean_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The head's output is replaced by its mean, which is gentler: zero is asked for."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = z[:, :, head].mean((0, 1))
        return z

    return _effects(model, tokens, edit, _second(tokens, period))


def ablations_pile_up(model: Any, tokens: Tensor, period: int) -> Tensor:
    """Heads that were silenced stay silent when the next one's turn comes: each effect is that of one head alone. (A hook that
    is never taken off does this.)"""
    gone: list[tuple[str, Any]] = []
    measure, rows = _second(tokens, period), []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):
                gone.append((f"blocks.{layer}.attn.hook_z", lambda z, hook, head=head: _silenced(z, head)))
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=gone)) - clean)
    return torch.stack(rows).view(model.cfg.n_layers, model.cfg.n_heads)


def hooks_of_earlier_heads_stay(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The hooks of earlier heads are still there when the next one's turn comes: `model.add_hook` leaves them on the model. All
    of them read the loop's `head` when they run, so that the head of this number is silent in the layers before, too.
    `run_with_hooks` takes its hook off again."""
    measure, rows = _second(tokens, period), []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):
                model.add_hook(f"blocks.{layer}.attn.hook_z", lambda z, hook: _silenced(z, head))  # noqa: B023
                rows.append(measure(model(tokens)) - clean)
    return torch.stack(rows).view(model.cfg.n_layers, model.cfg.n_heads)


def output_bias_gone(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The layer's output bias `b_O` is gone as well: it belongs to the layer, not to this head, and stays."""
    measure, cfg, rows = _second(tokens, period), model.cfg, []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(cfg.n_layers):
            at, bias = f"blocks.{layer}.attn", model.blocks[layer].attn.b_O
            for head in range(cfg.n_heads):
                hooks = [
                    (f"{at}.hook_z", lambda z, hook, head=head: _silenced(z, head)),
                    (f"{at}.hook_out", lambda out, hook, bias=bias: out - bias),
                ]
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean)
    return torch.stack(rows).view(cfg.n_layers, cfg.n_heads)


def summed_loss(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The losses are summed over the second copy: their mean is asked for."""
    return tokens.shape[0] * period * _effects(model, tokens, _silenced, _second(tokens, period))


def heads_before_layers(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The axes come out as [head, layer]: layers are rows."""
    return _effects(model, tokens, _silenced, _second(tokens, period)).T


def effect_as_a_ratio(model: Any, tokens: Tensor, period: int) -> Tensor:
    """This is the effect as a share of the clean loss: the difference in nats is asked for."""
    measure = _second(tokens, period)
    with torch.no_grad():
        clean = measure(model(tokens))
    return _effects(model, tokens, _silenced, measure) / clean


def ablation_hooks_left_on(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The effects are right, but a hook stays on the model: `run_with_hooks` takes its own off again."""
    effects = _effects(model, tokens, _silenced, _second(tokens, period))
    model.add_hook("blocks.0.attn.hook_z", lambda z, hook: None)
    return effects


exercise = Exercise(
    __name__,
    further="Silenced alone, each of two heads costs 3 nats, and silenced together they cost 3: how might they be connected? And if each alone costs 0, and both together 3?",
    cases=_ablation_cases,
    answer=close_to_single_precision,
    wrong=(
        first_token_left_out,
        both_copies,
        first_copy,
        logits_of_the_token_itself,
        clean_less_ablated,
        clean_not_subtracted,
        whole_layers_ablated,
        every_hook_takes_the_last_head,
        the_same_head_of_every_layer,
        positions_for_heads,
        ablated_in_the_second_copy,
        mean_ablated,
        ablations_pile_up,
        hooks_of_earlier_heads_stay,
        output_bias_gone,
        summed_loss,
        heads_before_layers,
        effect_as_a_ratio,
        ablation_hooks_left_on,
    ),
    hints=(
        "Chapter 00 has both parts: `zero_ablate_head` silences one head, `next_token_log_probs` scores the tokens that came. What "
        "is left is a double loop and a slice.",
        "The tokens at 1 + period … 2·period are predicted by the logits at `period` … 2·period - 1. Write the loss as a function "
        "of the logits, and take it once without a hook.",
        "In the loop, hook `blocks.{layer}.attn.hook_z` with a function that clones z and sets `z[:, :, head] = 0`. A function "
        "defined in a loop sees the loop variable's last value when it runs late; here it runs at once.",
        "`torch.nn.functional.cross_entropy(logits[:, period : 2 * period].mT, tokens[:, 1 + period :])` is the loss.",
    ),
)
