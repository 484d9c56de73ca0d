# SPDX-License-Identifier: GPL-3.0-or-later
"""place.py: where a bench keeps its files, what the server serves, and whether what arrived is what was served.

The served files, and outputs that are to be fast, live in memory (/dev/shm); outputs that are to be honest live below the
build folder. Every name is beneath a directory of this process, which is removed at the end.
"""

import contextlib
import fcntl
import os
import random
import shutil
import struct
import tempfile

from lib.measure import Failed

FILES, FILE_BYTES = 10_000, 10 * 1024
BIG_BYTES, MARK_STEP = 2 * 1024**3, 16 * 1024**2
HOSTS, HOSTS_PER_NET = 10_000, 250  # floor.h counts the same way
PIECE_BYTES = 1024**2


class Place:
    """A directory for one kind of output; fresh() gives a new one beneath it for one run.

    With `keeps`, what the runs wrote stays until sweep(). ext4 does not hand out an inode again within minutes of its
    deletion, and looks at every such inode each time it wants one: whoever runs after a deletion of 10,000 files pays ten
    times the price for his own.
    """

    def __init__(self, top, keeps=False):
        os.makedirs(top, exist_ok=True)
        self.top, self.keeps = tempfile.mkdtemp(prefix="rf-bench-", dir=top), keeps
        if keeps:
            _spread(self.top)

    @contextlib.contextmanager
    def fresh(self):
        directory = tempfile.mkdtemp(dir=self.top)
        try:
            yield directory
        finally:
            if not self.keeps:
                shutil.rmtree(directory)

    def sweep(self):
        """Removes what the runs wrote."""
        for name in os.listdir(self.top):
            shutil.rmtree(os.path.join(self.top, name))

    def write(self, name, text):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)

    @property
    def room(self):
        usage = os.statvfs(self.top)
        return usage.f_bavail * usage.f_frsize

    @property
    def file_system(self):
        """The file system's type, as the kernel's table of mounts names it."""
        best = ("", "unknown")
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as table:
            for line in table:
                point, kind = line.split()[1:3]
                inside = os.path.join(point, "")
                if os.path.join(os.path.realpath(self.top), "").startswith(inside) and len(inside) >= len(best[0]):
                    best = (inside, kind)
        return best[1]


def _spread(directory):
    """Asks for each directory beneath this one to get a part of the disk for itself, where the file system knows how to:
    what an earlier bench deleted is then elsewhere."""
    get_flags, set_flags, top_directory = 0x80086601, 0x40086602, 0x00020000  # <linux/fs.h>
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            flags = struct.unpack("l", fcntl.ioctl(handle, get_flags, struct.pack("l", 0)))[0]
            fcntl.ioctl(handle, set_flags, struct.pack("l", flags | top_directory))
    finally:
        os.close(handle)


def make_files(root):
    """f/0.bin and so on, each different, none compressible."""
    os.mkdir(os.path.join(root, "f"))
    source = random.Random(1)
    for number in range(FILES):
        with open(os.path.join(root, "f", f"{number}.bin"), "wb") as file:
            file.write(source.randbytes(FILE_BYTES))


def make_big(root):
    """big.bin: a hole with a mark every 16 MiB, so that it costs no memory and still can't be mistaken. Made once: it may be
    in use."""
    path = os.path.join(root, "big.bin")
    if os.path.exists(path):
        return
    with open(path, "wb") as file:
        file.truncate(BIG_BYTES)
        for at in range(0, BIG_BYTES, MARK_STEP):
            file.seek(at)
            file.write(b"mark at %d\n" % at)


def file_urls(server, count=FILES):
    return [server.url(f"/f/{number}.bin") for number in range(count)]


def host_addresses(count):
    return [f"127.1.{number // HOSTS_PER_NET}.{number % HOSTS_PER_NET + 1}" for number in range(count)]


def host_urls(server, path, count=HOSTS):
    return [f"http://{address}:{server.port}{path}" for address in host_addresses(count)]


def lines(items):
    return "".join(f"{item}\n" for item in items)


def verify_files(root, directory, count=FILES):
    """Every file is there and as long as it should be, nothing else is, and each fiftieth is the same byte for byte."""
    with os.scandir(directory) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    if len(sizes) != count or set(sizes) != {f"{number}.bin" for number in range(count)}:
        raise Failed(f"{len(sizes)} files of {count}, or under other names")
    wrong = [name for name, size in sizes.items() if size != FILE_BYTES]
    wrong += [f"{n}.bin" for n in range(0, count, 50) if not _same(root, directory, f"{n}.bin")]
    if wrong:
        raise Failed(f"{len(wrong)} files with other contents, {wrong[0]} for one")


def _same(root, directory, name):
    with open(os.path.join(root, "f", name), "rb") as served, open(os.path.join(directory, name), "rb") as kept:
        return served.read() == kept.read()


def verify_big(directory):
    path = os.path.join(directory, "big.bin")
    if not os.path.exists(path) or os.path.getsize(path) != BIG_BYTES:
        raise Failed("big.bin is missing or has another size")
    empty = bytes(PIECE_BYTES)
    with open(path, "rb") as file:
        for at in range(0, BIG_BYTES, MARK_STEP):
            mark = b"mark at %d\n" % at
            file.seek(at)
            if file.read(PIECE_BYTES) != mark + empty[len(mark) :]:
                raise Failed(f"big.bin has other contents at byte {at}")
