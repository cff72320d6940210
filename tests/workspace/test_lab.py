"""`mi-tutor lab`: what is JupyterLab's and what is ours, and the JupyterLab that a learner sees."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from mi_tutor.check import records
from mi_tutor.check.records import Record
from mi_tutor.workspace import bring as workspace
from mi_tutor.workspace import lab
from mi_tutor.workspace.lab import run_lab, split_arguments

PATIENCE_S = 300


@pytest.mark.parametrize(
    ("arguments", "folder", "passed_on"),
    [
        ([], None, []),
        (["week 1"], Path("week 1"), []),
        (["--port", "8899"], None, ["--port", "8899"]),
        (["--no-browser", "--port=8899"], None, ["--no-browser", "--port=8899"]),
        (["mine", "--port", "8899", "--ServerApp.x=y"], Path("mine"), ["--port", "8899", "--ServerApp.x=y"]),
        (["~/mine", "-y"], Path.home() / "mine", ["-y"]),
    ],
)
def test_a_first_word_is_the_folder_and_all_else_is_jupyterlabs(arguments, folder, passed_on):
    assert split_arguments(arguments) == (folder, passed_on)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, and nobody who has done anything yet."""
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def becomes(monkeypatch):
    """What this process would have become: program, arguments, environment."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call) or 0)
    return calls


def test_the_chapters_are_brought_and_jupyterlab_opens_on_them(here, becomes, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/the/learners/own")
    run_lab(None, ["--port", "8899"])
    [(program, command, environment)] = becomes
    root, first = f"--ServerApp.root_dir={here / 'my-work'}", "--LabApp.default_url=/lab/tree/00_orientation.ipynb"
    assert command[1:4] == ["-P", "-m", "jupyterlab"]
    assert command[4:] == [root, f"--LabApp.extra_labextensions_path={lab.LABEXTENSIONS}", first, "--port", "8899"]
    assert program == sys.executable
    assert environment["JUPYTER_CONFIG_PATH"] == os.pathsep.join([str(lab.SETTINGS), "/the/learners/own"])
    assert (here / "my-work" / "01_bigrams.ipynb").is_file()
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("my-work is your own copy of the chapters")
    assert "01_bigrams.ipynb is new." in said

    run_lab(None, [])
    assert capsys.readouterr().out == "The chapters in my-work are up to date.\n"


def test_jupyterlab_opens_on_the_chapter_to_go_on_with_or_where_it_is_told_to(here, becomes, monkeypatch):
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(here / "progress.jsonl"))
    records.keep(Record("count_bigrams", 3, 3, True))
    run_lab(None, [])
    run_lab(None, ["--LabApp.default_url=/lab"])
    pages = [[word for word in command if "default_url" in word] for _, command, _ in becomes]
    assert pages == [["--LabApp.default_url=/lab/tree/01_bigrams.ipynb"], ["--LabApp.default_url=/lab"]]


def test_a_jupyterlab_that_runs_on_the_folder_already_is_named_and_another_starts(here, becomes, monkeypatch, capsys):
    servers = [
        {"root_dir": str(here / name), "url": f"http://localhost/{name}/", "token": "t"} for name in ("x", "mine")
    ]
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: servers)
    run_lab(Path("mine"), [])
    assert (
        "already runs on mine, at http://localhost/mine/lab?token=t (this starts another one)."
        in capsys.readouterr().out
    )
    run_lab(Path("other"), [])
    assert "already runs" not in capsys.readouterr().out
    assert len(becomes) == 2


def test_without_jupyterlab_nothing_is_done_and_the_extra_is_named(here, becomes, monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert run_lab(None, []) == 1
    assert "pip install 'mi-tutor[lab]'" in capsys.readouterr().err
    assert not becomes
    assert list(here.iterdir()) == []


def test_a_folder_that_cannot_be_used_opens_nothing(here, becomes, capsys):
    (here / "taken").write_text("text")
    assert run_lab(Path("taken"), []) == 1
    assert capsys.readouterr().err == (
        "taken is a file, and a folder is needed there. Name another: mi-tutor lab my-work\n"
    )
    assert not becomes


def test_a_chapter_that_cannot_be_brought_is_named_and_jupyterlab_opens_on_the_others(here, becomes, capsys):
    (here / "my-work" / "01_bigrams.ipynb").mkdir(parents=True)
    run_lab(None, [])
    assert "01_bigrams.ipynb could not be brought up to date" in capsys.readouterr().err
    assert becomes
    assert run_lab(None, [], open_lab=False) == 1


@pytest.mark.parametrize(
    "arguments", [["--no-browser", "mine"], ["--port=8899", "mine"], ["--port", "8899", "mine"], ["mine"]]
)
def test_a_folder_named_too_late_is_not_taken_for_a_file_to_open(here, becomes, arguments, capsys):
    assert run_lab(None, arguments) == 2
    assert "mi-tutor lab mine --no-browser" in capsys.readouterr().err
    assert not becomes
    assert list(here.iterdir()) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab that is started for real, once, where a file of the learner's has the name of one of Python's."""
    pytest.importorskip("jupyterlab")
    root = tmp_path_factory.mktemp("lab")
    (root / "random.py").write_text("raise SystemExit('a file of the learner was taken for Python')")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "import sys; from mi_tutor.workspace.lab import *; sys.exit(run_lab(*split_arguments(sys.argv[1:])))"
    options = ["mine", "--no-browser", "--ip=127.0.0.1", "--port", str(port), "--ServerApp.port_retries=0"]
    command = [sys.executable, "-P", "-c", start, *options, "--IdentityProvider.token=t", "--allow-root"]
    places = {name: str(root / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    with (
        open(root / "log", "w") as log,
        subprocess.Popen(command, cwd=root, env=os.environ | places, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}", process, root / "log")
            yield f"http://127.0.0.1:{port}", process, root / "log"
        finally:
            process.kill()


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            get(f"{address}/api/status")
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.3)


def get(url: str, data: bytes | None = None) -> str:
    with urlopen(Request(url, data=data, headers={"Authorization": "token t"}), timeout=PATIENCE_S) as answer:
        return answer.read().decode()


def default(server, plugin: str, setting: str):
    schema = json.loads(get(f"{server[0]}/lab/api/settings/{plugin}"))["schema"]
    return schema["properties"][setting]["default"]


def test_it_serves_the_folder_without_what_is_ours_in_it(server):
    names = {entry["name"] for entry in json.loads(get(f"{server[0]}/api/contents"))["content"]}
    assert names == set(workspace.released_chapters())


def test_a_learners_page_has_nothing_of_nbgraders_and_asks_nothing(server):
    page = get(f"{server[0]}/lab").partition('id="jupyter-config-data" type="application/json">')[2]
    configuration = json.loads(page.partition("</script>")[0])
    assert configuration["disabledExtensions"] == ["@jupyter/nbgrader"]
    notification = "@jupyterlab/apputils-extension:notification"
    assert default(server, notification, "fetchNews") == "false"
    assert default(server, notification, "checkForUpdates") is False
    assert "nbgrader" not in server[2].read_text()


def test_what_a_widget_shows_is_saved_with_the_notebook(server):
    assert default(server, "@jupyter-widgets/jupyterlab-manager:plugin", "saveState") is True


def test_sigterm_ends_it_with_its_kernels(server):
    """Last of these: afterwards there is no server."""
    address, process, _ = server
    get(f"{address}/api/kernels", data=b"{}")
    assert len(json.loads(get(f"{address}/api/kernels"))) == 1
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_S)
    assert children.stdout.split()
    for child in children.stdout.split():
        assert not Path(f"/proc/{child}").exists()
