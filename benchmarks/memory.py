"""Every chapter, solved, in a JupyterLab of its own, server and kernel together under a hard limit and on two cores.

The server is started by binder/start, as on Binder, and is spoken to as its page does: a session, the cells one by one
over a websocket, the notebook saved with its outputs.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.table import Table

from benchmarks.jupyter import Client
from benchmarks.limited import Limited

ROOT = Path(__file__).resolve().parent.parent
LIMIT, CORES = 1_500_000_000, 2


def memory(wanted: str = "*") -> Table:
    """All chapters, or those whose file names match."""
    from mi_tutor.authoring.build import run_build

    limits = set()
    table = Table("chapter", "seconds", "peak, GB", "finished")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with contextlib.redirect_stdout(None):
            run_build(solved=folder)
        for notebook in sorted(folder.glob(f"{wanted}.ipynb")):
            forget_files()
            lab = Lab(folder)
            limits.add((lab.limited.allowed, lab.limited.group is not None))
            start = time.perf_counter()
            try:
                problem = lab.client.run(notebook.name)
            except OSError as error:
                problem = f"the server: {error}"
            finally:
                lab.close()
            if lab.ran_out:
                problem = "it needed more"
            seconds = time.perf_counter() - start
            print(f"{notebook.stem}: {seconds:.0f} s, {lab.limited.peak / 1e9:.2f} GB {problem}", file=sys.stderr)
            table.add_row(
                notebook.stem, f"{seconds:.0f}", f"{lab.limited.peak / 1e9:.2f}", f"no: {problem}" if problem else "yes"
            )
    allowed, hard = min(limits)
    how = "a control group's limit" if hard else "no control group can be made here: they are watched, and killed above"
    table.title = f"JupyterLab's server and kernel together, on {CORES} cores, within {allowed / 1e9:.2f} GB ({how})"
    return table


def forget_files() -> None:
    """Let the system forget what it has read of this environment's files: a group pays only for what it reads itself."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in (file for root in (sys.prefix, ROOT / "mi_tutor") for file in Path(root).rglob("*")):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


class Lab:
    """A JupyterLab on a folder, under the limit."""

    def __init__(self, folder: Path) -> None:
        self.client, self.ran_out, log = Client(), False, folder / ".log"
        own = {f"JUPYTER_{name}_DIR": str(folder / f".{name}") for name in ("CONFIG", "DATA", "RUNTIME")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | own | {"PATH": path}
        start = [str(ROOT / "binder" / "start"), sys.executable, "-P", "-m", "jupyterlab"]
        command = [*start, *self.client.options(), f"--ServerApp.root_dir={folder}"]
        self.limited = Limited(command, LIMIT, CORES, folder, environment, log)
        try:
            self.client.wait(lambda: self.limited.process.poll() is None)
        except BaseException:
            self.close()
            print(log.read_text()[-3000:], file=sys.stderr)
            raise

    def close(self) -> None:
        self.ran_out = self.limited.out_of_memory()
        self.limited.close()
