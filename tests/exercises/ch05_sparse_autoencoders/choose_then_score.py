"""Answers to `choose_then_score` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def _scores(f, label, threshold):
    says = f > threshold
    true = (says & label[:, None]).sum(0).double()
    false, missed = (says & ~label[:, None]).sum(0), (~says & label[:, None]).sum(0)
    return torch.where(true > 0, 2 * true / (2 * true + false + missed).clamp(min=1), 0.0)


def by_a_table_of_all_pairs(f_choose, label_choose, f_score, label_score, thresholds):
    table = torch.stack([_scores(f_choose, label_choose, t) for t in thresholds])
    row, feature = divmod(int(table.argmax()), f_choose.shape[1])
    f1 = _scores(f_score, label_score, thresholds[row])[feature]
    return feature, row, f1.to(f_score.dtype)


def by_two_loops(f_choose, label_choose, f_score, label_score, thresholds):
    best, chosen = -1.0, (0, 0)
    for place, threshold in enumerate(thresholds):
        for i, score in enumerate(_scores(f_choose, label_choose, threshold).tolist()):
            if score > best:
                best, chosen = score, (i, place)
    feature, place = chosen
    return feature, place, float(_scores(f_score, label_score, thresholds[place])[feature])


def by_accuracy(f_choose, label_choose, f_score, label_score, thresholds):
    right = torch.stack([((f_choose > t) == label_choose[:, None]).double().mean(0) for t in thresholds])
    row, feature = divmod(int(right.argmax()), f_choose.shape[1])
    return feature, row, _scores(f_score, label_score, thresholds[row])[feature].to(f_score.dtype)


def on_all_tokens_together(f_choose, label_choose, f_score, label_score, thresholds):
    f, label = torch.cat([f_choose, f_score]), torch.cat([label_choose, label_score])
    return by_a_table_of_all_pairs(f, label, f_score, label_score, thresholds)


def middle_of_both(f_choose, label_choose, f_score, label_score, thresholds):
    feature, place, fresh = by_a_table_of_all_pairs(f_choose, label_choose, f_score, label_score, thresholds)
    return feature, place, (fresh + _scores(f_choose, label_choose, thresholds[place])[feature].to(fresh.dtype)) / 2


RIGHT = (by_a_table_of_all_pairs, by_two_loops)

NEARLY_RIGHT = (by_accuracy, on_all_tokens_together, middle_of_both)
