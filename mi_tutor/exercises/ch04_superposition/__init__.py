"""Chapter 04: sparse features in few dimensions, what they cost each other, and when a model takes them in all the same."""
