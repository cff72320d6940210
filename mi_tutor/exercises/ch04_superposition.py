"""Chapter 04: sparse features in few dimensions, what they cost each other, and when a model takes them in all the same."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from einops import einsum
from torch import Tensor

from mi_tutor.check.compare import Problem, close_but_for_a_guard
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Finding, Law, Score, Tally, Trait

SOLUTIONS = "ch04_superposition"
MARGIN = 1e-3
"""How far inputs keep away from a ReLU's kink, where gradients are judged."""


# --- the laws of the three samplers ----------------------------------------------------------------------------------


def _bins(x: Tensor, parts: int) -> Tensor:
    """0 for inactive, then the part of [0, 1) that the value falls into; one more for a value of exactly 1."""
    x = x.double()
    return torch.where(x == 0, 0, 1 + (x * parts).floor().long().clamp(max=parts))


def _chances(probability: float, parts: int) -> Tensor:
    return torch.tensor([1 - probability, *[probability / parts] * parts, 0.0], dtype=torch.float64)


def _drawn(results: list[Tensor], what: str = "samples") -> str:
    """What was counted through, in words: two draws of a batch are twice as many samples as the card's `batch`."""
    count = {2: "two"}.get(len(results), str(len(results)))
    return what if len(results) == 1 else f"{what} ({count} draws of {len(results[0])})"


def _marginal(name: str, x: Tensor, probability: float, among: str) -> Iterator[Tally | Score]:
    """One feature alone: how often it is active, and how its values lie."""
    parts = 32 if probability * len(x) > 1000 else 8
    within = [f"a value between {low / parts:.2g} and {(low + 1) / parts:.2g}" for low in range(parts)]
    outcomes = "a value of exactly 0", *within, "a value of 1"
    counts = torch.bincount(_bins(x, parts), minlength=parts + 2)
    yield Tally(name, counts, _chances(probability, parts), outcomes=outcomes, among=among)
    for power in (1, 2):
        mean = probability / (power + 1)
        variance = probability / (2 * power + 1) - mean**2
        # A normal tail needs enough active values.
        if probability * len(x) > 50:
            sentence = (
                f"The values are not uniform on [0, 1): the mean of their power {power}, over all samples, is off."
            )
            total = float(x.double().pow(power).sum())
            yield Score(f"power {power} of {name}", total, mean * len(x), variance * len(x), sentence)


HALVES = "inactive", "between 0 and 0.5", "between 0.5 and 1", "exactly 1"


def _pair(name: str, a: Tensor, b: Tensor, joint: Tensor, sentence: str, among: str) -> Tally:
    """Two features at once: inactive, low or high for each, beside the joint law [4 4] of these."""
    cells = _bins(a, 2) * 4 + _bins(b, 2)
    outcomes = [f"both {s}" if s == t else f"the first {s}, the second {t}" for s in HALVES for t in HALVES]
    return Tally(name, torch.bincount(cells, minlength=16), joint.flatten(), sentence, outcomes, among)


def _independent(p: float, q: float) -> Tensor:
    return _chances(p, 2)[:, None] * _chances(q, 2)


def _again(rows: Tensor) -> Tally:
    """Samples that come twice to the last digit, among those with at least three active values."""
    busy = rows[(rows > 0).sum(-1) >= 3]
    again = len(busy) - len(busy.unique(dim=0)) if len(busy) else 0
    sentence = "Whole samples come again: random numbers are used more than once."
    counts, outcomes = torch.tensor([again, len(busy)]), ("one that has been there before", "a new one")
    return Tally(
        "whole samples", counts, torch.tensor([0.0, 1.0]), sentence, outcomes, "samples of several active features"
    )


def _fixed_for_the_batch(results: list[Tensor], probability: Tensor) -> Iterator[Trait]:
    """Whether each call has the same features active in all its samples, or is one sample over and over."""
    x = torch.stack([result.flatten(1).cpu() for result in results])
    undecided = (probability > 0) & (probability < 1)
    # So many samples that chance would hardly ever make them agree, one call after another.
    enough = (
        bool(undecided.any())
        and float(torch.maximum(probability, 1 - probability)[undecided].max()) ** x.shape[1] < 1e-4
    )
    on = x[:, :, undecided] > 0
    yield Trait("one gate for a whole batch", bool((on == on[:, :1]).all()) if enough else None)
    yield Trait("one sample for a whole batch", bool((x == x[:, :1]).all()) if enough and bool(on.any()) else None)


def _as_low_as_the_gate(x: Tensor, reach: list[float]) -> Trait:
    """Whether a feature that is off now and then has no value above what its gate lets through, as if one number were
    both."""
    columns = [
        (column[column > 0], limit) for column, limit in zip(x.T, reach, strict=True) if bool((column == 0).any())
    ]
    telling = [float(values.max()) <= limit for values, limit in columns if limit < 1 and limit ** len(values) < 1e-9]
    return Trait("one number for gate and value", any(telling) if telling else None)


def _across_samples(name: str, x: Tensor, probability: float, among: str) -> Iterator[Tally]:
    """Neighbouring samples, and those half a batch apart, tell nothing about each other."""
    half = len(x) // 2
    if half < 50:
        return
    sentence = "The samples of a batch are not independent of one another."
    joint = _independent(probability, probability)
    yield _pair(f"{name} in neighbouring samples", x[0 : 2 * half : 2], x[1 : 2 * half : 2], joint, sentence, among)
    yield _pair(f"{name} half of all samples apart", x[:half], x[half : 2 * half], joint, sentence, among)


def _across_calls(results: list[Tensor]) -> Tensor:
    """The samples of all calls, one after the other, on the CPU."""
    return torch.cat([result.flatten(1).cpu() for result in results]) if results[0].numel() else results[0].cpu()


def _in_range(args: dict[str, Any], sample: Tensor) -> str | None:
    if sample.numel() and bool(sample.isnan().any()):
        return "It holds NaN."
    if sample.numel() and float(sample.abs().max()) > 1:
        return "Some of the values lie beyond -1 and 1; they should lie on [0, 1)."
    if sample.numel() and float(sample.min()) < 0:
        return "Some of the values are negative; they should lie on [0, 1)."
    return None


# --- sparse_features -------------------------------------------------------------------------------------------------


def _sparse_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, probability: list[list[float]] | Tensor, batch: int = 3000, calls: int = 2) -> Case:
        args = {"batch": batch, "feature_probability": draw.of(probability), "generator": draw.generator()}
        return Case(group, what, args, calls=calls)

    yield case("basic", "one instance, two features", [[0.5, 0.2]], batch=20000)
    yield case("general", "two instances, three features", [[0.9, 0.3, 0.1], [0.5, 0.15, 0.7]])
    yield case("general", "three instances, two features", [[0.8, 0.35], [0.25, 0.6], [0.1, 0.5]])
    yield case("general", "as many instances as features", [[0.9, 0.2], [0.4, 0.65]])
    n = draw.size(5, 6)
    yield case("general", f"{n} features that are alike", [[0.6] * n], batch=2000)
    yield case("general", "many small batches", [[0.5, 0.3], [0.75, 0.6]], batch=5, calls=100)
    yield case("edge", "one feature in one instance", [[0.4]])
    yield case("edge", "a rare feature", [[0.01, 0.5]], batch=20000, calls=1)
    yield case("edge", "probabilities of 0 and 1", [[0.0, 1.0, 0.5], [1.0, 0.0, 0.3]])
    yield case("edge", "features that are never active", [[0.0, 0.0]])
    yield case("edge", "features that are always active", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    yield case("edge", "a batch of one sample", [[0.5, 0.2], [0.1, 0.9]], batch=1)
    yield case("edge", "an empty batch", [[0.5, 0.2], [0.1, 0.9]], batch=0, calls=1)


def _sparse_tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Finding]:
    probability = args["feature_probability"].double().cpu()
    instances, features = probability.shape
    p = probability.flatten().tolist()
    x = _across_calls(results)
    if not len(x):
        return
    names = [f"feature {f} of instance {i}" for i in range(instances) for f in range(features)]
    samples, pairs = _drawn(results), _drawn(results, "such pairs of samples")
    yield from _fixed_for_the_batch(results, probability.flatten())
    yield _as_low_as_the_gate(x, p)
    for c, name in enumerate(names):
        yield from _marginal(name, x[:, c], p[c], samples)
        yield from _across_samples(name, x[:, c], p[c], pairs)
    for a, b in itertools.combinations(range(len(p)), 2):
        what = "features of an instance" if a // features == b // features else "instances"
        sentence = f"Different {what} are not independent of each other."
        yield _pair(f"{names[a]} with {names[b]}", x[:, a], x[:, b], _independent(p[a], p[b]), sentence, samples)
    yield _again(x)


def _gates(batch: int, probability: Tensor, generator: torch.Generator) -> Tensor:
    return _uniform((batch, *probability.shape), probability, generator) < probability


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=like.dtype, device=like.device)


def gate_and_value_from_one_number(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """An active value is never larger than its probability here: is one random number both gate and value, or the value
    multiplied by the probability? Draw the value anew."""
    u = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(u < feature_probability, u, 0)


def gate_the_other_way_round(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """A feature is active with 1 minus its probability here: it is active where a uniform number lies *below* the
    probability."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), 0, value)


def gates_without_values(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Active features are all 1 here: their value is drawn as well, uniform on [0, 1)."""
    return _gates(batch, feature_probability, generator).to(feature_probability.dtype)


def values_weighted_by_the_probability(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Every feature is active here, its value multiplied by the probability. That has the right mean and is not sparse."""
    return _uniform((batch, *feature_probability.shape), feature_probability, generator) * feature_probability


def one_gate_for_all_features(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All features of an instance share one gate, so they are active together. Every feature needs its own draw."""
    gate = _uniform((batch, feature_probability.shape[0], 1), feature_probability, generator)
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(gate < feature_probability, value, 0)


def one_value_for_all_features(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All active features of an instance have the same value: every feature needs a value of its own."""
    value = _uniform((batch, feature_probability.shape[0], 1), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def instances_share_their_draws(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All instances get the same draws: the instances are to be independent of one another, too."""
    shape = batch, 1, feature_probability.shape[1]
    gate, value = (_uniform(shape, feature_probability, generator) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0)


def one_sample_for_the_whole_batch(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Every sample of the batch is the same one: the random numbers need the batch axis, too."""
    shape = 1, *feature_probability.shape
    gate, value = (_uniform(shape, feature_probability, generator) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0).expand(batch, -1, -1).clone()


def gate_fixed_for_the_batch(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The gate is drawn once and used for the whole batch: each sample decides anew which features are active."""
    gate = _uniform((1, *feature_probability.shape), feature_probability, generator) < feature_probability
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(gate, value, 0)


def normal_values(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The values are normal (`randn`): they should be uniform on [0, 1), as `rand` draws them."""
    shape = batch, *feature_probability.shape
    value = torch.randn(shape, generator=generator, dtype=feature_probability.dtype, device=feature_probability.device)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def values_of_both_signs(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The values lie between -1 and 1: they should be uniform on [0, 1)."""
    value = 2 * _uniform((batch, *feature_probability.shape), feature_probability, generator) - 1
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def first_instance_for_all(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The probabilities of the first instance are used for all: each instance has its own row."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability[:1].expand_as(value[0]), generator), value, 0)


def axes_in_another_order(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The axes come out as [instance, batch, feature]: the batch goes first."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0).transpose(0, 1)


def always_in_single_precision(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The result is float32 whatever the probabilities are: give `rand` the dtype of `feature_probability`."""
    shape = batch, *feature_probability.shape
    gate, value = (torch.rand(shape, generator=generator, device=feature_probability.device) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0)


def features_ignore_the_generator(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    shape = batch, *feature_probability.shape
    gate, value = (
        torch.rand(shape, dtype=feature_probability.dtype, device=feature_probability.device) for _ in range(2)
    )
    return torch.where(gate < feature_probability, value, 0)


def features_seed_the_generator(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


sparse_features = Exercise(
    name="sparse_features",
    solutions=SOLUTIONS,
    cases=_sparse_cases,
    law=Law(_sparse_tallies, _in_range),
    wrong=(
        gate_and_value_from_one_number,
        gate_the_other_way_round,
        gates_without_values,
        values_weighted_by_the_probability,
        one_gate_for_all_features,
        one_value_for_all_features,
        instances_share_their_draws,
        one_sample_for_the_whole_batch,
        gate_fixed_for_the_batch,
        normal_values,
        values_of_both_signs,
        first_instance_for_all,
        axes_in_another_order,
        always_in_single_precision,
        features_ignore_the_generator,
        features_seed_the_generator,
    ),
    hints=(
        "Two things are left to chance for every entry: whether the feature is active, and how strongly. They have nothing "
        "to do with each other.",
        "`torch.rand(batch, *feature_probability.shape, generator=generator, dtype=…, device=…)` is a uniform number for "
        "every entry. How often does it lie below 0.3?",
        "`torch.where(gate < feature_probability, value, 0)`, with two such draws.",
    ),
)


# --- toy_model -------------------------------------------------------------------------------------------------------


def _model_cases(draw: Draw) -> Iterator[Case]:
    cross = draw.of([[[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])
    x = draw.of([[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.25]]])
    yield basic("three features in two dimensions", x=x, W=cross, b=draw.of([[0.1, -0.2, 0.3]]))
    yield basic("one instance", **_model(draw, 4, 1, 2, 3))
    for _ in range(3):
        size = draw.sizes("batch", "instance", "hidden", "feature", low=2, high=7)
        yield general("random weights", **_model(draw, *size.values()))
    yield general("more dimensions than features", **_model(draw, 5, 2, 6, 3))
    yield general("inputs of both signs", **_model(draw, 6, 3, 2, 5, signed=True))
    yield edge("one feature", **_model(draw, 5, 2, 3, 1))
    yield edge("one hidden dimension", **_model(draw, 5, 3, 1, 4))
    yield edge("one sample", **_model(draw, 1, 3, 2, 4))
    yield edge("a single instance", **_model(draw, 5, 1, 2, 4))
    n = draw.size(3, 4)
    yield edge("every size the same", **_model(draw, n, n, n, n))
    yield edge("an empty batch", **_model(draw, 0, 2, 3, 4))
    args = _model(draw, 5, 2, 3, 4)
    yield edge("weights that are all negative", **{**args, "W": -args["W"].abs()})
    yield edge("weights of zero", **{**args, "W": args["W"] * 0})
    yield edge("biases far below zero", **{**args, "b": args["b"] - 100})
    yield edge("inputs of zero", **{**args, "x": args["x"] * 0})


def _model(
    draw: Draw, batch: int, instance: int, hidden: int, feature: int, *, signed: bool = False
) -> dict[str, Tensor]:
    """Inputs and weights of a model whose pre-activations all keep away from 0."""
    for _ in range(1000):
        x, gate = draw.normal(batch, instance, feature), draw.normal(batch, instance, feature)
        if not signed:
            x = torch.where(gate > 0, x.abs() % 1, 0)
        args = {"x": x, "W": draw.normal(instance, hidden, feature), "b": draw.normal(instance, feature, scale=0.5)}
        if not batch or float(_before_relu(**args).abs().min()) > MARGIN:
            return args
    raise ValueError("no weights away from a kink were found")


def _before_relu(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden")
    return einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b


def relu_left_out(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """There is no ReLU: it comes last, and without it nothing that interferes is ever cut off."""
    return _before_relu(x, W, b)


def bias_left_out(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is missing: it is added before the ReLU."""
    return (_before_relu(x, W, b) - b).relu()


def bias_after_the_relu(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is added after the ReLU: inside it, a negative bias cuts off what is small."""
    return (_before_relu(x, W, b) - b).relu() + b


def bias_subtracted(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is subtracted: it is added."""
    return (_before_relu(x, W, b) - 2 * b).relu()


def bias_on_the_input(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is added to the input: it is added to what comes back, before the ReLU."""
    return _before_relu(x + b, W, torch.zeros_like(b)).relu()


def relu_on_the_hidden_layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """There is a ReLU on the hidden layer, too. In this model it is linear: the only ReLU is the last step."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden").relu()
    return (einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b).relu()


def only_the_hidden_layer_rectified(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The ReLU stands on the hidden layer: it belongs on the output, after the bias."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden").relu()
    return einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b


def columns_made_unit(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The columns of W are brought to length 1 here: their lengths say which features are kept, so use W as it is."""
    return _before_relu(x, W / W.norm(dim=1, keepdim=True).clamp(min=1e-12), b).relu()


def same_weights_for_all_instances(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Every instance uses the weights of the first: instance i has its own, `W[i]` and `b[i]`."""
    return _before_relu(x, W[:1].expand_as(W), b[:1].expand_as(b)).relu()


def instances_added_up(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The hidden layers of different instances are added up. Name the instance axis in the result of both einsums."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch hidden")
    return (einsum(h, W, "batch hidden, i hidden feature -> batch i feature") + b).relu()


def inputs_added_back(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The input is added to the output: there is no way around the hidden layer in this model."""
    return (_before_relu(x, W, b) + x).relu()


def model_cut_from_the_graph(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The output is right, but no gradient reaches the weights: something on the way detaches them."""
    return _before_relu(x, W, b).relu().detach()


toy_model = Exercise(
    name="toy_model",
    solutions=SOLUTIONS,
    cases=_model_cases,
    gradients=("x", "W", "b"),
    wrong=(
        relu_left_out,
        bias_left_out,
        bias_after_the_relu,
        bias_subtracted,
        bias_on_the_input,
        relu_on_the_hidden_layer,
        only_the_hidden_layer_rectified,
        columns_made_unit,
        same_weights_for_all_instances,
        instances_added_up,
        inputs_added_back,
        model_cut_from_the_graph,
    ),
    hints=(
        "Two products, one down and one up again, with the same W. Which axis does each of them sum over?",
        'Down: `einsum(x, W, "batch instance feature, instance hidden feature -> batch instance hidden")`.',
        "Up again with the same W, summing over hidden; then the bias, then `.relu()`.",
    ),
)


# --- toy_loss --------------------------------------------------------------------------------------------------------


def _loss_cases(draw: Draw) -> Iterator[Case]:
    x, x_hat = draw.of([[[1.0, 0.0]], [[0.0, 0.5]]]), draw.of([[[0.5, 0.0]], [[0.5, 0.0]]])
    yield basic("two samples, two features", x=x, x_hat=x_hat, importance=draw.of([1.0, 0.1]))
    yield basic("two instances", **_errors(draw, 4, 2, 3))
    for _ in range(3):
        size = draw.sizes("batch", "instance", "feature", low=2, high=9)
        yield general("random errors", **_errors(draw, *size.values()))
    yield edge("one feature", **_errors(draw, 5, 3, 1))
    yield edge("one sample", **_errors(draw, 1, 3, 4))
    yield edge("one instance", **_errors(draw, 5, 1, 4))
    n = draw.size(3, 5)
    yield edge("every size the same", **_errors(draw, n, n, n))
    args = _errors(draw, 5, 2, 4)
    yield edge("a feature of no importance", **{**args, "importance": draw.of([1.0, 0.0, 0.5, 0.0])})
    yield edge("a perfect reconstruction", **{**args, "x_hat": args["x"].clone()})
    yield edge("importances far from 1", **{**args, "importance": draw.of([100.0, 10.0, 0.1, 20.0])})


def _errors(draw: Draw, batch: int, instance: int, feature: int) -> dict[str, Tensor]:
    x, x_hat = (draw.normal(batch, instance, feature) for _ in range(2))
    return {"x": x.abs() % 1, "x_hat": x_hat.relu(), "importance": draw.normal(feature).abs() + 0.1}


def importance_left_out(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The importances are not used: weigh each feature's squared error with its own."""
    return (x - x_hat).square().mean((0, 2))


def importance_squared(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The importance is squared together with the error: it multiplies the squared error."""
    return (importance * (x - x_hat)).square().mean((0, 2))


def summed_over_features(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The features are summed: here the loss is a mean over features, too. (Papers differ on this; say which you use.)"""
    return (importance * (x - x_hat).square()).sum(-1).mean(0)


def summed_over_everything(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is a sum over batch and features: it should be a mean over both."""
    return (importance * (x - x_hat).square()).sum((0, 2))


def divided_by_the_importances(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is divided by the sum of the importances, as a weighted mean is: divide by the number of features."""
    return (importance * (x - x_hat).square()).sum(-1).mean(0) / importance.sum()


def one_number_for_all_instances(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The mean runs over the instances as well: each instance has a loss of its own."""
    return (importance * (x - x_hat).square()).mean()


def one_number_for_each_feature(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """There is a number for each instance and feature: the mean over features is missing."""
    return (importance * (x - x_hat).square()).mean(0)


def root_of_the_loss(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """A root is taken: the loss is the mean of the squares itself."""
    return (importance * (x - x_hat).square()).mean((0, 2)).sqrt()


def absolute_errors(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The errors are taken by their absolute value: square them."""
    return (importance * (x - x_hat).abs()).mean((0, 2))


def half_the_square(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is half of the loss: there is no factor 1/2 in it."""
    return (importance * (x - x_hat).square()).mean((0, 2)) / 2


def only_active_features(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """Errors count only where a feature is active here. What interference puts where nothing should be is an error, too."""
    return (importance * (x - x_hat).square() * (x > 0)).mean((0, 2))


def loss_cut_from_the_graph(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The loss is right, but no gradient reaches x_hat: something on the way detaches it."""
    return (importance * (x - x_hat.detach()).square()).mean((0, 2))


toy_loss = Exercise(
    name="toy_loss",
    solutions=SOLUTIONS,
    cases=_loss_cases,
    gradients=("x_hat",),
    wrong=(
        importance_left_out,
        importance_squared,
        summed_over_features,
        summed_over_everything,
        divided_by_the_importances,
        one_number_for_all_instances,
        one_number_for_each_feature,
        root_of_the_loss,
        absolute_errors,
        half_the_square,
        only_active_features,
        loss_cut_from_the_graph,
    ),
    hints=(
        "One number for each instance remains. Over which two axes do you take the mean?",
        "`importance` has one axis, features, and that is the last one of x: it broadcasts as it is.",
        "`(importance * (x - x_hat).square()).mean(…)`, with both axes named in the mean.",
    ),
)


# --- interference ----------------------------------------------------------------------------------------------------


def _columns(draw: Draw, instance: int, hidden: int, feature: int) -> Tensor:
    """Random columns of lengths from 0.5 to 2."""
    W = draw.normal(instance, hidden, feature).double()
    length = 0.5 + 1.5 * draw.normal(instance, 1, feature).double().abs().clamp(max=1)
    return draw.of(W / W.norm(dim=1, keepdim=True).clamp(min=1e-6) * length)


def _every_shape(draw: Draw) -> Iterator[Case]:
    yield edge("one instance", W=_columns(draw, 1, 3, 4))
    yield edge("one hidden dimension", W=_columns(draw, 2, 1, 5))
    yield edge("one feature alone", W=_columns(draw, 3, 2, 1))
    yield edge("one number", W=_columns(draw, 1, 1, 1))
    n = draw.size(3, 4)
    yield edge("every size the same", W=_columns(draw, n, n, n))
    yield edge("weights that are all negative", W=-_columns(draw, 2, 3, 4).abs())


def _geometry_cases(draw: Draw) -> Iterator[Case]:
    digon = [[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    yield basic("an antipodal pair and one at right angles", W=draw.of([digon]))
    triangle = [[1.0, -0.5, -0.5], [0.0, 0.75**0.5, -(0.75**0.5)]]
    yield basic("a triangle, and one twice as large", W=draw.of([triangle, [[2 * v for v in row] for row in triangle]]))
    for _ in range(3):
        size = draw.sizes("instance", "hidden", "feature", low=2, high=9)
        yield general("random directions", W=_columns(draw, *size.values()))
    yield general("many features in two dimensions", W=_columns(draw, 3, 2, 12))
    yield from _every_shape(draw)
    some = _columns(draw, 3, 2, 5)
    some[0, :, 1], some[1, :, 0], some[1, :, 4] = 0, 0, 0
    yield edge("columns of zero", W=some)
    yield edge("weights of zero", W=_columns(draw, 2, 3, 4) * 0)
    short = _columns(draw, 3, 3, 5)
    short[0, :, 2] *= 1e-3 / float(short[0, :, 2].double().norm()) * 1.0001
    short[2, :, 0] *= 2e-3 / float(short[2, :, 0].double().norm())
    short[1, :, 3] = 0
    yield edge("columns as short as a thousandth", W=short)
    yield edge(
        "columns that are all as short as a thousandth",
        W=short / short.norm(dim=1, keepdim=True).clamp(min=1e-6) * 2e-3,
    )
    yield edge("a feature alone, as short as a thousandth", W=draw.of([[[1.2e-3], [0.0]], [[0.0], [3e-3]]]))


def _unit(W: Tensor) -> Tensor:
    return torch.nn.functional.normalize(W, dim=1)


def _overlaps(W: Tensor) -> Tensor:
    """(unit W_i · W_j)², [instance i j]."""
    return (_unit(W).mT @ W).square()


def _others(overlaps: Tensor) -> Tensor:
    """The sum over j ≠ i."""
    return (overlaps - torch.diag_embed(overlaps.diagonal(dim1=1, dim2=2))).sum(-1)


def itself_counted(W: Tensor) -> Tensor:
    """The feature itself is counted, too: interference comes from the others, j ≠ i."""
    return _overlaps(W).sum(-1)


def itself_taken_for_one(W: Tensor) -> Tensor:
    """1 is taken off for the feature itself, which is right only for columns of length 1: its own term is ‖W_i‖²."""
    return _overlaps(W).sum(-1) - 1


def no_direction_made_unit(W: Tensor) -> Tensor:
    """Neither column is made a unit vector: W_i is, so that the result does not grow with its own length."""
    return _others((W.mT @ W).square())


def wrong_direction_made_unit(W: Tensor) -> Tensor:
    """W_j is made a unit vector where W_i should be: how strongly the others are written counts, one's own length does
    not."""
    return _others(_overlaps(W).mT)


def both_directions_made_unit(W: Tensor) -> Tensor:
    """Both columns are made unit vectors: only W_i is, since a short W_j disturbs little."""
    return _others((_unit(W).mT @ _unit(W)).square())


def overlaps_not_squared(W: Tensor) -> Tensor:
    """The overlaps are not squared, so that opposite directions cancel: interference in either direction is interference."""
    return _others(_unit(W).mT @ W)


def overlaps_by_absolute_value(W: Tensor) -> Tensor:
    """The overlaps are taken by their absolute value: square them."""
    return _others((_unit(W).mT @ W).abs())


def summed_before_the_square(W: Tensor) -> Tensor:
    """The overlaps are added up before they are squared, so that opposite signs cancel: square each of them, then sum."""
    return _others(_unit(W).mT @ W).square()


def averaged_over_the_others(W: Tensor) -> Tensor:
    """This is a mean over features: it should be their sum."""
    return _others(_overlaps(W)) / W.shape[-1]


def every_pair_once(W: Tensor) -> Tensor:
    """Only features that come later count: every j other than i does, the earlier ones too."""
    return _overlaps(W).triu(1).sum(-1)


def only_negative_overlaps(W: Tensor) -> Tensor:
    """Positive overlaps are left out: they interfere like negative ones."""
    overlap = _unit(W).mT @ W
    return (overlap.square() * (overlap < 0)).sum(-1)


def nan_for_a_zero_column(W: Tensor) -> Tensor:
    """A column of zero has no direction, and 0/0 is NaN: its interference is 0. Divide by something that is not 0 there."""
    return _others(((W / W.norm(dim=1, keepdim=True)).mT @ W).square())


def rows_made_unit(W: Tensor) -> Tensor:
    """The rows of W are made unit vectors: a feature is a column, [hidden, feature], so the norm runs over the hidden
    axis."""
    return _others((torch.nn.functional.normalize(W, dim=2).mT @ W).square())


def dimensions_for_features(W: Tensor) -> Tensor:
    """Hidden dimensions are compared with each other here: `W @ W.mT` sums over features. It is the features that
    interfere, `W.mT @ W`."""
    return _others((torch.nn.functional.normalize(W, dim=2) @ W.mT).square())


interference = Exercise(
    name="interference",
    solutions=SOLUTIONS,
    cases=_geometry_cases,
    answer=close_but_for_a_guard,
    wrong=(
        itself_counted,
        itself_taken_for_one,
        no_direction_made_unit,
        wrong_direction_made_unit,
        both_directions_made_unit,
        overlaps_not_squared,
        overlaps_by_absolute_value,
        summed_before_the_square,
        averaged_over_the_others,
        every_pair_once,
        only_negative_overlaps,
        nan_for_a_zero_column,
        rows_made_unit,
        dimensions_for_features,
    ),
    hints=(
        "Make a table first: for each i and j, how much of W_j lies along the direction of W_i. What stands on its diagonal?",
        "`torch.nn.functional.normalize(W, dim=1)` makes every column a unit vector and leaves a zero column zero. "
        "`unit.mT @ W` is the table, row i, column j.",
        "Square the table, put 0 on its diagonal, sum the rows. `torch.eye(n, dtype=torch.bool, device=W.device)` marks the "
        "diagonal for `masked_fill`.",
    ),
)


# --- feature_dimensionality ------------------------------------------------------------------------------------------


def _shares(above: Tensor, below: Tensor) -> Tensor:
    return above / below.where(above > 0, 1)


def itself_left_out_below(W: Tensor) -> Tensor:
    """The feature itself is missing from the sum below, so that one that nobody disturbs is divided by 0: i counts, too."""
    return W.square().sum(1) / _others(_overlaps(W))


def itself_counted_as_one(W: Tensor) -> Tensor:
    """1 stands below for the feature itself, which is right only for columns of length 1: its own term is ‖W_i‖²."""
    return W.square().sum(1) / (1 + _others(_overlaps(W)))


def length_not_squared(W: Tensor) -> Tensor:
    """The length above is not squared."""
    return _shares(W.norm(dim=1), _overlaps(W).sum(-1))


def direction_not_made_unit(W: Tensor) -> Tensor:
    """W_i is not made a unit vector below: the result then depends on the scale of all weights."""
    return _shares(W.square().sum(1), (W.mT @ W).square().sum(-1))


def other_side_made_unit(W: Tensor) -> Tensor:
    """Below, W_j is made a unit vector where W_i should be."""
    return _shares(W.square().sum(1), _overlaps(W).mT.sum(-1))


def both_made_unit(W: Tensor) -> Tensor:
    """Both columns are made unit vectors below: how long the others are counts."""
    return _shares(W.square().sum(1), (_unit(W).mT @ _unit(W)).square().sum(-1))


def upside_down(W: Tensor) -> Tensor:
    """The fraction is upside down: a feature that shares its dimension has less than one."""
    above = W.square().sum(1)
    return torch.where(above > 0, _overlaps(W).sum(-1) / above.where(above > 0, 1), 0)


def nan_for_nothing(W: Tensor) -> Tensor:
    """For a column of zero this is 0/0, NaN: a feature that is not represented takes up no dimension, 0."""
    return W.square().sum(1) / ((W / W.norm(dim=1, keepdim=True)).mT @ W).square().sum(-1)


def one_for_nothing(W: Tensor) -> Tensor:
    """A column of zero gets 1, a dimension of its own: it takes up none, 0."""
    below = _overlaps(W).sum(-1)
    return torch.where(below > 0, W.square().sum(1) / below.where(below > 0, 1), 1)


def overlaps_below_not_squared(W: Tensor) -> Tensor:
    """The overlaps below are taken by their absolute value: square them."""
    return _shares(W.square().sum(1), (_unit(W).mT @ W).abs().sum(-1))


def what_is_lost(W: Tensor) -> Tensor:
    """This is the share that the others take: 1 minus it is what the feature has for itself."""
    above = W.square().sum(1)
    return torch.where(above > 0, 1 - _shares(above, _overlaps(W).sum(-1)), 0)


def lengths_shared_out(W: Tensor) -> Tensor:
    """Each squared length is divided by the sum of all of them: two features at right angles do not share anything. What
    counts is how far W_j lies along W_i."""
    above = W.square().sum(1)
    return _shares(above, above.sum(-1, keepdim=True).expand_as(above))


feature_dimensionality = Exercise(
    name="feature_dimensionality",
    solutions=SOLUTIONS,
    cases=_geometry_cases,
    answer=close_but_for_a_guard,
    wrong=(
        itself_left_out_below,
        itself_counted_as_one,
        length_not_squared,
        direction_not_made_unit,
        other_side_made_unit,
        both_made_unit,
        upside_down,
        nan_for_nothing,
        one_for_nothing,
        overlaps_below_not_squared,
        what_is_lost,
        lengths_shared_out,
    ),
    hints=(
        "Below stands the same sum as in `interference`, with the feature itself in it. What is that one term?",
        "The term of i itself is ‖W_i‖², so the whole is ‖W_i‖² / (‖W_i‖² + interference). When is that 0/0?",
        "Where ‖W_i‖² is 0, divide by 1 instead: `below.where(below > 0, 1)`.",
    ),
)


# --- dimensions_per_feature ------------------------------------------------------------------------------------------


def _frobenius_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two features, each with a dimension", W=draw.of([[[1.0, 0.0], [0.0, 1.0]]]))
    yield basic("two antipodal pairs", W=draw.of([[[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]]))
    traces = [[[1.0, 0.0, 0.2], [0.0, 1.0, 0.1]], [[1.5, -0.3, 0.0], [0.0, 0.1, 0.8]]]
    yield general("two features and a trace of a third", W=draw.of(traces))
    for _ in range(3):
        size = draw.sizes("instance", "hidden", "feature", low=2, high=9)
        yield general("random directions", W=_columns(draw, *size.values()))
    yield from _every_shape(draw)
    some = _columns(draw, 3, 2, 5)
    some[1] = 0
    yield edge("an instance of zeros between others", W=some)
    yield edge("weights of zero", W=_columns(draw, 2, 3, 4) * 0)
    columns = _columns(draw, 2, 3, 4)
    columns[0, :, 1], columns[1, :, 3] = 0, 0
    yield edge("columns of zero", W=columns)
    yield edge("a single column, as short as a thousandth", W=draw.of([[[1.2e-3, 0.0], [0.0, 0.0]]]))


def norm_not_squared(W: Tensor) -> Tensor:
    """The Frobenius norm is not squared."""
    return W.shape[1] / W.square().sum((1, 2)).sqrt()


def features_per_dimension(W: Tensor) -> Tensor:
    """This is features per dimension, the inverse: the hidden dimensions stand above."""
    return W.square().sum((1, 2)) / W.shape[1]


def all_features_counted(W: Tensor) -> Tensor:
    """This is hidden dimensions over the number of features, whether they are represented or not: a feature counts with
    its squared length."""
    return (W.shape[1] / W.new_full((W.shape[0],), W.shape[2])).where(W.square().sum((1, 2)) > 0, torch.inf)


def kept_features_counted(W: Tensor) -> Tensor:
    """This counts the columns that are long enough, each as one: a feature counts with its squared length, so that one of
    length 0.7 is about half a feature."""
    return W.shape[1] / (W.norm(dim=1) > 0.5).to(W.dtype).sum(-1)


def features_for_dimensions(W: Tensor) -> Tensor:
    """The number of features stands above: it is the number of hidden dimensions, axis 1."""
    return W.shape[2] / W.square().sum((1, 2))


def all_instances_together(W: Tensor) -> Tensor:
    """The norm runs over all instances together: each instance has its own."""
    return (W.shape[1] / W.square().sum()).expand(W.shape[0]).clone()


def largest_singular_value(W: Tensor) -> Tensor:
    """This is the spectral norm, the largest singular value: the Frobenius norm is the root of the sum of all squares."""
    return W.shape[1] / torch.linalg.matrix_norm(W, ord=2).square()


def absolute_sum(W: Tensor) -> Tensor:
    """The absolute weights are summed: sum their squares."""
    return W.shape[1] / W.abs().sum((1, 2))


def mean_of_the_squares(W: Tensor) -> Tensor:
    """This is divided by the mean of the squares: it is their sum."""
    return W.shape[1] / W.square().mean((1, 2))


def guarded_against_zero(W: Tensor) -> Tensor:
    """A small number keeps the division finite. An instance that represents nothing has infinitely many dimensions for
    each feature: inf, which plain division gives by itself."""
    return W.shape[1] / (W.square().sum((1, 2)) + 1e-10)


def zero_for_nothing(W: Tensor) -> Tensor:
    """An instance of zeros gets 0: with no feature there, it is inf, which plain division gives by itself."""
    norm = W.square().sum((1, 2))
    return torch.where(norm > 0, W.shape[1] / norm.where(norm > 0, 1), 0)


def mean_dimensionality(W: Tensor) -> Tensor:
    """This is the mean of the features' dimensionalities. It is related, but here the question is about the whole:
    hidden dimensions over the squared Frobenius norm."""
    return _shares(W.square().sum(1), _overlaps(W).sum(-1)).mean(-1)


dimensions_per_feature = Exercise(
    name="dimensions_per_feature",
    solutions=SOLUTIONS,
    cases=_frobenius_cases,
    answer=close_but_for_a_guard,
    wrong=(
        norm_not_squared,
        features_per_dimension,
        all_features_counted,
        kept_features_counted,
        features_for_dimensions,
        all_instances_together,
        largest_singular_value,
        absolute_sum,
        mean_of_the_squares,
        guarded_against_zero,
        zero_for_nothing,
        mean_dimensionality,
    ),
    hints=(
        "A feature that is represented has a column of length near 1, one that is not has length 0. What does the sum of "
        "all squared lengths count?",
        "The squared Frobenius norm is the sum of the squares of all entries: over both axes, but not over instances.",
        "`W.shape[1] / W.square().sum(…)`. What does torch make of a positive number divided by 0?",
    ),
)


# --- correlated_features ---------------------------------------------------------------------------------------------


def _pair_cases(draw: Draw, highest: float) -> Iterator[Case]:
    """`highest`: the largest probability that the contract allows."""

    def case(group: str, what: str, n_pairs: int, probability: float, batch: int = 3000, calls: int = 2) -> Case:
        args = {"batch": batch, "n_pairs": n_pairs, "probability": probability, "generator": draw.generator()}
        return Case(group, what, args, calls=calls)

    yield case("basic", "one pair", 1, 0.4, batch=20000)
    yield case("basic", "two pairs", 2, 0.3)
    n = draw.size(3, 4)
    yield case("general", f"{n} pairs", n, 0.35)
    yield case("general", "five pairs that are often active", 5, 0.9 * highest, batch=2000)
    yield case("general", "many small batches", 2, 0.4, batch=5, calls=100)
    yield case("general", "a rare pair", 2, 0.02, batch=20000, calls=1)
    yield case("edge", "a probability of 0", 2, 0.0)
    yield case("edge", f"a probability of {highest:g}", 3, highest)
    yield case("edge", "a batch of one sample", 2, 0.3, batch=1)
    yield case("edge", "an empty batch", 2, 0.3, batch=0, calls=1)


def _pair_tallies(joint_of_a_pair: Callable[[float], Tensor], alternatives: int) -> Callable[..., Iterator[Finding]]:
    """`alternatives`: how many features one random number can decide between."""
    sentence = "The two features of a pair are not as they should be together."

    def tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Finding]:
        p, x = float(args["probability"]), _across_calls(results)
        if not len(x):
            return
        samples, pairs = _drawn(results), _drawn(results, "such pairs of samples")
        yield from _fixed_for_the_batch(results, torch.full((x.shape[1],), p, dtype=torch.float64))
        yield _as_low_as_the_gate(x, [p * alternatives] * x.shape[1])
        for c in range(x.shape[1]):
            yield from _marginal(f"feature {c}", x[:, c], p, samples)
            yield from _across_samples(f"feature {c}", x[:, c], p, pairs)
        for a, b in itertools.combinations(range(x.shape[1]), 2):
            together = a // 2 == b // 2
            joint = joint_of_a_pair(p) if together else _independent(p, p)
            why = sentence if together else "Different pairs are not independent of each other."
            yield _pair(f"feature {a} with feature {b}", x[:, a], x[:, b], joint, why, samples)
        # Two pairs at once can agree in which half is active although no two features show it.
        for a, b in itertools.combinations(range(0, x.shape[1], 2), 2):
            states = [(x[:, c] > 0).long() + 2 * (x[:, c + 1] > 0) for c in (a, b)]
            active = joint_of_a_pair(p)
            law = torch.stack([active[0, 0], active[1:, 0].sum(), active[0, 1:].sum(), active[1:, 1:].sum()])
            counts = torch.bincount(4 * states[0] + states[1], minlength=16)
            name = f"which of features {a}, {a + 1} and of {b}, {b + 1} are active"
            halves = [["neither", f"{c} alone", f"{c + 1} alone", f"{c} and {c + 1}"] for c in (a, b)]
            outcomes = [
                f"{first} of the one pair, {second} of the other" for first in halves[0] for second in halves[1]
            ]
            why = "Different pairs are not independent of each other."
            yield Tally(name, counts, (law[:, None] * law).flatten(), why, outcomes, samples)
        yield _again(x)

    return tallies


def _together(p: float) -> Tensor:
    """Both or none; values independent."""
    joint = torch.zeros(4, 4, dtype=torch.float64)
    joint[0, 0] = 1 - p
    joint[1:3, 1:3] = p / 4
    return joint


def _apart(p: float) -> Tensor:
    """One, the other or none."""
    joint = torch.zeros(4, 4, dtype=torch.float64)
    joint[0, 0] = 1 - 2 * p
    joint[0, 1:3] = joint[1:3, 0] = p / 2
    return joint


def _rand(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def correlated_but_independent(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Every feature has a gate of its own: the two of a pair share one, so that they are active together."""
    gate, value = (_rand(batch, 2 * n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def one_value_for_both(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Both features of a pair have the same value: only whether they are active is shared, each value is its own draw."""
    gate, value = (_rand(batch, n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0).repeat_interleave(2, dim=1)


def partners_half_way_apart(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Feature i goes together with feature i + n_pairs here. Partners are neighbours, 2i and 2i+1: `repeat_interleave`,
    not `repeat`."""
    gate = _rand(batch, n_pairs, generator=generator).repeat(1, 2)
    return torch.where(gate < probability, _rand(batch, 2 * n_pairs, generator=generator), 0)


def one_gate_for_all_pairs(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """All pairs share one gate: every pair needs its own."""
    gate = _rand(batch, 1, generator=generator)
    return torch.where(gate < probability, _rand(batch, 2 * n_pairs, generator=generator), 0)


def both_gates_needed(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active here when two gates are open at once, which has the probability squared: one gate a pair."""
    gates = _rand(batch, n_pairs, 2, generator=generator) < probability
    gate = gates.all(-1).repeat_interleave(2, dim=1)
    return torch.where(gate, _rand(batch, 2 * n_pairs, generator=generator), 0)


def either_gate_enough(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active here when one of two gates is open, which is more probable than one gate: one gate a pair."""
    gates = _rand(batch, n_pairs, 2, generator=generator) < probability
    gate = gates.any(-1).repeat_interleave(2, dim=1)
    return torch.where(gate, _rand(batch, 2 * n_pairs, generator=generator), 0)


def gate_for_the_first_value(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The gate's random number is used as a value, too, so that an active value is never larger than the probability: draw
    values of their own."""
    gate = _rand(batch, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, gate, 0)


def pairs_without_values(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Active features are all 1 here: each has a value, uniform on [0, 1)."""
    return (_rand(batch, n_pairs, generator=generator) < probability).float().repeat_interleave(2, dim=1)


def a_column_for_each_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """There is one column for each pair: a pair is two features, so there are 2 · n_pairs."""
    gate, value = (_rand(batch, n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def an_axis_for_the_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The two features of a pair stand on an axis of their own: flatten the last two axes."""
    gate = _rand(batch, n_pairs, 1, generator=generator)
    return torch.where(gate < probability, _rand(batch, n_pairs, 2, generator=generator), 0)


def one_draw_for_the_batch(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The gates are drawn once for the whole batch: each sample decides anew."""
    gate = _rand(1, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, _rand(batch, 2 * n_pairs, generator=generator), 0)


def correlated_ignores_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    gate = torch.rand(batch, n_pairs, device=generator.device).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, torch.rand(batch, 2 * n_pairs, device=generator.device), 0)


def correlated_seeds_the_generator(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    gate = _rand(batch, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, _rand(batch, 2 * n_pairs, generator=generator), 0)


correlated_features = Exercise(
    name="correlated_features",
    solutions=SOLUTIONS,
    cases=lambda draw: _pair_cases(draw, 1.0),
    law=Law(_pair_tallies(_together, 1), _in_range),
    wrong=(
        correlated_but_independent,
        one_value_for_both,
        partners_half_way_apart,
        one_gate_for_all_pairs,
        both_gates_needed,
        either_gate_enough,
        gate_for_the_first_value,
        pairs_without_values,
        a_column_for_each_pair,
        an_axis_for_the_pair,
        one_draw_for_the_batch,
        correlated_ignores_the_generator,
        correlated_seeds_the_generator,
    ),
    hints=(
        "What is shared by the two features of a pair, and what is each one's own?",
        "Draw a gate for each pair, [batch, n_pairs]. `repeat_interleave(2, dim=1)` gives it to both neighbours.",
        "`torch.where(gate < probability, value, 0)`, with values of shape [batch, 2 * n_pairs].",
    ),
)


# --- anticorrelated_features -----------------------------------------------------------------------------------------


def anticorrelated_but_independent(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The two features of a pair are independent, so that both are active now and then: at most one is."""
    gate, value = (_rand(batch, 2 * n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def _by_gate(gates: Tensor, generator: torch.Generator) -> Tensor:
    """Values where the gates [batch, n_pairs, 2] are open."""
    gates = gates.flatten(1)
    return torch.where(gates, _rand(*gates.shape, generator=generator), 0)


def probability_shared_by_the_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active with `probability`, so that each feature is with half of it: each feature has `probability`, the
    pair twice as much."""
    gate, coin = (_rand(batch, n_pairs, generator=generator) for _ in range(2))
    first = (gate < probability) & (coin < 0.5)
    return _by_gate(torch.stack([first, (gate < probability) & ~(coin < 0.5)], -1), generator)


def exactly_one_active(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """One feature of each pair is always active: mostly it is none, each being active with `probability`."""
    coin = _rand(batch, n_pairs, generator=generator) < 0.5
    return _by_gate(torch.stack([coin, ~coin], -1), generator)


def second_only_if_not_the_first(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature's gate counts only where the first one's is closed, which makes it rarer than the first. Let one
    uniform number decide for both: below p the first, from p to 2p the second."""
    gates = _rand(batch, n_pairs, 2, generator=generator) < probability
    return _by_gate(torch.stack([gates[..., 0], gates[..., 1] & ~gates[..., 0]], -1), generator)


def both_closed_on_a_clash(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Where both gates are open both features are silenced, which makes each rarer than `probability`. Let one uniform
    number decide for both: below p the first, from p to 2p the second."""
    gates = _rand(batch, n_pairs, 2, generator=generator) < probability
    return _by_gate(gates & ~gates.flip(-1), generator)


def one_of_both_on_a_clash(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Where both gates are open a coin takes one of the features away, which makes each rarer than `probability`. Let one
    uniform number decide for both: below p the first, from p to 2p the second."""
    gates = _rand(batch, n_pairs, 2, generator=generator) < probability
    coin = _rand(batch, n_pairs, generator=generator) < 0.5
    return _by_gate(gates & ~(gates.all(-1, keepdim=True) & torch.stack([coin, ~coin], -1)), generator)


def one_or_all_the_rest(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature is active wherever the first is not: it is active with `probability` as well, and often neither
    is."""
    gate = _rand(batch, n_pairs, generator=generator) < probability
    return _by_gate(torch.stack([gate, ~gate], -1), generator)


def one_coin_for_all_pairs(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """One coin decides for all pairs which half is active: every pair needs its own."""
    gate = _rand(batch, n_pairs, generator=generator) < 2 * probability
    coin = _rand(batch, 1, generator=generator) < 0.5
    return _by_gate(torch.stack([gate & coin, gate & ~coin], -1), generator)


def opposites_half_way_apart(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Feature i excludes feature i + n_pairs here. Partners are neighbours, 2i and 2i+1: stack the two gates on a last
    axis and flatten it."""
    u = _rand(batch, n_pairs, generator=generator)
    gates = torch.cat([u < probability, (u >= probability) & (u < 2 * probability)], 1)
    return torch.where(gates, _rand(batch, 2 * n_pairs, generator=generator), 0)


def second_negative(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature of a pair has negative values: anticorrelated features are not opposite in sign, they exclude
    each other. Opposite directions are what the model makes of them."""
    u = _rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return _by_gate(gates, generator) * torch.tensor([1.0, -1.0], device=u.device).repeat(n_pairs)


def value_from_the_same_number(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The number that decides is used as a value, too, so that a value reaches no further than its gate lets through: draw
    values of their own."""
    u = _rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return torch.where(gates, u[..., None], 0).flatten(1)


def opposites_on_an_axis_of_their_own(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The two features of a pair stand on an axis of their own: flatten the last two axes."""
    u = _rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return _by_gate(gates, generator).unflatten(1, (n_pairs, 2))


def anticorrelated_ignores_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    u = torch.rand(batch, n_pairs, device=generator.device)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1).flatten(1)
    return torch.where(gates, torch.rand(batch, 2 * n_pairs, device=generator.device), 0)


def anticorrelated_seeds_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    u = _rand(batch, n_pairs, generator=generator)
    return _by_gate(torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1), generator)


anticorrelated_features = Exercise(
    name="anticorrelated_features",
    solutions=SOLUTIONS,
    cases=lambda draw: _pair_cases(draw, 0.5),
    law=Law(_pair_tallies(_apart, 2), _in_range),
    wrong=(
        anticorrelated_but_independent,
        probability_shared_by_the_pair,
        exactly_one_active,
        second_only_if_not_the_first,
        both_closed_on_a_clash,
        one_of_both_on_a_clash,
        one_or_all_the_rest,
        one_coin_for_all_pairs,
        opposites_half_way_apart,
        second_negative,
        value_from_the_same_number,
        opposites_on_an_axis_of_their_own,
        anticorrelated_ignores_the_generator,
        anticorrelated_seeds_the_generator,
    ),
    hints=(
        "A pair has three states: the first is active, the second, neither. What are their probabilities, and how many "
        "random numbers does it take to choose among three?",
        "With one uniform number u for a pair: u < p, then p ≤ u < 2p, then the rest.",
        "`torch.stack([first, second], dim=-1).flatten(1)` puts the two gates of a pair beside each other. Values are drawn "
        "on their own, [batch, 2 * n_pairs].",
    ),
)


# --- strategy_losses -------------------------------------------------------------------------------------------------


STRATEGIES = "only the first kept", "only the second kept", "both, in opposite directions"


def _in_proportion(args: dict[str, Any], expected: Tensor, got: Tensor) -> Problem | None:
    """Each loss to one part in ten thousand, however small it is; a loss of 0 is 0."""
    for name, right, theirs in zip(STRATEGIES, expected.double().tolist(), got.double().tolist(), strict=True):
        if not abs(theirs - right) <= 1e-4 * abs(right) + 1e-12:
            kind = "nan" if theirs != theirs else "value"
            return Problem(kind, f"The loss of the strategy “{name}” should be {right:.6g}; it is {theirs:.6g}.")
    return None


def _strategy_cases(draw: Draw) -> Iterator[Case]:
    yield basic("features that are always active", probability=1.0, importance=1.0)
    yield basic("features active half of the time", probability=0.5, importance=0.5)
    for low, high in ((0.05, 0.3), (0.3, 0.9), (0.01, 0.05), (0.1, 0.9)):
        share, weight = (float(draw.size(1, 1000)) / 1000 for _ in range(2))
        yield general("random numbers", probability=low + (high - low) * share, importance=10 ** (2 * weight - 1))
    yield edge("very sparse features", probability=0.001, importance=1.0)
    yield edge("features that are never active", probability=0.0, importance=2.0)
    yield edge("a second feature of no importance", probability=0.4, importance=0.0)
    yield edge("a second feature of great importance", probability=0.2, importance=100.0)


def _variance(p: float) -> float:
    return p / 3 - p**2 / 4


def _three(*losses: float) -> Tensor:
    return torch.tensor(losses, dtype=torch.float32)


def no_bias_for_the_lost(probability: float, importance: float) -> Tensor:
    """The feature that is left out is answered with 0, which costs the mean of its square. The best bias answers with its
    mean and leaves the variance."""
    p = probability
    return _three(importance * p / 3, p / 3, (1 + importance) * p**2 / 6)


def mean_over_the_two(probability: float, importance: float) -> Tensor:
    """This is the mean over the two features: here it is the sum, as in the source."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 / 6) / 2


def importance_on_the_kept(probability: float, importance: float) -> Tensor:
    """The first two are exchanged: keeping the first costs what the second is worth."""
    p = probability
    return _three(_variance(p), importance * _variance(p), (1 + importance) * p**2 / 6)


def variance_of_an_active_one(probability: float, importance: float) -> Tensor:
    """Its variance is taken to be p/12, but 1/12 is that of a uniform number. A feature that is 0 most of the time has
    E[x²] - E[x]² = p/3 - (p/2)²: mind the square of p."""
    p = probability
    return _three(importance * p / 12, p / 12, (1 + importance) * p**2 / 6)


def bias_of_an_active_one(probability: float, importance: float) -> Tensor:
    """The bias is 1/2, the mean of an active value: it is paid where the feature is inactive, too, so the best one is the
    mean over everything, p/2."""
    p = probability
    lost = p / 12 + (1 - p) / 4
    return _three(importance * lost, lost, (1 + importance) * p**2 / 6)


def both_without_the_relu(probability: float, importance: float) -> Tensor:
    """In the third, the ReLU is forgotten: without it each feature would be off by the whole of the other. The ReLU cuts
    that off wherever only one is active."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p / 3)


def both_by_one_value(probability: float, importance: float) -> Tensor:
    """In the third, the loss of one uniform value is taken, E[x²] = 1/3: what is lost is the *smaller* of two, squared."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 / 3)


def both_by_the_mean_minimum(probability: float, importance: float) -> Tensor:
    """In the third, the mean of the smaller value, 1/3, is squared: it is the mean of its square, 1/6."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 * (1 / 3) ** 2)


def clash_counted_once(probability: float, importance: float) -> Tensor:
    """In the third, only one feature's error counts: when both are active, both come back too small."""
    p = probability
    return _three(importance * _variance(p), _variance(p), p**2 / 6)


def both_without_importance(probability: float, importance: float) -> Tensor:
    """In the third, both errors count as much: the second feature's counts with its importance."""
    p = probability
    return _three(importance * _variance(p), _variance(p), 2 * p**2 / 6)


def clash_at_every_activity(probability: float, importance: float) -> Tensor:
    """In the third, the clash is taken to happen with p: both are active at once with p²."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p / 6)


def clash_as_if_always(probability: float, importance: float) -> Tensor:
    """In the third, both are taken to be active always: that happens with p²."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) / 6)


def the_kept_feature_pays(probability: float, importance: float) -> Tensor:
    """The feature that is kept is counted as lost, too: it comes back exactly, and costs nothing."""
    p = probability
    lost = (1 + importance) * _variance(p)
    return _three(lost, lost, (1 + importance) * p**2 / 6)


strategy_losses = Exercise(
    name="strategy_losses",
    solutions=SOLUTIONS,
    cases=_strategy_cases,
    answer=_in_proportion,
    parts=STRATEGIES,
    wrong=(
        no_bias_for_the_lost,
        mean_over_the_two,
        importance_on_the_kept,
        variance_of_an_active_one,
        bias_of_an_active_one,
        both_without_the_relu,
        both_by_one_value,
        both_by_the_mean_minimum,
        clash_counted_once,
        both_without_importance,
        clash_at_every_activity,
        clash_as_if_always,
        the_kept_feature_pays,
    ),
    hints=(
        "Take the strategies one by one. What comes back for the feature that is left out, whatever goes in? Which constant "
        "has the smallest mean squared error?",
        "The best constant is the mean, E[x] = p/2, and what is left is the variance, E[x²] - E[x]², with E[x²] = p/3.",
        "With W = (1, -1) the two come back as ReLU(x1 - x2) and ReLU(x2 - x1). When only one is active, nothing is lost. "
        "When both are, each comes back too small by the same number. Which?",
        "By the smaller of the two. For two independent uniform numbers the mean of its square is ∫ t² · 2(1 - t) dt = 1/6, "
        "and both are active with p².",
    ),
)


# --- neuron_purity ---------------------------------------------------------------------------------------------------


def _purity_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one pure neuron and one of two features", W=draw.of([[[2.0, 0.0, 0.0], [0.0, 0.5, -1.5]]]))
    yield basic("random weights", W=draw.normal(2, 3, 4))
    for _ in range(3):
        size = draw.sizes("instance", "neuron", "feature", low=2, high=9)
        yield general("random weights", W=draw.normal(*size.values()))
    yield general("large weights", W=draw.normal(2, 3, 5, scale=1000.0))
    yield edge("one instance", W=draw.normal(1, 3, 4))
    yield edge("one neuron", W=draw.normal(3, 1, 4))
    yield edge("one feature", W=draw.normal(3, 2, 1))
    yield edge("one number", W=draw.of([[[-0.7]]]))
    n = draw.size(3, 5)
    yield edge("every size the same", W=draw.normal(n, n, n))
    yield edge("weights that are all negative", W=-draw.normal(2, 3, 4).abs())
    some = draw.normal(2, 3, 4)
    some[0, 1], some[1, 2] = 0, 0
    yield edge("silent neurons", W=some)
    yield edge("weights of zero", W=some * 0)
    short = draw.normal(2, 3, 4)
    short[:, 1] *= 1e-3 / short[:, 1].norm(dim=-1, keepdim=True) * 1.0001
    yield edge("neurons as short as a thousandth", W=short)
    yield edge("a feature that no neuron reads", W=draw.normal(2, 3, 4) * draw.of([1.0, 1.0, 0.0, 1.0]))


def _purity(top: Tensor, total: Tensor) -> Tensor:
    return torch.where(total > 0, top / total.where(total > 0, 1), 0)


def largest_without_its_sign(W: Tensor) -> Tensor:
    """The largest weight is looked for with its sign: a strong negative weight counts as much, so take absolute values
    first."""
    return _purity(W.amax(-1), W.abs().sum(-1))


def signs_cancel_below(W: Tensor) -> Tensor:
    """The weights are summed with their signs, so that they cancel: sum the absolute values."""
    below = W.sum(-1)
    return W.abs().amax(-1) / below.where(below != 0, 1)


def signs_never_dropped(W: Tensor) -> Tensor:
    """No absolute value is taken anywhere, so that negative weights cancel below and are passed over above: begin with
    `W.abs()`."""
    below = W.sum(-1)
    return W.amax(-1) / below.where(below != 0, 1)


def over_neurons(W: Tensor) -> Tensor:
    """This is taken over neurons: how pure a *feature* is. A neuron's purity goes over its features, the last axis."""
    size = W.abs()
    return _purity(size.amax(1), size.sum(1))


def shares_of_squares(W: Tensor) -> Tensor:
    """These are shares of the squares: take the absolute values themselves."""
    return _purity(W.square().amax(-1), W.square().sum(-1))


def against_the_length(W: Tensor) -> Tensor:
    """Below stands the neuron's Euclidean length: it is the sum of absolute values."""
    return _purity(W.abs().amax(-1), W.norm(dim=-1))


def nan_for_a_silent_neuron(W: Tensor) -> Tensor:
    """For a silent neuron this is 0/0, NaN: its purity is 0."""
    return W.abs().amax(-1) / W.abs().sum(-1)


def one_for_a_silent_neuron(W: Tensor) -> Tensor:
    """A silent neuron gets 1: it reads no feature at all, and its purity is 0."""
    return torch.where(W.abs().sum(-1) > 0, nan_for_a_silent_neuron(W), 1)


def mean_share(W: Tensor) -> Tensor:
    """This is the mean weight over the sum, the same for all neurons: the *largest* is asked for."""
    return _purity(W.abs().mean(-1), W.abs().sum(-1))


def largest_against_the_rest(W: Tensor) -> Tensor:
    """Below, the largest weight itself is left out: it belongs to the sum."""
    top = W.abs().amax(-1)
    return top / (W.abs().sum(-1) - top)


def impurity(W: Tensor) -> Tensor:
    """This is 1 minus the purity: a neuron that reads a single feature has 1."""
    total = W.abs().sum(-1)
    return torch.where(total > 0, 1 - _purity(W.abs().amax(-1), total), 0)


def which_feature(W: Tensor) -> Tensor:
    """This is the index of the strongest feature: its share is asked for."""
    return W.abs().argmax(-1)


neuron_purity = Exercise(
    name="neuron_purity",
    solutions=SOLUTIONS,
    cases=_purity_cases,
    answer=close_but_for_a_guard,
    wrong=(
        largest_without_its_sign,
        signs_cancel_below,
        signs_never_dropped,
        over_neurons,
        shares_of_squares,
        against_the_length,
        nan_for_a_silent_neuron,
        one_for_a_silent_neuron,
        mean_share,
        largest_against_the_rest,
        impurity,
        which_feature,
    ),
    hints=(
        "A neuron is a row of W. What is the share of its strongest weight, when signs do not matter?",
        "`W.abs()`, then `amax(-1)` above and `sum(-1)` below. When is that 0/0?",
        "Where the sum is 0 divide by 1 instead: `total.where(total > 0, 1)`.",
    ),
)

EXERCISES = (
    sparse_features,
    toy_model,
    toy_loss,
    interference,
    feature_dimensionality,
    dimensions_per_feature,
    strategy_losses,
    correlated_features,
    anticorrelated_features,
    neuron_purity,
)
