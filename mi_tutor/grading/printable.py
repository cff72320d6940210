"""Words of strangers where a terminal or a table would obey some of them."""


def printable(text: str) -> str:
    """The text without what a terminal would obey, line breaks among it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
