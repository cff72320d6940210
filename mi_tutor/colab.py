"""The door for Google Colab: what the first cell of every chapter calls."""

from mi_tutor.workspace.in_colab import set_up as set_up

__all__ = ["set_up"]
