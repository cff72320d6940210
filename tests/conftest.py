"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def nobodys_progress(tmp_path_factory) -> Iterator[Path]:
    """Checks in tests are nobody's progress; kernels and commands that tests start inherit where it goes instead."""
    file = tmp_path_factory.mktemp("progress") / "progress.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUTOR_PROGRESS", str(file))
        yield file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` need a CUDA device and are skipped where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
