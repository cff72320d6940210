"""Run as a program: what a notebook's functions find, each as the message of its mark, as JSON."""

import json

from mi_tutor.files.cells import Cell
from mi_tutor.grading.marker import Marker
from mi_tutor.running.confine import Limits
from mi_tutor.running.sandbox import find_sandbox

SOURCE = """
import os, socket

def direct_path_logits(W_E, W_U):
    above = [f"{here}/{name}" for here in ("", "/usr", "/usr/local") for name in os.listdir(here or "/")]
    raise ValueError(" ".join(sorted(name.replace("/", ":") for name in above)))

def count_bigrams(tokens, d_vocab):
    made = []
    for family in (socket.AF_INET, socket.AF_INET6, 16, 17, 38, 40):  # netlink, packet, alg, vsock
        try:
            socket.socket(family, socket.SOCK_RAW if family < 30 else socket.SOCK_STREAM)
            made.append(family)
        except OSError:
            pass
    socket.socket(socket.AF_UNIX).close()
    raise ValueError(f"sockets {made}")

def bigram_log_probs(counts, alpha):
    open("/dev/shm/note", "w")

def bigram_cross_entropy(log_probs, tokens):
    raise ValueError("/home/teacher/course/gradebook.db\\nand a/b, W_E/W_U and /lib/python/x.py" + " x" * 5000)

def mean_kl(target_log_probs, logits, weights):
    number = 0
    while True:
        open(f"/mi-tutor-work/{number}", "w").close()
        number += 1
"""
NAMES = ("direct_path_logits", "count_bigrams", "bigram_log_probs", "bigram_cross_entropy", "mean_kl")


def main() -> None:
    sandbox = find_sandbox()
    marker = Marker(sandbox, Limits())
    try:
        marks = dict(marker.marks([Cell(1, SOURCE, "01_bigrams.ipynb, cell 1")], NAMES, 5))
    finally:
        marker.close()
    print(json.dumps({"isolated": sandbox.isolated} | {name: mark.message for name, mark in marks.items()}))


if __name__ == "__main__":
    main()
