"""What ships with the package: weights, cards, counts, the tokenizer."""

from pathlib import Path

ASSETS = Path(__file__).parent


class UnknownModelError(LookupError):
    """No such model can be had here; the message says why and which models are bundled."""
