"""Models whose weights somebody wrote down by hand, judged by what they do: run, changed, recognised, answered."""
