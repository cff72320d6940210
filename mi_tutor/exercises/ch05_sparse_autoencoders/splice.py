"""The exercise `splice`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import clean_logits, hooked, with_mlp

if TYPE_CHECKING:
    from torch import Tensor


def _splice_cases(draw: Draw) -> Iterator[Case]:
    def on(site: str, layer: int, batch: int, position: int, d_sae: int, **choices: Any) -> dict[str, Any]:
        model, d_in = with_mlp(draw, site, **choices)
        return {
            "model": model,
            "tokens": draw.ids((batch, position), model.cfg.d_vocab),
            "hook_name": f"blocks.{layer}.{site}",
            "W_enc": draw.normal(d_in, d_sae, scale=0.7),
            "b_enc": draw.normal(d_sae, scale=0.5),
            "W_dec": draw.normal(d_sae, d_in, scale=0.7),
            "b_dec": draw.normal(d_in, scale=0.7),
        }

    yield basic("the neurons of layer 0", **on("mlp.hook_post", 0, 2, 5, 6))
    yield basic("the neurons of layer 1", **on("mlp.hook_post", 1, 2, 4, 8))
    yield general("a stream that goes on", **on("hook_resid_post", 0, 3, draw.size(4, 7), 12))
    yield general("a stream that comes in", **on("hook_resid_pre", 1, 2, 6, 5, n_layers=3))
    yield general("the neurons of a middle layer", **on("mlp.hook_post", 1, 2, 5, 20, n_layers=3, n_heads=2))
    yield edge("one layer", **on("mlp.hook_post", 0, 2, 5, 7, n_layers=1))
    yield edge("one feature", **on("mlp.hook_post", 1, 2, 5, 1))
    yield edge("one sequence", **on("mlp.hook_post", 0, 1, 6, 5))
    yield edge("one token", **on("hook_resid_post", 0, 2, 1, 5))
    yield edge("as many features as dimensions", **on("mlp.hook_post", 0, 2, 4, 9))
    yield edge("as many sequences as positions", **on("hook_resid_pre", 0, 4, 4, 5))
    yield edge("a model that carries a hook of yours", **on("mlp.hook_post", 1, 2, 4, 6, hooked=True))
    yield edge("a model in training mode", **on("mlp.hook_post", 0, 2, 4, 6, training=True))
    silent = on("mlp.hook_post", 0, 2, 5, 6)
    yield edge("no feature ever active", **{**silent, "b_enc": silent["b_enc"] - 1000})


def _rebuilt(x: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    return ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec


def nothing_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """These are the logits of the model as it is: your hook has to return the reconstruction, and run with the model."""
    return clean_logits(model, tokens)


def errors_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """What is put in is the error, the activation less its reconstruction: put in the reconstruction."""
    return hooked(model, tokens, hook_name, lambda x: x - _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def reconstruction_on_top(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The reconstruction is added to the activation: it takes its place."""
    return hooked(model, tokens, hook_name, lambda x: x + _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def spliced_at_the_last_position(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """Only the last position is replaced: replace them all."""

    def edit(x: Tensor) -> Tensor:
        x[:, -1] = _rebuilt(x[:, -1], W_enc, b_enc, W_dec, b_dec)
        return x

    return hooked(model, tokens, hook_name, edit)


def first_position_spared(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The first position keeps its activation: replace them all, the first too."""

    def edit(x: Tensor) -> Tensor:
        x[:, 1:] = _rebuilt(x[:, 1:], W_enc, b_enc, W_dec, b_dec)
        return x

    return hooked(model, tokens, hook_name, edit)


def first_sequence_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """Only the first sequence is replaced: replace them in every sequence."""

    def edit(x: Tensor) -> Tensor:
        x[0] = _rebuilt(x[0], W_enc, b_enc, W_dec, b_dec)
        return x

    return hooked(model, tokens, hook_name, edit)


def encoded_without_b_dec(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """`b_dec` is not subtracted before encoding: the same autoencoder as in `sae_encode` and `sae_decode` is meant."""
    return hooked(model, tokens, hook_name, lambda x: (x @ W_enc + b_enc).relu() @ W_dec + b_dec)


def decoded_without_b_dec(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """`b_dec` is not added after decoding: the same autoencoder as in `sae_encode` and `sae_decode` is meant."""
    return hooked(model, tokens, hook_name, lambda x: ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec)


def spliced_without_a_relu(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The features are not cut off at 0: a ReLU is missing between encoder and decoder."""
    return hooked(model, tokens, hook_name, lambda x: ((x - b_dec) @ W_enc + b_enc) @ W_dec + b_dec)


def zeros_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The activation is replaced by zeros: that is an ablation. Put in the reconstruction."""
    return hooked(model, tokens, hook_name, torch.zeros_like)


def always_in_layer_0(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The reconstruction is put into layer 0, whatever `hook_name` says: hook the place that it names."""
    at = "blocks.0." + hook_name.split(".", 2)[2]
    return hooked(model, tokens, at, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def reconstruction_returned(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """This is the reconstruction of the activation: put it in with a hook, and return the logits that the model comes to
    with it."""
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    hooked(model, tokens, hook_name, look)
    return _rebuilt(seen[0], W_enc, b_enc, W_dec, b_dec)


def spliced_log_probs(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """These are log-probabilities: logits are asked for, as the model gives them."""
    return hooked(model, tokens, hook_name, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec)).log_softmax(-1)


def spliced_less_clean(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """This is the change in the logits: the logits themselves are asked for."""
    changed = hooked(model, tokens, hook_name, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))
    return changed - clean_logits(model, tokens)


def splice_left_in(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The logits are right, but the hook stays on the model: from now on every run goes through the autoencoder.
    `run_with_hooks` takes it off again."""
    model.add_hook(hook_name, lambda x, hook: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))
    return clean_logits(model, tokens)


exercise = Exercise(
    __name__,
    further="Put into the activation's place what the autoencoder leaves out: `x - x_hat`, plus the mean of `x`. Which loss do you expect, and what would a low one say about the features?",
    cases=_splice_cases,
    answer=close_to_single_precision,
    wrong=(
        nothing_spliced,
        errors_spliced,
        reconstruction_on_top,
        spliced_at_the_last_position,
        first_position_spared,
        first_sequence_spliced,
        encoded_without_b_dec,
        decoded_without_b_dec,
        spliced_without_a_relu,
        zeros_spliced,
        always_in_layer_0,
        reconstruction_returned,
        spliced_log_probs,
        spliced_less_clean,
        splice_left_in,
    ),
    hints=(
        "A hook is a function that gets the activation while the model runs; what it returns is what the model goes on with. "
        "What should it return?",
        "The activation is [batch, position, d_in], and matrix products work on the last axis: `sae_encode` and "
        "`sae_decode` can take it as it is.",
        "`model.run_with_hooks(tokens, fwd_hooks=[(hook_name, function)])`; the function is called as `function(x, hook)`.",
    ),
)
