"""What a model writes when it goes on with a text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


def continue_text(
    model: "TransformerBridge", text: str, n_tokens: int, silent_head: tuple[int, int] | None = None
) -> str:
    """The model's own continuation, the likeliest token each time.

    Args:
        n_tokens: how many tokens to add; together with the text they have to fit the model's context.
        silent_head: a (layer, head) whose `hook_z` is zero at every position and in every step.

    Raises:
        ValueError: when text and continuation are longer than the model's context.
    """
    import torch

    tokens = model.to_tokens(text)
    start = tokens.shape[1]
    if start + n_tokens > model.cfg.n_ctx:
        raise ValueError(
            f"The text has {start} tokens and {n_tokens} are to be added, but the context holds {model.cfg.n_ctx}."
        )

    def silence(z: "Tensor", hook: object) -> "Tensor":
        return z.index_fill(2, torch.tensor([silent_head[1] if silent_head else 0], device=z.device), 0)

    hooks = [(f"blocks.{silent_head[0]}.attn.hook_z", silence)] if silent_head else []
    with torch.no_grad():
        for _ in range(n_tokens):
            best = model.run_with_hooks(tokens, fwd_hooks=hooks)[:, -1].argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, best], dim=1)
    return str(model.tokenizer.decode(tokens[0, start:]))
