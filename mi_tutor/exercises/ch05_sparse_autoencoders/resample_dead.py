"""The exercise `resample_dead`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law
from mi_tutor.deferred import F, torch
from mi_tutor.exercises.ch05_sparse_autoencoders._resample_law import Weights, resample_tallies, wrong_weights
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import random_rows

if TYPE_CHECKING:
    from torch import Tensor


def _resample_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, calls: int, **args: Any) -> Case:
        return Case(group, what, {**args, "generator": draw.generator()}, calls=calls)

    most = [i for i in range(900) if i % 10]
    rest = list(range(1, 60))
    yield case("basic", "three inputs, two of four features dead", 12, **_dictionary(draw, 3, 2, 4, [1, 3]))
    yield case("general", "hundreds of dead features", 16, **_dictionary(draw, 6, 3, 900, most))
    yield case("general", "more inputs than dead features", 110, **_dictionary(draw, 4, 5, 7, [1, 2, 4]))
    yield case("general", "as many of everything", 10, **_dictionary(draw, 4, 4, 4, [0, 2]))
    yield case("edge", "nothing dead", 2, **_dictionary(draw, 4, 3, 5, []))
    yield case("edge", "everything dead", 6, **_dictionary(draw, 4, 3, 60, [0, *rest]))
    yield case("edge", "one feature, dead", 10, **_dictionary(draw, 4, 3, 1, [0]))
    yield case("edge", "one input", 2, **_dictionary(draw, 1, 3, 5, [0, 4]))
    yield case("edge", "more dead features than inputs", 6, **_dictionary(draw, 2, 3, 60, rest))
    perfect = _dictionary(draw, 4, 3, 5, [1, 2])
    yield case("edge", "every loss 0", 2, **{**perfect, "x_hat": perfect["x"].clone()})
    some = _dictionary(draw, 5, 3, 60, rest)
    x_hat = some["x_hat"].clone()
    x_hat[1], x_hat[3] = some["x"][1], some["x"][3]
    yield case("edge", "some losses 0", 6, **{**some, "x_hat": x_hat})
    small = _dictionary(draw, 4, 3, 60, rest)
    small = {**small, "x": small["x"] * 1e-3, "x_hat": small["x_hat"] * 1e-3}
    yield case("edge", "small activations", 6, **small)


def _dictionary(draw: Draw, batch: int, d_in: int, d_sae: int, dead: list[int]) -> dict[str, Tensor]:
    """Inputs in directions far from each other, with errors of different sizes, and an autoencoder with dead features."""
    count = torch.arange(batch)
    for _ in range(1000):
        x = draw.normal(batch, d_in) + 0.5
        unit = F.normalize(x, dim=-1)
        cosines = (unit @ unit.T).masked_fill(torch.eye(batch, dtype=torch.bool, device=x.device), -1)
        if float(cosines.max()) < 0.98 or batch == 1:
            break
    x = x * draw.of(1 + count * 0.5)[:, None]
    sizes = draw.of(1.0 + 0.9 * ((count * 3) % 5) / 4)
    error = F.normalize(draw.normal(batch, d_in), dim=-1) * sizes[:, None]
    marks = torch.zeros(d_sae, dtype=torch.bool)
    marks[dead] = True
    return {
        "x": x,
        "x_hat": x - error,
        "W_enc": (random_rows(draw, d_sae, d_in, low=0.3, high=4.0)).T.contiguous(),
        "b_enc": draw.normal(d_sae) + 0.1,
        "W_dec": random_rows(draw, d_sae, d_in, low=0.6, high=2.0),
        "dead": marks.to(draw.device),
    }


Draws = Callable[["Tensor", int, "torch.Generator"], "Tensor"]


def _by_squares(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return torch.multinomial((loss / loss.max()).square(), count, replacement=True, generator=generator)


def _resampled(
    x: Tensor,
    x_hat: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    W_dec: Tensor,
    dead: Tensor,
    generator: torch.Generator,
    *,
    draws: Draws = _by_squares,
    toward: Tensor | None = None,
    row_length: float | None = 1.0,
    size: Callable[[Tensor, Tensor], Tensor | float] | None = None,
    bias: float | None = 0.0,
) -> Weights:
    """The right answer, with places where it can be made wrong."""
    loss = (x - x_hat).square().sum(-1)
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    if not dead.any() or not loss.any():
        return W_enc, b_enc, W_dec
    chosen = draws(loss, int(dead.sum()), generator)
    raw = (x if toward is None else toward)[chosen]
    direction = F.normalize(raw, dim=-1)
    length = _fifth(W_enc, dead) if size is None else size(W_enc, dead)
    W_dec[dead] = raw if row_length is None else row_length * direction
    W_enc[:, dead] = length * direction.T
    if bias is not None:
        b_enc[dead] = bias
    return W_enc, b_enc, W_dec


def _fifth(W_enc: Tensor, dead: Tensor) -> Tensor | float:
    living = W_enc[:, ~dead].norm(dim=0)
    return 0.2 * (living.mean() if len(living) else 1.0)


def drawn_by_loss(*args: Any) -> Weights:
    """The inputs are drawn in proportion to their losses: to the squares of their losses, (‖x - x_hat‖²)²."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(loss, count, replacement=True, generator=generator)

    return _resampled(*args, draws=draws)


def drawn_by_length_of_error(*args: Any) -> Weights:
    """The inputs are drawn in proportion to the lengths of their errors. The loss is the squared length, and it is squared
    once more."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(loss.sqrt(), count, replacement=True, generator=generator)

    return _resampled(*args, draws=draws)


def drawn_evenly(*args: Any) -> Weights:
    """Every input is equally likely: those that are reconstructed badly should come more often."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(len(loss), (count,), generator=generator, device=loss.device)

    return _resampled(*args, draws=draws)


def worst_input_for_all(*args: Any) -> Weights:
    """Every dead feature gets the input with the largest loss, and nothing is drawn: then they all become the same feature.
    Draw one for each."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return loss.argmax().expand(count)

    return _resampled(*args, draws=draws)


def one_input_for_all(*args: Any) -> Weights:
    """One input is drawn and given to all dead features, so that they become the same feature: draw one for each."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return _by_squares(loss, 1, generator).expand(count)

    return _resampled(*args, draws=draws)


def drawn_without_replacement(*args: Any) -> Weights:
    """The inputs are drawn without replacement. An input may come several times: with `replacement=True` each dead feature
    draws independently."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial((loss / loss.max()).square(), count, generator=generator)

    return _resampled(*args, draws=draws)


def rows_toward_errors(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new rows point along the errors, x - x_hat. That is another recipe; here the input itself is taken."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, toward=x - x_hat)


def rows_toward_centred_inputs(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The mean of the inputs has been taken away first: the input is taken as it is."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, toward=x - x.mean(0))


def rows_not_of_length_one(*args: Any) -> Weights:
    """The new decoder rows are as long as their inputs: bring them to length 1."""
    return _resampled(*args, row_length=None)


def columns_as_long_as_the_living(*args: Any) -> Weights:
    """The new encoder columns are as long as the living ones: a fifth of that, so that a new feature starts weak and does
    not disturb the others."""
    return _resampled(*args, size=lambda W_enc, dead: 5 * _fifth(W_enc, dead))


def dead_columns_counted(*args: Any) -> Weights:
    """The mean norm is taken over all encoder columns: over those of living features only."""
    return _resampled(
        *args,
        size=lambda W_enc, dead: 0.2 * (1.0 if bool(dead.all()) else W_enc.norm(dim=0).mean()),
    )


def columns_of_length_a_fifth(*args: Any) -> Weights:
    """The new encoder columns have length 0.2: a fifth of the mean norm of the living ones is asked for."""
    return _resampled(*args, size=lambda W_enc, dead: 0.2)


def norm_of_the_mean_column(*args: Any) -> Weights:
    """This takes the norm of the mean of the living columns, which is shorter than they are: take the mean of their norms."""
    return _resampled(
        *args,
        size=lambda W_enc, dead: 0.2 * (1.0 if bool(dead.all()) else W_enc[:, ~dead].mean(1).norm()),
    )


def nan_when_none_lives(*args: Any) -> Weights:
    """The mean over no columns is NaN. Where no feature lives, take 1 instead of it."""
    return _resampled(
        *args,
        size=lambda W_enc, dead: 0.2 * W_enc[:, ~dead].norm(dim=0).mean(),
    )


def biases_kept(*args: Any) -> Weights:
    """Resampled features keep their encoder bias, which may be what had killed them: set it to 0."""
    return _resampled(*args, bias=None)


def living_resampled(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The living features are resampled and the dead ones kept: it is the other way round."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, ~dead, generator)


def all_resampled(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """All features are resampled, and what was learnt is lost: the living stay as they are, bit for bit."""
    everything = torch.ones_like(dead) if bool(dead.any()) else dead
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, everything, generator)


def encoder_left_alone(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Only the decoder's rows are new. It is the encoder that decides whether a feature is active: its columns need the
    same directions."""
    new = _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)
    return W_enc.clone(), new[1], new[2]


def weights_written_over(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new weights are right, but they have been written into the arguments: work on clones."""
    for old, new in zip((W_enc, b_enc, W_dec), _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator), strict=True):
        old.copy_(new)
    return W_enc, b_enc, W_dec


def arguments_returned(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where there is nothing to do, the arguments themselves are returned: return copies, so that whoever changes the result
    does not change what was given."""
    if not dead.any() or torch.equal(x, x_hat):
        return W_enc, b_enc, W_dec
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)


def no_loss_not_foreseen(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where every loss is 0 there is nothing to draw from, and `multinomial` refuses: return copies then."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    if dead.any():
        weights = (x - x_hat).square().sum(-1).square()
        chosen = torch.multinomial(weights, int(dead.sum()), replacement=True, generator=generator)
        direction = F.normalize(x[chosen], dim=-1)
        W_dec[dead], b_enc[dead] = direction, 0
        W_enc[:, dead] = _fifth(W_enc, dead) * direction.T
    return W_enc, b_enc, W_dec


def nothing_dead_not_foreseen(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where nothing is dead there is nothing to draw, and `multinomial` refuses to draw 0 inputs: return copies then."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).square().sum(-1)
    if loss.any():
        chosen = torch.multinomial(loss.square(), int(dead.sum()), replacement=True, generator=generator)
        direction = F.normalize(x[chosen], dim=-1)
        W_dec[dead], b_enc[dead] = direction, 0
        W_enc[:, dead] = _fifth(W_enc, dead) * direction.T
    return W_enc, b_enc, W_dec


def resampling_ignores_the_generator(*args: Any) -> Weights:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial((loss / loss.max()).square(), count, replacement=True)

    return _resampled(*args, draws=draws)


def resampling_seeds_the_generator(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)


exercise = Exercise(
    __name__,
    further="Of 100 inputs one has a loss of 10, the others of 1. Which share of the dead features begins at that one, and what could ever make those features differ from each other?",
    cases=_resample_cases,
    law=Law(resample_tallies, wrong_weights),
    wrong=(
        drawn_by_loss,
        drawn_by_length_of_error,
        drawn_evenly,
        worst_input_for_all,
        one_input_for_all,
        drawn_without_replacement,
        rows_toward_errors,
        rows_toward_centred_inputs,
        rows_not_of_length_one,
        columns_as_long_as_the_living,
        dead_columns_counted,
        columns_of_length_a_fifth,
        norm_of_the_mean_column,
        nan_when_none_lives,
        biases_kept,
        living_resampled,
        all_resampled,
        encoder_left_alone,
        weights_written_over,
        arguments_returned,
        no_loss_not_foreseen,
        nothing_dead_not_foreseen,
        resampling_ignores_the_generator,
        resampling_seeds_the_generator,
    ),
    hints=(
        "Three steps: how badly is each input reconstructed; which inputs are drawn; where do they go? Begin with clones of "
        "the three weights, and return them at once when there is nothing to do.",
        "`loss = (x - x_hat).square().sum(-1)`, and `torch.multinomial(loss.square(), n, replacement=True, "
        "generator=generator)` draws n inputs in proportion to the squares.",
        "`normalize(x[chosen], dim=-1)` are the new directions. They go into `W_dec[dead]` as rows, and transposed into "
        "`W_enc[:, dead]`.",
        "The size of the columns is `0.2 * W_enc[:, ~dead].norm(dim=0).mean()`, and 0.2 when `~dead` is empty.",
    ),
)
