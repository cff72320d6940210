"""The training loop of every bundled model: short, resumable, and the same for all recipes."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.models.build import build_model, parameters_of
from mi_tutor.models.plain import plain_logits
from mi_tutor.models.recipes import Recipe
from mi_tutor.models.weight_files import write_weights
from mi_tutor.training.run_state import restore_state, save_state, training_progress

if TYPE_CHECKING:
    import torch
    from jaxtyping import Int
    from torch import Tensor


def train(
    recipe: Recipe,
    tokens: "Int[Tensor, 'position']",
    folder: Path,
    device: "str | torch.device | None" = None,
    on_step: Callable[[int, float], None] | None = None,
) -> "dict[str, Tensor]":
    """Train a model, going on from the state in `folder` when there is one.

    The batches are drawn by step number, so a run that was killed at any moment ends at the very weights of an
    uninterrupted one, given the same device, number of threads and version of PyTorch.

    Args:
        recipe: what to train and how.
        tokens: the training tokens, int64.
        folder: where the state is saved every `recipe.save_every` steps, and checkpoints as `checkpoint-<step>`.
        device: CUDA where there is one when left out, else the CPU.
        on_step: called after every step with the number of steps done and the loss in nats per token.

    Returns:
        The final weights by parameter name, float32, on the CPU.

    Raises:
        ValueError: when `folder` holds the state of another recipe or other tokens.
    """
    import torch
    from torch.nn.functional import cross_entropy

    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    parameters = parameters_of(build_model(recipe, device=device))
    optimizer = torch.optim.AdamW(parameters.values(), betas=recipe.betas, weight_decay=recipe.weight_decay)
    mark = fingerprint(recipe, tokens)
    first_step = restore_state(folder, mark, parameters, optimizer)
    if first_step == 0 and 0 in recipe.checkpoint_steps:
        write_weights(folder / "checkpoint-0.safetensors", parameters)

    with training_progress(recipe.name, recipe.steps, recipe.batch * recipe.context, first_step) as advance:
        for step in range(first_step, recipe.steps):
            optimizer.zero_grad()
            loss = 0.0
            for windows in batch_at(recipe, tokens, step).to(device).split(recipe.micro_batch):
                with torch.autocast(device.type, torch.bfloat16) if recipe.bfloat16 else nullcontext():
                    logits = plain_logits(recipe.architecture, parameters, windows[:, :-1])
                part = cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten()) * len(windows)
                (part / recipe.batch).backward()
                loss += part.item() / recipe.batch
            torch.nn.utils.clip_grad_norm_(parameters.values(), recipe.clip)
            optimizer.param_groups[0]["lr"] = learning_rate_at(recipe, step)
            optimizer.step()

            done = step + 1
            if done in recipe.checkpoint_steps:
                write_weights(folder / f"checkpoint-{done}.safetensors", parameters)
            if done % recipe.save_every == 0 or done == recipe.steps:
                save_state(folder, mark, done, parameters, optimizer)
            advance(loss)
            if on_step:
                on_step(done, loss)
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def batch_at(recipe: Recipe, tokens: "Int[Tensor, 'position']", step: int) -> "Int[Tensor, 'batch context_plus_one']":
    """The sequences of one step, drawn from nothing but the recipe's seed and the step.

    An epoch cuts the tokens at a random offset into windows and goes through them in random order. A window's first
    token is never predicted: it is the last of the window before, so that every pair of adjacent tokens is met once,
    or BOS where the recipe says so.

    Raises:
        ValueError: when there are too few tokens for one batch.
    """
    import torch

    windows = len(tokens) // recipe.context - 1
    batches = windows // recipe.batch
    if batches < 1:
        raise ValueError(f"{len(tokens)} tokens are too few for a batch of {recipe.batch} x {recipe.context}.")
    epoch, place = divmod(step, batches)
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
    offset = torch.randint(recipe.context, (), generator=generator)
    chosen = torch.randperm(windows, generator=generator)[place * recipe.batch : (place + 1) * recipe.batch]
    starts = offset + chosen * recipe.context
    batch = tokens[starts[:, None] + torch.arange(recipe.context + 1)]
    if recipe.bos_first:
        batch[:, 0] = BOS_ID
    return batch


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """Linear warm-up, a constant rate, then decay towards zero."""
    rise = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    fall = min(1.0, (recipe.steps - step) / max(1.0, recipe.decay_share * recipe.steps))
    return recipe.learning_rate * min(rise, fall**recipe.decay_power)


def fingerprint(recipe: Recipe, tokens: "Int[Tensor, 'position']") -> str:
    """A hash of all that decides the weights, to tell one run's saved state from another's."""
    digest = hashlib.sha256(repr(replace(recipe, summary="", save_every=1, shipped_checkpoints=())).encode())
    digest.update(tokens.numpy().tobytes())
    return digest.hexdigest()
