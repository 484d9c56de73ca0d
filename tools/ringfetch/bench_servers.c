/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_servers.c: see bench_servers.h. Between bench and the shell stands a guardian, which leads the group, adopts what the shell leaves
 * behind, and learns from the kernel when bench is gone: SIGKILL, a crash or a full disk must not leave a server that the next run takes
 * for its own. Rejected: PR_SET_PDEATHSIG in the shell, whose children don't hear of it; atexit, which no signal asks.
 */
#include "bench_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum {
    GRACE_MS = 5000,
    AGAIN_MS = 50,      /* between two attempts to reach a server */
    LOOK_MS = 5,        /* between two looks at a group that is ending */
    ORPHANED = SIGUSR1, /* what the kernel sends to a guardian whose bench is gone */
    SHELL_MISSING = 127 /* as shells have it */
};

/* What handlers of signals may look at. */
static _Atomic(struct rf_engine *) asking;
static atomic_int stopped_with;
static _Atomic pid_t groups[RF_SIDES];

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(unsigned ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

void bench_servers_init(struct bench_servers *servers, const struct rf_settings *settings,
                        unsigned timeout_ms) {
    *servers = (struct bench_servers){
        .settings = settings, .timeout_ms = timeout_ms, .grace_ms = GRACE_MS};
    if (getrlimit(RLIMIT_NOFILE, &servers->descriptors) != 0) {
        servers->descriptors = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    }
    atomic_store(&stopped_with, RF_OK);
}

/* ---- the guardian's process ------------------------------------------------------------------------ */

/* What it waits for; everything else that ends a process is kept from it, as it goes to the whole group. */
static void guard_signals(sigset_t *awaited) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(awaited);
    sigaddset(awaited, SIGCHLD);
    sigaddset(awaited, ORPHANED);
    signal(SIGCHLD, SIG_DFL);
}

static _Noreturn void become_shell(const struct bench_servers *servers, const char *command) {
    static const int reset[] = {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGCHLD};
    sigset_t none;
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (servers->descriptors.rlim_cur != RLIM_INFINITY) {
        setrlimit(RLIMIT_NOFILE, &servers->descriptors);
    }
    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++) {
        signal(reset[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(SHELL_MISSING);
}

/* Collects whoever has ended. False: nobody is left. *status is the shell's. */
static bool reap(pid_t shell, int *status) {
    for (;;) {
        int ended;
        pid_t child = waitpid(-1, &ended, WNOHANG);
        if (child <= 0) {
            return child == 0;
        }
        if (child == shell) {
            *status = ended;
        }
    }
}

/* Bench is gone: the group has its grace, and then nothing is left of it, the guardian included. */
static _Noreturn void end_orphans(pid_t shell, const sigset_t *awaited, unsigned grace_ms) {
    uint64_t end = now_ms() + grace_ms;
    int status;
    kill(0, SIGTERM);
    while (reap(shell, &status) && now_ms() < end) {
        struct timespec time = {0, LOOK_MS * 1000000L};
        sigtimedwait(awaited, NULL, &time);
    }
    kill(0, SIGKILL);
    _exit(RF_OK);
}

/* Ends as the shell has ended. */
static _Noreturn void end_as(int status) {
    if (WIFSIGNALED(status)) {
        sigset_t none;
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : SHELL_MISSING);
}

/* `starting` is the writing end of a pipe that is closed when the shell runs. No other descriptor of bench's is kept open here: it could be
 * the one that keeps a pipe or a lock. */
static _Noreturn void guard(const struct bench_servers *servers, const char *command, pid_t bench,
                            int starting) {
    sigset_t awaited;
    int status = 0;
    guard_signals(&awaited);
    dup2(starting, STDERR_FILENO + 1);
    close_range(STDERR_FILENO + 2, ~0u, 0);
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, ORPHANED);
    prctl(PR_SET_NAME, "bench-guardian");
    pid_t shell = fork();
    if (shell == 0) {
        become_shell(servers, command);
    }
    close(STDERR_FILENO + 1);
    if (shell < 0) {
        _exit(SHELL_MISSING);
    }
    if (getppid() != bench) { /* it was gone before the kernel knew whom to tell */
        end_orphans(shell, &awaited, servers->grace_ms);
    }
    while (reap(shell, &status)) {
        /* The signal alone could be anybody's. */
        if (sigwaitinfo(&awaited, NULL) == ORPHANED && getppid() != bench) {
            end_orphans(shell, &awaited, servers->grace_ms);
        }
    }
    end_as(status);
}

/* ---- starting ------------------------------------------------------------------------------------------ */

static bool launch(struct bench_servers *servers, enum rf_side side, const char *command) {
    pid_t bench = getpid(), child;
    int starting[2];
    char nothing;
    if (pipe2(starting, O_CLOEXEC) != 0) {
        return false;
    }
    child = fork();
    if (child == 0) {
        guard(servers, command, bench, starting[1]);
    }
    close(starting[1]);
    if (child > 0) {
        setpgid(child, child); /* whoever of both comes first: from here on there is a group */
        servers->server[side] = (struct bench_server){.guardian = child};
        atomic_store(&groups[side], child);
        /* A signal to a group that has no shell yet would not reach it. */
        while (read(starting[0], &nothing, 1) < 0 && errno == EINTR) {
        }
    }
    close(starting[0]);
    return child > 0;
}

static void look(struct bench_server *server) {
    int status;
    if (server->guardian && waitpid(server->guardian, &status, WNOHANG) == server->guardian) {
        server->guardian = 0;
        server->ended = true;
        server->status = status;
    }
}

static void say_end(const struct bench_server *server, enum rf_side side, char *why,
                    size_t why_size) {
    const char *option = side == RF_SIDE_A ? "--cmd-a" : "--cmd-b";
    if (WIFSIGNALED(server->status)) {
        snprintf(why, why_size, "the server of %s ended by itself: signal %d (%s)", option,
                 WTERMSIG(server->status), strsignal(WTERMSIG(server->status)));
        return;
    }
    snprintf(why, why_size, "the server of %s ended by itself: exit status %d", option,
             WEXITSTATUS(server->status));
}

bool bench_servers_ended(struct bench_servers *servers, char *why, size_t why_size) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        struct bench_server *server = &servers->server[side];
        look(server);
        if (server->ended) {
            atomic_store(&groups[side], 0);
            say_end(server, (enum rf_side)side, why, why_size);
            return true;
        }
    }
    return false;
}

/* ---- is it there? ---------------------------------------------------------------------------------------- */

struct answer {
    unsigned status;
    char text[256]; /* why there is none */
};

static void on_answer(void *context, const struct rf_result *result) {
    struct answer *answer = context;
    char text[192], shown[192];
    answer->status = result->status;
    const char *detail =
        result->detail ? result->detail : rf_error_text(result->error, text, sizeof text);
    snprintf(answer->text, sizeof answer->text, "%s: %s", rf_error_stage(result->error),
             text_escape(shown, sizeof shown, detail));
}

/* What reaches the server as the load will, but once, and content with whatever it says. */
static struct rf_settings gentle(const struct bench_servers *servers, unsigned left_ms) {
    struct rf_settings settings = *servers->settings;
    settings.threads = settings.concurrency = 1;
    settings.retries = settings.redirects_max = 0;
    settings.fail_on_status = false;
    settings.method = NULL;
    settings.body = NULL;
    settings.body_bytes = 0;
    settings.expect = NULL;
    settings.max_time_ms = left_ms;
    settings.globoff = true;
    return settings;
}

static enum rf_exit ask(const struct bench_servers *servers, unsigned left_ms, const char *url,
                        struct answer *answer, char *why, size_t why_size) {
    struct rf_settings settings = gentle(servers, left_ms);
    struct rf_request request;
    struct rf_engine *engine;
    rf_request_init(&request);
    request.url = url;
    *answer = (struct answer){.text = "not asked"};
    enum rf_exit exit = rf_engine_open(&engine, &settings, why, why_size);
    if (exit) {
        return exit;
    }
    atomic_store(&asking, engine);
    if (!atomic_load(&stopped_with) && rf_submit(engine, &request, on_answer, answer)) {
        rf_run(engine);
    }
    atomic_store(&asking, NULL);
    rf_engine_close(engine);
    return (enum rf_exit)atomic_load(&stopped_with);
}

static enum rf_exit await(struct bench_servers *servers, enum rf_side side, const char *url,
                          char *why, size_t why_size) {
    uint64_t end = now_ms() + servers->timeout_ms, now = now_ms();
    struct answer answer;
    do {
        enum rf_exit exit = ask(servers, (unsigned)(end - now), url, &answer, why, why_size);
        if (exit) {
            return exit;
        }
        /* Somebody else's server may have answered, on a port that ours then didn't get. */
        if (bench_servers_ended(servers, why, why_size)) {
            return RF_LOCAL_FAULT;
        }
        if (answer.status) {
            return RF_OK;
        }
        nap(AGAIN_MS);
        now = now_ms();
    } while (now + AGAIN_MS <= end); /* less time could only say that it was too short */
    snprintf(why, why_size, "the server of %s did not answer within %g s: %s",
             side == RF_SIDE_A ? "--cmd-a" : "--cmd-b", servers->timeout_ms / 1e3, answer.text);
    return RF_LOCAL_FAULT;
}

enum rf_exit bench_servers_start(struct bench_servers *servers, enum rf_side side,
                                 const char *command, const char *url, char *why, size_t why_size) {
    if (!launch(servers, side, command)) {
        snprintf(why, why_size, "no process for %s: %s", side == RF_SIDE_A ? "--cmd-a" : "--cmd-b",
                 strerror(errno));
        return RF_LOCAL_FAULT;
    }
    return await(servers, side, url, why, why_size);
}

/* ---- ending ----------------------------------------------------------------------------------------------- */

/* The guardian ends after the last of its group, so that there is one process to wait for. */
static void wait_for(struct bench_servers *servers, uint64_t end) {
    for (;;) {
        bool alive = false;
        for (unsigned side = 0; side < RF_SIDES; side++) {
            look(&servers->server[side]);
            alive |= servers->server[side].guardian != 0;
        }
        if (!alive || now_ms() >= end) {
            return;
        }
        nap(LOOK_MS);
    }
}

static void kill_all(struct bench_servers *servers, int number) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        if (servers->server[side].guardian) {
            kill(-servers->server[side].guardian, number);
        }
    }
}

void bench_servers_end(struct bench_servers *servers) {
    kill_all(servers, SIGTERM);
    wait_for(servers, now_ms() + servers->grace_ms);
    kill_all(servers, SIGKILL);
    wait_for(servers, UINT64_MAX);
    for (unsigned side = 0; side < RF_SIDES; side++) {
        atomic_store(&groups[side], 0);
    }
}

void bench_servers_stop(enum rf_exit exit) {
    atomic_store(&stopped_with, (int)exit);
    struct rf_engine *engine = atomic_load(&asking);
    if (engine) {
        rf_stop(engine, exit);
    }
}

void bench_servers_kill(void) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        pid_t group = atomic_load(&groups[side]);
        if (group > 0) {
            kill(-group, SIGKILL);
        }
    }
}
