/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache.h: what was found well recently is not asked again (--cache FILE --max-age AGE). A file of fixed-size entries addressed by
 * hash and mapped into memory, so that a hundred million URLs cost disk and no process memory. An output like any
 * other: prepare says whether it knows the URL, record remembers.
 */
#ifndef TOOLS_CHECK_CACHE_H
#define TOOLS_CHECK_CACHE_H

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

/* Set before rf_register_output(engine, &check_cache, PATH, ...), read by its open. */
struct check_cache_settings {
    uint64_t max_age_s;
    uint64_t
        fingerprint; /* of what else decides a verdict (method, expectations, headers ...): entries of other settings don't count */
};
extern struct check_cache_settings check_cache_settings;
extern const struct rf_output_ops check_cache;

#endif
