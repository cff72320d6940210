"""From a recipe to the files that travel with the package."""

from pathlib import Path

from mi_tutor.corpus.source import with_packages
from mi_tutor.corpus.tokens import corpus_tokens
from mi_tutor.files.tensor_file import write_text
from mi_tutor.models.recipes import RECIPES, Recipe
from mi_tutor.models.sae_recipes import SaeRecipe
from mi_tutor.models.weight_files import read_weights, write_checkpoint, write_weights
from mi_tutor.models.zoo import CURVES_FILE, WEIGHTS_FILE, bundled_weights, checkpoint_path


def train_and_ship(recipe: Recipe | SaeRecipe, assets: Path, runs: Path) -> None:
    """Run a recipe on this machine's corpus, then write what it made into the assets.

    Raises:
        CorpusError: when the corpus cannot be read.
        UnknownModelError: when autoencoders are asked for whose model is not there.
        ValueError: when the run's folder holds the state of another recipe.
    """
    if isinstance(recipe, SaeRecipe):
        _ship_saes(recipe, assets, runs)
    else:
        _ship_model(recipe, assets, runs)


def _ship_model(recipe: Recipe, assets: Path, runs: Path) -> None:
    from mi_tutor.corpus.bigrams import COUNTS_FILE, count_bigrams, write_bigram_counts
    from mi_tutor.training.train import train

    tokens = corpus_tokens("train", with_packages(recipe.packages))
    weights = train(recipe, tokens, runs / recipe.name)
    folder = assets / recipe.name
    write_weights(folder / WEIGHTS_FILE, weights)
    for step in recipe.shipped_checkpoints:
        write_checkpoint(
            checkpoint_path(folder, step), read_weights(runs / recipe.name / f"checkpoint-{step}.safetensors")
        )
    if recipe.architecture["n_layers"] == 0:
        write_bigram_counts(folder / COUNTS_FILE, count_bigrams(tokens))
    if recipe.architecture["n_layers"] == 2:
        write_text(folder / CURVES_FILE, _curves(recipe, runs / recipe.name))


def _curves(recipe: Recipe, run: Path) -> str:
    """What is followed through training, at every checkpoint that was saved, as JSON."""
    import json

    from mi_tutor.figures.induction import checkpoint_curves
    from mi_tutor.models.build import build_model

    heldout = corpus_tokens("heldout", with_packages(recipe.packages))
    rows = []
    for step in recipe.checkpoint_steps:
        weights = read_weights(run / f"checkpoint-{step}.safetensors")
        curves = checkpoint_curves(build_model(recipe, weights), heldout)
        rows.append({"step": step, "tokens": step * recipe.batch * recipe.context, **curves})
    columns = {key: [round(row[key], 5) for row in rows] for key in rows[0]}
    return json.dumps(columns, indent=1) + "\n"


def _ship_saes(recipe: SaeRecipe, assets: Path, runs: Path) -> None:
    from mi_tutor.models.sae import save_sae
    from mi_tutor.models.sae_zoo import sae_folder
    from mi_tutor.training.sae_train import train_saes

    stored = bundled_weights(recipe.model, assets, checkpoint=0 if recipe.untrained else None)
    weights = {name: value.float() for name, value in stored.items()}
    tokens = corpus_tokens("train", with_packages(RECIPES[recipe.model].packages))
    for seed, sae in zip(recipe.seeds, train_saes(recipe, weights, tokens, runs / recipe.name), strict=True):
        save_sae(sae, sae_folder(recipe.name, seed, assets))
