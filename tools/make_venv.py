"""Make .venv, or bring it up to date: what every make target runs first. Works without make as well.

Read by whatever `python3` is on the machine, so that an old one can say what is missing: only the standard library
and no syntax newer than Python 3.6. What goes wrong is said in a sentence with the next step, never as a traceback.

A half-made environment is never used: it carries UNFINISHED from before its first package until after its last,
is removed when something fails, and is removed at the next run when even that was not possible. The stamp, written
last, says what the environment was made from; pip's own variables and settings are left to choose the indexes.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

from machine import Trouble, check_disk, check_python, chosen_indexes, enough_gb, lacks_gpu

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = ["--editable", ".[dev]"]
STAMP, UNFINISHED = "made-from.json", "unfinished"
NO_SPACE = "No space left on device"


def prepare(root=ROOT, requirements=REQUIREMENTS, version=sys.version_info, need_gb=None, this_python=False, extras=()):
    """Leave a finished, current environment in root/.venv; Trouble when that cannot be.

    An extra that was asked for once stays: the next `make learn` has nothing to do because of it.
    """
    venv = os.path.join(root, ".venv")
    made_from = read_stamp(venv)
    extras = sorted(set(extras) | set((made_from or {}).get("extras", [])))
    requirements = [",".join([each[:-1], *extras]) + "]" if each.endswith("[dev]") else each for each in requirements]
    wanted = {"inputs": fingerprint(root, requirements), "folder": os.path.realpath(venv), "extras": extras}
    if made_from is None and os.path.isdir(venv):
        clear_unfinished(venv)
    if made_from and not usable(venv, made_from, wanted, "{}.{}".format(*version) if this_python else None):
        say("The environment in .venv was made for another Python or another folder; making it again.")
        remove(venv)
        made_from = None
    if made_from is None:
        check_python(version)
        check_disk(root, enough_gb() if need_gb is None else need_gb)
        say("Making the environment in .venv; the first time this takes some minutes.")
        if lacks_gpu():
            say("No NVIDIA GPU here: README.md shows a CPU-only variant that saves several gigabytes.")
        with_removal(venv, lambda: fill(root, venv, requirements))
    elif made_from["inputs"] != wanted["inputs"]:
        say("Bringing .venv up to date with pyproject.toml, constraints.txt and what this command needs.")
        for name, value in made_from.get("indexes", {}).items():
            os.environ.setdefault(name, value)
        rehearse(root, venv, requirements)
        mark_unfinished(venv)
        os.remove(os.path.join(venv, STAMP))
        with_removal(venv, lambda: fill(root, venv, requirements))
    else:
        return
    write_stamp(venv, dict(wanted, python=python_version(venv), indexes=chosen_indexes()))
    say("The environment in .venv is ready.")


def fingerprint(root, requirements):
    """A hash of everything that decides which packages are installed."""
    digest = hashlib.sha256(json.dumps(requirements).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read_stamp(venv):
    try:
        with open(os.path.join(venv, STAMP)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_stamp(venv, made_from):
    with open(os.path.join(venv, STAMP + ".new"), "w") as file:
        json.dump(made_from, file)
    os.replace(os.path.join(venv, STAMP + ".new"), os.path.join(venv, STAMP))
    os.remove(os.path.join(venv, UNFINISHED))


def clear_unfinished(venv):
    """Remove what an interrupted run left; keep what this script did not make."""
    if os.listdir(venv) and not os.path.exists(os.path.join(venv, UNFINISHED)):
        raise Trouble(
            "There is a .venv here that make did not make, so it is left alone.\n"
            "Use it as it is, or remove it (rm -r .venv) and run the same command again."
        )
    say("An earlier run was interrupted; making .venv again.")
    remove(venv)


def mark_unfinished(venv):
    os.makedirs(venv, exist_ok=True)
    open(os.path.join(venv, UNFINISHED), "w").close()


def remove(venv):
    """Remove an environment, its mark last: a removal cut short is known for what it is."""
    mark_unfinished(venv)
    for name in os.listdir(venv):
        path = os.path.join(venv, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif name != UNFINISHED:
            os.remove(path)
    shutil.rmtree(venv)


def usable(venv, made_from, wanted, python):
    """Whether the environment can be used or updated where it is (with `python`, only if it has that version)."""
    found = python_version(venv)
    return (
        found is not None
        and found == made_from.get("python") == (python or found)
        and (made_from.get("folder") == wanted["folder"])
    )


def python_version(venv):
    """Which Python the environment has now, "3.11"; None when it does not start (the system's was replaced)."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        return subprocess.check_output([venv_python(venv), "-c", code], stderr=subprocess.DEVNULL).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def venv_python(venv):
    return os.path.join(venv, "bin", "python")


def fill(root, venv, requirements):
    """Make the environment where there is none, then install into it."""
    mark_unfinished(venv)
    if not os.path.exists(venv_python(venv)):
        run([sys.executable, "-m", "venv", venv], root)
    run(pip_install(venv, ["pip"]), root)  # the tested one: an old pip explains less and reads less
    run(pip_install(venv, requirements), root)


def rehearse(root, venv, requirements):
    """Try an update without changing anything, so that a missing connection costs nobody a working environment."""
    try:
        run([*pip_install(venv, requirements), "--dry-run", "--quiet"], root)
    except Trouble as trouble:
        raise Trouble(
            "{}\nNothing was changed. The environment as it was still works: .venv/bin/mi-tutor lab".format(trouble)
        ) from None


def pip_install(venv, requirements):
    return [venv_python(venv), "-m", "pip", "install", "--constraint", "constraints.txt", *requirements]


def run(command, root):
    """Run a step with its output shown; what it says on stderr is also read, to name the cause of a failure."""
    quiet = dict(os.environ, PYTHONWARNINGS="ignore")  # setuptools warns at length of what an editable install is
    child = subprocess.Popen(command, cwd=root, env=quiet, stderr=subprocess.PIPE, universal_newlines=True)
    errors = []
    try:
        for line in child.stderr:
            sys.stderr.write(line)
            errors.append(line)
        status = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    if status == 0:
        return
    if NO_SPACE in "".join(errors):
        raise Trouble(
            "The disk is full. Make room and run the same command again (`pip cache purge` frees old downloads).\n"
            "If it is /tmp that is small: make learn TMPDIR=/a/folder/with/room"
        )
    raise Trouble(
        "The packages could not be installed; the reason stands above. If a download broke off or there is no\n"
        "network, run the same command again later: what was downloaded whole is kept. If no matching distribution\n"
        "was found, this Python may be newer than the ones tested: make learn PYTHON=python3.12"
    )


def with_removal(venv, step):
    """Do a step; when it fails or is interrupted, remove the environment it was working on."""
    try:
        step()
    except BaseException as error:
        remove(venv)
        if isinstance(error, OSError) and NO_SPACE in str(error):
            raise Trouble("The disk is full. Make room and run the same command again.") from None
        raise


def hold_the_folder(root):
    """One run at a time: a second make waits instead of clearing away what the first is making."""
    try:
        import fcntl
    except ImportError:
        return None
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another run is working on .venv; waiting for it.")
        fcntl.flock(folder, fcntl.LOCK_EX)
    return folder


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Make .venv with all the chapters need, or bring it up to date.")
    parser.add_argument("--need-gb", type=float, help="free space to ask for before starting")
    parser.add_argument("--this-python", action="store_true", help="make .venv again if it has another Python")
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        dest="extras",
        metavar="EXTRA",
        help="one more of pyproject.toml's extras",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        folder = hold_the_folder(ROOT)
        prepare(need_gb=options.need_gb, this_python=options.this_python, extras=options.extras)
        if folder is not None:
            os.close(folder)
    except Trouble as trouble:
        sys.exit("\n{}".format(trouble))
    except KeyboardInterrupt:
        sys.exit("\nStopped. A half-made .venv was removed; run the same command again when you like.")


if __name__ == "__main__":
    main()
