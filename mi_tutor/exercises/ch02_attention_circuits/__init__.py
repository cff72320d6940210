"""Chapter 02: what one-layer attention computes, its QK and OV circuits, skip-trigrams, copying, what heads write."""
