"""The models' cards as pages, from the files that ship with them."""

from typing import Any

from docs.markdown import plain, table
from mi_tutor.models.cards import grids, read_card, shown
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import ASSETS

INTRODUCTION = r"""# Models

They ship with the package, {megabytes:.0f} MB together, and were trained by its own recipes on source code: Python's standard
library and the packages that come along. Nothing is downloaded. Every figure on these cards is computed, none typed:
`mi-tutor models --verify` computes all of them again on your machine and fails when one is off.

```python
from mi_tutor import load_model
from mi_tutor.models import load_sae

model = load_model("attn-2l-py", checkpoint=3000)  # a TransformerLens bridge
sae = load_sae("sae-relu-1l-py", seed=1)
```

A *loss* here is the cross-entropy of the next token, $-\frac{{1}}{{n}} \sum_i \ln p(t_i \mid t_{{<i}})$, in nats per token: beside
it stand the losses of counted pairs and triples on the same text, because a number alone says little. *Explained variance* of an
autoencoder is $1 - \sum \lVert x - \hat x \rVert^2 / \sum \lVert x - \bar x \rVert^2$, over the held-out tokens.
"""


def names() -> list[str]:
    """Every model that has a card."""
    return [name for name in (*RECIPES, *SAE_RECIPES) if read_card(name, ASSETS) is not None]


def card_index() -> str:
    """The page that lists them."""
    cards = {name: read_card(name, ASSETS) or {} for name in names()}
    megabytes = sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()) / 1e6
    models = [
        [_link(name), plain(card["summary"]), *(_figure(card, key) for key in ("parameters", "heldout_loss"))]
        for name, card in cards.items()
        if name in RECIPES
    ]
    saes = [
        [_link(name), plain(card["summary"]), *(_figure(card, key) for key in ("features", "l0", "explained_variance"))]
        for name, card in cards.items()
        if name in SAE_RECIPES
    ]
    return "\n".join(
        [
            INTRODUCTION.format(megabytes=megabytes),
            "## Transformers\n",
            table(["name", "what it is", "weights", "loss, held out"], models, numbers=(2, 3)),
            "## Sparse autoencoders\n",
            table(
                ["name", "what it is", "features", "active on a token", "explained variance"], saes, numbers=(2, 3, 4)
            ),
            "```{toctree}\n:hidden:\n\n" + "\n".join(cards) + "\n```\n",
        ]
    )


def card_page(name: str) -> str:
    """One card: its figures, its tables, how it was made."""
    card = read_card(name, ASSETS) or {}
    figures = card["figures"]
    single = [
        [f"`{key}`", plain(_short(shown(entry["value"]))), plain(entry["unit"]), plain(entry["meaning"])]
        for key, entry in figures.items()
        if not isinstance(entry["value"], dict)
    ]
    parts = [f"# {name}\n\n{plain(card['summary'])}\n", _call(name)]
    if single:
        parts += ["## Figures\n", table(["figure", "value", "unit", "meaning"], single, numbers=(1,))]
    for rows, columns in grids(figures).items():
        titles = [plain(title.replace("_", " ")) for title in columns]
        body = [[f"`{row}`", *(plain(_short(shown(values[row]))) for values in columns.values())] for row in rows]
        parts.append("{.wide}\n" + table(["", *titles], body, numbers=range(1, len(titles) + 1)))
    told = [
        [f"`{key}`", plain(entry["meaning"]) + (f" ({plain(entry['unit'])})" if entry["unit"] else "")]
        for key, entry in figures.items()
        if isinstance(entry["value"], dict)
    ]
    if told:
        parts += ["What the columns are:\n", table(["figure", "meaning"], told)]
    parts += ["## How it was made\n", _made(card)]
    return "\n".join(parts)


def _link(name: str) -> str:
    return f"[`{name}`]({name}.md)"


def _call(name: str) -> str:
    function = "load_sae" if name in SAE_RECIPES else "load_model"
    return f'```python\n{function}("{name}")\n```\n'


def _figure(card: dict[str, Any], key: str) -> str:
    value = card["figures"].get(key, {}).get("value", "")
    if isinstance(value, dict):
        value = next(iter(value.values()))
    return plain(
        f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )


def _short(value: str) -> str:
    """A hash by its beginning: it is compared by programs, from the file."""
    return f"{value[:12]}…" if len(value) == 64 else value


def _made(card: dict[str, Any]) -> str:
    corpus, recipe = card["corpus"], dict(card["recipe"])
    packages = ", ".join(f"{name} {version}" for name, version in corpus.get("packages", {}).items())
    source = f"Corpus: the source of Python {corpus['python']}{f' and of {packages}' if packages else ''}; "
    source += f"{corpus['files']:,} files, {corpus['bytes'] / 1e6:,.0f} MB, hash `{corpus['hash']}`. "
    source += "Made with " + ", ".join(f"{name} {version}" for name, version in card["made_with"].items())
    architecture = recipe.pop("architecture", {})
    settings = {
        **architecture,
        **{key: value for key, value in recipe.items() if key not in ("name", "summary", "packages")},
    }
    rows = [[f"`{key}`", plain(_setting(value))] for key, value in settings.items() if value not in (None, {}, [])]
    return f"{plain(source)}. Licence of the weights: {card['licence']}.\n\n" + table(["setting", "value"], rows)


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
