"""Answers to `induction_bump` that the checker has to accept, or to refuse though nobody foresaw them."""

import math
from itertools import pairwise

import numpy as np


def bump_in_a_loop(steps, scores):
    best, where = -math.inf, 0
    points = [(s, y) for s, y in zip(steps.tolist(), scores.tolist(), strict=True) if s]
    for (a, x), (b, y) in pairwise(points):
        slope = (y - x) / math.log(b / a)
        if slope > best:
            best, where = slope, b
    return where


def bump_by_numpy(steps, scores):
    s, y = steps.cpu().numpy(), scores.double().cpu().numpy()
    s, y = s[s > 0], y[s > 0]
    return s[1:][np.argmax(np.diff(y) / np.diff(np.log(s)))].item()


def bump_in_base_ten_of_one_more(steps, scores):
    return int(steps[1:][(scores.diff() / (steps + 1.0).log10().diff()).argmax()])


def bump_as_a_float(steps, scores):
    kept = steps > 0
    steps, scores = steps[kept], scores[kept]
    return float(steps[1:][(scores.diff() / steps.log().diff()).argmax()])


def bump_without_its_last_checkpoint(steps, scores):
    kept = steps > 0
    steps, scores = steps[kept], scores[kept]
    slopes = scores.diff() / steps.log().diff()
    return int(steps[1:][slopes[: max(1, len(slopes) - 1)].argmax()])


RIGHT = (bump_in_a_loop, bump_by_numpy)


NEARLY_RIGHT = (bump_in_base_ten_of_one_more, bump_as_a_float, bump_without_its_last_checkpoint)
