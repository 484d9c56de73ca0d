# SPDX-License-Identifier: GPL-3.0-or-later
"""report.py: results as tables for people and as JSON for machines; both say the same.

A ratio stands to the best peer (the fastest, by wall time) and to the floor, from medians; below 1 is less than theirs.
"""

import json
import os
import platform
import statistics

from lib.measure import ALL_CORES

MEDIANS = ("wall", "cpu", "user", "system", "rss_bytes")
BUSY_LOAD = 0.5  # a minute's load average above which the table warns
HEAD = ("program", "wall s", "min-max", "cpu s", "user", "sys", "MiB")
RATIOS = ("wall/peer", "cpu/peer", "wall/floor", "cpu/floor")


def machine(context):
    """What the figures depend on."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "kernel": platform.release(),
        "processor": model,
        "cores": len(ALL_CORES),
        "load_at_start": context.load,
        "runs": context.runs,
        "ringfetch": context.version,
        "peers": context.peer_versions,
    }


def _figure(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def _row(result, program):
    if not program.samples:
        return None
    walls = [sample.wall for sample in program.samples]
    medians = [program.median(what) for what in ("cpu", "user", "system")]
    against = [result.ratio(what, program, other) for other in (result.best_peer(), result.floor) for what in ("wall", "cpu")]
    return [
        program.name,
        f"{statistics.median(walls):.3f}",
        f"{min(walls):.3f}-{max(walls):.3f}",
        *(f"{seconds:.3f}" for seconds in medians),
        f"{program.median('rss_bytes') / 2**20:.0f}",
        *map(_figure, map(program.median, result.figures)),
        *(f"{ratio:.2f}x" if ratio is not None and result.timed else "" for ratio in against),
    ]


def _table(result):
    rows = [_row(result, program) for program in result.programs]
    if not any(rows):
        return []
    shown = [[*HEAD, *result.figures, *RATIOS], *(row for row in rows if row)]
    # A column that no row fills (no floor, no peer) is left out.
    filled = [column for column in range(len(shown[0])) if any(row[column] for row in shown[1:])]
    widths = {column: max(len(row[column]) for row in shown) for column in filled}
    return [
        "  "
        + "  ".join(
            row[column].ljust(widths[column]) if column == 0 else row[column].rjust(widths[column]) for column in filled
        ).rstrip()
        for row in shown
    ]


def verdict(target):
    """One line: whether it was met, what was aimed at, what was found."""
    word = "pass" if target.is_met else "MISS"
    found = "not measured" if target.value is None else f"{target.value:.2f}{target.unit}"
    return f"  {word}  {target.text}: {found}"


def as_text(result, context):
    """A result as lines."""
    text = [f"{result.name}: {result.title}"]
    if result.fault:
        return [*text, f"  not measured: {result.fault}", *map(verdict, result.targets), ""]
    text += _table(result)
    text += [f"  {program.name}: {program.fault}" for program in result.programs if program.fault]
    text += [f"  {note}" for note in result.notes]
    text += [f"  options: {program.name} {context.shorten(program.command)}" for program in result.programs if program.samples]
    return [*text, *map(verdict, result.targets), ""]


def heading(context):
    """What a reader must know before the first table."""
    facts = machine(context)
    text = [f"{facts['processor']}, {facts['cores']} cores, Linux {facts['kernel']}, {facts['ringfetch']}"]
    text += [f"{name}: {version}" for name, version in facts["peers"].items()]
    text.append(f"server on core {min(ALL_CORES)}, client on core {sorted(ALL_CORES)[:2][-1]}, medians of {context.runs}")
    if len(ALL_CORES) < 2:
        text.append("only one core: server and client share it, the targets were set for two")
    if context.load > BUSY_LOAD:
        text.append(f"the machine was busy before this began (load {context.load:.1f}): expect noise")
    return [*text, ""]


def _as_object(result, context):
    best = result.best_peer()
    return {
        "name": result.name,
        "title": result.title,
        "fault": result.fault or None,
        "notes": result.notes,
        "best_peer": best.name if best else None,
        "programs": [
            {
                "name": program.name,
                "role": program.role,
                "command": context.shorten(program.command),
                "fault": program.fault or None,
                "median": {what: program.median(what) for what in (*MEDIANS, *result.figures)},
                "to_best_peer": {what: result.ratio(what, program, best) for what in ("wall", "cpu")},
                "to_floor": {what: result.ratio(what, program, result.floor) for what in ("wall", "cpu")},
                "runs": [vars(sample) for sample in program.samples],
            }
            for program in result.programs
        ],
        "targets": [
            {
                "text": target.text,
                "value": target.value,
                "limit": target.limit,
                "at_least": target.at_least,
                "met": target.is_met,
            }
            for target in result.targets
        ],
    }


def write_json(path, results, context):
    """Writes everything, single runs included, to `path`; whole or not at all."""
    whole = {"v": 1, "machine": machine(context), "works": [_as_object(result, context) for result in results]}
    temporary = f"{path}.part"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")
    os.replace(temporary, path)
