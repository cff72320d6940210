"""The models' cards: read, shown, and what is on one."""

import json
from pathlib import Path
from typing import Any

CARD_FILE = "card.json"
FORMAT = 2  # of cards; raised when their fields change

Value = float | int | str | dict[str, "Value"]
"""What a figure may be: a number, a word, or numbers by name."""


class CardError(RuntimeError):
    """A card cannot be read; the message says which and why."""


def read_card(name: str, assets: Path) -> dict[str, Any] | None:
    """The card of a model; None where there is none.

    Raises:
        CardError: when it is damaged or was written by another version of mi-tutor.
    """
    path = assets / name / CARD_FILE
    if not path.exists():
        return None
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        version = card["format"]
    except (ValueError, KeyError, TypeError):
        raise CardError(f"{path} is damaged or no card; install mi-tutor again, or `git checkout` it.") from None
    if version != FORMAT:
        raise CardError(
            f"{path} is a card of format {version}; this mi-tutor reads format {FORMAT}. Files of two versions are mixed: "
            f"install mi-tutor again, or write the card again with `mi-tutor models {name} --train`."
        )
    return card


def show_card(name: str, assets: Path) -> bool:
    """Print the card as a table; False where there is none."""
    from rich.console import Console
    from rich.table import Table

    card = read_card(name, assets)
    if card is None:
        print(f"{name}: not trained yet; `mi-tutor models {name} --train` does it.")
        return False
    table = Table(title=f"{name}: {card['summary']}", title_justify="left")
    table.add_column("figure", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("unit", no_wrap=True)
    table.add_column("meaning")
    for key, entry in card["figures"].items():
        if not isinstance(entry["value"], dict):
            table.add_row(key, shown(entry["value"]), entry["unit"], entry["meaning"])
    corpus = card["corpus"]
    packages = f" and {len(corpus['packages'])} packages" if corpus.get("packages") else ""
    table.caption = f"corpus: Python {corpus['python']}{packages}, {corpus['files']} files, hash {corpus['hash']}"
    console = Console()
    console.print(table)
    for rows, columns in grids(card["figures"]).items():
        grid = Table("", *(title.replace("_", " ") for title in columns))
        for row in rows:
            grid.add_row(row, *(shown(values[row]) for values in columns.values()))
        console.print(grid)
    for key, entry in card["figures"].items():
        if isinstance(entry["value"], dict):
            unit = f" ({entry['unit']})" if entry["unit"] else ""
            console.print(f"{key}: {entry['meaning']}{unit}", markup=False)
    return True


def grids(figures: dict[str, Any]) -> dict[tuple[str, ...], dict[str, dict[str, Value]]]:
    """The figures of more than one number as tables: by their rows' names, each column's title and numbers."""
    grids: dict[tuple[str, ...], dict[str, dict[str, Value]]] = {}
    for key, entry in figures.items():
        value = entry["value"]
        if not isinstance(value, dict):
            continue
        inner = next(iter(value.values()), None)
        if not isinstance(inner, dict):
            grids.setdefault(tuple(value), {})[key] = value
        elif len(inner) >= len(value):
            for name, column in value.items():
                grids.setdefault(tuple(column), {})[f"{key}, {name}"] = column
        else:
            for name in inner:
                grids.setdefault(tuple(value), {})[name] = {row: value[row][name] for row in value}
    return grids


def shown(value: Value) -> str:
    """A figure as a reader wants it: digits grouped, no zeros at the end."""
    if isinstance(value, dict):
        nested = any(isinstance(inner, dict) for inner in value.values())
        return ("; " if nested else ", ").join(f"{key} {shown(inner)}" for key, inner in value.items())
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    whole, _, digits = f"{value:.6f}".partition(".")
    return f"{whole}.{digits.rstrip('0') or '0'}"
