"""The drawing of the toy model: an image that says in words what it shows, every weight drawn twice."""

from urllib.parse import unquote

from mi_tutor.views.colours import PALETTE
from mi_tutor.views.diagrams_ch04 import toy_model_drawing


def test_every_weight_is_drawn_on_the_way_down_and_on_the_way_up():
    view = toy_model_drawing()
    drawn = unquote(view.to_static())
    assert drawn.count("<line") == 2 * 2 * 5 + 5
    assert drawn.count(PALETTE[0]) == 2 * 2
    assert "ReLU(Wᵀ h + b)" in repr(view)
    assert 'alt="The toy model' in view.to_static()
