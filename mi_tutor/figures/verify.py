"""A card's figures computed: compared with what stands there, or written down after training."""

import json
from dataclasses import asdict
from pathlib import Path

from mi_tutor.corpus.source import CorpusError, corpus_hash, corpus_manifest
from mi_tutor.figures.card_figures import FIGURES
from mi_tutor.figures.figure import Context, Figure
from mi_tutor.files.tensor_file import write_text
from mi_tutor.models.cards import CARD_FILE, FORMAT, Value, read_card, shown
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.sae_recipes import SAE_RECIPES

LICENCE = "CC-BY-4.0"


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
    write_text(assets / name / CARD_FILE, json.dumps(card, indent=1) + "\n")


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
