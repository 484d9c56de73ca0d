# SPDX-License-Identifier: GPL-3.0-or-later
"""campaign_share.py: what a campaign's runs come to: the share that was right, with its bounds, against what is aimed at."""

import collections
import statistics

from lib.binomial import interval

WRONG_MOST, FOUND_LEAST, BOUNDS = 0.01, 0.95, 0.95


def is_blamed(run):
    """An A/A run that said what it must not; one that said nothing, as it broke, too."""
    return run["verdict"] not in ("same", "inconclusive")


def is_found(run, limit):
    return run["verdict"] == "regressed" and run["seconds"] <= limit


def _difference(log):
    found = log.header and log.header["servers"]["difference"]
    if not found:
        return []
    work = " and ".join(f"{us} us" for us in log.header["servers"]["work_us"])
    shown = lambda of: f"{of['percent']:.2f}% ({of['low']:.2f} to {of['high']:.2f}%)"
    pairs = f"{found['pairs']} pairs of {found['seconds']} s by wrk"
    return [
        f"  true difference, measured alone ({pairs}; --work-us {work}):",
        f"  B answers {shown(found)} fewer requests/s; by its CPU a request {shown(found['cpu'])}",
    ]


def _aim(campaign, runs):
    """(text, how many, whether that meets it)"""
    if campaign.percent:
        count = sum(is_found(run, campaign.limit) for run in runs)
        text = f"regressed within {campaign.limit:g} s in at least {FOUND_LEAST:.0%} of the runs"
        return text, count, count >= FOUND_LEAST * len(runs)
    count = sum(map(is_blamed, runs))
    text = f"other than same or inconclusive in at most {WRONG_MOST:.0%} of the runs"
    return text, count, count <= WRONG_MOST * len(runs)


def _blamed_metrics(campaign, runs):
    """By which metrics: what to look at where the figure is missed."""
    wrong = [run for run in runs if not campaign.percent and is_blamed(run)]
    names = collections.Counter(
        name for run in wrong for name, metric in (run["metrics"] or {}).items() if metric["verdict"] in ("regressed", "improved")
    )
    return [f"  by {', '.join(f'{name} {count}' for name, count in names.most_common())}"] if names else []


def summary(campaign, log):
    """(lines, whether it is met)"""
    runs = log.runs
    if not runs:
        return [f"{campaign.name}: no runs"], False
    text, count, met = _aim(campaign, runs)
    low, high = interval(count, len(runs), BOUNDS)
    verdicts = collections.Counter(run["verdict"] for run in runs)
    decided = [run["seconds"] for run in runs if run["verdict"] in ("regressed", "improved", "same")]
    lines = [f"{campaign.title}, {len(runs)} runs", *_difference(log)]
    lines += [f"  {', '.join(f'{name} {number}' for name, number in verdicts.most_common())}", *_blamed_metrics(campaign, runs)]
    if decided:
        lines.append(f"  time to a verdict: {statistics.median(decided):.1f} s in the median, {max(decided):.1f} s at most")
    share = f"{count} of {len(runs)}, {count / len(runs):.1%} ({BOUNDS:.0%} bounds: {low:.1%} to {high:.1%})"
    return [*lines, f"  {'pass' if met else 'MISS'}  {text}: {share}", ""], met
