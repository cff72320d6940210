"""The models' cards: shown, verified figure by figure, written after training; what `mi-tutor models` calls."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mi_tutor.models.corpus import CorpusError, corpus_hash, corpus_manifest
from mi_tutor.models.figure import Context, Figure, Value
from mi_tutor.models.figures import FIGURES
from mi_tutor.models.recipes import RECIPES, Recipe
from mi_tutor.models.sae import SaeFileError
from mi_tutor.models.sae_recipes import SAE_RECIPES, SaeRecipe
from mi_tutor.models.token_cache import write_text_atomically
from mi_tutor.models.weight_files import WeightsError
from mi_tutor.models.zoo import ASSETS, UnknownModelError

CARD_FILE = "card.json"
RUNS = Path("training-runs")
LICENCE = "CC-BY-4.0"
FORMAT = 2  # of cards; raised when their fields change


class CardError(RuntimeError):
    """A card cannot be read; the message says which and why."""


def run_models(
    name: str | None, *, verify: bool, train: bool, assets: Path | None = None, runs: Path | None = None
) -> int:
    """What `mi-tutor models` does; returns its exit status.

    Args:
        name: one model; all of them when left out.
        verify: recompute every figure on the card instead of showing it.
        train: first train (going on where a killed run stopped), then write weights, counts and card.
        assets: the folder of the bundled models; the installed one when left out.
        runs: where training keeps its state; `training-runs` in the working directory when left out.

    Returns:
        0 when all is well, 1 when a figure is off, a card is missing or the corpus cannot be read, 2 for an unknown
        name.
    """
    assets = assets or ASSETS
    recipes: dict[str, Recipe | SaeRecipe] = {**RECIPES, **SAE_RECIPES}
    if name is not None and name not in recipes:
        print(f"There is no bundled model {name!r}; there are: {', '.join(recipes)}.", file=sys.stderr)
        return 2
    names = list(recipes) if name is None else [name]
    try:
        if train:
            from mi_tutor.models.ship import train_and_ship

            for each in names:
                train_and_ship(recipes[each], assets, runs or RUNS)
                write_card(each, assets)
        if verify:
            verdicts = [verify_card(each, assets) for each in names]  # a list: every card is looked at
            return 0 if all(verdicts) else 1
        if not train:
            found = [show_card(each, assets) for each in names]
            return 0 if all(found) else 1
    except (CardError, CorpusError, SaeFileError, UnknownModelError, WeightsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"Nothing more could be saved: {error}. What was saved before is whole; make room, then repeat the command.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from the last saved state.", file=sys.stderr)
        return 130
    return 0


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


def verify_card(name: str, assets: Path) -> bool:
    """Recompute each figure on a card, print a line for each, and say whether all that must match do.

    Figures of the shipped files must match on every machine. Those of the corpus must where the corpus is the card's;
    elsewhere the figure computed here is printed beside the card's.
    """
    card = read_card(name, assets)
    if card is None:
        print(f"{name}: OFF, there is no card")
        return False
    try:
        same_corpus = corpus_hash(Context(name, assets).roots) == card["corpus"]["hash"]
        corpus_problem = ""
    except CorpusError as error:
        same_corpus, corpus_problem = False, str(error)
    context = Context(name, assets)
    all_well = True
    for key in [*FIGURES[name], *(key for key in card["figures"] if key not in FIGURES[name])]:
        figure, entry = FIGURES[name].get(key), card["figures"].get(key)
        if figure is None or entry is None:
            well, verdict = False, "OFF, " + ("not on the card" if entry is None else "on the card, but not known")
        elif figure.of == "corpus" and corpus_problem:
            well, verdict = True, f"not computed: {corpus_problem}"
        else:
            well, verdict = _compare(figure, _computed(figure, context), entry["value"], same_corpus)
        print(f"{name}  {key}: {verdict}")
        all_well = all_well and well
    return all_well


def write_card(name: str, assets: Path) -> None:
    """Compute every figure of the shipped files and the corpus, and write the card."""
    from importlib.metadata import version

    context = Context(name, assets)
    recipe = SAE_RECIPES.get(name) or RECIPES[name]
    figures = {
        key: {"value": _computed(figure, context), "unit": figure.unit, "meaning": figure.meaning, "of": figure.of}
        for key, figure in FIGURES[name].items()
    }
    card = {
        "format": FORMAT,
        "name": name,
        "summary": recipe.summary,
        "licence": LICENCE,
        "corpus": corpus_manifest(context.roots),
        "made_with": {package: version(package) for package in ("torch", "transformer-lens", "tokenizers")},
        "figures": figures,
        "recipe": asdict(recipe),
    }
    write_text_atomically(assets / name / CARD_FILE, json.dumps(card, indent=1) + "\n")


def _computed(figure: Figure, context: Context) -> Value:
    value = figure.compute(context)
    return round(value, 6) if isinstance(value, float) else value


def _compare(figure: Figure, here: Value, card: Value, same_corpus: bool) -> tuple[bool, str]:
    """Whether a figure is well, and the sentence that says so."""
    unit = f" {figure.unit}" if figure.unit else ""
    equal = _equal(here, card, figure.tolerance)
    if figure.of == "corpus" and not same_corpus:
        return True, f"{shown(here)}{unit} on this machine's corpus; the card, on another, has {shown(card)}"
    if equal:
        return True, f"{shown(here)}{unit}, as on the card"
    return False, f"OFF, {shown(here)}{unit} here, {shown(card)} on the card"


def _equal(here: Value, card: Value, tolerance: float) -> bool:
    if isinstance(here, dict) and isinstance(card, dict):
        return here.keys() == card.keys() and all(_equal(here[key], card[key], tolerance) for key in here)
    if isinstance(here, float) and isinstance(card, int | float):
        return abs(here - card) <= tolerance  # False for NaN
    return here == card


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
