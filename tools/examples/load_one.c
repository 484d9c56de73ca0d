/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_one.c: the smallest use of load.h: load on one server, or on two in turns, and what that came to.
 *
 * cc load_one.c -lringfetch -o load_one && ./load_one http://localhost:8080/ 50 10
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <ringfetch/load.h>

static struct rf_load *load;

static void on_signal(int number) {
    (void)number;
    /* Async-signal-safe, as its header says, which a checker of this file alone can't know. */
    rf_load_stop(load, RF_INTERRUPTED); /* NOLINT(bugprone-signal-handler,cert-sig30-c) */
}

static void on_sample(void *context, const struct rf_load_sample *sample) {
    (void)context;
    fprintf(stderr, "\r%5.1f s  %9.0f a second  p99 %8.3f ms  %u connections", sample->elapsed_s,
            sample->rps, (double)sample->p99_ns / 1e6, sample->connections);
}

static void print_side(const struct rf_load_figures *figures) {
    static const double percents[] = {50, 90, 99, 99.9, 100};
    printf("%s: %.0f requests a second, %llu in %.3f s, %llu of them errors\n", figures->url,
           figures->rps, (unsigned long long)figures->requests, figures->seconds,
           (unsigned long long)figures->errors);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
        printf("  %5.1f%%  %.3f ms\n", percents[i],
               (double)rf_histogram_percentile(figures->latency, percents[i]) / 1e6);
    if (figures->first_error)
        printf("  first error: %s\n", figures->first_error);
}

static void print_all(void) {
    const struct rf_load_figures *b = rf_load_figures(load, RF_SIDE_B);
    print_side(rf_load_figures(load, RF_SIDE_A));
    if (b) {
        struct rf_comparison comparison = rf_load_comparison(load);
        print_side(b);
        printf("B is %s: %.3f of A's requests a second (%.3f to %.3f)\n",
               rf_change_name(comparison.verdict), comparison.metric[RF_METRIC_RPS].change,
               comparison.metric[RF_METRIC_RPS].low, comparison.metric[RF_METRIC_RPS].high);
    }
    if (rf_load_machine(load).limits)
        printf("this machine was the limit, not the server\n");
}

static enum rf_exit add(enum rf_side side, const char *url, char *why, size_t why_size) {
    struct rf_load_request request;
    rf_load_request_init(&request);
    request.url = url;
    return rf_load_add(load, side, &request, why, why_size);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: load_one URL CONNECTIONS SECONDS [URL_B]\n");
        return RF_USAGE;
    }
    char why[512];
    struct rf_settings settings;
    struct rf_load_settings load_settings;
    rf_settings_init(&settings);
    rf_load_settings_init(&load_settings);
    load_settings.connections = (unsigned)strtoul(argv[2], NULL, 10);
    load_settings.duration_s = strtod(argv[3], NULL);
    enum rf_exit exit = rf_load_open(&load, &settings, &load_settings, why, sizeof why);
    if (exit == RF_OK)
        exit = add(RF_SIDE_A, argv[1], why, sizeof why);
    if (exit == RF_OK && argc == 5)
        exit = add(RF_SIDE_B, argv[4], why, sizeof why);
    if (exit == RF_OK) {
        signal(SIGINT, on_signal);
        exit = rf_load_run(load, on_sample, NULL, why, sizeof why);
        signal(SIGINT, SIG_DFL);
        fprintf(stderr, "\n");
    }
    if (load && rf_load_figures(load, RF_SIDE_A))
        print_all();
    else
        fprintf(stderr, "%s\n", why);
    rf_load_close(load);
    return exit;
}
