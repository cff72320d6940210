"""From a recipe to a model: the one place that knows how TransformerLens builds its native models."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mi_tutor.models.recipes import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


def build_model(
    recipe: Recipe,
    weights: "Mapping[str, Tensor] | None" = None,
    tokenizer: Any = None,
    device: "str | torch.device" = "cpu",
) -> "TransformerBridge":
    """A model of the recipe's architecture, in float32 and evaluation mode.

    Args:
        recipe: gives architecture and name, and the initial weights when `weights` is left out.
        weights: by the names of `parameters_of`; any floating type.
        tokenizer: attached to the model; must come from `AutoTokenizer.from_pretrained`, which TransformerLens repeats.
        device: where the model lives; given at the start because moving it later prints a line.

    Raises:
        ValueError: when `weights` are not exactly those of the architecture.
    """
    model = boot(recipe.architecture, recipe.name, tokenizer, device)
    set_weights(model, initial_weights(recipe, parameters_of(model)) if weights is None else weights)
    return model


def boot(
    architecture: Mapping[str, Any],
    name: str,
    tokenizer: Any = None,
    device: "str | torch.device" = "cpu",
    dtype: "torch.dtype | None" = None,
) -> "TransformerBridge":
    """A native model whose weights are still to be set; in evaluation mode, the random state as it was."""
    import torch
    import transformer_lens.model_bridge.sources.native  # noqa: F401  (it adds boot_native)
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge import TransformerBridge

    # TransformerLens's own initialisation divides by the number of layers; ours is the same on every device, too.
    config = TransformerBridgeConfig(**architecture, init_weights=False)
    with torch.random.fork_rng(devices=[]):  # building draws weights, from the caller's random state if let
        model = TransformerBridge.boot_native(config, tokenizer=tokenizer, device=device, dtype=dtype, model_name=name)
    return model.eval()


def set_weights(model: "TransformerBridge", weights: "Mapping[str, Tensor]") -> None:
    """Give a model these weights, by the names of `parameters_of`; any floating type.

    Raises:
        ValueError: when they are not exactly those of the architecture.
    """
    import torch

    own = parameters_of(model)
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in own.items()}:
        raise ValueError(f"These are not the weights of {model.cfg.model_name}: it has {', '.join(own)}.")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name])


def parameters_of(model: "TransformerBridge") -> "dict[str, torch.nn.Parameter]":
    """The model's parameters by the names of the native source, such as "tok_embed.weight"; the tensors themselves."""
    named = model.original_model.named_parameters()
    return {name.replace("._original_component", ""): parameter for name, parameter in named}


def initial_weights(recipe: Recipe, like: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Normal weights and zero biases as the recipe says, the same on every device and whatever the random state."""
    import torch

    generator = torch.Generator().manual_seed(recipe.seed)
    usual = recipe.architecture["d_model"] ** -0.5

    def draw(name: str, parameter: "Tensor") -> "Tensor":
        if parameter.ndim < 2:
            return torch.zeros(parameter.shape)
        return torch.randn(parameter.shape, generator=generator) * recipe.init_std.get(name, usual)

    return {name: draw(name, parameter) for name, parameter in like.items()}
