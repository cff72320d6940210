"""What a person sees when the environment cannot be made, and that nothing half-made is ever used."""

import ast
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.when_touched("tools/make_venv.py", "tools/machine.py")

SCRIPT = Path(__file__).parents[1] / "tools" / "make_venv.py"
NOT_THERE = ["--no-index", "--find-links", ".", "mi-tutor-no-such-package"]


@pytest.fixture
def make_venv(monkeypatch):
    for name in {"PIP_EXTRA_INDEX_URL", *(name for name in os.environ if name.startswith("PIP_"))}:
        monkeypatch.setenv(name, "")  # set first, so that what the script sets is taken back after the test
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec = importlib.util.spec_from_file_location("make_venv", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    """A clone in small: what the script reads, and a wheel of nothing that it can install without a network."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "constraints.txt").write_text("")
    with zipfile.ZipFile(tmp_path / "nothing-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nothing.py", "")
        wheel.writestr("nothing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1\n")
        wheel.writestr("nothing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("nothing-1.dist-info/RECORD", "")
    return tmp_path


NOTHING = ["--no-index", "--find-links", ".", "nothing"]


def prepare(make_venv, root, requirements=NOTHING, **changes):
    make_venv.prepare(root=str(root), requirements=requirements, **{"need_gb": 0, **changes})


def test_an_old_python_can_read_the_scripts():
    for script in (SCRIPT, SCRIPT.with_name("machine.py")):
        ast.parse(script.read_text(), feature_version=(3, 6))


def test_a_python_that_is_too_old_is_told_which_one_to_name(make_venv, root):
    with pytest.raises(make_venv.Trouble, match=r"needs Python 3\.11 or newer; this one is 3\.9") as trouble:
        prepare(make_venv, root, version=(3, 9, 2))
    assert "make learn PYTHON=python3.12" in str(trouble.value)
    assert not (root / ".venv").exists()


def test_debian_without_its_venv_package_is_told_its_name(make_venv, root, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(make_venv.Trouble, match="sudo apt install python3-venv"):
        prepare(make_venv, root)
    assert not (root / ".venv").exists()


def test_too_small_a_disk_is_said_before_anything_is_made(make_venv, root):
    with pytest.raises(make_venv.Trouble, match=r"needs about 1e\+09 GB here and [\d.]+ GB are free"):
        prepare(make_venv, root, need_gb=1e9)
    assert not (root / ".venv").exists()


def test_a_disk_that_fills_up_is_recognised_and_the_environment_removed(make_venv, root):
    full = [sys.executable, "-c", "import sys; sys.exit('OSError: [Errno 28] No space left on device')"]
    make_venv.pip_install = lambda venv, requirements: full
    with pytest.raises(make_venv.Trouble, match="The disk is full"):
        prepare(make_venv, root)
    assert not (root / ".venv").exists()


def test_a_failed_installation_leaves_no_environment_and_says_what_to_do(make_venv, root):
    with pytest.raises(make_venv.Trouble, match="could not be installed") as trouble:
        prepare(make_venv, root, NOT_THERE)
    assert "run the same command again" in str(trouble.value)
    assert not (root / ".venv").exists()


def test_an_environment_that_make_did_not_make_is_left_alone(make_venv, root):
    (root / ".venv").mkdir()
    (root / ".venv" / "mine").touch()
    with pytest.raises(make_venv.Trouble, match=r"rm -r \.venv"):
        prepare(make_venv, root)
    assert (root / ".venv" / "mine").exists()


def test_the_life_of_an_environment(make_venv, root, capsys):
    # What a power cut leaves: the mark and no stamp.
    (root / ".venv").mkdir()
    (root / ".venv" / make_venv.UNFINISHED).touch()
    (root / ".venv" / "half").touch()
    prepare(make_venv, root)
    out = capsys.readouterr().out
    assert "An earlier run was interrupted" in out
    assert not (root / ".venv" / "half").exists()
    subprocess.run([root / ".venv" / "bin" / "python", "-c", "import nothing"], check=True)

    # Nothing changed: nothing is done, whatever Python asks.
    prepare(make_venv, root, version=(3, 6, 0))
    assert capsys.readouterr().out == ""

    # A pull brought other versions, and the network is away: the environment stays as it was.
    (root / "constraints.txt").write_text("nothing==2\n")
    with pytest.raises(make_venv.Trouble, match="Nothing was changed"):
        prepare(make_venv, root)
    subprocess.run([root / ".venv" / "bin" / "python", "-c", "import nothing"], check=True)

    # The network is back.
    (root / "constraints.txt").write_text("nothing==1\n")
    prepare(make_venv, root, version=(3, 6, 0))
    assert "Bringing .venv up to date" in capsys.readouterr().out
    prepare(make_venv, root)
    assert capsys.readouterr().out.count("ready") == 0

    # The folder was moved, so its commands name a Python that is not there.
    moved = root / "moved"
    moved.mkdir()
    for path in [*root.glob("*.t*"), *root.glob("*.whl"), root / ".venv"]:
        shutil.move(path, moved)
    stamp = json.loads((moved / ".venv" / make_venv.STAMP).read_text())
    assert stamp["folder"] != str(moved / ".venv")
    prepare(make_venv, moved)
    assert "making it again" in capsys.readouterr().out
    assert str(moved) in (moved / ".venv" / "bin" / "pip").read_text()


def test_what_one_command_needs_more_stays_for_the_others(make_venv, root, capsys):
    requirements = [*NOTHING[:-1], "nothing[dev]"]
    prepare(make_venv, root, requirements)
    prepare(make_venv, root, requirements, extras=["site"])
    assert "what this command needs" in capsys.readouterr().out
    assert json.loads((root / ".venv" / make_venv.STAMP).read_text())["extras"] == ["site"]
    prepare(make_venv, root, requirements)
    assert capsys.readouterr().out == ""


def test_an_update_that_breaks_half_way_removes_the_environment(make_venv, root, monkeypatch):
    prepare(make_venv, root)
    (root / "constraints.txt").write_text("nothing==1\n")
    monkeypatch.setattr(make_venv, "rehearse", lambda *arguments: None)
    with pytest.raises(make_venv.Trouble):
        prepare(make_venv, root, NOT_THERE)
    assert not (root / ".venv").exists()


def test_an_update_asks_the_index_that_the_environment_was_made_with(make_venv, root, monkeypatch):
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://packages.invalid/whl/cpu")
    assert make_venv.enough_gb() == 4
    prepare(make_venv, root)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
    (root / "constraints.txt").write_text("nothing==1\n")
    monkeypatch.setattr(make_venv, "rehearse", lambda *arguments: None)
    prepare(make_venv, root)
    assert json.loads((root / ".venv" / make_venv.STAMP).read_text())["indexes"] == {
        "PIP_EXTRA_INDEX_URL": "https://packages.invalid/whl/cpu"
    }


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_removes_the_half_made_environment_without_a_traceback(make_venv, root, how):
    (root / "tools").mkdir()
    for script in (SCRIPT, SCRIPT.with_name("machine.py")):
        shutil.copy(script, root / "tools")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\noptional-dependencies.dev = ["never"]\n'
    )
    with socket.socket() as silent:  # accepts pip's connection and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        running = subprocess.Popen(
            [sys.executable, root / "tools" / "make_venv.py", "--need-gb", "0"],
            env={**os.environ, "PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        assert (root / ".venv" / make_venv.UNFINISHED).exists()
        time.sleep(0.2)
        if how == signal.SIGINT:  # as a terminal does it: to pip as well
            os.killpg(running.pid, how)
        else:
            running.send_signal(how)
        output, _ = running.communicate(timeout=30)
        connection.close()
    assert running.returncode != 0
    assert "Stopped. A half-made .venv was removed" in output
    assert "Traceback" not in output.split("Stopped")[1]
    assert not (root / ".venv").exists()
