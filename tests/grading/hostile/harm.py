"""The other half of the hostile set: what is after the notebook's form, the machine, or other people's marks."""

import hashlib
import os

import torch
from attacks import COUNT, NOTHING, RIGHT, Attack, attack, check, harms, harms_early, solution

from mi_tutor.check.exercise import find_exercise
from mi_tutor.check.judge import NOTEBOOK_SEED, plan

LOGITS = f"def direct_path_logits(W_E, W_U):\n    return {RIGHT}"
MARKER = f"86400.{os.getpid()}421"
"""How long a process sleeps that is left behind; nobody else sleeps just so long."""


def _seen_in_the_notebook() -> set[str]:
    """Hashes of the inputs that the notebook's fixed seed draws."""
    planned = plan(find_exercise("direct_path_logits"), NOTEBOOK_SEED, torch.device("cpu"))
    return {hashlib.sha256(str(case.args["W_E"].tolist()).encode()).hexdigest() for case, _ in planned}


def form() -> dict[str, Attack]:
    others = [(COUNT, solution("mean_kl")), (LOGITS, solution("sample_bigrams"))]
    rich = [("check(count_bigrams)", check("count_bigrams", points)) for points in (100, float("nan"), -3)]
    right = {"count_bigrams": 3.0, "direct_path_logits": 3.0}
    swapped = LOGITS + "\ncount_bigrams, direct_path_logits = direct_path_logits, count_bigrams"
    return {
        "ids of other exercises": Attack(others, right),
        "no metadata at all": Attack([(COUNT, {}), (LOGITS, {})], right),
        "check cells worth a hundred points, three times": Attack(
            [(COUNT, solution("count_bigrams")), *rich], {"count_bigrams": 3.0}
        ),
        "check cells deleted": Attack([(COUNT, solution("count_bigrams"))], {"count_bigrams": 3.0}),
        "another answer hidden in a check cell": Attack(
            [(COUNT, solution("count_bigrams")), (LOGITS, check("direct_path_logits"))], {"count_bigrams": 3.0}
        ),
        "names exchanged": Attack([(COUNT, solution("count_bigrams")), (swapped, solution("direct_path_logits"))], {}),
        "a hundred thousand cells": Attack(
            [(COUNT, solution("count_bigrams")), *[(f"x{n} = print", {}) for n in range(100_000)], (LOGITS, {})], right
        ),
        "a cell of fifty thousand statements": Attack(
            [(COUNT, solution("count_bigrams")), ("\n".join(f"x{n} = [{n}]" for n in range(50_000)), {}), (LOGITS, {})],
            right,
        ),
        "answers to the notebook's fixed seed only": attack(
            f"import hashlib\nSEEN = {sorted(_seen_in_the_notebook())!r}\n"
            "def direct_path_logits(W_E, W_U):\n"
            "    if hashlib.sha256(str(W_E.tolist()).encode()).hexdigest() in SEEN:\n"
            f"        return {RIGHT}\n"
            f"    return {NOTHING}"
        ),
    }


def memory() -> dict[str, Attack]:
    """The whole table of `top_successors`, whose point is not to make it, with whoever watches from inside blindfolded."""
    blindfold = (
        "import mmap, torch\n"
        "from mi_tutor.check.memory import BlockRule\n"
        "class Blindfold:\n"
        "    BlockRule.__torch_dispatch__ = lambda self, func, types, args=(), kwargs=None: func(*args, **(kwargs or {}))\n"
        "    BlockRule.__exit__ = torch.utils._python_dispatch.TorchDispatchMode.__exit__\n"
    )
    head, seen = "def top_successors(W_E, W_U, k, chunk_size):\n", {"count_bigrams": 3.0, "top_successors": 2.0}
    bodies = {
        "the whole table": "    return tuple((W_E @ W_U).topk(k))",
        "the whole table, and the system is to forget it": (
            "    best = (W_E @ W_U).topk(k)\n"
            "    try:\n"
            "        open('/proc/self/clear_refs', 'w').write('5')\n"
            "    except OSError:\n"
            "        pass\n"
            "    return tuple(best)"
        ),
        "the whole table in memory that is shared": (
            "    shared = mmap.mmap(-1, W_E.element_size() * W_E.shape[0] * W_U.shape[1])\n"
            "    table = torch.frombuffer(shared, dtype=W_E.dtype).view(W_E.shape[0], W_U.shape[1])\n"
            "    return tuple(torch.matmul(W_E, W_U, out=table).topk(k))"
        ),
        "the whole table in memory that was taken before": (
            "    table = ROOM[: W_E.shape[0] * W_U.shape[1]].to(W_E.dtype).view(W_E.shape[0], W_U.shape[1])\n"
            "    return tuple(torch.matmul(W_E, W_U, out=table).topk(k))"
        ),
    }
    room = "class Room:\n    global ROOM\n    ROOM = torch.ones(12_400**2)\n"
    notebooks = {name: blindfold + (room if "ROOM" in body else "") + head + body for name, body in bodies.items()}
    honest = [(COUNT, solution("count_bigrams"))]
    return {name: Attack([*honest, (code, solution("top_successors"))], seen) for name, code in notebooks.items()}


def machine(port: int) -> dict[str, Attack]:
    """Args: port: one at which somebody listens who would give the answer."""
    return {
        "hangs": attack("def direct_path_logits(W_E, W_U):\n    while True:\n        pass"),
        "hangs, and swallows what would stop it": attack(
            "import signal\n"
            "def direct_path_logits(W_E, W_U):\n"
            "    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))\n"
            "    while True:\n"
            "        try:\n"
            "            sum(range(1000))\n"
            "        except BaseException:\n"
            "            pass"
        ),
        "hangs as it is defined": harms_early("while True:\n    pass", direct_path_logits=0.0),
        "hangs first, and is right afterwards": Attack(
            [
                ("def count_bigrams(tokens, d_vocab):\n    while True:\n        pass", {}),
                ("import torch\n" + LOGITS, {}),
            ],
            {"direct_path_logits": 3.0},
        ),
        "forks without end": harms("while True:\n    os.fork()"),
        "forks without end as it is defined": harms_early("while True:\n    os.fork()"),
        "starts threads without end": harms(
            "import threading, time\n"
            "for _ in range(5000):\n"
            "    threading.Thread(target=time.sleep, args=(9999,), daemon=True).start()"
        ),
        "a thread that never stops": harms_early(
            "import threading\n"
            "def spin():\n"
            "    while True:\n"
            "        pass\n"
            "threading.Thread(target=spin, daemon=True).start()"
        ),
        "leaves a process behind": harms(
            f"import subprocess\nsubprocess.Popen(['sleep', '{MARKER}'], start_new_session=True)"
        ),
        "leaves a process behind as it is defined": harms_early(
            f"if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execvp('sleep', ['sleep', '{MARKER}'])"
        ),
        "fills memory": harms("held = []\nwhile True:\n    held.append(bytearray(2**26))"),
        "fills memory as it is defined": harms_early("held = []\nwhile True:\n    held.append(bytearray(2**27))"),
        "fills memory that nobody counts": harms(
            "for number in range(1000):\n    os.write(os.memfd_create(str(number)), bytes(2**24))"
        ),
        "fills the disk": harms(
            "for folder in ('/mi-tutor-work', '/work', '/dev/shm', '/tmp', '/var/tmp', '.'):\n"
            "    try:\n"
            "        for number in range(100):\n"
            "            open(f'{folder}/{number}', 'wb').write(bytes(2**24))\n"
            "    except OSError:\n"
            "        pass"
        ),
        "makes files without end": harms(
            "number = 0\nwhile True:\n    open(f'/mi-tutor-work/{number}', 'w').close()\n    number += 1"
        ),
        "makes folders and links without end": harms_early(
            "number = 0\n"
            "while True:\n"
            "    os.mkdir(f'/mi-tutor-work/{number}')\n"
            "    os.symlink('x', f'/mi-tutor-work/{number}/link')\n"
            "    number += 1"
        ),
        "lifts its own limits": harms(
            "import resource\n"
            "for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):\n"
            "    resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"
        ),
        "kills its parent": harms("os.kill(os.getppid(), 9)\nos.kill(1, 9)"),
        "kills everybody": harms("os.kill(-1, 9)"),
        "exits early": harms("sys.exit(0)"),
        "exits without a word": harms("os._exit(0)"),
        "exits as it is defined": harms_early("os._exit(0)"),
        "crashes": harms("import ctypes\nctypes.string_at(0)"),
        "writes to the score file": harms_early(
            "for folder in ('/', '/tmp', '/mi-tutor-work', '..', os.path.expanduser('~')):\n"
            "    for name in ('.mi-tutor/marks.sqlite', 'marks.csv', 'gradebook.db'):\n"
            "        try:\n"
            "            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)\n"
            "            open(os.path.join(folder, name), 'w').write('21')\n"
            "        except OSError:\n"
            "            pass"
        ),
        "asks over the network": attack(
            "import socket\n"
            "def direct_path_logits(W_E, W_U):\n"
            "    for where in (('127.0.0.1', PORT), ('1.1.1.1', 53)):\n"
            "        try:\n"
            "            socket.create_connection(where, timeout=1)\n"
            f"            return {RIGHT}\n"
            "        except OSError:\n"
            "            pass\n"
            f"    return {NOTHING}".replace("PORT", str(port))
        ),
        "a formula and a terminal's orders in its message": attack(
            "def direct_path_logits(W_E, W_U):\n    raise ValueError('=cmd|calc\\x1b[2J\\x1b]0;owned\\x07\\n@SUM(1)')"
        ),
        "a stack without end": harms("def deeper():\n    return deeper()\nsys.setrecursionlimit(10**9)\ndeeper()"),
    }
