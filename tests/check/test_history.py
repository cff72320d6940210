"""A card knows when the function that it judged is no longer what the learner sees."""

from IPython.core.interactiveshell import InteractiveShell

from mi_tutor import check
from mi_tutor.check import history
from mi_tutor.check.history import History

RIGHT = "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U\n"


def notebook():
    shell = InteractiveShell()
    kept = History(shell.user_ns)
    shell.events.register("post_run_cell", kept.after)

    def run(source, cell):
        return shell.run_cell(source, store_history=True, cell_id=cell)

    return run, kept, shell.user_ns


def test_a_cell_that_fails_leaves_an_earlier_version_and_says_so(monkeypatch):
    run, kept, names = notebook()
    run(RIGHT, "a")
    assert kept.earlier(names["direct_path_logits"]) == ""
    run(RIGHT.replace("return", "retrun"), "a")
    sentence = kept.earlier(names["direct_path_logits"])
    assert sentence == (
        "This is the version of `direct_path_logits` that was defined in [1]; that cell has failed since, with SyntaxError."
    )
    monkeypatch.setattr(history, "_here", kept)
    report = check(names["direct_path_logits"])
    assert (report.passed, repr(report)) == (True, "3")
    assert "An earlier version is right" in report._repr_html_()
    assert "<strong>Right</strong>" not in report._repr_html_()
    assert sentence in str(report)
    run(RIGHT, "a")
    assert kept.earlier(names["direct_path_logits"]) == ""


def test_a_function_that_was_renamed_away_is_an_earlier_version():
    run, kept, names = notebook()
    run(RIGHT, "a")
    run(RIGHT.replace("direct_path_logits", "mine"), "a")
    assert "no longer defines it" in kept.earlier(names["direct_path_logits"])
    assert kept.earlier(names["mine"]) == ""


def test_a_function_that_was_defined_before_its_cell_failed_is_the_new_one():
    run, kept, names = notebook()
    run(RIGHT, "a")
    run(RIGHT + "1 / 0", "a")
    assert kept.earlier(names["direct_path_logits"]) == ""


def test_other_cells_and_other_front_ends_change_nothing():
    run, kept, names = notebook()
    run(RIGHT, None)
    run("1 / 0", None)
    run("x = 1", None)
    assert kept.earlier(names["direct_path_logits"]) == ""
    assert kept.earlier(len) == ""


def test_a_name_that_only_a_demonstration_makes_is_warned_of_before_anybody_grades(monkeypatch):
    run, kept, names = notebook()
    monkeypatch.setattr(history, "_here", kept)
    run("import torch\ndevice = torch.device('cpu')", "first")
    run("table = torch.ones(2, 2).cumsum(0)\nfor _ in range(2):\n    once = 1", "demonstration")
    run("def helper(x):\n    return (x + once) - once", "helper")
    run("def direct_path_logits(W_E, W_U):\n    return (helper(W_E) @ W_U).to(device)", "a")
    report = check(names["direct_path_logits"])
    assert (report.passed, repr(report)) == (True, "3")
    assert report.warning.startswith("In a course this would earn nothing: `once` comes from a demonstration")
    assert "<code>once</code> comes from a demonstration" in report._repr_html_()
    run("once = 1", "demonstration")
    assert check(names["direct_path_logits"]).warning == ""
    run("def direct_path_logits(W_E, W_U):\n    return W_E @ W_U", "a")
    assert check(names["direct_path_logits"]).warning == ""
