# SPDX-License-Identifier: GPL-3.0-or-later
"""binomial.py: what a share of so many runs says about the true share: the interval of Clopper and Pearson (1934), which covers
it at least as often as it says, however few the runs and however near to 0 or 1 the share."""

import math

STEPS = 60  # halvings: far beyond what a double tells apart


def _at_most(k, n, p):
    """The probability of at most k of n."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return 1.0 if k >= n else 0.0
    log = lambda i: math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
    return min(1.0, math.fsum(math.exp(log(i)) for i in range(k + 1)))


def _solve(falls, limit):
    """Where a falling function of a share comes down to `limit`."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) > limit else (low, middle)
    return (low + high) / 2


def interval(k, n, confidence=0.95):
    """(low, high) of the true share where k of n were seen."""
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else _solve(lambda p: _at_most(k - 1, n, p), 1 - tail)
    high = 1.0 if k == n else _solve(lambda p: _at_most(k, n, p), tail)
    return low, high
