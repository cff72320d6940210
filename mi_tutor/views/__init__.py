"""What the chapters draw: heads, coloured tokens, tables, curves, controls; each with a static form and a description.

Importing this is light: Plotly and ipywidgets load when something is drawn.
"""

from mi_tutor.views.attention import attention_heads
from mi_tutor.views.bigrams import compare_scatter, compare_tables, explore_successors
from mi_tutor.views.charts import curves, heatmap, scatter, top_predictions
from mi_tutor.views.controls import explore, slider
from mi_tutor.views.dashboard import explore_features, feature_contexts, feature_dashboard
from mi_tutor.views.labels import readable, token_label
from mi_tutor.views.superposition import directions, geometry, histogram, phase_diagrams
from mi_tutor.views.tables import table
from mi_tutor.views.together import together
from mi_tutor.views.tokens import colored_tokens, token_activations
from mi_tutor.views.tree import tree

__all__ = [
    "attention_heads",
    "colored_tokens",
    "compare_scatter",
    "compare_tables",
    "curves",
    "directions",
    "explore",
    "explore_features",
    "explore_successors",
    "feature_contexts",
    "feature_dashboard",
    "geometry",
    "heatmap",
    "histogram",
    "phase_diagrams",
    "readable",
    "scatter",
    "slider",
    "table",
    "together",
    "token_activations",
    "token_label",
    "top_predictions",
    "tree",
]
