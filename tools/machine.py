"""What this machine has and lacks for the environment; like make_venv.py, for any Python from 3.6 on."""

import os
import shutil
import sys

OLDEST = (3, 11)


class Trouble(Exception):
    """Something a person can put right; the text says how."""


def check_python(version):
    if tuple(version[:2]) < OLDEST:
        raise Trouble(
            "This needs Python {}.{} or newer; this one is {}.{}.\n".format(*(OLDEST + tuple(version[:2])))
            + "Install a newer one beside it and name it, for example: make learn PYTHON=python3.12"
        )
    try:
        import ensurepip  # noqa: F401 - Debian and Ubuntu pack it apart
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(
            "This Python cannot make environments: its venv module is not complete.\n"
            "On Debian and Ubuntu: sudo apt install python3-venv (for another Python: python3.12-venv, say)."
        ) from None


def chosen_indexes():
    """Where pip was told to look: remembered, so that an update does not turn the CPU-only variant into the other.

    An address with a password in it is not written down.
    """
    chosen = {name: os.environ.get(name, "") for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")}
    return {name: value for name, value in chosen.items() if value and "@" not in value}


def cpu_only():
    return any(index.rstrip("/").endswith("/cpu") for value in chosen_indexes().values() for index in value.split())


def enough_gb():
    """Roughly what the packages and their download take; torch for CUDA is most of it."""
    return 8 if sys.platform == "linux" and not cpu_only() else 4


def check_disk(root, need_gb):
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb < need_gb:
        raise Trouble(
            "The environment needs about {:g} GB here and {:.1f} GB are free.\n".format(need_gb, free_gb)
            + "Make room, or take the CPU-only variant in README.md (about 4 GB); if you know that less is enough "
            "for you: make learn NEED_GB=3"
        )


def lacks_gpu():
    drivers = ("/proc/driver/nvidia", "/dev/nvidia0", "/usr/lib/wsl/lib/nvidia-smi")
    return sys.platform == "linux" and not cpu_only() and not any(os.path.exists(path) for path in drivers)
