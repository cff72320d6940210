"""The exercise `induction_report`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch
from mi_tutor.exercises.ch03_induction_heads._shared import diagonal

if TYPE_CHECKING:
    from torch import Tensor

Report = tuple[int, int, int, int]
NOBODY: Report = (-1, -1, -1, -1)
LOOKS, COSTS = 0.3, 0.5
"""Far from what any head of the cases has: above chance, below what the contract says of a pair."""


def _report_cases(draw: Draw) -> Iterator[Case]:
    def on(wired: str) -> dict[str, Any]:
        return {"model": draw.model(wired=wired), "bos": draw.size(0, 23), "generator": draw.generator()}

    def untrained(**sizes: int) -> dict[str, Any]:
        return {"model": draw.model(**sizes), "bos": draw.size(0, 12), "generator": draw.generator()}

    yield basic("a pair and idle heads", **on("pair"))
    yield basic("heads that know only which tokens are about", **on("crowd"))
    yield general("a pair among decoys", **on("pair among decoys"))
    yield edge("a pair whose early head brings a position", **on("pair by pointer"))
    yield edge("a pair in layers 1 and 2", **on("pair in layers 1 and 2"))
    yield edge("a pair beside a head that is missed more", **on("pair beside a correction"))
    yield general("a late head that looks and says nothing", **on("says nothing"))
    yield edge("a late head that looks back by a fixed distance", **on("one distance by pointer"))
    yield edge("a late head that speaks against what it sees", **on("says the opposite"))
    yield edge("notes of the wrong token", **on("notes of the wrong token"))
    yield edge("one layer", **on("one layer"))
    yield edge("an untrained model", **untrained())
    yield edge("an untrained model of three layers", **untrained(n_layers=3, n_heads=2))


def _with_silence(model: Any, tokens: Tensor, silenced: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """Logits and all patterns [layer batch head query key], with one head at zero."""

    def silence(z: Tensor, hook: object) -> Tensor:
        return z.index_fill(2, torch.tensor([silenced[1]], device=z.device), 0) if silenced else z

    hooks = [(f"blocks.{silenced[0]}.attn.hook_z", silence)] if silenced else []
    with torch.no_grad(), model.hooks(fwd_hooks=hooks):
        logits, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    return logits, torch.stack([cache["pattern", i] for i in range(model.cfg.n_layers)])


class _Seen:
    """What is measured of a model at some lengths; where there are several, a score and a cost is the least of them."""

    def __init__(self, model: Any, bos: int, generator: torch.Generator, lengths: int = 2) -> None:
        cfg, longest = model.cfg, (model.cfg.n_ctx - 1) // 2
        self.model, self.n_heads = model, cfg.n_heads
        self.drawn = []
        for period in (longest, 2 * longest // 3)[:lengths]:
            block = torch.randint(cfg.d_vocab - 1, (8, period), generator=generator, device=generator.device)
            block = block + (block >= bos)
            self.drawn.append((torch.cat([torch.full_like(block[:, :1], bos), block, block], 1), period))
        self.heads = [(i, head) for i in range(cfg.n_layers) for head in range(cfg.n_heads)]
        clean = [self._measure(tokens, period, None) for tokens, period in self.drawn]
        self.looks = torch.stack([scores for scores, _, _ in clean]).amin(0)
        self.previous = clean[0][2]
        losses = torch.stack(
            [torch.stack([self._measure(*each, head)[1] for each in self.drawn]) for head in self.heads]
        )
        self.costs = (losses - torch.stack([loss for _, loss, _ in clean])).amin(1).view_as(self.looks)

    def _measure(self, tokens: Tensor, period: int, silenced: tuple[int, int] | None) -> tuple[Tensor, Tensor, Tensor]:
        """Prefix-matching scores [layer head], the second copy's loss, and previous-token scores."""
        logits, pattern = _with_silence(self.model, tokens, silenced)
        q = torch.arange(1 + period, 1 + 2 * period, device=tokens.device)
        scores = pattern[..., q, q - period + 1].mean((1, -1))
        loss = F.cross_entropy(logits[:, period:-1].mT, tokens[:, 1 + period :])
        return scores, loss, diagonal(pattern, 1).mean((1, -1))

    def at_most(self, values: Tensor) -> tuple[int, int]:
        layer, head = divmod(int(values.argmax()), self.n_heads)
        return layer, head

    def needed(
        self, late: tuple[int, int], layers: Callable[[int], bool] = lambda layer: True
    ) -> tuple[int, int] | None:
        """The head below without which the late one looks there least, if that is less than half."""
        left = {
            head: max(float(self._measure(*each, head)[0][late]) for each in self.drawn)
            for head in self.heads
            if head[0] < late[0] and layers(head[0])
        }
        early = min(left, key=lambda head: left[head], default=None)
        return early if early is not None and left[early] < float(self.looks[late]) / 2 else None

    def pair(self, late: tuple[int, int]) -> Report:
        early = self.needed(late)
        return (*early, *late) if early is not None else NOBODY


def nobody_silenced(model: Any, bos: int, generator: torch.Generator) -> Report:
    """The late head is the one that looks most at the right place, whether or not anything is lost without it. A head that looks
    there may say nothing, or the opposite: silence it, and see what the second copy costs."""
    seen = _Seen(model, bos, generator)
    late = seen.at_most(seen.looks)
    return seen.pair(late) if seen.looks[late] > LOOKS else NOBODY


def one_length_only(model: Any, bos: int, generator: torch.Generator) -> Report:
    """All blocks have one length, the longest that fits. A head that always looks back by the same distance is in the right place
    then, and in no other block: draw another length as well."""
    seen = _Seen(model, bos, generator, lengths=1)
    costs = seen.costs.where(seen.looks > LOOKS, 0)
    late = seen.at_most(costs)
    return seen.pair(late) if costs[late] > COSTS else NOBODY


def early_by_its_looks(model: Any, bos: int, generator: torch.Generator) -> Report:
    """The early head is the one that looks most at the token before. Nobody may read what it writes, and what the late head needs
    may be something else: silence the heads below, and see what is left of the late head's score."""
    seen = _Seen(model, bos, generator)
    costs = seen.costs.where(seen.looks > LOOKS, 0)
    late = seen.at_most(costs)
    if costs[late] < COSTS or late[0] == 0:
        return NOBODY
    return (*seen.at_most(seen.previous[: late[0]]), *late)


def size_without_sign(model: Any, bos: int, generator: torch.Generator) -> Report:
    """Any change of the loss counts, whichever its sign. Without a head of a pair the second copy is *dearer*; one whose absence
    makes it cheaper works against induction."""
    seen = _Seen(model, bos, generator)
    costs = seen.costs.abs().where(seen.looks > LOOKS, 0)
    late = seen.at_most(costs)
    return seen.pair(late) if costs[late] > COSTS else NOBODY


def somebody_always(model: Any, bos: int, generator: torch.Generator) -> Report:
    """A pair is reported of every model: the best of all heads is somebody, whether or not it is any good. Say from where on a
    score and a cost count; chance is about one part in the length."""
    seen = _Seen(model, bos, generator)
    late = seen.at_most(seen.costs.where(seen.looks >= seen.looks.max() - 1e-3, -torch.inf))
    below = seen.previous[: max(late[0], 1)]
    return (*(seen.needed(late) or seen.at_most(below)), *late)


def most_missed_is_late(model: Any, bos: int, generator: torch.Generator) -> Report:
    """The late head is the one without which the second copy costs most, wherever it looks. Another head may be missed more, and
    for something else: of a pair's late head both are asked, to look at the right place and to be missed."""
    seen = _Seen(model, bos, generator)
    late = seen.at_most(seen.costs)
    return seen.pair(late) if seen.costs[late] > COSTS else NOBODY


def late_head_first(model: Any, bos: int, generator: torch.Generator) -> Report:
    """The late head stands first: the early head, then the late one."""
    early_layer, early, late_layer, late = _right(model, bos, generator)
    return late_layer, late, early_layer, early


def heads_numbered_through(model: Any, bos: int, generator: torch.Generator) -> Report:
    """Heads are numbered through all layers. Each layer's begin at 0: `divmod` by the number of heads gives both."""
    early_layer, early, late_layer, late = _right(model, bos, generator)
    n = model.cfg.n_heads
    return NOBODY if early < 0 else (early_layer, n * early_layer + early, late_layer, n * late_layer + late)


def early_from_layer_0(model: Any, bos: int, generator: torch.Generator) -> Report:
    """The early head is looked for in layer 0 only: it may be in any layer below the late one's."""
    seen = _Seen(model, bos, generator)
    costs = seen.costs.where(seen.looks > LOOKS, 0)
    late = seen.at_most(costs)
    early = seen.needed(late, lambda layer: layer == 0)
    return (*early, *late) if costs[late] > COSTS and early is not None else NOBODY


def never_a_pair(model: Any, bos: int, generator: torch.Generator) -> Report:
    """No pair is reported of any model, though some have one. Ask each head alone what the second copy costs without it, and look
    at the largest cost among those that look at the right place."""
    return NOBODY


def _right(model: Any, bos: int, generator: torch.Generator) -> Report:
    seen = _Seen(model, bos, generator)
    costs = seen.costs.where(seen.looks > LOOKS, 0)
    late = seen.at_most(costs)
    return seen.pair(late) if costs[late] > COSTS else NOBODY


exercise = Exercise(
    __name__,
    further="A head that looks at the right place and writes nothing: which of your tests does it pass, and which stops it?",
    cases=_report_cases,
    wrong=(
        nobody_silenced,
        one_length_only,
        early_by_its_looks,
        size_without_sign,
        somebody_always,
        most_missed_is_late,
        late_head_first,
        heads_numbered_through,
        early_from_layer_0,
        never_a_pair,
    ),
    hints=(
        "Three questions, one after the other: who looks at the right place? What does the second copy cost without each of them? "
        "Without which head below does that one no longer look there?",
        "`repeated_tokens`, `prefix_matching_score` and `ablation_effects` answer the first two. Ask them at two lengths of the "
        "block, and believe the lesser answer: `torch.stack(…).amin(0)`.",
        "For the third, run the model with a head below silenced: inside `with model.hooks(fwd_hooks=[…]):` `run_with_cache` sees "
        "the hook, and gives the patterns that are left. One layer has nobody below.",
        "Late: the largest cost among heads with a score above 0.3, if it is above half a nat. Early: the head below with the "
        "smallest score left, if it is less than half of the score. Else -1 four times.",
    ),
)
