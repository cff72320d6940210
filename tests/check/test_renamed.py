"""An answer from an older course: the card says what TransformerLens calls it now, and that name is there."""

import importlib
import re

import pytest

from mi_tutor import check
from mi_tutor.check.renamed import NEW_NAMES, PACKAGE, new_name


def old_utilities(model, tokens, layer, head):
    import transformer_lens.utils as utils

    return model.run_with_cache(tokens)[1][utils.get_act_name("pattern", layer)][:, head]


def old_name_of_the_package(model, tokens, layer, head):
    from transformer_lens import utils

    return model.run_with_cache(tokens)[1][utils.get_act_name("pattern", layer)][:, head]


def old_model(model, tokens, layer, head):
    import transformer_lens

    assert isinstance(model, transformer_lens.HookedTransformer)


def old_module(model, tokens, layer, head):
    from transformer_lens.HookedTransformer import HookedTransformer

    assert isinstance(model, HookedTransformer)


@pytest.mark.parametrize(
    ("answer", "now"),
    [
        (old_utilities, "is called `transformer_lens.utilities`"),
        (old_name_of_the_package, "is called `transformer_lens.utilities`"),
        (old_model, "a model is a `TransformerBridge` now"),
        (old_module, "a model is a `TransformerBridge` now"),
    ],
)
def test_the_card_says_what_it_is_called_now(answer, now):
    report = check(answer, "head_pattern")
    said = str(report)
    assert not report.passed
    assert now in said
    assert "in line" in said
    assert "docs/source" not in said  # a page of the library's own repository


def test_the_new_name_is_all_that_an_old_answer_needs():
    def renamed(model, tokens, layer, head):
        import transformer_lens.utilities as utils

        return model.run_with_cache(tokens)[1][utils.get_act_name("pattern", layer)][:, head]

    assert check(renamed, "head_pattern").passed


@pytest.mark.parametrize("old", NEW_NAMES)
def test_what_is_said_is_so(old):
    """The old name fails to import and is recognised; each new one is there."""
    with pytest.raises(ImportError) as failed:
        importlib.import_module(f"{PACKAGE}.{old}")
    assert new_name(failed.value).startswith(f"Since TransformerLens 4, `{PACKAGE}.{old}` is ")
    for module in re.findall(rf"`({PACKAGE}\.[\w.]+)`", NEW_NAMES[old]):
        assert importlib.import_module(module)
    for new in re.findall(r"`(Transformer\w+)`", NEW_NAMES[old]):
        bridge = importlib.import_module("transformer_lens.model_bridge")
        assert hasattr(importlib.import_module(PACKAGE), new) or hasattr(bridge, new)


@pytest.mark.parametrize(
    "code", ["import no_such_module", "from math import utils", "from transformer_lens import nope"]
)
def test_of_other_imports_nothing_is_said(code):
    with pytest.raises(ImportError) as failed:
        exec(code)
    assert new_name(failed.value) == ""
