"""The chapters, solved: each module is a Jupytext notebook and, imported, the reference solutions of its exercises."""
