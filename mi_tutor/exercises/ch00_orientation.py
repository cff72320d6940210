"""Chapter 00: reading a model's predictions, what heads write, where they look, and switching one off."""

from collections.abc import Iterator
from typing import Any

import torch
from einops import einsum
from torch import Tensor

from mi_tutor.check.compare import Problem, close, close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise

SOLUTIONS = "ch00_orientation"


# --- next_token_log_probs --------------------------------------------------------------------------------------------


def _next_token_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three tokens", logits=draw.normal(1, 3, 4), tokens=draw.integers([[2, 0, 3]]))
    for _ in range(3):
        size = draw.sizes("batch", "position", "d_vocab", high=12)
        yield general("random logits", **_scored(draw, size["batch"], size["position"], size["d_vocab"], 2.0))
    yield general("logits hundreds of nats apart", **_scored(draw, 3, 6, 9, 300.0))
    yield general("a large vocabulary", **_scored(draw, 2, 4, 700, 3.0))
    yield edge("one sequence", **_scored(draw, 1, 5, 6, 2.0))
    yield edge("two positions", **_scored(draw, 3, 2, 5, 2.0))
    yield edge("one position", **_scored(draw, 2, 1, 5, 2.0))
    yield edge("a vocabulary of one token", logits=draw.normal(2, 3, 1), tokens=draw.ids((2, 3), 1))
    n = draw.size(3, 6)
    yield edge("as many positions as tokens and sequences", **_scored(draw, n, n, n, 2.0))


def _scored(draw: Draw, batch: int, position: int, d_vocab: int, spread: float) -> dict[str, Tensor]:
    return {
        "logits": draw.normal(batch, position, d_vocab, scale=spread),
        "tokens": draw.ids((batch, position), d_vocab),
    }


def _pick(table: Tensor, tokens: Tensor) -> Tensor:
    return table.gather(-1, tokens[..., None]).squeeze(-1)


def this_token_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """This scores each token under the logits at its own position. Those have seen it already: the logits at p are a
    prediction of token p+1."""
    return _pick(logits.log_softmax(-1), tokens)[:, :-1]


def previous_token_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """The shift goes the wrong way: the logits at p are held against the token before them. They predict token p+1."""
    return _pick(logits[:, 1:].log_softmax(-1), tokens[:, :-1])


def own_token_from_the_second(logits: Tensor, tokens: Tensor) -> Tensor:
    """The first entry is dropped, but nothing is shifted: each token is scored under the logits at its own position,
    which have seen it. Entry p wants the logits at p and the token at p+1."""
    return _pick(logits.log_softmax(-1), tokens)[:, 1:]


def last_position_wraps_around(logits: Tensor, tokens: Tensor) -> Tensor:
    """There is an entry for the last position, too, which predicts a token that is not in `tokens`: leave it out."""
    return _pick(logits.log_softmax(-1), tokens.roll(-1, dims=1))


def logits_not_normalised(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are the logits of the tokens that came. A logit means something only beside the others: take a log_softmax
    over the vocabulary first."""
    return _pick(logits[:, :-1], tokens[:, 1:])


def probabilities_not_logarithms(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are probabilities; their logarithms are asked for."""
    return _pick(logits[:, :-1].softmax(-1), tokens[:, 1:])


def logarithm_of_a_softmax(logits: Tensor, tokens: Tensor) -> Tensor:
    """Where logits lie hundreds of nats apart, a probability underflows to 0 and its logarithm is -inf. `log_softmax`
    never leaves the logarithm."""
    return _pick(logits[:, :-1].softmax(-1), tokens[:, 1:]).log()


def exponentials_overflow(logits: Tensor, tokens: Tensor) -> Tensor:
    """The exponential of a logit of a few hundred is infinite. Subtract the largest logit of each row first, or use
    `log_softmax`, which does."""
    exponentials = logits[:, :-1].exp()
    return _pick((exponentials / exponentials.sum(-1, keepdim=True)).log(), tokens[:, 1:])


def normalised_over_positions(logits: Tensor, tokens: Tensor) -> Tensor:
    """The softmax runs over positions: it belongs to the last axis, the vocabulary."""
    return _pick(logits.log_softmax(1)[:, :-1], tokens[:, 1:])


def best_guess_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """This is the log-probability of the model's own favourite. What is asked for is that of the token that came."""
    return logits[:, :-1].log_softmax(-1).max(-1).values


def negative_log_probs(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are losses, minus the log-probabilities: leave the sign as it is, so that nothing is above 0."""
    return -_pick(logits[:, :-1].log_softmax(-1), tokens[:, 1:])


def every_position_with_every_token(logits: Tensor, tokens: Tensor) -> Tensor:
    """Indexing with a whole tensor of ids looks up every token at every position. Each position has one token of its own:
    that pairing is what `gather` does."""
    return logits[:, :-1].log_softmax(-1)[:, :, tokens[:, 1:]]


def squeezed_too_much(logits: Tensor, tokens: Tensor) -> Tensor:
    """`squeeze()` takes off every axis of size 1, a batch of one sequence too. Say which you mean: `squeeze(-1)`."""
    return logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze()


def averaged(logits: Tensor, tokens: Tensor) -> Tensor:
    """This is the mean over all tokens; one number for each is asked for, [batch, position-1]."""
    return _pick(logits[:, :-1].log_softmax(-1), tokens[:, 1:]).mean()


next_token_log_probs = Exercise(
    name="next_token_log_probs",
    solutions=SOLUTIONS,
    cases=_next_token_cases,
    wrong=(
        this_token_scored,
        previous_token_scored,
        own_token_from_the_second,
        last_position_wraps_around,
        logits_not_normalised,
        probabilities_not_logarithms,
        logarithm_of_a_softmax,
        exponentials_overflow,
        normalised_over_positions,
        best_guess_scored,
        negative_log_probs,
        every_position_with_every_token,
        squeezed_too_much,
        averaged,
    ),
    hints=(
        "Write the tokens on one line, and under each position what its logits predict. Which logits have nothing to be "
        "held against, and which token is predicted by none?",
        "Turn logits into log-probabilities along the vocabulary, without the last position; the tokens to look up are "
        "all but the first.",
        "`log_probs.gather(-1, index)` picks one entry of each row. It wants an index with as many axes as the table: give "
        "the tokens a last axis of size 1 with `[..., None]`, and take it off again afterwards.",
    ),
    bf16=True,
)


# --- top_k_predictions -----------------------------------------------------------------------------------------------


def _top_k_cases(draw: Draw) -> Iterator[Case]:
    yield basic("four tokens", logits=draw.of([0.5, 2.0, -1.0, 1.0]), k=2)
    for _ in range(3):
        d_vocab = draw.size(5, 40)
        yield general("random logits", logits=draw.normal(d_vocab, scale=2.0), k=draw.size(2, d_vocab - 1))
    yield general("logits hundreds of nats apart", logits=draw.normal(12, scale=300.0), k=5)
    yield general("a large vocabulary", logits=draw.normal(3000, scale=4.0), k=draw.size(5, 40))
    yield edge("k = 0", logits=draw.normal(6), k=0)
    yield edge("k = 1", logits=draw.normal(6), k=1)
    yield edge("k = d_vocab", logits=draw.normal(7), k=7)
    yield edge("a vocabulary of one token", logits=draw.normal(1), k=1)
    yield edge("all logits far below zero", logits=draw.normal(9) - 500.0, k=3)
    yield edge("equal logits", logits=draw.of([1.0, 3.0, 1.0, 3.0, 0.0, 3.0]), k=4)


def _by_probability(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Ids are judged by the probability they point to, and small probabilities relative to their own size."""
    probabilities = args["logits"].softmax(-1)
    ids, values = got[0].to(probabilities.device), got[1]
    # A float32 below 1e-37 has lost digits; in bfloat16 a probability through logarithms is a rough thing.
    relative, absolute = (0.05, 0.05) if values.dtype == torch.bfloat16 else (1e-4, 1e-37)

    def differs(a: Tensor, b: Tensor) -> Tensor:
        return ~torch.isclose(a.double(), b.double().to(a.device), rtol=relative, atol=absolute)

    if differs(values, expected[1]).any():
        return close(args, expected[1], values) or Problem("value", "Result 1: a small probability is wrong.")
    if len(ids) and (ids.min() < 0 or ids.max() >= len(probabilities)):
        return Problem("value", f"Result 0: some ids lie outside 0 … {len(probabilities) - 1}.")
    if len(ids.unique()) < len(ids):
        return Problem("value", "Result 0: an id stands twice.")
    if differs(probabilities[ids], expected[1]).any():
        at = int(differs(probabilities[ids], expected[1]).nonzero()[0])
        return Problem(
            "value",
            f"Result 0: the id at [{at}] is {int(ids[at])}, whose probability is {float(probabilities[ids[at]]):.6g}; "
            f"one with {float(expected[1][at]):.6g} belongs there.",
        )
    return None


def worst_first(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the right k, worst first: turn the order round."""
    best = logits.softmax(-1).topk(k)
    return best.indices.flip(0), best.values.flip(0)


def least_likely(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the k least likely tokens."""
    worst = logits.softmax(-1).topk(k, largest=False)
    return worst.indices, worst.values


def probabilities_first(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The two results are in the wrong order: ids first, then their probabilities."""
    best = logits.softmax(-1).topk(k)
    return best.values, best.indices


def logits_returned(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result holds logits; probabilities are asked for."""
    best = logits.topk(k)
    return best.indices, best.values


def log_probs_returned(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result holds log-probabilities; probabilities are asked for."""
    best = logits.log_softmax(-1).topk(k)
    return best.indices, best.values


def softmax_over_the_best(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The softmax runs over the k best alone, so that they seem to be all there is: take it over the whole vocabulary
    before you choose."""
    best = logits.topk(k)
    return best.indices, best.values.softmax(-1)


def sorted_by_id(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the right k, in the order of their ids: the best belongs first."""
    ids = logits.topk(k).indices.sort().values
    return ids, logits.softmax(-1)[ids]


def exponentials_of_raw_logits(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The exponential of a logit of a few hundred is infinite, and that of one far below zero is 0. `softmax` subtracts
    the largest first."""
    exponentials = logits.exp()
    best = (exponentials / exponentials.sum()).topk(k)
    return best.indices, best.values


def ranks_for_ids(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ids are 0, 1, 2 …, the places in the ranking: which tokens stand at these places?"""
    return torch.arange(k, device=logits.device), logits.softmax(-1).topk(k).values


top_k_predictions = Exercise(
    name="top_k_predictions",
    solutions=SOLUTIONS,
    cases=_top_k_cases,
    answer=_by_probability,
    wrong=(
        worst_first,
        least_likely,
        probabilities_first,
        logits_returned,
        log_probs_returned,
        softmax_over_the_best,
        sorted_by_id,
        exponentials_of_raw_logits,
        ranks_for_ids,
    ),
    hints=(
        "Two steps: logits into probabilities, then the largest of them. In this order: what would the probabilities mean "
        "if you chose first?",
        "`tensor.topk(k)` gives the k largest values and their indices, largest first.",
        "`best = logits.softmax(-1).topk(k)` has `best.values` and `best.indices`; the contract wants the ids first.",
    ),
    bf16=True,
)


# --- head_outputs ----------------------------------------------------------------------------------------------------


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


head_outputs = Exercise(
    name="head_outputs",
    solutions=SOLUTIONS,
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
        '`einops.einsum(z, W_O, "batch position head d_head, head d_head d_model -> …")`: what is not named on the right is '
        "summed over.",
    ),
    gradients=("z", "W_O"),
    bf16=True,
)


# --- head_pattern ----------------------------------------------------------------------------------------------------


def _head_cases(draw: Draw) -> Iterator[Case]:
    def on(model: Any, batch: int, position: int, layer: int, head: int) -> dict[str, Any]:
        return {"model": model, "tokens": draw.ids((batch, position), model.cfg.d_vocab), "layer": layer, "head": head}

    yield basic("two layers of three heads", **on(draw.model(), 2, 5, 0, 1))
    yield basic("the second layer of two", **on(draw.model(), 3, 4, 1, 0))
    yield general("a model with MLPs", **on(draw.model(n_layers=3, n_heads=2, d_mlp=9), 2, 7, draw.size(0, 1), 1))
    yield general("the third layer of three", **on(draw.model(n_layers=3), 2, 5, 2, draw.size(0, 2)))
    yield general("a middle layer", **on(draw.model(n_layers=3, n_heads=4, d_head=2), 3, 6, 1, draw.size(0, 3)))
    yield general("the last head of the last layer", **on(draw.model(n_heads=4, d_model=7), 2, 8, 1, 3))
    yield edge("one layer", **on(draw.model(n_layers=1, d_mlp=6), 2, 5, 0, 2))
    yield edge("one head", **on(draw.model(n_heads=1, d_head=6), 2, 5, 1, 0))
    yield edge("one sequence", **on(draw.model(), 1, 6, 0, 2))
    yield edge("one token", **on(draw.model(), 2, 1, 1, 1))
    yield edge("the full context", **on(draw.model(n_ctx=9), 1, 9, 0, 0))
    yield edge("a model that carries a hook of yours", **on(draw.model(hooked=True), 2, 4, 1, 2))
    yield edge("a model in training mode", **on(draw.model(training=True, d_mlp=5), 2, 4, 0, 1))
    yield edge("as many positions as sequences and heads", **on(draw.model(), 3, 3, 1, 1))


def _cached(model: Any, tokens: Tensor, name: str) -> Tensor:
    with torch.no_grad():
        cached: Tensor = model.run_with_cache(tokens, names_filter=lambda n: n == name)[1][name]
    return cached


def _patterns(model: Any, tokens: Tensor, layer: int) -> Tensor:
    return _cached(model, tokens, f"blocks.{layer}.attn.hook_pattern")


def layers_counted_from_one(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the layer before: layers count from 0."""
    return _patterns(model, tokens, (layer - 1) % model.cfg.n_layers)[:, head]


def first_layer_always(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is layer 0, whatever `layer` is: the name has to contain it, as in `f"blocks.{layer}.attn.hook_pattern"`."""
    return _patterns(model, tokens, 0)[:, head]


def heads_counted_from_one(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the head before: heads count from 0."""
    return _patterns(model, tokens, layer)[:, head - 1]


def last_layer_always(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the last layer's pattern, whatever `layer` is."""
    return _patterns(model, tokens, model.cfg.n_layers - 1)[:, head]


def all_heads(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """These are all heads of the layer, [batch, head, query, key]; one is asked for."""
    return _patterns(model, tokens, layer)


def mean_over_heads(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the mean over all heads. Heads do different things, and a mean of them is what none of them does."""
    return _patterns(model, tokens, layer).mean(1)


def head_for_sequence(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`[head]` picks a sequence: the first axis of a pattern is the batch, the second the head."""
    return _patterns(model, tokens, layer)[head]


def head_for_query(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`[:, :, head]` picks a query: the axes of a pattern are [batch, head, query, key]. (In `hook_z` the head comes third;
    here it comes second.)"""
    return _patterns(model, tokens, layer)[:, :, head]


def first_sequence_only(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the first sequence alone; every sequence of the batch is asked for."""
    return _patterns(model, tokens, layer)[0, head]


def query_and_key_swapped(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """Query and key are swapped: a row is the position that attends, and sums to 1."""
    return _patterns(model, tokens, layer)[:, head].mT


def positions_left_out(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is made from queries and keys as they are before the rotation that tells them their positions; the model's
    scores are made after it. The model holds its patterns ready: `hook_pattern`."""
    q = _cached(model, tokens, f"blocks.{layer}.attn.hook_q")[:, :, head]
    k = _cached(model, tokens, f"blocks.{layer}.attn.hook_k")[:, :, head]
    future = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool, device=q.device).triu(1)
    return (q @ k.mT / model.cfg.d_head**0.5).masked_fill(future, -torch.inf).softmax(-1)


def pattern_hook_left_behind(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The pattern is right, but its hook stays on the model and will run whenever the model runs. `run_with_cache` and
    `run_with_hooks` take theirs off again."""
    kept: list[Tensor] = []
    model.add_hook(f"blocks.{layer}.attn.hook_pattern", lambda pattern, hook: kept.append(pattern))
    with torch.no_grad():
        model(tokens)
    return kept[0][:, head]


head_pattern = Exercise(
    name="head_pattern",
    solutions=SOLUTIONS,
    cases=_head_cases,
    answer=close_to_single_precision,
    wrong=(
        layers_counted_from_one,
        first_layer_always,
        heads_counted_from_one,
        last_layer_always,
        all_heads,
        mean_over_heads,
        head_for_sequence,
        head_for_query,
        first_sequence_only,
        query_and_key_swapped,
        positions_left_out,
        pattern_hook_left_behind,
    ),
    hints=(
        "Nothing has to be computed: the model computes it anyway. How do you get hold of what it computes on the way?",
        "`_, cache = model.run_with_cache(tokens)`. Print `cache.keys()` for a small text and look for the pattern.",
        'The entry is `cache[f"blocks.{layer}.attn.hook_pattern"]`, or `cache["pattern", layer]` for short; its axes are '
        "[batch, head, query, key].",
    ),
)


# --- zero_ablate_head ------------------------------------------------------------------------------------------------


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
    z = _cached(model, tokens, f"blocks.{layer}.attn.hook_z")[:, :, head]
    written = z @ model.W_O[layer, head]
    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(
            tokens, fwd_hooks=[(f"blocks.{last}.hook_resid_post", lambda resid, hook: resid - written)]
        )
    return logits


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


zero_ablate_head = Exercise(
    name="zero_ablate_head",
    solutions=SOLUTIONS,
    cases=_head_cases,
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
        first_layer_ablated,
        ablation_left_on,
        weights_overwritten,
        weights_written_into,
    ),
    hints=(
        "A hook is a function that gets an activation while the model runs, and may hand back another. At which activation "
        "is a head still by itself, and which axis of it is the head?",
        "The place is `blocks.{layer}.attn.hook_z`, [batch, position, head, d_head]. Make a copy, set one head to zero at "
        "every position, return the copy.",
        "`model.run_with_hooks(tokens, fwd_hooks=[(name, function)])` returns the logits and takes the hook off afterwards; "
        "the function is called as `function(z, hook)`.",
    ),
)


EXERCISES = (next_token_log_probs, top_k_predictions, head_outputs, head_pattern, zero_ablate_head)
