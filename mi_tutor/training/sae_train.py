"""The training loop of the bundled sparse autoencoders: several at once, resumable."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.sae import Sae
from mi_tutor.models.sae_recipes import SaeRecipe
from mi_tutor.training.activations import ActivationStream
from mi_tutor.training.run_state import restore_state, save_state, training_progress
from mi_tutor.training.sae_gradient import Parameters, Step, loss_gradient
from mi_tutor.training.sae_refit import refit_decoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from jaxtyping import Float, Int
    from torch import Tensor

HOOK_NAME = "blocks.0.mlp.hook_post"


def train_saes(
    recipe: SaeRecipe,
    weights: "Mapping[str, Tensor]",
    tokens: "Int[Tensor, 'position']",
    folder: Path,
    device: "str | torch.device | None" = None,
    on_step: Callable[[int, Step], None] | None = None,
) -> list[Sae]:
    """Train one autoencoder for each seed of the recipe, going on from the state in `folder` when there is one.

    The recipe of Conerly et al., "Update on how we train SAEs" (2024): no unit norm, a penalty weighted by decoder
    norms, its coefficient warmed up, the rate decayed at the end, activations scaled so that their mean squared length
    is d_in. Then the decoder is fitted once more without the penalty (`refit_decoder`), and the scale is taken out of
    the weights: what is returned reads the model's activations as they are.

    Args:
        recipe: what to train and how.
        weights: of the model, by the names of `parameters_of`.
        tokens: the training tokens, int64.
        folder: where the state is saved every `recipe.save_every` steps.
        device: CUDA where there is one when left out, else the CPU.
        on_step: called after every step with the number of steps done and what the step measured.

    Raises:
        ValueError: when `folder` holds the state of another recipe, model or corpus, or there are too few tokens.
    """
    import torch

    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    stream = ActivationStream(RECIPES[recipe.model], weights, tokens, recipe.batch, seed=recipe.seeds[0], device=device)
    scale = _scale(stream[0])
    parameters = initial_parameters(recipe, stream[0].shape[1], device)
    optimizer = torch.optim.Adam([parameter.requires_grad_() for parameter in parameters], lr=0.0, fused=True)
    mark = _fingerprint(recipe, weights, tokens)
    first_step = restore_state(folder, mark, parameters._asdict(), optimizer)
    with training_progress(recipe.name, recipe.steps, recipe.batch, first_step) as advance, torch.no_grad():
        for step in range(first_step, recipe.steps):
            x = stream[step].float() * scale
            measured = sae_step(recipe, parameters, optimizer, x, step)
            done = step + 1
            if done % recipe.save_every == 0 or done == recipe.steps:
                save_state(folder, mark, done, parameters._asdict(), optimizer)
            advance(float(measured.squared_error.mean()) / x.shape[1])
            if on_step:
                on_step(done, measured)
    with torch.no_grad():
        further = range(recipe.steps, recipe.steps + recipe.refit_tokens // recipe.batch)
        if further:
            parameters = refit_decoder(parameters, (stream[step].float() * scale for step in further))
    return [_finished(recipe, parameters, instance, scale) for instance in range(len(recipe.seeds))]


def sae_step(
    recipe: SaeRecipe,
    parameters: Parameters,
    optimizer: "torch.optim.Optimizer",
    x: "Float[Tensor, 'batch d_in']",
    step: int,
) -> Step:
    """One step of Adam on one batch of scaled activations; the parameters are changed in place."""
    import torch

    l1_coefficient = recipe.l1_coefficient * min(1.0, (step + 1) / max(1.0, recipe.l1_warmup_share * recipe.steps))
    measured = loss_gradient(parameters, x, l1_coefficient, torch.bfloat16)
    # Clipped one by one: what an autoencoder learns must not depend on those beside it.
    squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in measured.gradients]).sum(0)
    shrink = (recipe.clip / (squares.sqrt() + 1e-6)).clamp(max=1.0)
    for parameter, gradient in zip(parameters, measured.gradients, strict=True):
        parameter.grad = gradient.mul_(shrink.view(-1, *[1] * (gradient.ndim - 1)))
    fall = min(1.0, (recipe.steps - step) / max(1.0, recipe.decay_share * recipe.steps))
    optimizer.param_groups[0]["lr"] = recipe.learning_rate * fall
    optimizer.step()
    return measured


def initial_parameters(recipe: SaeRecipe, d_in: int, device: "torch.device") -> Parameters:
    """Decoder rows of random direction, the encoder their transpose, biases zero; the same on every device."""
    import torch

    d_sae = recipe.expansion * d_in
    rows = torch.stack(
        [torch.randn(d_sae, d_in, generator=torch.Generator().manual_seed(seed)) for seed in recipe.seeds]
    )
    rows = _INITIAL_NORM * rows / rows.norm(dim=-1, keepdim=True)
    instances = len(recipe.seeds)
    start = Parameters(
        W_enc=rows, b_enc=torch.zeros(instances, d_sae), W_dec=rows.clone(), b_dec=torch.zeros(instances, d_in)
    )
    return Parameters(*(tensor.to(device) for tensor in start))


# Small at first, so that reconstruction decides which features grow.
_INITIAL_NORM = 0.1


def _scale(x: "Float[Tensor, 'batch d_in']") -> float:
    """What makes the mean squared length of activations d_in."""
    return float((x.shape[1] / x.float().square().sum(-1).mean()).sqrt())


def _finished(recipe: SaeRecipe, parameters: Parameters, instance: int, scale: float) -> Sae:
    """One autoencoder, on the CPU, reading and writing activations of the model's own scale."""
    W_enc, b_enc, W_dec, b_dec = (tensor[instance].detach().cpu().clone() for tensor in parameters)
    return Sae(
        W_enc=(W_enc * scale).T.contiguous(),
        b_enc=b_enc,
        W_dec=W_dec / scale,
        b_dec=b_dec / scale,
        model=recipe.model,
        hook_name=HOOK_NAME,
    )


def _fingerprint(recipe: SaeRecipe, weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'position']") -> str:
    """A hash of all that decides the weights, to tell one run's saved state from another's."""
    digest = hashlib.sha256(repr(replace(recipe, summary="", save_every=1)).encode())
    for tensor in (tokens, *weights.values()):
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
