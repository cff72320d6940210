"""A folder a chapter, a file an exercise: what is asked for, how an answer is judged, which mistakes are known by name."""
