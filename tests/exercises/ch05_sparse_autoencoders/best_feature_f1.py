"""Answers to `best_feature_f1` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def f1_by_counts(f, label, threshold):
    says, truth = (f > threshold).T, label
    tp = (says & truth).sum(1)
    fp = (says & ~truth).sum(1)
    fn = (~says & truth).sum(1)
    scores = (2 * tp / (2 * tp + fp + fn)).nan_to_num(0.0).to(f.dtype)
    best = scores.argmax().item()
    return best, scores[best]


def f1_in_a_loop(f, label, threshold):
    best, score = 0, -1.0
    truth = label.tolist()
    for i, column in enumerate(f.T.tolist()):
        says = [value > threshold for value in column]
        hits = sum(a and b for a, b in zip(says, truth, strict=True))
        together = sum(says) + sum(truth)
        f1 = 2 * hits / together if together else 0.0
        if f1 > score:
            best, score = i, f1
    return best, score


def f1_by_precision_and_recall(f, label, threshold):
    says = (f > threshold).double()
    hits = label.double() @ says
    precision, recall = hits / says.sum(0).clamp(min=1), hits / label.sum().clamp(min=1)
    both = precision + recall
    scores = torch.where(both > 0, 2 * precision * recall / both, 0)
    best = int(torch.argmax(scores))
    return best, scores[best].to(f.dtype)


def f1_with_a_guarded_division(f, label, threshold):
    says = f > threshold
    hits = (says & label[:, None]).sum(0)
    scores = (2 * hits / (says.sum(0) + label.sum() + 1e-2)).to(f.dtype)
    best = int(scores.argmax())
    return best, scores[best]


def f1_of_living_features(f, label, threshold):
    alive = (f > 0).any(0).nonzero()[:, 0]
    says = f[:, alive] > threshold
    scores = 2 * (says & label[:, None]).sum(0) / (says.sum(0) + label.sum()).clamp(min=1)
    best = int(scores.argmax())
    return best, scores[best].to(f.dtype)


RIGHT = (f1_by_counts, f1_in_a_loop, f1_by_precision_and_recall)


NEARLY_RIGHT = (f1_with_a_guarded_division, f1_of_living_features)
