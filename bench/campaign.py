#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""campaign.py: how often is `ringfetch bench URL_A URL_B` right? Many runs against servers whose difference is known.

    campaign.py aa --runs 300 --noise              the same server twice: who says regressed or improved is wrong
    campaign.py ab --percent 5 --runs 100          B answers 5% fewer requests a second: who does not say regressed is wrong
    campaign.py ab --percent 20 --runs 100 --limit 5
    campaign.py all                                these three

Servers are `ringfetch serve --threads 1 --work-us N`, both new for each run, on core 0; the client is on core 1. What the true
difference between A and B is, is measured first, without ringfetch bench. Every run is one line of JSON in a log below the
build folder: started again, a campaign goes on after the last. A figure that is missed is a finding: the exit status is 0
unless --check asks for 1.
"""

import argparse
import dataclasses
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import noise  # noqa: E402
from lib.campaign_log import Log, Other  # noqa: E402
from lib.campaign_runs import Pair, build_id, calibrate, machine, one_run  # noqa: E402
from lib.campaign_share import summary  # noqa: E402
from lib.measure import Failed, Launcher  # noqa: E402

AA_RUNS, AB_RUNS = 300, 100
LIMITS = {0: 10, 5: 30, 20: 5}  # seconds, by percent
OTHER_LIMIT = 30
AA_WORK_US = 36


@dataclasses.dataclass
class Campaign:
    """What its log begins with: a run belongs to it only if all of this is the same."""

    percent: float  # 0: A/A
    limit: float
    noise: bool
    seed: int
    connections: int
    options: str

    @property
    def name(self):
        return f"ab-{self.percent:g}" if self.percent else "aa"

    @property
    def title(self):
        what = f"server B {self.percent:g}% slower" if self.percent else "the same server twice"
        beside = f", beside {noise.TEXT}" if self.noise else ""
        return f"{self.name}: {what}, runs of at most {self.limit:g} s{beside}"


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("aa", "ab", "all"))
    parser.add_argument("--runs", type=int, metavar="N", help=f"in all, those in the log counted (aa {AA_RUNS}, ab {AB_RUNS})")
    parser.add_argument("--percent", type=float, default=5, metavar="P", help="ab: how much fewer requests/s B answers (5)")
    parser.add_argument("--limit", type=float, metavar="S", help="of one run, start and warm-up included (aa 10, 5%% 30, 20%% 5)")
    parser.add_argument("--noise", action="store_true", help=f"a bad neighbour: {noise.TEXT}")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first run; the next has the next (1)")
    parser.add_argument("-c", "--connections", type=int, default=50, metavar="N", help="of each side (50)")
    parser.add_argument("--bench", default="", metavar="OPTIONS", help="further options for ringfetch bench, in one word")
    parser.add_argument("--log", metavar="FILE", help="(BUILD/campaign/NAME.jsonl)")
    parser.add_argument("--fresh", action="store_true", help="forget what is in the log")
    parser.add_argument("--report", action="store_true", help="only say what the log says")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a figure is missed")
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"), help="the build folder (build)")
    parser.add_argument("--ringfetch", default=os.environ.get("RINGFETCH"), help="the binary (BUILD/ringfetch)")
    arguments = parser.parse_args()
    if not 0 < arguments.percent < 90:
        parser.error("--percent wants more than 0 and less than 90")
    if arguments.kind == "all" and (arguments.log or arguments.limit):
        parser.error("--log and --limit are for one campaign")
    arguments.build = os.path.abspath(arguments.build)
    arguments.ringfetch = os.path.abspath(arguments.ringfetch or os.path.join(arguments.build, "ringfetch"))
    return arguments


def campaigns(arguments):
    """(campaign, how many runs) for each that was asked for."""
    asked = {"aa": [0], "ab": [arguments.percent], "all": [0, 5, 20]}[arguments.kind]
    for percent in asked:
        limit = arguments.limit or LIMITS.get(percent, OTHER_LIMIT)
        noisy = arguments.noise or (arguments.kind == "all" and not percent)
        runs = arguments.runs or (AB_RUNS if percent else AA_RUNS)
        yield Campaign(percent, limit, noisy, arguments.seed, arguments.connections, arguments.bench), runs


def begin(log, campaign, arguments):
    """The servers' work: from the log, or measured and then written there."""
    this = {**dataclasses.asdict(campaign), "build": build_id(arguments.ringfetch)}
    if log.header:
        log.compare(this)
        return log.header["servers"]
    if campaign.percent:
        print(f"{campaign.name}: measuring the servers alone", flush=True)
        servers = calibrate(arguments.ringfetch, campaign.percent / 100, campaign.connections)
    else:
        servers = {"work_us": [AA_WORK_US, AA_WORK_US], "difference": None}
    log.begin(this, servers, machine(arguments.ringfetch))
    return servers


def say(run, total):
    percent = lambda metric: f"{(metric['change'] - 1) * 100:+.1f}%" if metric and metric["change"] else "?"
    rps = (run.get("metrics") or {}).get("rps")
    print(f"  {run['n'] + 1:4} of {total}  {run['verdict']:13} {run['seconds']:6.2f} s  rps {percent(rps)}", flush=True)


def _runs(log, campaign, runs, arguments):
    servers = begin(log, campaign, arguments)
    print(f"{campaign.title}; {log.path}", flush=True)
    for number in range(len(log.runs), runs):
        with Pair(arguments.ringfetch, servers["work_us"]) as pair:
            log.add(one_run(pair, campaign, number))
        say(log.runs[-1], runs)


def carry_out(campaign, runs, arguments):
    """Runs what is missing; whether the figure was met."""
    path = arguments.log or os.path.join(arguments.build, "campaign", f"{campaign.name}.jsonl")
    log = Log(path, fresh=arguments.fresh and not arguments.report)
    interrupted = False
    try:
        if not arguments.report:
            _runs(log, campaign, runs, arguments)
    except KeyboardInterrupt:
        interrupted = True
    if arguments.report and log.header:
        campaign = Campaign(**{name: value for name, value in log.header["campaign"].items() if name != "build"})
    text, met = summary(campaign, log)
    print("\n".join(text), flush=True)
    if interrupted:
        raise KeyboardInterrupt
    return met


def main():
    arguments = read_arguments()
    Launcher.path = os.path.join(arguments.build, "bench", "launch")
    for path, remedy in {arguments.ringfetch: "make", Launcher.path: "make floors"}.items():
        if not os.access(path, os.X_OK):
            print(f"campaign: there is no {path}: {remedy}", file=sys.stderr)
            return 1
    try:
        met = [carry_out(campaign, runs, arguments) for campaign, runs in campaigns(arguments)]
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    except (Failed, Other) as why:
        print(f"campaign: {why}", file=sys.stderr)
        return 1
    return 1 if arguments.check and not all(met) else 0


if __name__ == "__main__":
    sys.exit(main())
