"""The toy models of chapter 04 beside the same sweep as the published notebook trains it, in one run.

The published notebook (Elhage et al. 2022) takes a step of PyTorch's Adam a batch through autograd, on inputs made of
two fresh uniform numbers an entry, one for the gate and one for the value.
"""

import time

from rich.table import Table

FEATURES, HIDDEN, INSTANCES, STEPS, BATCH, RATE = 5, 2, 10, 2_000, 1024, 1e-2
ROUNDS = 3


def toy() -> Table:
    import torch

    from mi_tutor.training.toy import sparse_source, train_toy

    probability = (20 ** -torch.linspace(0, 1, INSTANCES))[:, None].expand(-1, FEATURES)
    importance = 0.9 ** torch.arange(float(FEATURES))

    def ours(seed: int):  # type: ignore[no-untyped-def]
        models = train_toy(probability, HIDDEN, importance, seed, steps=STEPS, batch=BATCH, learning_rate=RATE)
        return models.W, models.b

    def published(seed: int):  # type: ignore[no-untyped-def]
        torch.manual_seed(seed)
        W = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(INSTANCES, FEATURES, HIDDEN)))
        b = torch.nn.Parameter(torch.zeros(INSTANCES, FEATURES))
        optimizer = torch.optim.Adam([W, b], lr=RATE)
        # The same fall of the rate as ours, so that both end at the same loss.
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: fall(step / STEPS))
        for _ in range(STEPS):
            shape = BATCH, INSTANCES, FEATURES
            x = torch.where(torch.rand(shape) <= probability, torch.rand(shape), torch.zeros(()))
            h = torch.einsum("bif,ifh->bih", x, W)
            x_hat = torch.relu(torch.einsum("bih,ifh->bif", h, W) + b)
            loss = (importance * (x - x_hat).square()).mean((0, 2)).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        return W.detach().mT, b.detach()

    x = sparse_source(probability)(100_000, torch.Generator().manual_seed(123))
    seconds: dict[str, list[float]] = {}
    losses: dict[str, list[float]] = {}
    for seed in range(ROUNDS):  # in turn, so that a slow moment of the machine meets both
        for name, train in (("published notebook's way", published), ("mi_tutor.training.toy", ours)):
            start = time.perf_counter()
            W, b = train(seed)
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            error = torch.baddbmm(b[..., None], W.mT, W @ x).relu() - x
            losses.setdefault(name, []).append(float((importance[:, None] * error.square()).mean()))
    table = Table(
        "trainer",
        "seconds",
        "times faster",
        "loss, mean over sparsities",
        "lowest of the rounds",
        title=f"{INSTANCES} toy models, {FEATURES} features in {HIDDEN} dimensions, {STEPS} steps of {BATCH} ({ROUNDS} rounds)",
    )
    slowest = sum(seconds["published notebook's way"])
    for name, taken in seconds.items():
        mean = sum(losses[name]) / ROUNDS
        table.add_row(
            name,
            f"{sum(taken) / ROUNDS:.2f}",
            f"{slowest / sum(taken):.1f}",
            f"{mean:.5f}",
            f"{min(losses[name]):.5f}",
        )
    return table


def fall(share: float) -> float:
    """The rate stays for half of the steps and then follows a cosine to 0."""
    import math

    return 0.5 * (1 + math.cos(math.pi * max(0.0, 2 * share - 1)))
