"""The `mi-tutor` command. Each subcommand imports its room when it runs, so that `mi-tutor --help` is immediate."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Learn mechanistic interpretability by doing it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Learn mechanistic interpretability by doing it."""


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail with a diff when a chapter is stale.")
    ] = False,
    solved: Annotated[Path | None, typer.Option(help="Write the solved notebooks into this folder instead.")] = None,
) -> None:
    """Generate chapters/*.ipynb from solutions/*.py (in a clone of the repository)."""
    from mi_tutor.course.build import run_build

    raise typer.Exit(run_build(check=check, solved=solved))


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="One model; all of them when left out.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute every figure on the card; fail when one is off.")
    ] = False,
    train: Annotated[
        bool, typer.Option("--train", help="Train again from the corpus, going on where it stopped.")
    ] = False,
) -> None:
    """Show the cards of the bundled models, verify them, or train them again."""
    from mi_tutor.models.cards import run_models

    raise typer.Exit(run_models(name, verify=verify, train=train))
