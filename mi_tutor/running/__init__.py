"""A learner's code in a process of its own: what of a notebook is run, how it is confined, how it is asked."""
