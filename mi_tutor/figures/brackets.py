"""How many brackets of a text close what they opened: a structure that needs more memory than one token."""

PAIRS = {")": "(", "]": "[", "}": "{"}


def matching_brackets(text: str) -> float:
    """The share of closing brackets that match the bracket opened last; 0 where nothing is closed.

    Brackets in strings and comments count like others.
    """
    opened: list[str] = []
    right = total = 0
    for character in text:
        if character in PAIRS.values():
            opened.append(character)
        elif character in PAIRS:
            total += 1
            right += bool(opened) and opened.pop() == PAIRS[character]
    return right / max(total, 1)
