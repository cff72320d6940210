"""Chapter 01: counting, smoothing and scoring bigrams; the zero-layer transformer; sampling; large tables."""
