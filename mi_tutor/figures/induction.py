"""Evidence for (or against) an induction circuit in a bundled model, as numbers for its card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.figures.heads import head_scores, random_repeats
from mi_tutor.models.build import parameters_of
from mi_tutor.models.plain import plain_logits

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

CODE_PERIOD = 100
# Between the 25 tokens that scores are taken at and the 100 that leave first copies something to predict.
CUT_PERIOD = 50
CODE_SEQUENCES = 128
WINDOWS = 512
WINDOW = 256
EARLY = slice(30, 60)
LATE = slice(225, 255)
_RANDOM_PAIRS = 64


class CopyLoss(NamedTuple):
    """Mean loss in nats per token on the two copies of `[BOS] + block + block`, each without its block's first token."""

    first: float
    second: float


@dataclass(frozen=True)
class Pair:
    """Two heads that may form an induction circuit."""

    early: int
    """The layer-0 head that attends most to the token before."""
    late: int
    """The layer-1 head that attends most to what came after the same token earlier."""


def code_repeats(
    heldout: "Int[Tensor, 'position']", period: int = CODE_PERIOD, sequences: int = CODE_SEQUENCES
) -> "Int[Tensor, 'batch position']":
    """`[BOS] + block + block` from blocks of real code, spread evenly over the held-out text; none holds a BOS."""
    import torch

    blocks = heldout[: len(heldout) // period * period].view(-1, period)
    blocks = blocks[(blocks != BOS_ID).all(1)]
    blocks = blocks[torch.linspace(0, len(blocks) - 1, min(sequences, len(blocks))).long()]
    return torch.cat([torch.full((len(blocks), 1), BOS_ID), blocks, blocks], dim=1)


def copy_loss(logits: "Float[Tensor, 'batch position d_vocab']", tokens: "Int[Tensor, 'batch position']") -> CopyLoss:
    """The loss on both copies, on the same targets: every token of the block but its first."""
    period = (tokens.shape[1] - 1) // 2
    loss = losses_of(logits, tokens)  # entry p: of token p + 1
    return CopyLoss(float(loss[:, 1:period].mean()), float(loss[:, 1 + period : 2 * period].mean()))


def model_copy_loss(model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']") -> CopyLoss:
    """The same for a model."""
    import torch

    with torch.inference_mode():
        return copy_loss(_logits(model, tokens), tokens)


def in_context_score(model: "TransformerBridge", heldout: "Int[Tensor, 'position']") -> float:
    """Loss at late positions less that at early ones, in nats, on windows of held-out text; negative when context helps.

    As in Olsson et al. (2022), "In-context Learning and Induction Heads", whose positions are 500 and 50; here bands of
    30 (see EARLY and LATE), since a window has 256 tokens.
    """
    import torch

    starts = torch.linspace(0, len(heldout) - WINDOW, WINDOWS).long()
    windows = heldout[starts[:, None] + torch.arange(WINDOW)]
    windows[:, 0] = BOS_ID
    with torch.inference_mode():
        loss = torch.cat([losses_of(_logits(model, rows), rows) for rows in windows.split(16)])
    return float(loss[:, LATE].mean() - loss[:, EARLY].mean())


def find_pair(model: "TransformerBridge") -> Pair:
    """The heads with the highest scores on repeated random tokens.

    Raises:
        ValueError: when the model has not two layers.
    """
    if model.cfg.n_layers != 2:
        raise ValueError(f"A pair is looked for in a model of two layers, not of {model.cfg.n_layers}.")
    scores = head_scores(model)
    return Pair(early=int(scores.previous_token[0].argmax()), late=int(scores.prefix_matching[1].argmax()))


def k_composition(model: "TransformerBridge", pair: Pair) -> float:
    """|W_OV (W_K W_Q^T)| / (|W_OV| |W_K W_Q^T|), Frobenius norms, of the early and the late head.

    Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021), section on composition. Rotations are left
    out, as there.
    """
    written = model.W_V[0, pair.early] @ model.W_O[0, pair.early]
    read = model.W_K[1, pair.late] @ model.W_Q[1, pair.late].T
    return float(((written @ read).norm() / (written.norm() * read.norm())).detach())


def k_composition_of_random_weights(model: "TransformerBridge") -> float:
    """The mean of the same over pairs of heads of these sizes with normal random weights."""
    import torch

    d_model, d_head = model.cfg.d_model, model.cfg.d_head
    generator = torch.Generator().manual_seed(0)

    def product() -> "Tensor":
        left, right = torch.randn(2, _RANDOM_PAIRS, d_model, d_head, generator=generator)
        return left @ right.mT

    written, read = product(), product()
    norms = written.flatten(1).norm(dim=1) * read.flatten(1).norm(dim=1)
    return float(((written @ read).flatten(1).norm(dim=1) / norms).mean())


class Cut(NamedTuple):
    """What a cut path does on repeated tokens."""

    added_loss: float
    """How much the loss on the second copy rises, nats per token."""
    prefix_matching: float
    """The late head's prefix-matching score that is left."""


def cut_path(model: "TransformerBridge", pair: Pair, tokens: "Int[Tensor, 'batch position']", reader: str) -> Cut:
    """Leave the early head's output out of what the late head's keys ("k") or queries ("q") read.

    Everything else reads it as before: the late head's other inputs, every other head, and the unembedding. The norm is
    taken again of what is left.
    """
    import torch
    from torch.nn.functional import layer_norm

    clean = model_copy_loss(model, tokens).second
    period = (tokens.shape[1] - 1) // 2
    written: dict[str, Tensor] = {}
    patterns: list[Tensor] = []

    def keep(value: "Tensor", hook: object, name: str) -> "Tensor":
        written[name] = value
        return value

    def cut(value: "Tensor", hook: object) -> "Tensor":
        without = written["resid"] - written["z"][:, :, pair.early] @ model.W_O[0, pair.early]
        x = layer_norm(without, without.shape[-1:], eps=model.cfg.eps)
        weight, bias = (model.W_K, model.b_K) if reader == "k" else (model.W_Q, model.b_Q)
        value = value.clone()
        value[:, :, pair.late] = x @ weight[1, pair.late] + bias[1, pair.late]
        return value

    def watch(value: "Tensor", hook: object) -> "Tensor":
        patterns.append(value)
        return value

    with torch.inference_mode():
        logits = model.run_with_hooks(
            tokens,
            fwd_hooks=[
                ("blocks.0.attn.hook_z", lambda value, hook: keep(value, hook, "z")),
                ("blocks.1.hook_resid_pre", lambda value, hook: keep(value, hook, "resid")),
                (f"blocks.1.attn.hook_{reader}", cut),
                ("blocks.1.attn.hook_pattern", watch),
            ],
        )
    second = torch.arange(1 + period, 1 + 2 * period)
    left = patterns[0][:, pair.late, second, second - period + 1].mean()
    return Cut(copy_loss(logits, tokens).second - clean, float(left))


def checkpoint_curves(model: "TransformerBridge", heldout: "Int[Tensor, 'position'] | None") -> dict[str, float]:
    """The numbers that are followed through training; those that need held-out text are left out without it."""
    scores = head_scores(model)
    curves = {
        "best_previous_token_score": float(scores.previous_token.max()),
        "best_prefix_matching_score": float(scores.prefix_matching.max()),
        "second_copy_loss_random": model_copy_loss(model, random_repeats()).second,
    }
    if heldout is not None:
        on_code = model_copy_loss(model, code_repeats(heldout))
        curves |= {
            "first_copy_loss_code": on_code.first,
            "second_copy_loss_code": on_code.second,
            "in_context_learning_score": in_context_score(model, heldout),
        }
    return curves


def _logits(
    model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position d_vocab']":
    """What `model(tokens)` returns, several times as fast: nothing is hooked here."""
    config = model.cfg
    architecture = {
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "normalization_type": config.normalization_type,
        "attn_only": config.attn_only,
    }
    return plain_logits(architecture, parameters_of(model), tokens)


def losses_of(
    logits: "Float[Tensor, 'batch position d_vocab']", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position-1']":
    """The loss of every token but the first, in nats; entry p is that of token p + 1."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")
