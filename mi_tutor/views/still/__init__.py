"""The still form of a chart, for pages that run no script: an SVG image drawn from the figure's own data."""
