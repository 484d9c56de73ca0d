/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * open_test.c: what rf_engine_open refuses, and in which words; the public names of errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs the first four. */
#include <cmocka.h>
#include <ringfetch/output.h>

#include "base/err.h"
#include "engine.h"

static struct rf_settings settings;
static char why[512];

static int set_up(void **state) {
    (void)state;
    rf_settings_init(&settings);
    settings.threads = 2;
    why[0] = 0;
    return 0;
}

static void open_well(void) {
    struct rf_engine *engine = NULL;
    why[0] = 0;
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_OK);
    assert_non_null(engine);
    assert_string_equal(why, "");
    rf_engine_close(engine);
}

/* Refused as a mistake of the user's, in one line that names what is wrong. */
static void refused(const char *line) {
    struct rf_engine *engine = (struct rf_engine *)&settings;
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_USAGE);
    assert_null(engine);
    assert_string_equal(why, line);
}

static void refused_with(const char *part) {
    struct rf_engine *engine = (struct rf_engine *)&settings;
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_USAGE);
    assert_null(engine);
    assert_null(strchr(why, '\n'));
    if (!strstr(why, part))
        fail_msg("\"%s\" does not say \"%s\"", why, part);
}

static void test_the_defaults_work(void **state) {
    (void)state;
    open_well();
    settings.threads = 0;
    open_well();
    rf_engine_close(NULL);
}

static void test_limits(void **state) {
    (void)state;
    settings.concurrency = 0;
    refused("concurrency and per_host must be at least 1");
    settings.concurrency = 1;
    settings.per_host = 0;
    refused("concurrency and per_host must be at least 1");
}

static void test_shards(void **state) {
    (void)state;
    settings.shards = 3;
    refused("shard 0 of 3 does not exist");
    settings.shard = 4;
    refused("shard 4 of 3 does not exist");
    settings.shard = 3;
    open_well();
}

static void test_method(void **state) {
    (void)state;
    settings.method = "GE T";
    refused("not a method: \"GE T\"");
    settings.method = "";
    refused("not a method: \"\"");
    settings.method = "PROPFIND";
    open_well();
}

static void test_control_characters(void **state) {
    const char **const members[] = {&settings.user_agent, &settings.referer, &settings.range,
                                    &settings.user};
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        *members[i] = "a\rb";
        refused("control characters in a header field's value: \"a?b\"");
        *members[i] = "a\nb";
        refused_with("control characters");
        *members[i] = "a\x7f";
        refused_with("control characters");
        *members[i] = "0-1";
        open_well();
    }
}

static void test_headers(void **state) {
    const char *headers[] = {"X-Fine: 1", NULL, NULL};
    static const char *const bad[] = {"no colon", ": no name", "X Y: space"};
    static const char *const own[] = {"Content-Length: 1", "transfer-encoding: chunked"};
    char line[128];
    (void)state;
    settings.headers = headers;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        headers[1] = bad[i];
        snprintf(line, sizeof line, "not a header field: \"%s\"", bad[i]);
        refused(line);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        headers[1] = own[i];
        snprintf(line, sizeof line, "this header field is ringfetch's own to set: \"%s\"", own[i]);
        refused(line);
    }
    headers[1] = "X: a\nb";
    refused("not a header field: \"X: a?b\"");
    headers[1] = "X-Empty;";
    open_well();
}

static void test_unix_socket(void **state) {
    char path[200];
    (void)state;
    memset(path, 'p', sizeof path);
    path[108] = 0; /* one more than fits with its NUL */
    settings.unix_socket = path;
    refused_with("this socket path is too long: \"pppp");
    path[107] = 0;
    open_well();
}

static void test_interface(void **state) {
    static const char *const here[] = {"lo", "127.0.0.1", "127.0.0.77"};
    static const char *const nowhere[] = {"no-such-device", "203.0.113.7", "127.0.0.1:80"};
    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        settings.interface = here[i];
        open_well();
    }
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        settings.interface = nowhere[i];
        refused_with(nowhere[i]);
        refused_with("this machine has no such interface or address");
    }
}

static void test_names_and_servers(void **state) {
    const char *list[] = {"a.test:80:192.0.2.1", NULL, NULL};
    (void)state;
    settings.resolve = list;
    open_well();
    static const char *const bad[] = {"a.test", "a.test:80", "a.test:0x:192.0.2.1",
                                      "a.test:80:no-address", "a.test:80:192.0.2.1,"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        list[1] = bad[i];
        refused_with(bad[i]);
    }
    settings.resolve = NULL;
    settings.connect_to = list;
    list[0] = "a.test:80:b.test:81";
    list[1] = NULL;
    open_well();
    list[1] = "a.test:80";
    refused_with("a.test:80");
    settings.connect_to = NULL;
    settings.dns_servers = "127.0.0.1:5353";
    open_well();
    settings.dns_servers = "not an address";
    refused_with("not an address");
}

/* What is checked by all workers at once is said once and whole. */
static void test_many_workers_one_line(void **state) {
    (void)state;
    settings.threads = 8;
    settings.dns_servers = "nonsense";
    for (int i = 0; i < 20; i++)
        refused_with("nonsense");
}

static void test_short_room_for_why(void **state) {
    struct rf_engine *engine;
    char tiny[8];
    (void)state;
    settings.concurrency = 0;
    assert_int_equal(rf_engine_open(&engine, &settings, tiny, sizeof tiny), RF_USAGE);
    assert_string_equal(tiny, "concurr");
}

/* rf_engine_open has copied all: the user's strings may go. */
static void test_settings_are_copied(void **state) {
    struct rf_engine *engine;
    char agent[] = "agent", header[] = "X-One: 1", body[] = "body", method[] = "PUT";
    const char *headers[] = {header, NULL};
    (void)state;
    settings.user_agent = agent;
    settings.headers = headers;
    settings.method = method;
    settings.body = body;
    settings.body_bytes = 4;
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_OK);
    memset(agent, '!', 5);
    memset(header, '!', 8);
    memset(body, '!', 4);
    memset(method, '!', 3);
    headers[0] = NULL;
    assert_string_equal(engine->settings.user_agent, "agent");
    assert_string_equal(engine->settings.headers[0], "X-One: 1");
    assert_string_equal(engine->settings.method, "PUT");
    assert_memory_equal(engine->settings.body, "body", 4);
    assert_int_equal(engine->field_count, 1);
    rf_engine_close(engine);
}

static void test_zeros_become_what_they_stand_for(void **state) {
    struct rf_engine *engine;
    (void)state;
    settings.threads = 50;
    settings.concurrency = 2;
    assert_int_equal(rf_engine_open(&engine, &settings, why, sizeof why), RF_OK);
    assert_int_equal(engine->worker_count, 2); /* each needs a place to run one */
    assert_int_equal(engine->settings.idle_max, 64);
    assert_int_equal(engine->read_ahead, 2 + 4096);
    rf_engine_close(engine);
}

/* ---- names of errors ---------------------------------------------------------------------------------- */

static void test_error_rows(void **state) {
    struct rf_error_row row;
    size_t count = 0;
    (void)state;
    for (; rf_error_row(count, &row); count++) {
        assert_true(row.kind[0] && row.fault[0] && row.meaning[0]);
        assert_string_equal(row.kind, rf_kind_name((unsigned)count + 1));
        struct rf_error error = {.stage = 1, .kind = (uint8_t)(count + 1)};
        assert_string_equal(rf_error_kind(error), row.kind);
        assert_string_equal(rf_error_fault(error), row.fault);
    }
    assert_int_equal(count, ERR_KIND_COUNT - 1);
    assert_false(rf_error_row(SIZE_MAX, &row));
    assert_null(rf_kind_name(ERR_KIND_COUNT));
    assert_null(rf_kind_name(UINT32_MAX));
}

static void test_error_names(void **state) {
    struct rf_error none = {0}, refusal = {STAGE_CONNECT, ERR_REFUSED, 111}, odd = {200, 200, 0};
    char text[128], tiny[5];
    (void)state;
    assert_string_equal(rf_error_stage(none), "");
    assert_string_equal(rf_error_kind(none), "");
    assert_string_equal(rf_error_fault(none), "");
    assert_string_equal(rf_error_stage(refusal), "connect");
    assert_string_equal(rf_error_kind(refusal), "refused");
    assert_string_equal(rf_error_fault(refusal), "target");
    assert_ptr_equal(rf_error_text(refusal, text, sizeof text), text);
    assert_true(strlen(text) > 10);
    rf_error_text(refusal, tiny, sizeof tiny);
    assert_int_equal(strlen(tiny), 4);
    /* What no engine made is no reason to crash. */
    assert_string_equal(rf_error_stage(odd), "");
    assert_string_equal(rf_error_kind(odd), "");
}

static void test_output_errors(void **state) {
    (void)state;
    assert_string_equal(rf_error_kind(rf_output_error(28)), "disk-full");
    assert_string_equal(rf_error_kind(rf_output_error(13)), "not-permitted");
    assert_string_equal(rf_error_kind(rf_output_error(17)), "exists");
    assert_string_equal(rf_error_stage(rf_output_error(5)), "output");
    assert_string_equal(rf_error_fault(rf_output_error(28)), "local");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_defaults_work),
        TEST(test_limits),
        TEST(test_shards),
        TEST(test_method),
        TEST(test_control_characters),
        TEST(test_headers),
        TEST(test_unix_socket),
        TEST(test_interface),
        TEST(test_names_and_servers),
        TEST(test_many_workers_one_line),
        TEST(test_short_room_for_why),
        TEST(test_settings_are_copied),
        TEST(test_zeros_become_what_they_stand_for),
        TEST(test_error_rows),
        TEST(test_error_names),
        TEST(test_output_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
