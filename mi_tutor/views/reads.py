"""What an attention pattern reads most, as lines that chapters print."""

from collections.abc import Iterator, Sequence

from jaxtyping import Float
from torch import Tensor


def most_read(attention: Float[Tensor, "key"], labels: Sequence[str], k: int = 3) -> str:
    """The k keys that get most of one query's attention: `name 61%, (self): 12%`."""
    best = attention.topk(min(k, len(labels)))
    return ", ".join(f"{labels[key]} {share:.0%}" for share, key in zip(*map(Tensor.tolist, best), strict=True))


def sharp_reads(pattern: Float[Tensor, "query key"], above: float) -> Iterator[tuple[int, int, float]]:
    """The queries that give one key more than a share of their attention, with that key and what it gets.

    Reading the first token or the token that a query stands on is left out: heads that find nothing do that.
    """
    for query, row in enumerate(pattern):
        key = int(row.argmax())
        if row[key] > above and key not in (0, query):
            yield query, key, float(row[key])
