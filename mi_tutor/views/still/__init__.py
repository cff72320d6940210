"""The still form of a chart, for pages that run no script: an SVG image drawn from the Plotly figure's own data.

Why not a library: both that draw SVG without a browser were tried on a heatmap of 50 × 50, three curves and a cloud of 800
points (one processor, one run; ours took 2 to 15 ms and gave 7 to 9 kB each). matplotlib's SVG backend takes 1.4 s to
import in every kernel, then 50 to 150 ms and 20 to 95 kB a figure; vl-convert is 84 MB to install, and took 85 ms to 1.6 s
and 20 to 430 kB. A chapter has some forty figures, each with its still form in the notebook. Both would also draw a second
figure beside Plotly's, from a second description that could disagree with the first; what is here reads Plotly's own.
"""
