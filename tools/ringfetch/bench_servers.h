/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_servers.h: the servers that bench starts itself (--cmd-a, --cmd-b): each `sh -c CMD` in a process group of its own, waited for until
 * it answers, watched while the load runs, and ended with everything that it has started, whatever becomes of bench. Main thread.
 */
#ifndef TOOLS_BENCH_SERVERS_H
#define TOOLS_BENCH_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <ringfetch/load.h>

struct bench_servers {
    const struct rf_settings *settings; /* how to reach them */
    unsigned timeout_ms;                /* for each, until it answers */
    unsigned grace_ms;                  /* between SIGTERM and SIGKILL */
    struct rlimit descriptors;          /* as this process was given them */
    struct bench_server {
        pid_t guardian; /* leads the group; 0: none, or its end is known */
        bool ended;     /* by itself; `status` is as waitpid has it */
        int status;
    } server[RF_SIDES];
};

/* Before anything raises the descriptor limit: servers get the one that they would have without bench. `settings` is borrowed. */
void bench_servers_init(struct bench_servers *servers, const struct rf_settings *settings,
                        unsigned timeout_ms);

/* Starts a side's server and waits until `url` answers. RF_LOCAL_FAULT: it can't be started, ended, or never answered, as `why` says;
 * RF_INTERRUPTED or RF_TERMINATED after bench_servers_stop. */
enum rf_exit bench_servers_start(struct bench_servers *servers, enum rf_side side,
                                 const char *command, const char *url, char *why, size_t why_size);

/* True once a server has ended by itself; `why` says which and how. Cheap. */
bool bench_servers_ended(struct bench_servers *servers, char *why, size_t why_size);

/* Ends all that were started: SIGTERM to the group, SIGKILL after the grace. Nothing of them is left when it returns. */
void bench_servers_end(struct bench_servers *servers);

/* Ends the waiting of bench_servers_start. Async-signal-safe. */
void bench_servers_stop(enum rf_exit exit);
/* SIGKILL to all groups: for a process that ends at once. Async-signal-safe. */
void bench_servers_kill(void);

#endif
