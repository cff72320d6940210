"""A learner's own copy of the chapters: brought, kept up to date, saved, opened in JupyterLab."""
