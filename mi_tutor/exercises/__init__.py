"""One module a chapter: what each exercise asks, how its answer is judged, and which mistakes it knows by name."""
