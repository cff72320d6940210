"""What Binder builds and starts: the files that repo2docker reads, the steps that it makes of them, followed for real."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks import limited
from benchmarks.jupyter import PATIENCE_S, Client
from mi_tutor.workspace import lab
from mi_tutor.workspace.bring import released_chapters

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
ENVIRONMENT = Path(sys.executable).parent
INDEX = re.compile(r"^--extra-index-url (\S+)$", re.MULTILINE)
SMALL_GB = 3


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_the_image_gets_the_cpu_build_of_the_tested_torch_and_everything_else_as_tested():
    [tested] = [line for line in lines(ROOT / "constraints.txt") if line.startswith("torch==")]
    assert lines(BINDER / "requirements.txt") == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "--constraint ../constraints.txt",
        f"{tested}+cpu",
        "--editable .[lab]",
    ]


def test_its_python_is_one_that_the_package_takes():
    found = re.fullmatch(r"python-3\.(\d+)", (BINDER / "runtime.txt").read_text().strip())
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert found
    assert oldest
    assert int(found[1]) >= int(oldest[1])


def start(
    cwd: Path, *command: str, path: Path | str = ENVIRONMENT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """binder/start with a command in place of the server, in a folder in place of the repository."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "JUPYTER_CONFIG_PATH")
    } | variables
    environment["PATH"] = f"{path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    with subprocess.Popen(
        [BINDER / "start", *command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess([str(process.pid)], process.returncode, out, err)


def test_start_can_be_run_as_git_has_it():
    listed = subprocess.run(["git", "ls-files", "--stage", "binder/start"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:  # a downloaded zip has no git
        assert listed.stdout.startswith("100755 ")
    assert os.access(BINDER / "start", os.X_OK)


def test_start_brings_the_chapters_and_becomes_the_server_set_up_for_learners(tmp_path):
    say = "import json, os; print(json.dumps([os.getpid(), dict(os.environ)]))"
    done = start(tmp_path, sys.executable, "-c", say, JUPYTER_CONFIG_PATH="/its/own", JUPYTER_PATH="/its/data")
    pid, environment = json.loads(done.stdout)
    assert {path.name for path in (tmp_path / "my-work").glob("*.ipynb")} == set(released_chapters())
    assert str(pid) == done.args[0]
    assert environment["JUPYTER_CONFIG_PATH"] == os.pathsep.join([str(lab.SETTINGS), "/its/own"])
    assert environment["JUPYTER_PATH"] == os.pathsep.join([str(lab.LABEXTENSIONS.parent), "/its/data"])
    assert environment["PYTHONSTARTUP"] == lab.first_error.START
    assert int(environment["OMP_NUM_THREADS"]) in (1, 2)
    assert environment["MALLOC_ARENA_MAX"] == "2"
    assert "index.ipynb is new." in done.stderr


def test_start_starts_the_server_whatever_goes_wrong(tmp_path):
    (tmp_path / "my-work").write_text("in the way")
    done = start(tmp_path, "sh", "-c", "echo served; exit 3")
    assert (done.returncode, done.stdout) == (3, "served\n")
    assert "a folder is needed there" in done.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    done = start(tmp_path, "sh", "-c", "echo served", path=tmp_path / "bin")
    assert (done.returncode, done.stdout) == (0, "served\n")


@pytest.mark.parametrize("group", ["a group", "watched"])
def test_a_limit_of_memory_is_a_limit(group, tmp_path, monkeypatch):
    """What `python -m benchmarks memory` rests on: over it the program ends, below it does not."""
    if group == "watched":
        monkeypatch.setattr(limited, "make_group", lambda limit: None)
    fill = "import sys, time; x = bytearray(int(sys.argv[1])); x[::4096] = b'x' * len(x[::4096]); time.sleep(int(sys.argv[2]))"
    for size, stays_s, ended in ((20_000_000, 0, 0), (300_000_000, 300, -signal.SIGKILL)):
        command = [sys.executable, "-c", fill, str(size), str(stays_s)]
        program = limited.Limited(command, 150_000_000, 1, tmp_path, dict(os.environ), tmp_path / "log")
        try:
            if group != "watched" and program.group is None:
                pytest.skip("no control group can be made here")
            assert program.process.wait(PATIENCE_S) == ended
            assert program.out_of_memory() is (ended != 0)
        finally:
            program.close()


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """What repo2docker would build; it is asked only, so no Docker is needed."""
    program = shutil.which("jupyter-repo2docker", path=f"{ENVIRONMENT}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs repo2docker, of an environment of its own, on the PATH: pip install 'mi-tutor[binder]'")
    asked = [program, "--no-build", "--debug", "--user-id=1000", "--user-name=jovyan", str(ROOT)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_repo2docker_stages_the_whole_repository_then_installs_and_starts_as_we_say(dockerfile):
    staged, installs = dockerfile.index("\nCOPY --chown=1000:1000 src/ ${REPO_DIR}/"), dockerfile.index("pip install")
    assert staged < installs
    assert re.search(r"python[=-]" + (BINDER / "runtime.txt").read_text().strip().removeprefix("python-"), dockerfile)
    assert re.search(r"binder/start", dockerfile)


@pytest.fixture(scope="module")
def image(dockerfile, tmp_path_factory, request) -> Iterator[tuple[Path, Path]]:
    """A clone and a virtual environment in which the Dockerfile's pip lines were followed: its folder and the other's."""
    place = tmp_path_factory.mktemp("binder")
    clone, venv = place / "clone", place / "venv"
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    print("\n" + leave_out_indexes_that_do_not_answer(clone / "binder" / "requirements.txt"))
    subprocess.run([choose_python(place), "-m", "venv", venv], check=True)
    commands = re.findall(r"^RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/pip (install .*)$", dockerfile, re.MULTILINE)
    assert commands
    for command in commands:
        subprocess.run(f"{venv}/bin/pip {command} --quiet", shell=True, cwd=clone, check=True)
    yield clone, venv
    shutil.rmtree(place)


def leave_out_indexes_that_do_not_answer(requirements: Path) -> str:
    """Here pip's own settings may hold the same packages, where the index itself is out of reach; says which it was."""
    text, said = requirements.read_text(), []
    for address in INDEX.findall(text):
        try:
            urlopen(f"{address}/torch/", timeout=20).close()
            said.append(f"{address} answers and is used.")
        except OSError as error:
            text = text.replace(f"--extra-index-url {address}\n", "")
            said.append(f"{address} does not answer here ({error}); its line is left out, pip's own settings decide.")
    requirements.write_text(text)
    return "\n".join(said)


def choose_python(place: Path) -> str:
    """runtime.txt's Python, where it is here and pip finds the torch for it; else the one that runs this."""
    wanted = (BINDER / "runtime.txt").read_text().strip().replace("-", "")
    torch = next(line for line in lines(BINDER / "requirements.txt") if line.startswith("torch=="))
    try:
        subprocess.run([wanted, "-m", "venv", place / "probe"], check=True, capture_output=True)
        probe = [place / "probe" / "bin" / "pip", "install", "--dry-run", "--no-deps", "--quiet", torch]
        subprocess.run(probe, check=True, capture_output=True)
        print(f"With {wanted}, as on Binder.")
        return wanted
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"With Python {sys.version.split()[0]}: {wanted}, which Binder takes, cannot be used here ({error}).")
        return sys.executable


@pytest.mark.slow
def test_the_image_holds_nothing_for_gpus_and_is_small(image):
    clone, venv = image
    listed = subprocess.run(
        [venv / "bin" / "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    names = {entry["name"].lower() for entry in json.loads(listed.stdout)}
    assert [name for name in names if re.search(r"nvidia|cuda|cudnn|triton", name)] == []
    assert not names & {"pytest", "ruff", "mypy", "playwright", "nbgrader"}
    sizes = [disk_gb(venv), disk_gb(clone)]
    print(f"\nThe environment takes {sizes[0]:.2f} GB, the repository without its history {sizes[1]:.2f} GB.")
    assert sum(sizes) < SMALL_GB


def disk_gb(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e9


@pytest.mark.slow
def test_the_image_serves_the_table_of_chapters_and_runs_cells_of_a_chapter(image, tmp_path):
    clone, venv = image
    client, log = Client(), tmp_path / "log"
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [str(clone / "binder" / "start"), str(venv / "bin" / "jupyter"), "lab", *client.options()]
    program = limited.Limited(command, 2_000_000_000, 2, clone, environment, log)
    try:
        client.wait(lambda: program.process.poll() is None)
        assert "jupyter-config-data" in client.get("lab/tree/my-work/index.ipynb")
        served = {entry["name"] for entry in client.ask("api/contents/my-work")["content"]}
        assert served == set(released_chapters())
        assert client.run("my-work/index.ipynb") == ""
        assert client.run("my-work/00_orientation.ipynb", slice(8)) == ""
        cells = client.ask("api/contents/my-work/00_orientation.ipynb")["content"]["cells"]
        assert any(cell.get("outputs") for cell in cells)
    finally:
        program.close()
        print(log.read_text()[-3000:])
