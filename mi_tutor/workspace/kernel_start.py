"""What a kernel under `mi-tutor lab` runs first, among the notebook's names: it leaves none behind."""

__import__("mi_tutor.workspace.first_error", fromlist=["watch"]).watch()
