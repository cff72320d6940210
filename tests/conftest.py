"""What all tests share."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import run

ROOT = Path(__file__).parents[1]
SPREAD = "test_declarations.py"
"""Half of the time goes into this file; its tests share nothing."""

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers a file's tests stay together, for its fixtures' sake. Tests marked `gpu` need a CUDA device
    and are skipped where there is none.
    """
    for item in items:
        if item.path.name != SPREAD:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
