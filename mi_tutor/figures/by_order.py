"""A two-layer, attention-only model with its patterns and norms frozen, its logits split by the number of heads on a path."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


class FrozenRun:
    """A run of a two-layer model without MLPs, kept so that its paths can be taken apart.

    Norms: what the norm of a layer divides by is a number for each key, and goes into the patterns; the mean that it takes goes
    out of W_V, that of the final norm out of W_U. Biases: those of layer 0 are like a token that stands everywhere, which
    layer 1 reads.
    """

    def __init__(self, model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']") -> None:
        import torch

        self.tokens, self.W_E, self.W_O = tokens, model.W_E, model.W_O
        self.W_V = model.W_V - model.W_V.mean(-2, keepdim=True)
        W_U = model.W_U - model.W_U.mean(0)
        self.W_U = W_U - W_U.mean(1, keepdim=True)
        """Less the mean over tokens too, which a softmax does not notice."""
        self.constants = torch.einsum("lhd,lhdm->lm", model.b_V, model.W_O) + model.b_O
        """What each layer's biases add to the stream, [layer d_model]."""
        with torch.inference_mode():
            names = [f"blocks.{layer}.{what}" for layer in range(2) for what in ("attn.hook_pattern", "ln1.hook_scale")]
            logits, cache = model.run_with_cache(tokens, names_filter=[*names, "ln_final.hook_scale"])
            self.logits = logits - logits.mean(-1, keepdim=True)
            self.patterns = torch.stack([cache["pattern", layer] for layer in range(2)])
            """[layer batch head query key]"""
            scales = torch.stack([cache[f"blocks.{layer}.ln1.hook_scale"] for layer in range(2)])
            self.key_scales = scales.mT[:, :, None]
            self.scale = cache["ln_final.hook_scale"]

    def orders(
        self,
        path_expansion_terms: "Callable[..., Float[Tensor, 'order batch position d_vocab']]",
        patterns: "Float[Tensor, 'layer batch head query key'] | None" = None,
    ) -> "Float[Tensor, 'order batch position d_vocab']":
        """The logits by order, biases included; with other patterns in place of the run's, if there are any."""
        import torch

        frozen = (self.patterns if patterns is None else patterns) / self.key_scales
        terms = path_expansion_terms(self.tokens, frozen, self.W_E, self.W_V, self.W_O, self.W_U)
        everywhere = torch.zeros_like(self.tokens)
        late = frozen[1:], self.constants[:1], self.W_V[1:], self.W_O[1:]
        biases = path_expansion_terms(everywhere, *late, self.W_U)
        biases[0] += self.constants[1] @ self.W_U
        terms[:2] += biases
        return terms.div_(self.scale)

    def constant_logits(self) -> "Float[Tensor, 'batch position d_vocab']":
        """What the biases alone would say, with the run's scale."""
        return self.constants.sum(0) @ self.W_U / self.scale


def gain_by_token(
    before: "Float[Tensor, 'batch position d_vocab']",
    after: "Float[Tensor, 'batch position d_vocab']",
    tokens: "Int[Tensor, 'batch position']",
) -> "tuple[Float[Tensor, 'd_vocab'], Int[Tensor, 'd_vocab']]":
    """By how much the log-probability of each token rises where it comes, in nats, 0 where it never does; how often it comes."""
    came = tokens[:, 1:, None]
    logs = [logits[:, :-1].log_softmax(-1).gather(-1, came).flatten() for logits in (before, after)]
    count = came.flatten().bincount(minlength=before.shape[-1])
    gain = came.flatten().bincount(logs[1] - logs[0], minlength=before.shape[-1])
    return gain / count.clamp(min=1), count
