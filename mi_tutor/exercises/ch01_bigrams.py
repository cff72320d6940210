"""Chapter 01: counting, smoothing and scoring bigrams; the zero-layer transformer; sampling; large tables."""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mi_tutor.check.compare import ranking
from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law, Score, Tally

SOLUTIONS = "ch01_bigrams"
INF = float("inf")


# --- count_bigrams ---------------------------------------------------------------------------------------------------


def _count_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three tokens", tokens=draw.integers([0, 2, 1]), d_vocab=3)
    yield basic("a pair that occurs three times", tokens=draw.integers([1, 0, 1, 0, 2, 1, 0]), d_vocab=3)
    yield basic("a token followed by itself", tokens=draw.integers([2, 2, 2, 0]), d_vocab=4)
    for _ in range(4):
        d_vocab = draw.size(2, 12)
        yield general("a random text", tokens=draw.ids(draw.size(20, 200), d_vocab), d_vocab=d_vocab)
    yield general("a large vocabulary", tokens=draw.ids(300, 150), d_vocab=150)
    yield edge(
        "a pair that occurs tens of thousands of times", tokens=draw.integers([0] * 33_000 + [1, 0, 1]), d_vocab=2
    )
    yield edge("an empty text", tokens=draw.integers([]), d_vocab=draw.size(1, 4))
    yield edge("a text of one token", tokens=draw.integers([1]), d_vocab=3)
    yield edge("a text of two tokens", tokens=draw.integers([2, 0]), d_vocab=3)
    yield edge("a vocabulary of one token", tokens=draw.integers([0] * draw.size(2, 6)), d_vocab=1)
    yield edge("a vocabulary larger than the ids that occur", tokens=draw.ids(12, 3), d_vocab=7)


def _pairs(tokens: Tensor, nexts: Tensor, d_vocab: int) -> Tensor:
    return torch.bincount(tokens * d_vocab + nexts, minlength=d_vocab**2).reshape(d_vocab, d_vocab)


def rows_and_columns_swapped(tokens: Tensor, d_vocab: int) -> Tensor:
    """Rows and columns are swapped: the row is the current token, the column the one after it."""
    return _pairs(tokens[1:], tokens[:-1], d_vocab)


def each_pair_counted_once(tokens: Tensor, d_vocab: int) -> Tensor:
    """A pair that occurs again is not counted again. `counts[a, b] += 1` with whole tensors of indices writes each
    cell once; the additions have to accumulate."""
    return _pairs(tokens[:-1], tokens[1:], d_vocab).clamp(max=1)


def end_wraps_to_start(tokens: Tensor, d_vocab: int) -> Tensor:
    """The last token is counted as followed by the first: a text has one transition fewer than tokens."""
    return _pairs(tokens, tokens.roll(-1), d_vocab)


def last_transition_dropped(tokens: Tensor, d_vocab: int) -> Tensor:
    """The last transition is missing. Of n tokens n - 1 follow another, and the last token is one of them."""
    return _pairs(tokens[:-2], tokens[1:-1], d_vocab)


def first_transition_dropped(tokens: Tensor, d_vocab: int) -> Tensor:
    """The first transition is missing: counting starts with the pair (token 0, token 1)."""
    return _pairs(tokens[1:-1], tokens[2:], d_vocab)


def pairs_two_apart(tokens: Tensor, d_vocab: int) -> Tensor:
    """These are pairs two positions apart: a bigram is a token and the very next one."""
    return _pairs(tokens[:-2], tokens[2:], d_vocab)


def pairs_do_not_overlap(tokens: Tensor, d_vocab: int) -> Tensor:
    """Only every other pair is counted: windows overlap, and a token is second in one pair and first in the next."""
    n = tokens.numel() // 2 * 2
    return _pairs(tokens[:n:2], tokens[1:n:2], d_vocab)


def order_ignored(tokens: Tensor, d_vocab: int) -> Tensor:
    """Each pair is counted in both orders: (a, b) and (b, a) are different bigrams."""
    counts = _pairs(tokens[:-1], tokens[1:], d_vocab)
    return counts + counts.T


def single_tokens_counted(tokens: Tensor, d_vocab: int) -> Tensor:
    """Each token is paired with itself, so this counts tokens, not pairs: column = next token."""
    return _pairs(tokens, tokens, d_vocab)


def repeats_skipped(tokens: Tensor, d_vocab: int) -> Tensor:
    """A token followed by itself is a transition as well: the diagonal counts too."""
    return _pairs(tokens[:-1], tokens[1:], d_vocab).fill_diagonal_(0)


def table_only_as_large_as_the_ids(tokens: Tensor, d_vocab: int) -> Tensor:
    """The table is as large as the largest id that occurs: it has d_vocab rows and columns whatever occurs."""
    size = int(tokens.max()) + 1 if tokens.numel() else 0
    return _pairs(tokens[:-1], tokens[1:], size) if size else tokens.new_zeros(0, 0)


count_bigrams = Exercise(
    name="count_bigrams",
    solutions=SOLUTIONS,
    cases=_count_cases,
    wrong=(
        rows_and_columns_swapped,
        each_pair_counted_once,
        end_wraps_to_start,
        last_transition_dropped,
        first_transition_dropped,
        pairs_two_apart,
        pairs_do_not_overlap,
        order_ignored,
        single_tokens_counted,
        repeats_skipped,
        table_only_as_large_as_the_ids,
    ),
    hints=(
        "Which tensor holds the current token of every transition, and which the next? Each is `tokens` less one entry.",
        "Number the cells of the table from 0 to d_vocab² - 1, row by row. Which number has the cell (current, next)?",
        "`torch.bincount` counts how often each number occurs; `minlength` makes room for cells that never do. "
        "`index_put_` with accumulate=True is another way.",
    ),
)


# --- bigram_log_probs ------------------------------------------------------------------------------------------------


def _smoothing_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two tokens, add-one", counts=draw.integers([[3, 1], [0, 2]]), smoothing=1.0)
    yield basic("three tokens, smoothing 1.5", counts=draw.integers([[5, 0, 1], [2, 2, 0], [0, 1, 7]]), smoothing=1.5)
    for smoothing in (1.0, 0.1, 2.5, 1e-6):
        d_vocab = draw.size(2, 12)
        counts = draw.ids((d_vocab, d_vocab), 30) * draw.ids((d_vocab, d_vocab), 2)
        yield general(f"random counts, smoothing {smoothing:g}", counts=counts, smoothing=smoothing)
    n = draw.size(3, 8)
    yield general("every pair seen, no smoothing", counts=draw.ids((n, n), 50) + 1, smoothing=0.0)
    yield general("counts in the millions", counts=draw.ids((n, n), 30_000_000), smoothing=0.25)
    yield edge(
        "a token never seen, with smoothing", counts=draw.integers([[4, 0, 1], [0, 0, 0], [2, 2, 9]]), smoothing=0.3
    )
    yield edge("no counts at all, with smoothing", counts=draw.integers([[0] * n] * n), smoothing=2.0)
    yield edge("unseen pairs without smoothing", counts=draw.integers([[4, 0, 1], [0, 3, 0], [2, 2, 0]]), smoothing=0.0)
    yield edge("a vocabulary of one token", counts=draw.integers([[draw.size(1, 9)]]), smoothing=1.0)


def _log_ratio(above: Tensor, below: Tensor) -> Tensor:
    return (above.double() / below.double()).log().float()


def columns_normalised(counts: Tensor, smoothing: float) -> Tensor:
    """The columns are distributions, not the rows: normalise over the next token, the last axis."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum(0, keepdim=True))


def table_normalised_as_a_whole(counts: Tensor, smoothing: float) -> Tensor:
    """The whole table sums to one: that is the probability of a pair. Each row has to be a distribution of its own."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum())


def rows_divided_by_one_anothers_sums(counts: Tensor, smoothing: float) -> Tensor:
    """Each entry is divided by the sum of another row: `sum(-1)` drops an axis, and broadcasting lays what is left along the
    columns. `keepdim=True` keeps each sum beside its row."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum(-1))


def probabilities_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added to the probabilities: it belongs to the counts, before they are divided."""
    probs = (counts.double() / counts.sum(-1, keepdim=True)).nan_to_num() + smoothing
    return (probs / probs.sum(-1, keepdim=True)).log().float()


def smoothing_after_dividing(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added after the division, so that a row sums to more than 1: add it to the counts first, then
    divide by the sum of what you have."""
    return ((counts.double() / counts.sum(-1, keepdim=True)) + smoothing).log().float()


def denominator_not_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """The counts are smoothed but not their sum: add `smoothing` first, then divide by the sum of what you have."""
    return _log_ratio(counts + smoothing, counts.sum(-1, keepdim=True))


def denominator_smoothed_once(counts: Tensor, smoothing: float) -> Tensor:
    """The row's sum grows by `smoothing` once, where each of the d_vocab entries has grown: add d_vocab · smoothing."""
    return _log_ratio(counts + smoothing, counts.sum(-1, keepdim=True) + smoothing)


def only_unseen_pairs_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added where the count is zero only: it belongs to every entry, seen or not."""
    smoothed = torch.where(counts == 0, smoothing, counts.double())
    return _log_ratio(smoothed, smoothed.sum(-1, keepdim=True))


def always_add_one(counts: Tensor, smoothing: float) -> Tensor:
    """One is added whatever `smoothing` is."""
    smoothed = counts + 1.0
    return _log_ratio(smoothed, smoothed.sum(-1, keepdim=True))


def smoothing_ignored(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is not used: pairs never seen keep probability 0."""
    return _log_ratio(counts, counts.sum(-1, keepdim=True))


def logarithm_missing(counts: Tensor, smoothing: float) -> Tensor:
    """These are probabilities; their logarithms are asked for."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).float()


def bits_for_nats(counts: Tensor, smoothing: float) -> Tensor:
    """These are logarithms to base 2: in this course everything is in nats, the natural logarithm."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).log2().float()


def softmax_of_counts(counts: Tensor, smoothing: float) -> Tensor:
    """This is a softmax of the counts: counts are proportional to probabilities already, and are divided by their sum."""
    return (counts.double() + smoothing).log_softmax(-1).float()


def epsilon_in_the_logarithm(counts: Tensor, smoothing: float) -> Tensor:
    """A small number hidden in the logarithm makes impossible pairs possible: without smoothing they have
    log-probability -inf, and that is meant."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True) + 1e-8).log().float()


bigram_log_probs = Exercise(
    name="bigram_log_probs",
    solutions=SOLUTIONS,
    cases=_smoothing_cases,
    wrong=(
        columns_normalised,
        table_normalised_as_a_whole,
        rows_divided_by_one_anothers_sums,
        probabilities_smoothed,
        smoothing_after_dividing,
        denominator_not_smoothed,
        denominator_smoothed_once,
        only_unseen_pairs_smoothed,
        always_add_one,
        smoothing_ignored,
        logarithm_missing,
        bits_for_nats,
        softmax_of_counts,
        epsilon_in_the_logarithm,
    ),
    hints=(
        "Pretend that every pair was seen `smoothing` times more than it was. What is each row's sum then?",
        "Add, divide by the sum over the last axis (keepdim=True keeps the shapes in line), take the logarithm.",
        "log 0 is -inf in torch, without an error; a row of equal numbers is uniform. No case needs an `if`.",
    ),
)


# --- bigram_cross_entropy --------------------------------------------------------------------------------------------


def _with_impossible(log_probs: Tensor, row: int, column: int) -> Tensor:
    changed = log_probs.clone()
    changed[row, column] = -INF
    changed[row] = changed[row].log_softmax(-1)
    return changed


def _score_cases(draw: Draw) -> Iterator[Case]:
    two = draw.of([[0.75, 0.25], [0.5, 0.5]]).log()
    yield basic("three tokens", log_probs=two, tokens=draw.integers([0, 1, 0]))
    yield basic("a transition that occurs three times", log_probs=two, tokens=draw.integers([0, 0, 0, 0, 1]))
    for spread in (1.0, 3.0, 60.0, 400.0):
        d_vocab = draw.size(2, 12)
        tokens = draw.ids(draw.size(20, 120), d_vocab)
        yield general("a random text", log_probs=draw.log_probs(d_vocab, d_vocab, spread), tokens=tokens)
    yield edge("a text of two tokens", log_probs=draw.log_probs(3, 3), tokens=draw.integers([2, 0]))
    yield edge("a vocabulary of one token", log_probs=draw.of([[0.0]]), tokens=draw.integers([0, 0, 0]))
    impossible = _with_impossible(draw.log_probs(4, 4), 3, 1)
    yield edge(
        "an impossible transition that does not occur", log_probs=impossible, tokens=draw.integers([0, 3, 2, 1, 1])
    )
    yield edge("an impossible transition that occurs", log_probs=impossible, tokens=draw.integers([0, 3, 1, 1, 2]))
    yield edge("a vocabulary larger than the ids that occur", log_probs=draw.log_probs(7, 7), tokens=draw.ids(9, 3))


def summed_for_mean(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the sum over transitions; the mean is asked for."""
    return -log_probs[tokens[:-1], tokens[1:]].sum()


def divided_by_tokens(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The sum is divided by the number of tokens: there is one transition fewer."""
    return -log_probs[tokens[:-1], tokens[1:]].sum() / tokens.numel()


def sign_forgotten(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The sign is the wrong way round: a loss is minus the mean log-probability, and never negative."""
    return log_probs[tokens[:-1], tokens[1:]].mean()


def looked_up_backwards(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The table is read as [next, current]: its row is the current token."""
    return -log_probs[tokens[1:], tokens[:-1]].mean()


def own_token_scored(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Each token is scored as its own successor: the column has to be the next token."""
    return -log_probs[tokens, tokens].mean()


def scored_in_bits(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the loss in bits; nats are asked for, so nothing has to be divided by ln 2."""
    return -log_probs[tokens[:-1], tokens[1:]].mean() / torch.tensor(2.0).log().item()


def perplexity(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the perplexity, the exponential of the loss."""
    return (-log_probs[tokens[:-1], tokens[1:]].mean()).exp()


def log_of_mean_probability(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the logarithm of the mean probability: take logarithms first, then the mean."""
    return -log_probs[tokens[:-1], tokens[1:]].exp().mean().log()


def entropy_of_the_table(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the mean entropy of the table's rows, which says how sure the model is, whatever the text: look up the transitions
    that occur in `tokens`."""
    return -(log_probs.exp() * log_probs).sum(1).mean()


def each_transition_scored_once(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Each kind of transition is counted once: one that occurs three times counts three times."""
    pairs = torch.stack([tokens[:-1], tokens[1:]]).unique(dim=1)
    return -log_probs[pairs[0], pairs[1]].mean()


def zero_times_infinity(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Counts times log-probabilities is 0 · (-inf) = NaN for an impossible pair that never occurs. Look up only the
    transitions that do occur."""
    counts = _pairs(tokens[:-1], tokens[1:], log_probs.shape[0]).to(log_probs)
    return -(counts * log_probs).sum() / counts.sum()


def impossible_transitions_left_out(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Transitions of probability 0 are left out: one that occurs makes the loss infinite, and that is meant."""
    found = log_probs[tokens[:-1], tokens[1:]]
    return -found[found.isfinite()].mean()


def impossible_made_merely_unlikely(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities are clipped, so an impossible transition that occurs costs something finite: it costs +inf."""
    return -log_probs.clamp(min=-1e4)[tokens[:-1], tokens[1:]].mean()


bigram_cross_entropy = Exercise(
    name="bigram_cross_entropy",
    solutions=SOLUTIONS,
    cases=_score_cases,
    wrong=(
        summed_for_mean,
        divided_by_tokens,
        sign_forgotten,
        looked_up_backwards,
        own_token_scored,
        scored_in_bits,
        perplexity,
        log_of_mean_probability,
        entropy_of_the_table,
        each_transition_scored_once,
        zero_times_infinity,
        impossible_transitions_left_out,
        impossible_made_merely_unlikely,
    ),
    hints=(
        "For one transition from a to b, which entry of the table is the log-probability that the model gave it?",
        "Two tensors of the same length index a table together: `table[rows, columns]` picks one entry for each pair.",
        "The rows are `tokens[:-1]`, the columns `tokens[1:]`. What remains is a sign and a mean.",
    ),
)


# --- direct_path_logits ----------------------------------------------------------------------------------------------


def logits_transposed(W_E: Tensor, W_U: Tensor) -> Tensor:
    """Rows and columns are swapped: row = current token, which W_E embeds; column = next token, which W_U reads out."""
    return (W_E @ W_U).T


def unembedding_first(W_E: Tensor, W_U: Tensor) -> Tensor:
    """This is `W_U @ W_E`, of shape [d_model, d_model]. A token is a row here: it goes through W_E first, then through
    W_U. (Papers that write W_U W_E have tokens in columns.)"""
    return W_U @ W_E


def logits_turned_to_log_probs(W_E: Tensor, W_U: Tensor) -> Tensor:
    """These are log-probabilities: the logits are asked for, before any softmax."""
    return (W_E @ W_U).log_softmax(-1)


def logits_turned_to_probs(W_E: Tensor, W_U: Tensor) -> Tensor:
    """These are probabilities: the logits are asked for, before any softmax."""
    return (W_E @ W_U).softmax(-1)


def rows_centred(W_E: Tensor, W_U: Tensor) -> Tensor:
    """Each row has had its mean taken away. A softmax does not see the difference, but the logits as they are, are
    asked for."""
    logits = W_E @ W_U
    return logits - logits.mean(-1, keepdim=True)


def embeddings_centred(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The embeddings have been centred over d_model, as a LayerNorm would; the direct path uses them as they are."""
    return (W_E - W_E.mean(-1, keepdim=True)) @ W_U


def embeddings_normalised(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The embeddings have been brought to unit length; this model has no norm between embedding and unembedding."""
    return F.normalize(W_E, dim=-1) @ W_U


def scaled_as_attention(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The logits are divided by √d_model: that scale belongs to attention scores, not to the direct path."""
    return W_E @ W_U / W_E.shape[-1] ** 0.5


def embedding_used_twice(W_E: Tensor, W_U: Tensor) -> Tensor:
    """This is W_E W_Eᵀ: the logits come from the unembedding W_U, which need not be the embedding turned round."""
    return W_E @ W_E.T + 0 * W_U.sum()


def cut_from_the_graph(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The numbers are right, but no gradient flows back: `.detach()`, `.data`, `torch.no_grad` or NumPy cut the graph."""
    return (W_E @ W_U).detach()


direct_path_logits = Exercise(
    name="direct_path_logits",
    solutions=SOLUTIONS,
    gradients=("W_E", "W_U"),
    bf16=True,
    wrong=(
        logits_transposed,
        unembedding_first,
        logits_turned_to_log_probs,
        logits_turned_to_probs,
        rows_centred,
        embeddings_centred,
        embeddings_normalised,
        scaled_as_attention,
        embedding_used_twice,
        cut_from_the_graph,
    ),
    hints=(
        "The residual stream after token a is row a of W_E. What does the unembedding do to one such row?",
        "A residual vector becomes logits as `x @ W_U`. All tokens at once are all rows at once.",
        "It is one matrix product; look at the axis names to see in which order.",
    ),
)


# --- top_successors --------------------------------------------------------------------------------------------------


def _successor_cases(draw: Draw) -> Iterator[Case]:
    yield basic("four tokens", W_E=draw.normal(4, 2), W_U=draw.normal(2, 4), k=2, chunk_size=2)
    yield basic("large logits", W_E=draw.normal(5, 3, scale=10), W_U=draw.normal(3, 5, scale=10), k=3, chunk_size=5)
    for chunk_size in (3, 7, 4):
        d_vocab, d_model = draw.size(9, 24), draw.size(2, 7)
        W_E, W_U = draw.normal(d_vocab, d_model), draw.normal(d_model, d_vocab)
        yield general(f"chunks of {chunk_size}", W_E=W_E, W_U=W_U, k=draw.size(2, 6), chunk_size=chunk_size)
    # The second chunk is smaller than √d_vocab, so that as many chunks as rows in one will not do.
    for vocabulary, chunks, d_model, k in (((420, 560), (35, 56), 5, 3), ((150, 200), (9, 11), 2, 1)):
        d_vocab, chunk_size = draw.size(*vocabulary), draw.size(*chunks)
        args = {
            "W_E": draw.normal(d_vocab, d_model),
            "W_U": draw.normal(d_model, d_vocab),
            "k": k,
            "chunk_size": chunk_size,
        }
        # The best k in pieces and joined, and a copy of each matrix.
        allowance = 2 * d_vocab * (k + d_model)
        what = f"a vocabulary of {d_vocab}, watching memory"
        yield Case("general", what, args, block=(chunk_size, d_vocab, allowance))
    W_E, W_U = draw.normal(7, 3), draw.normal(3, 7)
    yield edge("k = 1", W_E=W_E, W_U=W_U, k=1, chunk_size=4)
    yield edge("k = d_vocab", W_E=W_E, W_U=W_U, k=7, chunk_size=4)
    yield edge("one row at a time", W_E=W_E, W_U=W_U, k=2, chunk_size=1)
    yield edge("a chunk larger than the vocabulary", W_E=W_E, W_U=W_U, k=2, chunk_size=20)
    yield edge("ties", W_E=W_E, W_U=torch.cat([W_U[:, :4], W_U[:, :3]], dim=1), k=3, chunk_size=3)
    yield edge("a vocabulary of one token", W_E=draw.normal(1, 2), W_U=draw.normal(2, 1), k=1, chunk_size=1)
    yield edge("a d_model of 1", W_E=draw.normal(6, 1), W_U=draw.normal(1, 6), k=2, chunk_size=4)
    yield large_table(
        draw, lambda n: {"W_E": draw.normal(n, 4), "W_U": draw.normal(4, n), "k": 3, "chunk_size": draw.size(50, 70)}
    )


def _blocks(W_E: Tensor, chunk_size: int) -> Iterator[Tensor]:
    return (W_E[i : i + chunk_size] for i in range(0, W_E.shape[0], chunk_size))


def whole_table_built(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The whole d_vocab × d_vocab table is built at once. Work through `chunk_size` rows at a time and keep only the
    best k of each row."""
    values, ids = (W_E @ W_U).topk(k)
    return values, ids


def every_block_kept(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The blocks are made one by one but all of them are kept, so together they are the whole table again. Take the
    best k of a block before you make the next."""
    blocks = [rows @ W_U for rows in _blocks(W_E, chunk_size)]
    best = [block.topk(k) for block in blocks]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def least_for_most(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """These are the k smallest logits; the k largest are asked for."""
    best = [(rows @ W_U).topk(k, largest=False) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def best_last(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The right ones, but the best comes last: best first."""
    best = [(rows @ W_U).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values.flip(-1) for b in best]), torch.cat([b.indices.flip(-1) for b in best])


def largest_by_magnitude(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """These are the largest in magnitude: a strongly negative logit is an unlikely successor."""
    values, ids = [], []
    for rows in _blocks(W_E, chunk_size):
        logits = rows @ W_U
        chosen = logits.abs().topk(k).indices
        values.append(logits.gather(-1, chosen))
        ids.append(chosen)
        del logits
    return torch.cat(values), torch.cat(ids)


def predecessors_for_successors(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """For each token these are the best predecessors, the largest of its column; successors are in its row."""
    best = [(W_E @ columns.T).topk(k, dim=0) for columns in _blocks(W_U.T, chunk_size)]
    return torch.cat([b.values.T for b in best]), torch.cat([b.indices.T for b in best])


def probabilities_for_logits(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The ids are right, the values are probabilities: the logits are asked for."""
    best = [(rows @ W_U).softmax(-1).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def last_partial_chunk_lost(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The rows after the last full chunk are missing: when chunk_size does not divide d_vocab the last chunk is shorter."""
    whole = W_E[: W_E.shape[0] // chunk_size * chunk_size]
    best = [(rows @ W_U).topk(k) for rows in _blocks(whole, chunk_size)]
    empty = W_E.new_zeros(0, k)
    return torch.cat([empty, *(b.values for b in best)]), torch.cat([empty.long(), *(b.indices for b in best)])


def pieces_for_rows(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """`chunk(n)` makes n pieces; what is asked for are pieces of n rows, which is `split(n)`."""
    best = [(rows @ W_U).topk(k) for rows in W_E.chunk(chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def ids_count_from_the_chunk(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The vocabulary was cut into chunks, and the ids count from the start of a chunk: cut the rows of W_E instead, or
    add where the chunk begins."""
    values = [rows @ W_U for rows in _blocks(W_E, chunk_size)]
    best = [block.topk(k) for block in values]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best]) % chunk_size


def ids_before_values(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """Ids and values are the wrong way round: the logits come first, then their ids."""
    best = [(rows @ W_U).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.indices for b in best]), torch.cat([b.values for b in best])


def _logits_of(ids: Tensor, W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> Tensor:
    return torch.einsum("vd,dvk->vk", W_E, W_U[:, ids])


def _d_vocab(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> int:
    return W_U.shape[1]


top_successors = Exercise(
    name="top_successors",
    solutions=SOLUTIONS,
    cases=_successor_cases,
    answer=ranking(_logits_of, _d_vocab, values=0, ids=1),
    bf16=True,
    wrong=(
        whole_table_built,
        every_block_kept,
        least_for_most,
        best_last,
        largest_by_magnitude,
        predecessors_for_successors,
        probabilities_for_logits,
        last_partial_chunk_lost,
        pieces_for_rows,
        ids_count_from_the_chunk,
        ids_before_values,
    ),
    hints=(
        "Which rows of the table of logits do the first chunk_size rows of W_E give? What of them do you need later?",
        "`range(0, d_vocab, chunk_size)` gives the first row of each chunk; a slice past the end is simply shorter.",
        "For each chunk: a product with W_U, then `topk(k)`, and keep its values and indices. Join the pieces with "
        "`torch.cat` at the end. A block you still have a name for stays in memory.",
    ),
)


# --- mean_kl ---------------------------------------------------------------------------------------------------------


def _kl_cases(draw: Draw) -> Iterator[Case]:
    target = draw.of([[0.5, 0.5], [0.9, 0.1]]).log()
    yield basic(
        "two tokens", target_log_probs=target, logits=draw.of([[1.0, 0.0], [2.0, -1.0]]), weights=draw.of([1.0, 1.0])
    )
    yield basic(
        "weights 3 and 1",
        target_log_probs=target,
        logits=draw.of([[0.0, 2.0], [1.0, 3.0]]),
        weights=draw.of([3.0, 1.0]),
    )
    for spread in (1.0, 3.0, 6.0):
        n = draw.size(3, 9)
        yield general(
            "random tables",
            target_log_probs=draw.log_probs(n, n, spread=4.0),
            logits=draw.normal(n, n, scale=spread) + draw.normal(n, 1, scale=20),
            weights=draw.of(draw.ids(n, 200)) + 1,
        )
    n = draw.size(3, 6)
    zeros = _with_impossible(_with_impossible(draw.log_probs(n, n), 0, 1), 2, 0)
    weights = draw.normal(n).abs() + 0.1
    yield general("pairs of probability 0", target_log_probs=zeros, logits=draw.normal(n, n), weights=weights)
    yield general(
        "logits hundreds of nats apart",
        target_log_probs=draw.log_probs(n, n),
        logits=draw.normal(n, n, scale=300),
        weights=weights,
    )
    logits = draw.normal(n, n)
    logits[0, 1] = -INF
    yield edge("a logit of -inf where the target is 0", target_log_probs=zeros, logits=logits, weights=weights)
    certain = draw.of([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).log()
    yield edge(
        "a target that is certain", target_log_probs=certain, logits=draw.normal(3, 3), weights=draw.of([2.0, 1.0, 5.0])
    )
    some = weights.clone()
    some[0] = 0
    yield edge("a weight of 0", target_log_probs=draw.log_probs(n, n), logits=draw.normal(n, n), weights=some)
    low = logits.nan_to_num(neginf=-5e3)
    yield edge("a logit of minus thousands", target_log_probs=draw.log_probs(n, n), logits=low, weights=weights)
    yield edge("small weights", target_log_probs=draw.log_probs(n, n), logits=draw.normal(n, n), weights=weights * 1e-3)
    yield edge(
        "a vocabulary of one token", target_log_probs=draw.of([[0.0]]), logits=draw.normal(1, 1), weights=draw.of([2.0])
    )


def _weighted(kl: Tensor, weights: Tensor) -> Tensor:
    return (weights * kl).sum() / weights.sum()


def _row_kl(target_log_probs: Tensor, log_probs: Tensor) -> Tensor:
    target = target_log_probs.exp()
    return torch.where(target > 0, target * (target_log_probs - log_probs), 0.0).sum(-1)


def divergence_reversed(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The divergence is the wrong way round: this is KL(model ‖ target), an average under the model. KL(target ‖ model)
    averages under the target."""
    return _weighted(_row_kl(logits.log_softmax(-1), target_log_probs), weights)


def weights_not_used(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """Every row counts the same: row i counts weights_i / sum(weights)."""
    return _row_kl(target_log_probs, logits.log_softmax(-1)).mean() + 0 * weights.sum()


def weights_not_normalised(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The weights are not divided by their sum."""
    return (weights * _row_kl(target_log_probs, logits.log_softmax(-1))).sum()


def weighted_sum_divided_by_rows(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum is divided by the number of rows: divide it by the sum of the weights."""
    return (weights * _row_kl(target_log_probs, logits.log_softmax(-1))).mean()


def mean_over_next_tokens(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """Within a row the terms are averaged over next tokens: a divergence is their sum. (`F.kl_div` averages over every
    entry by default.)"""
    return _weighted(_row_kl(target_log_probs, logits.log_softmax(-1)) / logits.shape[-1], weights)


def cross_entropy_for_divergence(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """This is the cross-entropy: the divergence is the cross-entropy less the target's own entropy."""
    target = target_log_probs.exp()
    return _weighted(-torch.where(target > 0, target * logits.log_softmax(-1), 0.0).sum(-1), weights)


def logits_taken_for_log_probs(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The logits are used as if they were log-probabilities: a log_softmax over the last axis is missing."""
    return _weighted(_row_kl(target_log_probs, logits), weights)


def softmax_over_rows(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The softmax is over the current token: over the next one, the last axis."""
    return _weighted(_row_kl(target_log_probs, logits.log_softmax(0)), weights)


def zero_times_minus_infinity(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A target of probability 0 gives 0 · (-inf) = NaN. Such a pair contributes 0: mask the whole product with
    `torch.where` or `masked_fill`; a mask on the target alone leaves the -inf beside it. (`F.kl_div` with log_target=True
    masks nothing; with probabilities as its target it does.)"""
    return _weighted((target_log_probs.exp() * (target_log_probs - logits.log_softmax(-1))).sum(-1), weights)


def impossible_made_certain(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The mask puts 0 in place of a target's log-probability of -inf, and the exponential of 0 is 1: impossible pairs
    become certain ones. Mask the whole product, target · (difference of logarithms), and leave the target as it is."""
    target = torch.where(target_log_probs == -INF, 0.0, target_log_probs)
    return _weighted((target.exp() * (target - logits.log_softmax(-1))).sum(-1), weights)


def logarithm_of_a_softmax(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A softmax and then a logarithm: an unlikely token's probability is rounded to 0 and its logarithm is -inf.
    `log_softmax` does not leave the logarithms."""
    return _weighted(_row_kl(target_log_probs, logits.softmax(-1).log()), weights)


def epsilon_against_the_zero(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A small number inside the logarithm hides how wrong the model is about unlikely tokens. `log_softmax` needs none."""
    return _weighted(_row_kl(target_log_probs, (logits.softmax(-1) + 1e-9).log()), weights)


def epsilon_in_the_target(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A small number inside the target's logarithm changes every term a little: choose the terms of probability 0 instead,
    with `torch.where`."""
    target = target_log_probs.exp()
    return _weighted((target * ((target + 1e-9).log() - logits.log_softmax(-1))).sum(-1), weights)


def divergence_cut_from_the_graph(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The number is right, but no gradient reaches the logits: something on the way detaches them."""
    return _weighted(_row_kl(target_log_probs, logits.detach().log_softmax(-1)), weights)


mean_kl = Exercise(
    name="mean_kl",
    solutions=SOLUTIONS,
    cases=_kl_cases,
    gradients=("logits",),
    wrong=(
        divergence_reversed,
        weights_not_used,
        weights_not_normalised,
        weighted_sum_divided_by_rows,
        mean_over_next_tokens,
        cross_entropy_for_divergence,
        logits_taken_for_log_probs,
        softmax_over_rows,
        zero_times_minus_infinity,
        impossible_made_certain,
        logarithm_of_a_softmax,
        epsilon_against_the_zero,
        epsilon_in_the_target,
        divergence_cut_from_the_graph,
    ),
    hints=(
        "KL(p ‖ q) is the sum over next tokens of p · (log p - log q). Which of the three do you have, which must be made?",
        "`log_softmax` over the last axis makes log q without ever leaving logarithms, however far apart the logits are.",
        "Where p = 0 the term is 0, but 0 · (-inf) is NaN in a computer: let `torch.where(p > 0, term, 0.0)` decide. "
        "Then weigh the rows.",
    ),
)


# --- sample_bigrams --------------------------------------------------------------------------------------------------


def _sample_cases(draw: Draw) -> Iterator[Case]:
    cycle = draw.of([[-INF, 0.0, -INF], [-INF, -INF, 0.0], [0.0, -INF, -INF]])
    yield basic("a table that leaves no choice", log_probs=cycle, start=1, length=7, generator=draw.generator())
    yield _long(
        "three tokens", draw.of([[0.8, 0.15, 0.05], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]]).log(), draw, group="basic"
    )
    n = draw.size(5, 7)
    yield _long("a random table", draw.log_probs(n, n, spread=2.0), draw, length=6000)
    few = [[0.0 if (column - row) % n in (1, 2) else -INF for column in range(n)] for row in range(n)]
    yield _long("a table with many impossible pairs", (draw.normal(n, n) + draw.of(few)).log_softmax(-1), draw)
    yield _long("rows that are all alike", draw.of([[0.3, 0.25, 0.2, 0.15, 0.1]] * 5).log(), draw)
    short = {"log_probs": draw.log_probs(4, 4, spread=1.0), "start": 2, "length": 3, "generator": draw.generator()}
    yield Case("general", "many short samples", short, calls=600)
    yield edge("a length of 1", log_probs=draw.log_probs(3, 3), start=2, length=1, generator=draw.generator())
    yield edge("a length of 2", log_probs=draw.log_probs(3, 3), start=0, length=2, generator=draw.generator())
    yield edge("a vocabulary of one token", log_probs=draw.of([[0.0]]), start=0, length=4, generator=draw.generator())
    apart = draw.log_probs(5, 5, spread=200.0)
    yield edge(
        "log-probabilities hundreds of nats apart", log_probs=apart, start=4, length=30, generator=draw.generator()
    )


def _long(what: str, log_probs: Tensor, draw: Draw, group: str = "general", length: int = 1500) -> Case:
    start = draw.size(0, log_probs.shape[0] - 1)
    args = {"log_probs": log_probs, "start": start, "length": length, "generator": draw.generator()}
    return Case(group, what, args, calls=2)


def _valid_sample(args: dict[str, Any], sample: Tensor) -> str | None:
    d_vocab = args["log_probs"].shape[0]
    if int(sample.min()) < 0 or int(sample.max()) >= d_vocab:
        return f"Some of the ids lie outside 0 … {d_vocab - 1}."
    if int(sample[0]) != args["start"]:
        return "The sample does not begin with `start`, which is its first token."
    return None


def _transition_tallies(args: dict[str, Any], samples: list[Tensor]) -> Iterator[Tally | Score]:
    probs = args["log_probs"].double().cpu().exp()
    d_vocab = probs.shape[0]
    named = [f"token {token}" for token in range(d_vocab)]
    tokens = torch.stack(samples).cpu()
    if tokens.shape[1] < 2:
        return
    for token in range(d_vocab):
        after = tokens[:, 1:][tokens[:, :-1] == token]
        counts = torch.bincount(after, minlength=d_vocab)
        yield Tally(f"the successors of token {token}", counts, probs[token], outcomes=named)
    for lag in (1, 2, 3):
        # Given the current token, what came before tells nothing: one random number used twice would.
        sentence = "The draws are not independent of one another: is one random number used more than once?"
        before, now, after = tokens[:, : -lag - 1], tokens[:, lag:-1], tokens[:, lag + 1 :]
        for token in range(d_vocab):
            for earlier in range(d_vocab):
                chosen = after[(now == token) & (before == earlier)]
                name = f"the successors of token {token} with token {earlier} {lag} before it"
                yield Tally(name, torch.bincount(chosen, minlength=d_vocab), probs[token], sentence, named)

    yield from _surprise(args["log_probs"].double().cpu(), tokens)
    yield _repeats(probs, tokens)


def _surprise(log_probs: Tensor, tokens: Tensor) -> Iterator[Score]:
    """The log-probability of what was drawn, beside its mean and variance given each token before."""
    # Cut off below: a single token of probability e^-200 would outweigh all others.
    terms = log_probs.clamp(min=-6.0)
    mean = (log_probs.exp() * terms).sum(-1)
    variance = (log_probs.exp() * (terms - mean[:, None]).square()).sum(-1)
    before = tokens[:, :-1]
    total = float(terms[before, tokens[:, 1:]].sum())
    bold = total > float(mean[before].sum())
    sentence = (
        f"Likely tokens come {'more' if bold else 'less'} often than their probability says, a little in every row."
    )
    furthest = float((terms - mean[:, None]).abs()[log_probs > -INF].max())
    # Bernstein's inequality: with this much variance the tail is close enough to a normal one's.
    if float(variance[before].sum()) > 30 * furthest**2:
        yield Score("surprise", total, float(mean[before].sum()), float(variance[before].sum()), sentence)


def _repeats(probs: Tensor, tokens: Tensor) -> Tally:
    """Stretches that occur twice to the letter, long enough that chance would never do it."""
    # Two independent continuations agree at each step with at most this probability.
    agree = float(probs.square().sum(-1).max())
    pairs = tokens.numel() ** 2
    sentence = "Whole stretches come again word for word: random numbers are used more than once."
    name, never, outcomes = "stretches", torch.tensor([0.0, 1.0]), ("one that had come before", "a new one")
    if agree > 0.6 or pairs < 10_000:
        return Tally(name, torch.tensor([0, 1]), never, sentence, outcomes)
    length = math.ceil((math.log(pairs) + 28) / -math.log(agree))
    stretches = [tuple(row[i : i + length]) for row in tokens.tolist() for i in range(len(row) - length)]
    again = len(stretches) - len(set(stretches))
    return Tally(name, torch.tensor([again, len(stretches)]), never, sentence, outcomes)


def _draw_next(weights: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(weights, 1, generator=generator))


def always_from_the_start_token(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Every token is drawn from the row of `start`: the row has to be that of the token drawn last."""
    rest = [_draw_next(log_probs[start].exp(), generator) for _ in range(length - 1)]
    return torch.tensor([start, *rest], device=log_probs.device)


def most_likely_taken(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The most likely token is taken each time: draw it, in proportion to its probability."""
    tokens = [start]
    for _ in range(length - 1):
        _draw_next(log_probs[tokens[-1]].exp(), generator)
        tokens.append(int(log_probs[tokens[-1]].argmax()))
    return torch.tensor(tokens, device=log_probs.device)


def nothing_drawn(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Nothing is random here: the most likely token is taken each time. Draw it, in proportion to its probability."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(int(log_probs[tokens[-1]].argmax()))
    return torch.tensor(tokens, device=log_probs.device)


def start_not_counted(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """`length` tokens come after `start`: it counts, so one fewer is drawn."""
    tokens = [start]
    for _ in range(length):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


def start_left_out(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """`start` itself is missing from the sample: it is the first of the `length` tokens."""
    return start_not_counted(log_probs, start, length, generator)[1:]


def columns_drawn_from(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The next token is drawn from the current token's column: its row holds the successors."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[:, tokens[-1]].exp() + 1e-12, generator))
    return torch.tensor(tokens, device=log_probs.device)


def uniform_draws(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Every token is equally likely here: the probabilities in `log_probs` are not used."""
    rest = torch.randint(log_probs.shape[0], (length - 1,), generator=generator, device=log_probs.device)
    return torch.cat([torch.tensor([start], device=log_probs.device), rest])


def softmax_of_probabilities(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """A softmax is taken of probabilities: the exponential of `log_probs` is a distribution already."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp().softmax(-1), generator))
    return torch.tensor(tokens, device=log_probs.device)


def log_probs_used_as_weights(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The logarithms themselves are used as weights, and they are negative: `log_probs.exp()` gives the probabilities."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]], generator))
    return torch.tensor(tokens, device=log_probs.device)


def sharpened(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The distribution is sharper than the table's: there is no temperature here, and no cutting off of unlikely
    tokens."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next((2 * log_probs[tokens[-1]]).exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


def one_number_for_all_steps(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """One random number decides every step: each step needs a draw of its own."""
    u = float(torch.rand((), generator=generator, device=log_probs.device, dtype=torch.float64))
    cumulative = log_probs.double().exp().cumsum(-1)
    tokens = [start]
    for _ in range(length - 1):
        row = cumulative[tokens[-1]]
        tokens.append(min(int((row <= u * float(row[-1])).sum()), row.numel() - 1))
    return torch.tensor(tokens, device=log_probs.device)


def generator_ignored(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(int(torch.multinomial(log_probs[tokens[-1]].exp(), 1)))
    return torch.tensor(tokens, device=log_probs.device)


def generator_seeded_again(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


sample_bigrams = Exercise(
    name="sample_bigrams",
    solutions=SOLUTIONS,
    cases=_sample_cases,
    law=Law(_transition_tallies, _valid_sample),
    wrong=(
        always_from_the_start_token,
        most_likely_taken,
        nothing_drawn,
        start_not_counted,
        start_left_out,
        columns_drawn_from,
        uniform_draws,
        softmax_of_probabilities,
        log_probs_used_as_weights,
        sharpened,
        one_number_for_all_steps,
        generator_ignored,
        generator_seeded_again,
    ),
    hints=(
        "A sample grows by one token at a time. Which row of the table decides about the next one?",
        "`torch.multinomial(weights, 1, generator=generator)` draws an index in proportion to its weight. Weights are "
        "probabilities, not their logarithms. It returns a tensor of one entry; `.item()` makes an int of it.",
        "Begin a list with `start`; append length - 1 draws, each from the row of the last token; make a tensor of it.",
    ),
)

EXERCISES = (
    count_bigrams,
    bigram_log_probs,
    bigram_cross_entropy,
    direct_path_logits,
    mean_kl,
    sample_bigrams,
    top_successors,
)
