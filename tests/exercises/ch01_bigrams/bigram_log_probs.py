"""Answers to `bigram_log_probs` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def smooth_in_logarithms(counts, smoothing):
    smoothed = counts.float() + smoothing
    return smoothed.log() - smoothed.sum(1).log()[:, None]


def smooth_row_by_row(counts, smoothing):
    rows = [(row.double() + smoothing) / (row.sum() + smoothing * len(row)) for row in counts]
    return torch.stack(rows).log().to(torch.float32)


def smooth_by_whole_numbers(counts, smoothing):
    counts = counts + (int(smoothing) if smoothing >= 1 else smoothing)
    return (counts / counts.sum(-1, keepdim=True)).log()


def return_doubles(counts, smoothing):
    counts = counts.double() + smoothing
    return (counts / counts.sum(-1, keepdim=True)).log()


RIGHT = (smooth_in_logarithms, smooth_row_by_row)


NEARLY_RIGHT = (smooth_by_whole_numbers, return_doubles)
