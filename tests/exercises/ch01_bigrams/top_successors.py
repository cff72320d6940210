"""Answers to `top_successors` that the checker has to accept, or to refuse though nobody foresaw them."""

import heapq

import numpy as np
import torch


def successors_into_a_result(W_E, W_U, k, chunk_size):
    values = W_E.new_empty(W_E.shape[0], k)
    ids = torch.empty(W_E.shape[0], k, dtype=torch.int64, device=W_E.device)
    for first in range(0, W_E.shape[0], chunk_size):
        rows = slice(first, first + chunk_size)
        values[rows], ids[rows] = (W_E[rows] @ W_U).topk(k)
    return values, ids


def successors_by_split(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        best = torch.topk(logits, k, dim=-1)
        values.append(best[0])
        ids.append(best[1])
        del logits
    return torch.vstack(values), torch.vstack(ids)


def successors_by_argsort(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in torch.split(W_E, chunk_size):
        logits = rows @ W_U
        order = logits.argsort(dim=-1, descending=True)[:, :k].clone()
        values.append(logits.gather(1, order))
        ids.append(order)
    return torch.cat(values), torch.cat(ids)


def successors_in_place(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        logits += 0
        best = logits.topk(k)
        values.append(best.values)
        ids.append(best.indices)
        del logits
    return torch.cat(values), torch.cat(ids)


def successors_in_one_buffer(W_E, W_U, k, chunk_size):
    buffer = torch.empty(chunk_size, W_U.shape[1], dtype=W_E.dtype, device=W_E.device)
    best = []
    for rows in W_E.split(chunk_size):
        torch.mm(rows, W_U, out=buffer[: len(rows)])
        best.append(buffer[: len(rows)].topk(k))
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def successors_through_numpy(W_E, W_U, k, chunk_size):
    unembed, values, ids = W_U.float().cpu().numpy(), [], []
    if W_E.dtype == torch.float64:
        unembed = W_U.cpu().numpy()
    for rows in W_E.split(chunk_size):
        logits = rows.cpu().to(torch.float64 if W_E.dtype == torch.float64 else torch.float32).numpy() @ unembed
        order = np.argsort(-logits, axis=1)[:, :k]
        values.append(torch.from_numpy(np.take_along_axis(logits, order, 1)))
        ids.append(torch.from_numpy(order.copy()))
    return torch.cat(values).to(W_E), torch.cat(ids).to(W_E.device)


def successors_row_by_row(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for row in W_E:
        logits = row @ W_U
        best = (
            heapq.nlargest(k, range(len(logits)), key=logits.tolist().__getitem__)
            if len(logits) < 50
            else logits.topk(k).indices.tolist()
        )
        ids.append(best)
        values.append(logits[best])
    return torch.stack(values), torch.tensor(ids, device=W_E.device)


def whole_table_in_numpy(W_E, W_U, k, chunk_size):
    logits = W_E.float().cpu().numpy() @ W_U.float().cpu().numpy()
    ids = np.argsort(-logits, axis=1)[:, :k].copy()
    values = torch.from_numpy(np.take_along_axis(logits, ids, 1)).to(W_E)
    return values, torch.from_numpy(ids).to(W_E.device)


def every_row_kept(W_E, W_U, k, chunk_size):
    best = [logits.topk(k) for logits in [row @ W_U for row in W_E]]
    return torch.stack([b.values for b in best]), torch.stack([b.indices for b in best])


def chunks_of_its_own_size(W_E, W_U, k, chunk_size):
    best = [(rows @ W_U).topk(k) for rows in W_E.split(64)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def sorted_whole(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        ordered, order = torch.sort(logits, descending=True)
        values.append(ordered[:, :k].clone())
        ids.append(order[:, :k].clone())
    return torch.cat(values), torch.cat(ids)


RIGHT = (
    successors_into_a_result,
    successors_by_split,
    successors_by_argsort,
    successors_row_by_row,
    successors_in_place,
    successors_in_one_buffer,
    successors_through_numpy,
)


NEARLY_RIGHT = (whole_table_in_numpy, every_row_kept, chunks_of_its_own_size, sorted_whole)
