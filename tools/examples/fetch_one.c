/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fetch_one.c: the smallest use of the library: one URL into memory, and from there to standard
 * output.
 *
 * cc fetch_one.c -lringfetch -o fetch_one && ./fetch_one http://localhost:8080/
 */
#include <stdio.h>

#include <ringfetch/ringfetch.h>

/* Comes once, whatever happens; the result and its body are gone when it returns. */
static void on_done(void *context, const struct rf_result *result) {
    bool *ok = context;
    char text[256];
    *ok = result->ok;
    if (result->ok) {
        fwrite(result->body, 1, (size_t)result->body_bytes, stdout);
    } else {
        fprintf(stderr, "%s: %s\n", rf_error_stage(result->error),
                rf_error_text(result->error, text, sizeof text));
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: fetch_one URL\n");
        return RF_USAGE;
    }
    char why[256];
    struct rf_settings settings;
    rf_settings_init(&settings);
    settings.threads = 1; /* one request needs no more */

    struct rf_engine *engine;
    enum rf_exit exit = rf_engine_open(&engine, &settings, why, sizeof why);
    if (exit) {
        fprintf(stderr, "%s\n", why);
        return exit;
    }
    bool ok = false;
    struct rf_request request;
    rf_request_init(&request);
    request.url = argv[1];
    request.keep_body = true;
    rf_submit(engine, &request, on_done, &ok);
    rf_run(engine); /* until every request has ended */
    rf_engine_close(engine);
    return ok ? RF_OK : RF_SOME_FAILED;
}
