"""Tables for text that comes twice: what models expect each time, and a number for each head."""

from typing import TYPE_CHECKING

from jaxtyping import Float, Int
from torch import Tensor

from mi_tutor.views.charts import heatmap
from mi_tutor.views.labels import token_label
from mi_tutor.views.page import StaticView
from mi_tutor.views.picture import Picture
from mi_tutor.views.tables import table

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


def expected_twice(
    models: "dict[str, TransformerBridge]", tokens: Int[Tensor, "1 position"], first: int, second: int
) -> StaticView:
    """The probability of each token of a stretch that comes twice, each time, under each model.

    Args:
        models: by name; they share a tokenizer.
        first, second: where the stretch begins the first time and the second; from there it goes on to the end.
    """
    tokenizer = next(iter(models.values())).tokenizer
    probs = {name: model(tokens)[0].softmax(-1) for name, model in models.items()}
    rows = []
    for i in range(tokens.shape[1] - second):
        token = int(tokens[0, second + i])
        each = [f"{of[place + i - 1, token]:.1%}" for of in probs.values() for place in (first, second)]
        rows.append([token_label(tokenizer, token), *each])
    return table(rows, ["token that came", *(f"{name}, {time} time" for name in models for time in ("1st", "2nd"))])


def head_table(
    values: Float[Tensor, "layer head"], what: str, title: str, limits: tuple[float, float] | None = None
) -> Picture:
    """A number for each head of each layer, as colours.

    Args:
        what: the number is, with its unit.
        limits: the values at the ends of the colours.
    """
    layers, heads = values.shape
    labels = [f"head {i}" for i in range(heads)], [f"layer {i}" for i in range(layers)]
    return heatmap(values, *labels, title=title, what=what, limits=limits)
