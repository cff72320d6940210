"""What all tests share."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import run
from scopes import scope_of
from stand_in import STAND_IN

ROOT = Path(__file__).parents[1]
LONG = (
    *("test_hostile.py", "test_chapters.py", "test_course.py", "test_own_exercise.py", "test_learners_day.py"),
    "test_remote.py",
    *("test_check_notebook.py", "build_", "sample_bigrams", "test_gallery.py", "test_sae_train.py", "test_cards.py"),
)
"""Files and exercises that take a minute or more, longest first."""

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Before torch is imported: workers that all want every core wait for each other. What they start inherits it.
    threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


@pytest.fixture(scope="session", autouse=True)
def nobodys_progress(tmp_path_factory) -> Iterator[Path]:
    """Checks in tests are nobody's progress; kernels and commands that tests start inherit where it goes instead."""
    file = tmp_path_factory.mktemp("progress") / "progress.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUTOR_PROGRESS", str(file))
        yield file


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Built as from a downloaded zip: no .git, an sdist first and the wheel from that."""
    copy = tmp_path_factory.mktemp("download") / "mi-tutor"
    ignore = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "my-work", "training-runs")
    shutil.copytree(ROOT, copy, ignore=ignore)
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", copy, cwd=copy)
    assert done.returncode == 0, done.stdout
    return next((copy / "dist").glob("*.whl"))


@pytest.fixture(params=["pretend", pytest.param("real", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest) -> Iterator[str]:
    """A CUDA device: the real one where there is one, and what `pretend_gpu` makes of the CPU."""
    if request.param == "real":
        yield "cuda"
        return
    from pretend_gpu import PretendGpu

    with PretendGpu():
        yield "cuda"


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> bool:
    """Whether this is the long tier, in which what no commit touched is tested like the rest."""
    return "not slow" not in pytestconfig.option.markexpr


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if _has_gpu() else "no CUDA device here: the tests marked `gpu` are left out"


class _Minutes:
    """A line each minute: how many tests are done, and what was begun last, for whoever waits; and what fails at once, with
    its traceback's last lines, for whoever reads a run that was cut short."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.begun, self.done, self.said = config, time.monotonic(), 0, 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.done += report.when == "teardown"
        minutes = int((time.monotonic() - self.begun) / 60)
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if minutes > self.said and reporter is not None:
            self.said = minutes
            reporter.write_line(f"\n{minutes} min: {self.done} tests done, {report.nodeid.split('[')[0]} just now")
        if report.failed and reporter is not None:
            reporter.write_line(f"\nfailed: {report.nodeid}\n{report.longreprtext[-1_000:]}")


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(_Minutes(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are no tests where there is no CUDA device, nor, in the gate, those marked `when_touched` where
    nothing of theirs was. What takes long is begun first, so that no worker is left alone with it at the end; an exercise's
    tests stand together, for its inputs' sake.
    """
    marked = {item for item in items if item.get_closest_marker("gpu")}
    left_out = marked if marked and not _has_gpu() else set()
    if "not slow" in config.option.markexpr:
        left_out = left_out | {item for item in items if _stands_untouched(item)}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))
    scopes = {item: scope_of(item.nodeid) for item in items}
    first_seen = {scope: place for place, scope in reversed(list(enumerate(scopes.values())))}
    items.sort(key=lambda item: (_begun(scopes[item]), first_seen[scopes[item]]))  # stable: keeps the order inside


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from scheduler import ByScope

    config.option.loadscopereorder = False  # it would begin with what has most tests
    return ByScope(config, log)


def _begun(scope: str) -> int:
    return next((place for place, name in enumerate(LONG) if name in scope), len(LONG))


def _stands_untouched(item: pytest.Item) -> bool:
    """Whether a test is asked for only when its exercise, or certain modules, are touched, and none of them was."""
    from touched import exercise_is_touched, room_is_touched

    from mi_tutor.check.exercise import exercises

    if item.get_closest_marker("when_the_exercise_is_touched"):
        exercise = exercises()[item.callspec.params["name"]]
        return not exercise_is_touched(exercise.solutions, exercise.name)
    marker = item.get_closest_marker("when_touched")
    return marker is not None and not room_is_touched(*marker.args, str(item.path.relative_to(ROOT)))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def stand_in() -> str:
    return STAND_IN


@pytest.fixture
def clone(tmp_path, stand_in):
    """A folder with one source, solutions/ch01_stand_in.py, as `run_build` takes it."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "__init__.py").touch()
    (tmp_path / "solutions" / "ch01_stand_in.py").write_text(stand_in, encoding="utf-8")
    return tmp_path
