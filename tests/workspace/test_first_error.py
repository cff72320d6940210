"""A restarted kernel's first error says what to do; later ones, and a learner's own startup file, are left alone."""

import os
from types import SimpleNamespace

import pytest
from jupyter_client.manager import KernelManager

from mi_tutor.workspace import first_error

ADVICE = "has not run the cells above: Run > Run All Above Selected Cell."


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    own = tmp_path / "own.py"
    own.write_text("mine = 1")
    environment = os.environ | {"PYTHONSTARTUP": str(own)}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment | first_error.variables(environment))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)

    def run(code):
        shown = []
        client.execute_interactive(code, timeout=120, output_hook=lambda m: shown.append(m["content"]))
        return "".join(str(content.get("text", content.get("ename", ""))) for content in shown)

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_kernel_that_ran_nothing_says_what_to_run(kernel):
    assert ADVICE in kernel("check(count_bigrams)")
    assert "NameError" in kernel("check(count_bigrams)")
    assert kernel("print(mine, sorted(n for n in dir() if 'error' in n or 'watch' in n))") == "1 []\n"
    assert ADVICE not in kernel("1 / 0")
    kernel("from mi_tutor import check")
    assert ADVICE not in kernel("check(count_bigrams)")


def test_outside_a_notebook_nothing_happens(monkeypatch):
    first_error.watch()
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace())
    first_error.watch()


def test_ours_is_not_taken_for_the_learners_own():
    first = first_error.variables({})
    assert first_error.OWN not in first
    assert first_error.variables(first) == first
