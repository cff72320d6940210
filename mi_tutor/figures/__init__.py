"""What is computed of a model for its card and for chapters: scores of heads, cuts of paths, features and their labels."""
