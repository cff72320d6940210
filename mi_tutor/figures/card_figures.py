"""The figures on the models' cards: for each model, names and the functions that compute them."""

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mi_tutor.corpus.bigrams import kl_from_counts
from mi_tutor.corpus.ngrams import ngram_loss
from mi_tutor.corpus.tokenizer import BOS_ID, tokenizer_hash
from mi_tutor.figures.figure import Context, Figure, Value
from mi_tutor.figures.heads import PERIOD, random_repeats
from mi_tutor.figures.induction import (
    CODE_PERIOD,
    CUT_PERIOD,
    checkpoint_curves,
    code_repeats,
    in_context_score,
    k_composition,
    k_composition_of_random_weights,
    model_copy_loss,
)
from mi_tutor.figures.sae_card_figures import OF_SAES
from mi_tutor.models.plain import plain_logits
from mi_tutor.models.recipes import Recipe
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import WEIGHTS_FILE, bundled_weights, checkpoint_steps

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def loss_per_token(
    recipe: Recipe, weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'position']", batch: int = 8
) -> float:
    """Mean next-token loss in nats over a long text, read in windows as long as the recipe's context, at most 256.

    Each window begins as in training: with the last token of the one before it, or with BOS. So every token is predicted
    once (but the very first of the text, where nothing comes before it), the first of a window from one token alone.
    """
    import torch
    from torch.nn.functional import cross_entropy

    length = min(recipe.architecture["n_ctx"], 256)
    if recipe.bos_first:
        tokens = torch.cat([tokens.new_tensor([BOS_ID]), tokens])
    whole = (len(tokens) - 1) // length
    total = 0.0
    with torch.inference_mode():
        windows = tokens[: whole * length + 1].unfold(0, length + 1, length)
        for rows in [*windows.split(batch), tokens[None, whole * length :]]:
            if rows.shape[-1] > 1:
                inputs, targets = rows[:, :-1].clone(), rows[:, 1:]
                if recipe.bos_first:
                    inputs[:, 0] = BOS_ID
                logits = plain_logits(recipe.architecture, weights, inputs)
                total += float(cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
    return total / (len(tokens) - 1)


def _heldout_loss(context: Context) -> float:
    weights = {name: value.float() for name, value in bundled_weights(context.name, context.assets).items()}
    return loss_per_token(context.recipe, weights, context.heldout)


def _file_hash(context: Context) -> str:
    return hashlib.sha256((context.assets / context.name / WEIGHTS_FILE).read_bytes()).hexdigest()


def _parameter_count(context: Context) -> int:
    from mi_tutor.models.build import parameters_of

    return sum(parameter.numel() for parameter in parameters_of(context.model).values())


def _kl_to_bigrams(context: Context) -> float:
    model = context.model
    return kl_from_counts(context.counts, model.W_E.detach().double() @ model.W_U.detach().double())


def _ngram(n: int) -> Callable[[Context], float]:
    return lambda context: ngram_loss(context.train, context.heldout, n)


_OF_EVERY_MODEL: dict[str, Figure] = {
    "weights_sha256": Figure(_file_hash, "", "SHA-256 of the weights file", "files"),
    "parameters": Figure(_parameter_count, "", "number of trained weights", "files"),
    "tokenizer_sha256": Figure(lambda _: tokenizer_hash(), "", "SHA-256 of the tokenizer's definition", "files"),
    "train_tokens": Figure(lambda c: len(c.train), "tokens", "length of the training split", "corpus"),
    "heldout_tokens": Figure(lambda c: len(c.heldout), "tokens", "length of the held-out split", "corpus"),
    "heldout_loss": Figure(_heldout_loss, "nats/token", "loss on the held-out split", "corpus", 1e-3),
    "heldout_loss_unigram": Figure(_ngram(1), "nats/token", "the same for counted single tokens", "corpus", 1e-6),
    "heldout_loss_bigram": Figure(
        _ngram(2), "nats/token", "the same for counted pairs, discounted and interpolated", "corpus", 1e-6
    ),
    "heldout_loss_trigram": Figure(
        _ngram(3), "nats/token", "the same for counted triples, discounted and interpolated", "corpus", 1e-6
    ),
}
_OF_ZERO_LAYERS: dict[str, Figure] = {
    "kl_to_training_bigrams": Figure(
        _kl_to_bigrams, "nats/token", "KL(unsmoothed bigram of its training tokens || model)", "files", 1e-6
    ),
    "training_pairs": Figure(lambda c: int(c.counts.sum()), "pairs", "adjacent tokens in the shipped counts", "files"),
    "distinct_pairs": Figure(lambda c: int((c.counts > 0).sum()), "pairs", "distinct ones among them", "files"),
}
_OF_ATTENTION: dict[str, Figure] = {
    "best_previous_token_score": Figure(
        lambda c: float(c.head_scores.previous_token.max()),
        "",
        "largest mean attention of a head to the token before, on repeated random tokens",
        "files",
        1e-3,
    ),
    "best_prefix_matching_score": Figure(
        lambda c: float(c.head_scores.prefix_matching.max()),
        "",
        f"the same, in a second copy, to the token after its first occurrence (period {PERIOD}); induction heads",
        "files",
        1e-3,
    ),
}


def _late_scores(context: Context) -> "Float[Tensor, 'head']":
    """The layer-1 heads' prefix-matching scores, best first."""
    return context.head_scores.prefix_matching[1].sort(descending=True).values


def _through_training(context: Context, *, on_code: bool) -> Value:
    found: dict[str, Value] = {}
    for step in checkpoint_steps(context.name, context.assets):
        curves = checkpoint_curves(context.checkpoint(step), context.heldout if on_code else None)
        found[str(step)] = {
            name: round(value, 4) for name, value in curves.items() if name.endswith(_ON_CODE) == on_code
        }
    return found


_ON_CODE = ("_code", "in_context_learning_score")
_ON_REAL_CODE = f"`[BOS] + block + block`, blocks of {CODE_PERIOD} held-out tokens"
_OF_REPEATS: dict[str, Figure] = {
    "first_copy_loss_code": Figure(
        lambda c: model_copy_loss(c.model, code_repeats(c.heldout)).first,
        "nats/token",
        f"loss on the first copy of {_ON_REAL_CODE}",
        "corpus",
        2e-3,
    ),
    "second_copy_loss_code": Figure(
        lambda c: model_copy_loss(c.model, code_repeats(c.heldout)).second,
        "nats/token",
        "loss on the second copy, same targets",
        "corpus",
        2e-3,
    ),
    "second_copy_loss_random": Figure(
        lambda c: model_copy_loss(c.model, random_repeats()).second,
        "nats/token",
        f"the same on random tokens (period {PERIOD}); no such text was trained on",
        "files",
        1e-2,
    ),
    "in_context_learning_score": Figure(
        lambda c: in_context_score(c.model, c.heldout),
        "nats/token",
        "loss at tokens 226-255 of a window less that at tokens 31-60; negative when context helps",
        "corpus",
        2e-3,
    ),
}
_OF_TWO_LAYERS: dict[str, Figure] = {
    "induction_head": Figure(
        lambda c: f"L1H{c.pair.late}", "", "layer-1 head with the highest prefix-matching score", "files"
    ),
    "its_prefix_matching_score": Figure(lambda c: float(_late_scores(c)[0]), "", "its score", "files", 1e-3),
    "next_prefix_matching_score": Figure(
        lambda c: float(_late_scores(c)[1]), "", "that of the next layer-1 head", "files", 1e-3
    ),
    "previous_token_head": Figure(
        lambda c: f"L0H{c.pair.early}", "", "layer-0 head with the highest previous-token score", "files"
    ),
    "k_composition": Figure(
        lambda c: k_composition(c.model, c.pair), "", "of the two heads: |W_OV W_K W_Q^T| / norms", "files", 1e-4
    ),
    "k_composition_random": Figure(
        lambda c: k_composition_of_random_weights(c.model), "", "the same, mean of random weights", "files", 1e-4
    ),
    "cut_from_keys": Figure(
        lambda c: c.cut("k", on_code=False).added_loss,
        "nats/token",
        "rise of second_copy_loss_random when the induction head's keys do not read the previous-token head",
        "files",
        1e-2,
    ),
    "cut_from_keys_prefix_matching_score": Figure(
        lambda c: c.cut("k", on_code=False).prefix_matching, "", "the induction head's score then", "files", 1e-3
    ),
    "cut_from_queries": Figure(
        lambda c: c.cut("q", on_code=False).added_loss, "nats/token", "the rise when its queries do not", "files", 1e-2
    ),
    "cut_from_keys_code": Figure(
        lambda c: c.cut("k", on_code=True).added_loss,
        "nats/token",
        f"the same on repeated code, blocks of {CUT_PERIOD} tokens",
        "corpus",
        2e-3,
    ),
    "cut_from_queries_code": Figure(
        lambda c: c.cut("q", on_code=True).added_loss,
        "nats/token",
        "the rise there when its queries do not",
        "corpus",
        2e-3,
    ),
    "checkpoints": Figure(
        lambda c: _through_training(c, on_code=False),
        "",
        "the shipped checkpoints by step: best scores, and loss on random repeats",
        "files",
        1e-2,
    ),
    "checkpoints_on_code": Figure(
        lambda c: _through_training(c, on_code=True),
        "nats/token",
        "the shipped checkpoints by step: both copies of repeated code, and in-context-learning score",
        "corpus",
        5e-3,
    ),
}
FIGURES: dict[str, dict[str, Figure]] = {
    "zero-layer-py": _OF_EVERY_MODEL | _OF_ZERO_LAYERS,
    "attn-1l-py": _OF_EVERY_MODEL | _OF_ATTENTION | _OF_REPEATS,
    "attn-2l-py": _OF_EVERY_MODEL | _OF_ATTENTION | _OF_REPEATS | _OF_TWO_LAYERS,
    "attn-4l-py": _OF_EVERY_MODEL | _OF_ATTENTION | _OF_REPEATS,
    "relu-1l-py": _OF_EVERY_MODEL | _OF_ATTENTION,
    "relu-1l-py-seed-1": _OF_EVERY_MODEL | _OF_ATTENTION,
} | dict.fromkeys(SAE_RECIPES, OF_SAES)
