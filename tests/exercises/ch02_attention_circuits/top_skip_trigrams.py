"""Answers to `top_skip_trigrams` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def trigrams_by_slices(ov, qk, source, k):
    return qk[:, source].AB.squeeze(1).topk(k).indices, ov[source].AB.squeeze(0).topk(k).indices


def trigrams_by_sorting(ov, qk, source, k):
    destinations = (qk.T[source].AB[0]).sort(descending=True).indices[:k]
    outputs = torch.argsort(-(ov.A[source : source + 1] @ ov.B)[0])[:k]
    return [destinations, outputs]


def trigrams_by_a_vector(ov, qk, source, k):
    hot = torch.zeros(qk.shape[1], dtype=qk.A.dtype, device=qk.A.device)
    hot[source] = 1
    return (qk @ hot).topk(k)[1], (hot @ ov).topk(k)[1]


def trigrams_by_chunks_that_are_kept(ov, qk, source, k):
    rows = torch.cat([part @ qk.B for part in qk.A.split(50)])
    return rows[:, source].topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


def trigrams_in_int32(ov, qk, source, k):
    return (qk.A @ qk.B[:, source]).topk(k).indices.int(), (ov.A[source] @ ov.B).topk(k).indices.int()


def trigrams_that_change_the_circuit(ov, qk, source, k):
    qk.B = qk.B - qk.B.mean(1, keepdim=True)
    return (qk.A @ qk.B[:, source]).topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


def trigrams_one_fewer_than_all(ov, qk, source, k):
    k = min(k, max(1, qk.shape[0] - 1))
    return (qk.A @ qk.B[:, source]).topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


RIGHT = (trigrams_by_slices, trigrams_by_sorting, trigrams_by_a_vector)


NEARLY_RIGHT = (
    trigrams_by_chunks_that_are_kept,
    trigrams_in_int32,
    trigrams_that_change_the_circuit,
    trigrams_one_fewer_than_all,
)
