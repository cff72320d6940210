"""Where a worker runs: in bubblewrap where that works, else in a fresh process that only has limits.

Inside there is no network, nothing can be written but a small folder in memory, and of this package only the modules that
the worker itself runs on: neither solutions nor exercises nor what computes an exercise's answer, and nobody's files.
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mi_tutor.running.absent import PRESENT

WORK, WORK_BYTES = "/mi-tutor-work", 2**26
"""A folder at the top that nobody has: it would hide what lies there, such as a Python in /work."""
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/usr/local/lib64")
"""The system's, and no more of it: below /usr/local/share, for one, lies nbgrader's exchange."""
_LINKS = ("/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr, or on old systems folders of their own."""
_SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
_PACKAGE = Path(__file__).resolve().parents[1]


class NoSandbox(Exception):
    """A learner's code cannot be run here in any way that is worth it; one sentence."""


class Sandbox(NamedTuple):
    """How a worker is started."""

    before: tuple[str, ...]
    """The command that runs Python, when another does."""
    isolated: bool
    why_not: str
    """A sentence, where it is not isolated."""

    @property
    def name(self) -> str:
        """As it stands beside every mark."""
        return "bubblewrap" if self.isolated else "not isolated"

    @property
    def warning(self) -> str:
        """What is told before anything is marked, where it is not isolated."""
        return f"NOT ISOLATED: {self.why_not} No claim is made about marks of hostile code."

    def command(self, arguments: list[str]) -> list[str]:
        """The command line for Python with these arguments. Nothing of the caller's environment is taken on."""
        return [*self.before, sys.executable, "-I", "-B", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Everything that the worker finds in its environment, bubblewrap's own process included."""
        home = WORK if self.isolated else "/nonexistent"
        threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            # `torch.compile` starts a C++ compiler, which nothing may do here: what it decorates runs as it was written.
            "TORCH_COMPILE_DISABLE": "1",
            **({"TMPDIR": WORK} if self.isolated else {}),
            # glibc: what a tensor took goes back to the system with it. By itself it keeps blocks of just these sizes, and
            # does not use them again for the next one: an answer in pieces would seem to hold the whole table.
            "MALLOC_MMAP_THRESHOLD_": str(2**15),
            **dict.fromkeys(threads, "1"),
        }


def find_sandbox(hide: Iterable[Path] = ()) -> Sandbox:
    """Bubblewrap, when it is installed and works here.

    Args:
        hide: folders that are not to be seen, should they lie in one that Python needs.

    Raises:
        NoSandbox: we are root, and without bubblewrap whoever a worker becomes cannot read its Python.
    """
    program = shutil.which("bwrap")
    if sys.platform != "linux" or program is None:
        return _bare("bubblewrap (the command bwrap) is not installed here.")
    sandbox = Sandbox((program, *_arguments(hide)), True, "")
    try:
        tried = subprocess.run(
            sandbox.command(["-c", "import mi_tutor.running"]),
            env=sandbox.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _bare(f"bubblewrap does not start here: {error}.")
    if tried.returncode:
        complaint = tried.stderr.decode(errors="replace").strip().splitlines() or ["it gives no reason"]
        return _bare(f"bubblewrap does not work here: {complaint[-1]}.")
    return sandbox


def _bare(why_not: str) -> Sandbox:
    """A fresh process with nothing but limits."""
    if os.geteuid() == 0:
        above = {folder for path in (*_python(), str(_PACKAGE)) for folder in (Path(path), *Path(path).parents)}
        closed = sorted(str(folder) for folder in above if not folder.stat().st_mode & 0o001)
        if closed:
            raise NoSandbox(f"{why_not} As root each submission becomes another user, who cannot read {closed[0]}.")
    return Sandbox((), False, why_not)


_uids = itertools.count()


def unused_uid() -> int | None:
    """A user that nobody is, another one at each call, when we are root; None where we are not."""
    return 1_000_000_000 + os.getpid() % 2**18 * 2**10 + next(_uids) % 2**10 if os.geteuid() == 0 else None


def _arguments(hide: Iterable[Path]) -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # The worker becomes a user that nobody is, which takes these two; being that user, it has neither.
        words += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        words += ["--unshare-user"]
    words += ["--die-with-parent", "--new-session", "--hostname", "grading"]
    links = [folder for folder in _LINKS if os.path.islink(folder)]
    for link in links:
        words += ["--symlink", os.readlink(link), link]
    shown = [*_LIBRARIES, *(folder for folder in _LINKS if folder not in links), *_SETTINGS, *_python()]
    shown = [path for path in shown if os.path.exists(path)]
    words += _folders_above([*shown, str(_PACKAGE)])
    for path in shown:
        words += ["--ro-bind", path, path]
    # Laid over the package, where it lies among others that are shown: a folder in which only some modules are.
    words += ["--tmpfs", str(_PACKAGE)]
    files = [_file_of(name) for name in sorted(PRESENT)]
    for folder in sorted({str(file.parent) for file in files} - {str(_PACKAGE)}):
        words += ["--dir", folder]
    for file in files:
        words += ["--ro-bind", str(file), str(file)]
    words += ["--remount-ro", str(_PACKAGE)]
    for folder in {os.path.realpath(path) for path in [*map(str, hide), *_kept_from_learners()]}:
        if os.path.isdir(folder) and any(_inside(folder, other) for other in shown):
            words += ["--tmpfs", folder, "--remount-ro", folder]
    # Read-only, or a process could have the system forget how much memory it held.
    words += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    words += ["--size", str(WORK_BYTES), "--perms", "1777", "--tmpfs", WORK, "--remount-ro", "/", "--chdir", WORK]
    return words


def _file_of(module: str) -> Path:
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _folders_above(paths: list[str]) -> list[str]:
    """Bubblewrap makes them for its own user alone; the worker is another."""
    above = {str(folder) for path in paths for folder in Path(path).parents} - {"/"}
    return [word for folder in sorted(above) for word in ("--dir", folder)]


def _python() -> list[str]:
    """Where this Python and its packages lie, outermost first; not what lies beside them, nor under the system's libraries."""
    paths = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages", "lib-dynload")}
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        # Shared libraries lie beside the standard library, where a Python has a place of its own.
        paths |= {os.path.join(prefix, part) for part in ("lib", "lib64", "pyvenv.cfg")}
    # A virtual environment's python is a link, perhaps by way of other links.
    link = sys.executable
    while os.path.islink(link):
        paths.add(link)
        link = os.path.join(os.path.dirname(link), os.readlink(link))
    paths.add(link)
    kept: list[str] = []
    for path in sorted({os.path.abspath(path) for path in paths if os.path.exists(path)}):
        if not any(_inside(path, other) for other in (*kept, *_LIBRARIES)):
            kept.append(path)
    return kept


def _kept_from_learners() -> list[str]:
    """Where solutions, exercises and chapters lie; in an editable installation outside the package."""
    rooms = (importlib.util.find_spec(f"mi_tutor.{room}") for room in ("solutions", "exercises", "chapters"))
    folders = [folder for room in rooms if room for folder in room.submodule_search_locations or ()]
    return [folder for folder in folders if not _inside(folder, str(_PACKAGE))]


def _inside(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
