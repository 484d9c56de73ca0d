/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * files-how.c: which way of writing files costs least? Writes 10,000 files of 10 KiB and one of 512 MiB into a directory in
 * every way that could be chosen, in turns, and prints medians: wall time, CPU time of the process (all threads, io-wq
 * included), and the ratio to the floor, which only opens, writes and closes under the final name.
 *
 *     gcc -O2 -D_GNU_SOURCE -o files-how bench/files-how.c -luring -lpthread && ./files-how DIR [RUNS]
 *
 * The measurement behind docs/decisions/0001-writing-files.md. Stands alone, so that it can be run anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    FILES = 10000,
    FILE_BYTES = 10240,
    LARGE_BYTES = 512 << 20,
    SPAN_BYTES = 64 << 10, /* what one receive brings */
    RUNS_MAX = 99,
    CHAINS = 64, /* files in flight in the ring */
    QUEUE = 256, /* bodies on their way to the writer's thread */
};

static int dir;
static char body[SPAN_BYTES];

static void die(const char *what, int error_number) {
    fprintf(stderr, "files-how: %s: %s\n", what, strerror(error_number));
    exit(1);
}

static void must(bool good, const char *what) {
    if (!good)
        die(what, errno);
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void final_name(char *name, unsigned i) {
    sprintf(name, "%u.bin", i);
}

static void temporary_name(char *name, unsigned i) {
    sprintf(name, ".%u.bin.4711.%u.part", i, i);
}

/* ---- small files ---------------------------------------------------------------------------------------- */

static void small_floor(void) {
    char name[64];
    for (unsigned i = 0; i < FILES; i++) {
        final_name(name, i);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        must(fd >= 0 && write(fd, body, FILE_BYTES) == FILE_BYTES && !close(fd), "floor");
    }
}

static void write_renamed(unsigned i, const char *bytes) {
    char name[64], temporary[64];
    final_name(name, i);
    temporary_name(temporary, i);
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    must(fd >= 0 && write(fd, bytes, FILE_BYTES) == FILE_BYTES && !close(fd), "sync");
    must(!renameat2(dir, temporary, dir, name, RENAME_NOREPLACE), "renameat2");
}

static void small_sync(void) {
    for (unsigned i = 0; i < FILES; i++)
        write_renamed(i, body);
}

/* As small_sync, but every open goes through openat2. */
static void small_openat2(void) {
    char name[64], temporary[64];
    struct open_how how = {.flags = O_WRONLY | O_CREAT | O_EXCL,
                           .mode = 0666,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (unsigned i = 0; i < FILES; i++) {
        final_name(name, i);
        temporary_name(temporary, i);
        int fd = (int)syscall(SYS_openat2, dir, temporary, &how, sizeof how);
        must(fd >= 0 && write(fd, body, FILE_BYTES) == FILE_BYTES && !close(fd), "openat2");
        must(!renameat2(dir, temporary, dir, name, RENAME_NOREPLACE), "renameat2");
    }
}

static void small_tmpfile(void) {
    char name[64];
    for (unsigned i = 0; i < FILES; i++) {
        final_name(name, i);
        int fd = openat(dir, ".", O_TMPFILE | O_WRONLY, 0666);
        must(fd >= 0 && write(fd, body, FILE_BYTES) == FILE_BYTES, "O_TMPFILE");
        must(!linkat(fd, "", dir, name, AT_EMPTY_PATH), "linkat");
        must(!close(fd), "close");
    }
}

/* As small_tmpfile for those who lack the capability that AT_EMPTY_PATH once needed. */
static void small_tmpfile_proc(void) {
    char name[64], proc[64];
    for (unsigned i = 0; i < FILES; i++) {
        final_name(name, i);
        int fd = openat(dir, ".", O_TMPFILE | O_WRONLY, 0666);
        must(fd >= 0 && write(fd, body, FILE_BYTES) == FILE_BYTES, "O_TMPFILE");
        sprintf(proc, "/proc/self/fd/%d", fd);
        must(!linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW), "linkat");
        must(!close(fd), "close");
    }
}

static struct io_uring ring;

static void ring_open(void) {
    struct io_uring_params params = {.flags =
                                         IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    int fault = io_uring_queue_init_params(4 * CHAINS, &ring, &params);
    if (!fault)
        fault = io_uring_register_files_sparse(&ring, CHAINS);
    if (fault)
        die("io_uring", -fault);
}

static void queue_chain(unsigned slot, unsigned i, char *name, char *temporary) {
    final_name(name, i);
    temporary_name(temporary, i);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_openat_direct(sqe, dir, temporary, O_WRONLY | O_CREAT | O_EXCL, 0666, slot);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = slot;
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_write(sqe, (int)slot, body, FILE_BYTES, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = slot;
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_close_direct(sqe, slot);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = slot;
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_renameat(sqe, dir, temporary, dir, name, RENAME_NOREPLACE);
    sqe->user_data = slot;
}

static void small_uring(void) {
    static char names[CHAINS][64], temporaries[CHAINS][64];
    unsigned next = 0, done = 0;
    ring_open();
    for (unsigned slot = 0; slot < CHAINS; slot++, next++)
        queue_chain(slot, next, names[slot], temporaries[slot]);
    while (done < FILES) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0, slots[4 * CHAINS];
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe) {
            if (cqe->res < 0)
                die("chain", -cqe->res);
            slots[seen++] = (unsigned)cqe->user_data;
        }
        io_uring_cq_advance(&ring, seen);
        done += seen;
        for (unsigned i = 0; i < seen && next < FILES; i++, next++)
            queue_chain(slots[i], next, names[slots[i]], temporaries[slots[i]]);
    }
    io_uring_queue_exit(&ring);
}

/* A bounded queue of copied bytes to a thread that writes them. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more, less;
    char *bytes[QUEUE];
    unsigned put, taken;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .more = PTHREAD_COND_INITIALIZER,
           .less = PTHREAD_COND_INITIALIZER};

static void queue_put(const char *bytes, size_t count) {
    char *copy = malloc(count);
    memcpy(copy, bytes, count);
    pthread_mutex_lock(&queue.lock);
    while (queue.put - queue.taken == QUEUE)
        pthread_cond_wait(&queue.less, &queue.lock);
    queue.bytes[queue.put++ % QUEUE] = copy;
    pthread_cond_signal(&queue.more);
    pthread_mutex_unlock(&queue.lock);
}

static char *queue_take(void) {
    pthread_mutex_lock(&queue.lock);
    while (queue.put == queue.taken)
        pthread_cond_wait(&queue.more, &queue.lock);
    char *bytes = queue.bytes[queue.taken++ % QUEUE];
    pthread_cond_signal(&queue.less);
    pthread_mutex_unlock(&queue.lock);
    return bytes;
}

static void *small_thread_main(void *argument) {
    (void)argument;
    for (unsigned i = 0; i < FILES; i++) {
        char *bytes = queue_take();
        write_renamed(i, bytes);
        free(bytes);
    }
    return NULL;
}

static void small_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, small_thread_main, NULL);
    for (unsigned i = 0; i < FILES; i++)
        queue_put(body, FILE_BYTES);
    pthread_join(thread, NULL);
}

/* ---- a large file ----------------------------------------------------------------------------------------- */

static int large_open(void) {
    int fd = openat(dir, ".large.part", O_WRONLY | O_CREAT | O_EXCL, 0666);
    must(fd >= 0, "large");
    return fd;
}

static void large_end(int fd) {
    must(!close(fd) && !renameat2(dir, ".large.part", dir, "large", RENAME_NOREPLACE), "large");
}

static void large_write(int fd) {
    for (size_t done = 0; done < LARGE_BYTES; done += SPAN_BYTES)
        must(write(fd, body, SPAN_BYTES) == SPAN_BYTES, "write");
}

static void large_sync(void) {
    int fd = large_open();
    large_write(fd);
    large_end(fd);
}

static void large_allocated(void) {
    int fd = large_open();
    must(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LARGE_BYTES), "fallocate");
    large_write(fd);
    large_end(fd);
}

/* Asks the kernel to begin writing to disk every 8 MiB. */
static void large_ranges(void) {
    enum { RANGE = 8 << 20 };
    int fd = large_open();
    for (size_t done = 0; done < LARGE_BYTES; done += SPAN_BYTES) {
        must(write(fd, body, SPAN_BYTES) == SPAN_BYTES, "write");
        if (done % RANGE == RANGE - SPAN_BYTES)
            sync_file_range(fd, (off_t)(done + SPAN_BYTES - RANGE), RANGE, SYNC_FILE_RANGE_WRITE);
    }
    large_end(fd);
}

static void large_uring(void) {
    int fd = large_open();
    unsigned in_flight = 0;
    ring_open();
    for (size_t done = 0; done < LARGE_BYTES || in_flight;) {
        for (; done < LARGE_BYTES && in_flight < 8; in_flight++, done += SPAN_BYTES)
            io_uring_prep_write(io_uring_get_sqe(&ring), fd, body, SPAN_BYTES, done);
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait(&ring, 1);
        while (!io_uring_peek_cqe(&ring, &cqe)) {
            if (cqe->res != SPAN_BYTES)
                die("write", cqe->res < 0 ? -cqe->res : EIO);
            io_uring_cqe_seen(&ring, cqe);
            in_flight--;
        }
    }
    io_uring_queue_exit(&ring);
    large_end(fd);
}

static void *large_thread_main(void *argument) {
    int fd = *(int *)argument;
    for (size_t done = 0; done < LARGE_BYTES; done += SPAN_BYTES) {
        char *bytes = queue_take();
        must(write(fd, bytes, SPAN_BYTES) == SPAN_BYTES, "write");
        free(bytes);
    }
    return NULL;
}

static void large_thread(void) {
    pthread_t thread;
    int fd = large_open();
    pthread_create(&thread, NULL, large_thread_main, &fd);
    for (size_t done = 0; done < LARGE_BYTES; done += SPAN_BYTES)
        queue_put(body, SPAN_BYTES);
    pthread_join(thread, NULL);
    large_end(fd);
}

/* ---- all of them in turns ----------------------------------------------------------------------------------- */

static struct way {
    const char *name;
    void (*write)(void);
    double wall[RUNS_MAX + 1], cpu[RUNS_MAX + 1];
} ways[] = {
    {.name = "floor: open, write, close", .write = small_floor},
    {.name = "temporary name, renameat2", .write = small_sync},
    {.name = "the same with openat2", .write = small_openat2},
    {.name = "O_TMPFILE, linkat empty path", .write = small_tmpfile},
    {.name = "O_TMPFILE, linkat /proc", .write = small_tmpfile_proc},
    {.name = "io_uring, linked chains", .write = small_uring},
    {.name = "writer's thread", .write = small_thread},
    {.name = "512 MiB: write", .write = large_sync},
    {.name = "512 MiB: fallocate first", .write = large_allocated},
    {.name = "512 MiB: sync_file_range", .write = large_ranges},
    {.name = "512 MiB: io_uring, 8 writes", .write = large_uring},
    {.name = "512 MiB: writer's thread", .write = large_thread},
};
enum { WAYS = sizeof ways / sizeof *ways, LARGE_WAYS = 7 /* from here on */ };

/* Each measurement has a directory of its own. On a disk nothing is deleted before all are done: ext4 does not reuse an inode for
 * a minute or so after it was deleted, and looking for others would be most of what is measured. In memory it is the
 * other way round: what was never used before is dear. */
static bool in_memory;

static void enter(int base, unsigned way, unsigned run) {
    char name[64];
    sprintf(name, "files-how-%u-%u", way, run);
    must(!mkdirat(base, name, 0777), name);
    dir = openat(base, name, O_DIRECTORY | O_RDONLY);
    must(dir >= 0, name);
}

static void remove_files(void) {
    char name[64];
    for (unsigned i = 0; i < FILES; i++) {
        final_name(name, i);
        unlinkat(dir, name, 0);
    }
}

/* What one run left to the disk is not the next one's to pay. */
static void leave(void) {
    unlinkat(dir, "large", 0);
    if (in_memory)
        remove_files();
    syncfs(dir);
    close(dir);
}

static void clean(int base, unsigned ways_count, unsigned runs) {
    char name[64];
    for (unsigned way = 0; way < ways_count; way++) {
        for (unsigned run = 0; run <= runs; run++) {
            sprintf(name, "files-how-%u-%u", way, run);
            dir = openat(base, name, O_DIRECTORY | O_RDONLY);
            remove_files();
            close(dir);
            unlinkat(base, name, AT_REMOVEDIR);
        }
    }
}

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double median(double *values, unsigned count) {
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static void measure(int base, unsigned way, unsigned run) {
    enter(base, way, run);
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    ways[way].write();
    ways[way].wall[run] = seconds_of(CLOCK_MONOTONIC) - wall;
    ways[way].cpu[run] = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    leave();
}

/* Run 0 is not counted: memory that the machine never used before is dear. Every round begins with another way, so that none
 * is always the first. */
static void measure_all(int base, unsigned from, unsigned count, unsigned runs) {
    for (unsigned run = 0; run <= runs; run++)
        for (unsigned i = 0; i < count; i++)
            measure(base, from + (run + i) % count, run);
}

int main(int argc, char **argv) {
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
    if (argc < 2 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: files-how DIR [RUNS, 1 to %d]\n", RUNS_MAX);
        return 2;
    }
    int base = open(argv[1], O_DIRECTORY | O_RDONLY);
    must(base >= 0, argv[1]);
    struct statfs about;
    in_memory = !fstatfs(base, &about) && about.f_type == TMPFS_MAGIC;
    memset(body, 'x', sizeof body);
    measure_all(base, 0, LARGE_WAYS, runs);
    measure_all(base, LARGE_WAYS, WAYS - LARGE_WAYS, runs);
    clean(base, WAYS, runs);
    printf("%-32s %9s %9s %9s\n", "medians of interleaved runs", "wall s", "CPU s", "to first");
    double first = 0;
    for (unsigned i = 0; i < WAYS; i++) {
        double wall = median(ways[i].wall + 1, runs), cpu = median(ways[i].cpu + 1, runs);
        if (i == 0 || i == LARGE_WAYS)
            first = wall;
        printf("%-32s %9.3f %9.3f %9.2f\n", ways[i].name, wall, cpu, wall / first);
    }
    return 0;
}
