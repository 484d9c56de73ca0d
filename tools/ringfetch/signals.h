/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * signals.h: SIGINT and SIGTERM end a run in good order; a second one ends it at once. The handler
 * calls rf_stop, which is async-signal-safe, so no thread has to wait for signals. Main thread.
 */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

#include <ringfetch/ringfetch.h>

/* From now on a signal stops this engine. A signal that was ignored when the process started
 * (nohup, a shell's background job) stays ignored. */
void signals_watch(struct rf_engine *engine);

/* Before the engine is closed: a first signal no longer reaches it, and any signal ends the
 * process at once. */
void signals_unwatch(void);

#endif
