"""What the chapters draw: tables of next tokens for now, each labelled with the tokens as a reader would type them."""

from mi_tutor.views.bigrams import compare_scatter, compare_tables, curves, explore_successors, token_label

__all__ = ["compare_scatter", "compare_tables", "curves", "explore_successors", "token_label"]
