"""Answers to `loss_recovered` that the checker has to accept, or to refuse though nobody foresaw them."""


def recovered_as_one_less_what_is_lost(clean, spliced, ablated):
    return 1 - (spliced - clean) / (ablated - clean)


def recovered_in_python(clean, spliced, ablated):
    return (float(ablated) - float(spliced)) / (float(ablated) - float(clean))


def recovered_at_most_one(clean, spliced, ablated):
    return ((ablated - spliced) / (ablated - clean)).clamp(max=1)


def recovered_with_a_guard(clean, spliced, ablated):
    return (ablated - spliced) / (ablated - clean).clamp(min=1e-1)


def recovered_in_float32(clean, spliced, ablated):
    return ((ablated - spliced) / (ablated - clean)).float()


RIGHT = (recovered_as_one_less_what_is_lost, recovered_in_python)


NEARLY_RIGHT = (recovered_at_most_one, recovered_with_a_guard, recovered_in_float32)
