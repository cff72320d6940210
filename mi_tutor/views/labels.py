"""Tokens and numbers as a reader wants to see them, and tensors as a view wants to have them."""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

MARKS = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍"}
"""What stands for white space, which a browser would fold or hide."""
MANY = 3
"""Blanks from which on they are counted."""
_BLANKS = re.compile("(?P<line>↵?)(?P<blanks>·+)")
_OPENED = re.compile(r"(?<![^\s(\[,])(['\"`]) (?=\S)")


def readable(token: str) -> str:
    """A token on one line with its white space visible: `" not"` as `·not`, a line break as `↵`.

    Nobody has to count: a line break and the fifteen blanks after it are `↵+15`, seven blanks `·×7`. Characters that have
    no shape of their own (NUL, lone surrogates, marks of direction) become `�`.
    """
    return _BLANKS.sub(_counted, "".join(MARKS.get(character, _visible(character)) for character in token))


def _counted(blanks: "re.Match[str]") -> str:
    count = len(blanks["blanks"])
    return f"{blanks['line']}+{count}" if blanks["line"] else f"·×{count}" if count >= MANY else blanks[0]


def label(text: str) -> str:
    """A label of words or a token: only the white space that would be lost is marked, as at the ends of `·not`.

    After a quotation mark, where a token begins with it, a space does not break the line.
    """
    return _OPENED.sub("\\1\N{NO-BREAK SPACE}", " ".join(map(readable, re.split(r"(?<=\S) (?=\S)", text))))


def printable(text: str) -> str:
    """A sentence with nothing in it that a file or a page cannot hold."""
    return "".join(c if c in " \n" else "\N{REPLACEMENT CHARACTER}" if _is_shapeless(c) else c for c in text)


def _visible(character: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if _is_shapeless(character) else "·" if character.isspace() else character


def _is_shapeless(character: str) -> bool:
    # Joiners (Cf) belong to emoji; overrides of direction would turn the rest of the page.
    return unicodedata.category(character) in ("Cc", "Cs", "Cn") or character in "\u202a\u202b\u202d\u202e\u2066\u2067"


def inert(text: str) -> str:
    """A label that reads the same where it is taken for text and where it is taken for HTML, as CircuitsVis does both.

    A word joiner has no width, and after it neither `<` opens a tag nor `&` an entity.
    """
    return text.replace("<", "<\N{WORD JOINER}").replace("&", "&\N{WORD JOINER}")


def short(token: str, length: int = 14) -> str:
    """A readable token, cut where it is too long to stand beside an axis."""
    text = readable(token)
    return text if len(text) <= length else text[: length - 1] + "…"


def token_label(tokenizer: Any, token: int) -> str:
    """A token as every figure spells it: `·not`, `↵+15`; no two tokens look alike.

    A token that is a piece of a character has no text of its own and is shown by its bytes, `b'\\xe2\\x80'`; one that looks
    like another's spelling, as a Python string: `'·'`.
    """
    text = tokenizer.decode([int(token)])
    if "\N{REPLACEMENT CHARACTER}" not in text:
        return readable(text) if _is_plain(text) else repr(text)
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    values = {character: byte for byte, character in bytes_to_unicode().items()}
    return repr(bytes(values[character] for character in tokenizer.convert_ids_to_tokens(int(token))))


def _is_plain(text: str) -> bool:
    """Whether its spelling tells what it is: it holds no mark itself, and no white space or shapeless sign of other kinds."""
    return bool(text) and not any(
        character in MARKS.values() or (character not in MARKS and (character.isspace() or _is_shapeless(character)))
        for character in text
    )


def as_tensor(values: Any, axes: str, name: str) -> Tensor:
    """The values as a float64 tensor of the CPU, detached.

    Args:
        axes: the axes expected, as in `"head query key"`.
        name: what the caller calls the argument.

    Raises:
        ValueError: another number of axes, an axis of size 0, or entries that are not real numbers.
    """
    try:
        tensor = torch.as_tensor(values).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"`{name}` should be a tensor with the axes [{axes}], or nested lists of numbers.") from error
    names = axes.split()
    if tensor.ndim != len(names):
        more = tensor.ndim - len(names)
        advice = f"Pick one entry of what is too much, as in {name}[0]." if more == 1 else ""
        advice = f"Add the missing axis with {name}[None]." if more == -1 else advice
        raise ValueError(f"`{name}` should have the axes [{axes}]; its shape is {list(tensor.shape)}. {advice}".strip())
    if tensor.numel() == 0:
        raise ValueError(f"`{name}` is empty: its shape is {list(tensor.shape)}, for the axes [{axes}].")
    if tensor.is_complex():
        raise ValueError(f"`{name}` is complex; show its .abs() or its .real.")
    return tensor.double()


def same_length(items: Sequence[Any], count: int, name: str, axis: str) -> None:
    """Raise a ValueError that says so if there are not `count` items."""
    if isinstance(items, str):
        raise ValueError(f"`{name}` should be a list of strings, one for each {axis}; this is a single string.")
    if len(items) != count:
        raise ValueError(f"`{name}` has {len(items)} entries, but there are {count} along the axis {axis!r}.")


def number(value: float) -> str:
    """Three digits, as short as they can be written: `0.12`, `1.2e-05`, `nan`."""
    return f"{value:.3g}"


def rounded(value: float, digits: int = 4) -> float | None:
    """The value with so many digits, for JSON; None where JSON has no number for it."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def not_finite(values: Tensor) -> str:
    """What to say about entries that cannot be drawn: nothing, or a sentence."""
    count = int((~values.isfinite()).sum())
    return (
        f" {count} {'entry is' if count == 1 else 'entries are'} infinite or not a number, and left blank."
        if count
        else ""
    )
