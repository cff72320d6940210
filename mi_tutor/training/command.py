"""What `mi-tutor models` does: cards shown, verified, and models trained again."""

import sys
from pathlib import Path

from mi_tutor.assets import ASSETS, UnknownModelError
from mi_tutor.corpus.source import CorpusError
from mi_tutor.figures.verify import verify_card, write_card
from mi_tutor.models.cards import CardError, show_card
from mi_tutor.models.recipes import RECIPES, Recipe
from mi_tutor.models.sae import SaeFileError
from mi_tutor.models.sae_recipes import SAE_RECIPES, SaeRecipe
from mi_tutor.models.weight_files import WeightsError

RUNS = Path("training-runs")


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
            from mi_tutor.training.ship import train_and_ship

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
