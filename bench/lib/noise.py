#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""noise.py: a bad neighbour. Bursts of CPU use of random length, after pauses of random length, each on a core picked at random.

    noise.py SEED [CORES]      until it is killed, or its parent is gone

A burst competes at equal priority for the core that the server, the client or nobody has at that moment, and walks through
memory enough to throw theirs out of the caches. On average it takes about a sixth of one core. A steady load was rejected: it
hits both sides of a comparison alike.
"""

import ctypes
import os
import random
import signal
import sys
import time

PAUSE_SECONDS, BURST_SECONDS = (0.05, 1.0), (0.005, 0.2)
MEMORY_BYTES, PAGE_BYTES = 4 * 1024**2, 4096
TEXT = (
    f"bursts of {BURST_SECONDS[0] * 1000:g} to {BURST_SECONDS[1] * 1000:g} ms of CPU after pauses of "
    f"{PAUSE_SECONDS[0] * 1000:g} to {PAUSE_SECONDS[1] * 1000:g} ms, each on a core picked at random"
)


def _burn(memory, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for at in range(0, MEMORY_BYTES, PAGE_BYTES):
            memory[at] = (memory[at] + 1) & 255


def main():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    pick, memory = random.Random(int(sys.argv[1])), bytearray(MEMORY_BYTES)
    cores = [int(word) for word in sys.argv[2].split(",")] if len(sys.argv) > 2 else sorted(os.sched_getaffinity(0))
    while True:
        time.sleep(pick.uniform(*PAUSE_SECONDS))
        os.sched_setaffinity(0, {pick.choice(cores)})
        _burn(memory, pick.uniform(*BURST_SECONDS))


if __name__ == "__main__":
    main()
