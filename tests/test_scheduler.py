"""The tests' own scheduler (scheduler.py): a test that hangs fails, once, and every other one is run."""

import sys
from pathlib import Path

from commands import run

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from scheduler import ByScope

def pytest_xdist_make_scheduler(config, log):
    return ByScope(config, log)
"""
FILE = """
import time
import pytest

@pytest.mark.parametrize("n", range(4))
def test_it(n):
    if (__file__[-4], n) in [("2", 1), ("3", 3)]:
        time.sleep(1000)
"""


def test_what_hangs_or_takes_its_worker_with_it_has_failed_once_and_all_else_is_run(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    for number in range(5):
        (tmp_path / f"test_{number}.py").write_text(FILE, encoding="utf-8")
    watch = ["-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true", "-p", "no:cacheprovider"]
    done = run(sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadscope", *watch, "-q", tmp_path, cwd=tmp_path)
    assert "2 failed, 18 passed" in done.stdout
    for name in ("test_2.py::test_it[1]", "test_3.py::test_it[3]"):
        assert done.stdout.count(f"FAILED {name}") == 1
    assert "in test_it" in done.stdout  # the traceback says where it hung
