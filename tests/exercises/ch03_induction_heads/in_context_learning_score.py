"""Answers to `in_context_learning_score` that the checker has to accept, or to refuse though nobody foresaw them."""


def context_by_two_means(loss, early, late):
    return loss[:, late].mean() - loss[:, early].mean()


def context_as_a_number(loss, early, late):
    columns = loss.mean(0)
    return float(columns[late] - columns[early])


def context_by_the_median(loss, early, late):
    return (loss[:, late] - loss[:, early]).median()


def context_in_order(loss, early, late):
    return (loss[:, max(early, late)] - loss[:, min(early, late)]).mean()


RIGHT = (context_by_two_means, context_as_a_number)


NEARLY_RIGHT = (context_by_the_median, context_in_order)
