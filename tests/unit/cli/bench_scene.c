/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_scene.c: see bench_scene.h.
 */
#include "bench_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ringfetch/histogram.h>

#include "../../../tools/ringfetch/commands.h"

static char folder[64];
static struct rf_histogram *latency;
static struct rf_load_second second;
static struct rf_load_block block[20];
struct fake_printed printed;

static void fill_figures(struct rf_load_figures *figures, const char *url) {
    *figures = (struct rf_load_figures){.seconds = 10,
                                        .requests = 1000,
                                        .rps = 100,
                                        .latency = latency,
                                        .first_byte = latency,
                                        .connect = latency,
                                        .connects = 50,
                                        .connections = 50,
                                        .connections_max = 51,
                                        .second = &second,
                                        .second_count = 1,
                                        .block = block,
                                        .block_count = 20,
                                        .ip = "127.0.0.1",
                                        .server = "nginx\033[31m",
                                        .url = url};
    figures->status[200] = 1000;
}

int scene_begin(void **state) {
    (void)state;
    fake_reset();
    snprintf(folder, sizeof folder, "/tmp/bench_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    latency = rf_histogram_new(UINT64_C(3600000000000));
    for (unsigned i = 1; i <= 1000; i++) {
        rf_histogram_record(latency, i * 1000000 / 100);
    }
    second = (struct rf_load_second){.length_s = 1, .requests = 100, .p50_ns = 1, .p99_ns = 2};
    for (unsigned i = 0; i < 20; i++) {
        block[i] = (struct rf_load_block){.start_s = i / 10.0, .length_s = 0.1, .requests = 10};
    }
    fill_figures(&fake_load.figures[RF_SIDE_A], URL);
    fill_figures(&fake_load.figures[RF_SIDE_B], URL_B);
    fake_load.comparison.verdict = RF_CHANGE_SAME;
    fake_load.machine.threads = 2;
    fake_load.machine.machine_cpu = -1;
    return 0;
}

int scene_end(void **state) {
    (void)state;
    char command[96];
    rf_histogram_free(latency);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
    return system(command);
}

int scene_run(const char *const *words) {
    printed = fake_run(cmd_bench, words);
    return printed.status;
}

const char *content_of(const char *name) {
    static char text[1 << 17];
    FILE *file = fopen(name, "r");
    if (!file) {
        return NULL;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

unsigned files(void) {
    DIR *all = opendir(".");
    unsigned count = 0;
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        count += strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0;
    }
    closedir(all);
    return count;
}

void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    fputs(text, file);
    fclose(file);
}

void await_file(const char *name) {
    for (unsigned i = 0; i < 5000 && !content_of(name); i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

const struct rf_load_block *scene_blocks(void) {
    return block;
}
