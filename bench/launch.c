/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * launch.c: runs one program on one core and reports what it cost, by the kernel's own count (wait4).
 *
 *     launch CORE LIMIT_SECONDS COMMAND...      one line on descriptor 3: STATUS WALL_US USER_US SYSTEM_US RSS_KB
 *
 * STATUS is the exit status, 128 plus the number for a signal, -1 where the limit ended it. Spawning from Python directly was
 * rejected: a process inherits the peak memory of the image it was spawned from, 26 MiB there and hardly anything here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPORT = 3, NOT_STARTED = 127 };

static volatile sig_atomic_t child, timed_out;

static void on_alarm(int number) {
    (void)number;
    timed_out = 1;
    kill(child, SIGKILL);
}

static long long microseconds(struct timeval time) {
    return time.tv_sec * 1000000LL + time.tv_usec;
}

static long long now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static _Noreturn void become(char **command) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(REPORT);
    execvp(*command, command);
    fprintf(stderr, "%s: %s\n", *command, strerror(errno));
    _exit(NOT_STARTED);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: launch CORE LIMIT_SECONDS COMMAND...\n", stderr);
        return 2;
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)atoi(argv[1]), &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) < 0) {
        perror("launch: core");
        return 2;
    }
    signal(SIGALRM, on_alarm);
    long long began = now_us();
    pid_t pid = fork();
    if (pid == 0)
        become(argv + 3);
    if (pid < 0) {
        perror("launch: fork");
        return 2;
    }
    child = pid;
    alarm((unsigned)atoi(argv[2]));
    struct rusage usage;
    int status;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    long long wall = now_us() - began;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    dprintf(REPORT, "%d %lld %lld %lld %ld\n", timed_out ? -1 : code, wall,
            microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
