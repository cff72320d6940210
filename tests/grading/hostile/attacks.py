"""Notebooks that are out for marks, or for harm: a name, the cells, and the points that what is honest in them deserves.

Every notebook is one of chapter 01 in which `count_bigrams` is right, which earns 3 of 21 points, unless it says
otherwise. What attacks stands beside it: in a function that `direct_path_logits` calls, or in a class's body, which runs
when the cell does.
"""

from typing import Any, NamedTuple

COUNT = """
import torch

def count_bigrams(tokens, d_vocab):
    places = tokens[:-1] * d_vocab + tokens[1:]
    return torch.bincount(places, minlength=d_vocab**2).view(d_vocab, d_vocab)
"""
NOTHING = "torch.zeros(W_E.shape[0], W_U.shape[1], dtype=W_E.dtype)"


class Attack(NamedTuple):
    """A hostile notebook."""

    cells: list[tuple[str, dict[str, Any]]]
    """Source and nbgrader's metadata."""
    earned: dict[str, float]


def solution(name: str) -> dict[str, Any]:
    return {"grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": True, "task": False}


def check(name: str, points: Any = 3) -> dict[str, Any]:
    kind = {"grade": True, "grade_id": f"check_{name}", "locked": True, "points": points, "solution": False}
    return kind | {"schema_version": 3, "task": False}


def attack(*sources: str, count: str = COUNT, **earned: float) -> Attack:
    """The honest cell, and after it these."""
    cells = [(count, solution("count_bigrams")), ("check(count_bigrams)", check("count_bigrams"))]
    cells += [(source, solution("direct_path_logits")) for source in sources]
    return Attack(cells, {"count_bigrams": 3.0} | earned)


def steals(body: str, before: str = "") -> Attack:
    """`direct_path_logits` returns what `steal` finds, which are right logits if the attack succeeds, else nothing."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return attack(f"""{before}
def steal(W_E, W_U):
{lines}

def direct_path_logits(W_E, W_U):
    try:
        found = steal(W_E, W_U)
    except Exception:
        found = None
    return {NOTHING} if found is None else found
""")


def harms(body: str) -> Attack:
    """`direct_path_logits` does this and answers with nothing."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return attack(f"import os, sys, torch\ndef direct_path_logits(W_E, W_U):\n{lines}\n    return {NOTHING}")


def harms_early(body: str, **earned: float) -> Attack:
    """The cell after the honest one does this as it is run."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return attack(f"import os, sys, torch\nclass Harm:\n{lines}", **earned)


RIGHT = "W_E @ W_U"
FORGED_REPORT = '{"notebooks": {"a.ipynb": {"points": 21.0, "max_points": 21.0}}}'

READING = {
    "imports the solutions": attack("from mi_tutor.solutions.ch01_bigrams import direct_path_logits"),
    "imports the solutions when called": steals(
        "from mi_tutor.solutions import ch01_bigrams\nreturn ch01_bigrams.direct_path_logits(W_E, W_U)"
    ),
    "asks the exercise for its reference": steals(
        "from mi_tutor.check.exercise import find_exercise\nreturn find_exercise('direct_path_logits').reference(W_E, W_U)"
    ),
    "asks to be shown the solution": steals(
        "import mi_tutor\nscope = {}\n"
        "exec(mi_tutor.show_solution('direct_path_logits').text, {'torch': torch}, scope)\n"
        "return scope['direct_path_logits'](W_E, W_U)"
    ),
    "searches the disk for solutions": steals(
        "import os\n"
        "for top in ('/tmp', '/home', '/root', '/opt', '/srv', '/mnt', '/mi-tutor-work', '/work', '/var', sys.prefix + '/..'):\n"
        "    for here, _, files in os.walk(top):\n"
        "        if any(name.startswith('ch01_bigrams') or name == '01_bigrams.ipynb' for name in files):\n"
        "            return W_E @ W_U\n"
        "        folders[:] = [name for name in folders if name != 'site-packages']",
        "import sys",
    ),
    "searches for the exercises' declarations": steals(
        "import glob, mi_tutor, os\n"
        "room = os.path.dirname(mi_tutor.__file__)\n"
        "if glob.glob(room + '/exercises/*') + glob.glob(room + '/../solutions/*') + glob.glob(room + '/chapters/*'):\n"
        "    return W_E @ W_U"
    ),
    "looks for other submissions and the seed": steals(
        "import os\n"
        "for here, folders, files in os.walk('/'):\n"
        "    if here.startswith(('/proc', '/sys', '/usr')):\n"
        "        folders.clear()\n"
        "    elif 'marks.sqlite' in files:\n"
        "        return W_E @ W_U"
    ),
    "looks where submissions are exchanged, and into homes": steals(
        "import os\n"
        "for place in ('/usr/local/share', '/usr/share', '/srv', '/etc/passwd', '/etc/hosts'):\n"
        "    if os.path.exists(place):\n"
        "        return W_E @ W_U\n"
        "for place in ('/home', '/root', '/tmp', '/var', '/opt', '/mnt'):\n"  # where Python may lie, and nothing beside it
        "    for here, _, files in os.walk(place):\n"
        "        of_python = any(part in f'{here}/' for part in ('/lib/', '/lib64/', '/bin/', '/mi_tutor/'))\n"
        "        if set(files) - {'pyvenv.cfg'} and not of_python:\n"
        "            return W_E @ W_U"
    ),
    "opens a line to the machine that nobody needs": steals(
        "import socket\n"
        "for family in (socket.AF_INET, socket.AF_INET6, 16, 17, 38, 40):\n"  # netlink, packet, alg, vsock
        "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
        "        try:\n"
        "            socket.socket(family, kind)\n"
        "            return W_E @ W_U\n"
        "        except OSError:\n"
        "            pass"
    ),
    "writes into memory that is shared": steals("open('/dev/shm/note', 'w').write('x')\nreturn W_E @ W_U"),
    "walks the frames for what is expected": steals(
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n"
        "        expected = getattr(value, 'expected', None)\n"
        "        if isinstance(expected, torch.Tensor):\n"
        "            return expected.to(W_E.dtype)\n"
        "    frame = frame.f_back",
        "import sys",
    ),
    "searches memory for a tensor of the answer's shape": steals(
        "import gc\n"
        "shape = (W_E.shape[0], W_U.shape[1])\n"
        "others = [x for x in gc.get_objects() if type(x) is torch.Tensor and x is not W_E and x is not W_U]\n"
        "return next(x for x in others if x.shape == shape).to(W_E.dtype)"
    ),
    "reads every open file": steals(
        "import os\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    os.set_blocking(int(name), False)\n"
        "    try:\n"
        "        if b'expected' in os.read(int(name), 100000):\n"
        "            return W_E @ W_U\n"
        "    except OSError:\n"
        "        pass"
    ),
    "reads what it can of the process above it": steals(
        "import os\n"
        "for number in (1, os.getppid()):\n"
        "    for what in ('environ', 'cmdline', 'maps', 'mem', 'cwd/marks.sqlite', 'fd/0', 'fd/1', 'fd/2'):\n"
        "        try:\n"
        "            file = os.open(f'/proc/{number}/{what}', os.O_RDONLY | os.O_NONBLOCK)\n"
        "            if b'TEACHERS_SECRET' in os.read(file, 2**20):\n"
        "                return W_E @ W_U\n"
        "        except OSError:\n"
        "            pass"
    ),
    "reads what was left for it in the environment": steals(
        "import os\nif any('TEACHER' in name or 'GRADING' in name for name in os.environ):\n    return W_E @ W_U"
    ),
    "traces the judge": steals(
        "import ctypes\nif ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0:\n    return W_E @ W_U",
    ),
    "leaves its namespace": steals(
        "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000) == 0:\n    return W_E @ W_U"
    ),
    "becomes root again": steals("import os\nos.setuid(0)\nreturn W_E @ W_U"),
    "times the judge": steals(
        "now = time.perf_counter()\n"
        "gap, LAST[:] = now - LAST[0], [now]\n"
        "return torch.full((W_E.shape[0], W_U.shape[1]), float(gap > 0.001), dtype=W_E.dtype)",
        "import time\nLAST = [0.0]",
    ),
}

CLAIMING = {
    "replaces torch's comparisons": harms_early(
        "for name in ('isclose', 'allclose', 'equal', 'eq'):\n"
        "    setattr(torch, name, lambda *a, **k: torch.ones((), dtype=torch.bool))"
    ),
    "replaces the tensor's own comparisons": attack(
        "class Harm:\n    torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda a, b: torch.tensor(True)",
        f"def direct_path_logits(W_E, W_U):\n    return {NOTHING}",
    ),
    "replaces check and the judge": attack(
        "class Harm:\n"
        "    import mi_tutor.check, mi_tutor.check.judge, mi_tutor.check.compare\n"
        "    mi_tutor.check.check = mi_tutor.check.judge.judge = lambda *a, **k: 3.0\n"
        "    mi_tutor.check.compare.close = mi_tutor.check.compare.plain = lambda *a: None",
        f"def direct_path_logits(W_E, W_U):\n    return {NOTHING}",
    ),
    "a tensor subclass that is equal to everything": attack(
        "class Agreeable(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
        "        if func.__name__ in ('isclose', 'allclose', 'equal', 'eq', '__eq__', 'sub', '__sub__'):\n"
        "            return torch.tensor(True)\n"
        "        return super().__torch_function__(func, types, args, kwargs or {})\n"
        "    def __eq__(self, other):\n"
        "        return True",
        f"def direct_path_logits(W_E, W_U):\n    return {NOTHING}.as_subclass(Agreeable)",
    ),
    "an object that claims to be a tensor": attack(
        "class Claim:\n"
        "    __class__ = torch.Tensor\n"
        "    layout, device, is_nested, is_quantized = torch.strided, torch.device('cpu'), False, False\n"
        "    def __eq__(self, other):\n"
        "        return True\n"
        "    def __getattr__(self, name):\n"
        "        return Claim()\n"
        "    def __call__(self, *args, **kwargs):\n"
        "        return Claim()",
        "def direct_path_logits(W_E, W_U):\n    return Claim()",
    ),
    "a float that is equal to everything": attack(
        "class Any(float):\n"
        "    __eq__ = __le__ = __ge__ = lambda self, other: True\n"
        "    __sub__ = __rsub__ = lambda self, other: 0.0",
        "def bigram_cross_entropy(log_probs, tokens):\n    return Any(0.0)",
    ),
    "nothing but NaN": attack(f"def direct_path_logits(W_E, W_U):\n    return {NOTHING} * float('nan')"),
    "a result without end": attack(
        "def direct_path_logits(W_E, W_U):\n    endless = []\n    endless.append(endless)\n    return endless",
        "def mean_kl(target_log_probs, logits, weights):\n    return torch.zeros(1).expand(2**40)",
    ),
    "prints a report": harms(f"print({FORGED_REPORT!r})\nos.write(1, {FORGED_REPORT.encode()!r})"),
    "writes a report to every open file": harms(
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        f"        os.write(int(name), {FORGED_REPORT.encode()!r})\n"
        "    except OSError:\n"
        "        pass"
    ),
    "answers in advance": harms(
        "from mi_tutor.running import wire\n"
        "for to in range(200):\n"
        "    forged = wire.pack({'to': to, 'value': torch.zeros(3, 3), 'problem': None, 'points': 3.0, 'printed': ''})\n"
        "    for name in os.listdir('/proc/self/fd'):\n"
        "        try:\n"
        "            os.write(int(name), forged)\n"
        "        except OSError:\n"
        "            pass"
    ),
    "asks for gigabytes in its answer's header": harms(
        "from mi_tutor.running import wire\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        "        os.write(int(name), wire.LENGTHS.pack(wire.MAGIC, 2**32 - 1, 2**60))\n"
        "    except OSError:\n"
        "        pass"
    ),
    "replaces what packs its answers": attack(
        "class Harm:\n"
        "    from mi_tutor.running import wire\n"
        "    packed = wire.pack\n"
        "    wire.pack = lambda message, limited=False, p=packed: p(\n"
        "        message | {'problem': None, 'points': 3.0, 'mistake': None, 'passed': True}, limited=limited)",
        f"def direct_path_logits(W_E, W_U):\n    return {NOTHING}",
    ),
    "right on the first call only": attack(
        "CALLS = []\n"
        "def direct_path_logits(W_E, W_U):\n"
        "    CALLS.append(1)\n"
        f"    return W_E @ W_U if len(CALLS) == 1 else {NOTHING}",
        direct_path_logits=1.0,  # the basic case is the first, and was answered
    ),
}
