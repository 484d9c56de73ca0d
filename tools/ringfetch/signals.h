/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * signals.h: SIGINT and SIGTERM end a run in good order; a second one ends it at once. The handler
 * calls rf_stop, or what the command gave it: that is async-signal-safe, so no thread has to wait for signals. Main thread.
 */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

#include <ringfetch/ringfetch.h>

/* From now on a signal stops this engine. A signal that was ignored when the process started
 * (nohup, a shell's background job) stays ignored. */
void signals_watch(struct rf_engine *engine);

/* The same for a run that is no engine's: `stop` ends it in good order, `last` (NULL: nothing) is called before the process ends at once.
 * Both run in the handler. */
typedef void signals_stop_fn(enum rf_exit exit);
typedef void signals_last_fn(void);
void signals_watch_with(signals_stop_fn *stop, signals_last_fn *last);

/* Before the engine is closed: a first signal no longer reaches it, and any signal ends the
 * process at once. */
void signals_unwatch(void);

#endif
