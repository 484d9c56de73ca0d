/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * records_test.c: every record is one valid line, whatever servers sent. JSON is read back with jansson, CSV with a reader of
 * RFC 4180 of the test's own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "output/record.h"

void rf_stream_resume(struct rf_stream *stream) {
    (void)stream;
    fail_msg("records never wait");
}

static const struct rf_redirect redirects[] = {{301, "http://h/1"}, {302, "http://h/2"}};

static struct rf_result sample(void) {
    return (struct rf_result){
        .n = 17,
        .url = "http://h/a.html",
        .ok = true,
        .status = 200,
        .method = "GET",
        .final_url = "http://h/a.html",
        .redirects = redirects,
        .redirect_count = 1,
        .http = "1.1",
        .ip = "127.0.0.1",
        .port = 8080,
        .reused = true,
        .attempts = 1,
        .body_bytes = 1234,
        .wire_bytes = 1502,
        .content_type = "text/html",
        .path = "out/a.html",
        .ms = {.queue = 0.1,
               .dns = 0.4,
               .connect = 0.3,
               .tls = -1,
               .wait = 3.14159,
               .body = 0,
               .total = 6},
        .time_us = INT64_C(1767323045678901),
    };
}

static char *line_of(record_fn *put, const struct rf_result *result) {
    struct text text = {0};
    put(&text, result);
    text_put(&text, "", 1);
    return text.at;
}

static void json_is_as_documented(void **state) {
    (void)state;
    struct rf_result result = sample();
    char *line = line_of(record_put_json, &result);
    assert_string_equal(
        line,
        "{\"v\":1,\"n\":17,\"url\":\"http://h/a.html\",\"tag\":null,\"ok\":true,\"status\":200,"
        "\"error\":null,\"method\":\"GET\",\"final_url\":\"http://h/a.html\","
        "\"redirects\":[{\"status\":301,\"url\":\"http://h/1\"}],\"http\":\"1.1\","
        "\"ip\":\"127.0.0.1\",\"port\":8080,\"reused\":true,\"attempts\":1,\"body_bytes\":1234,"
        "\"wire_bytes\":1502,\"content_type\":\"text/html\",\"path\":\"out/a.html\","
        "\"sha256\":null,\"ms\":{\"queue\":0.1,\"dns\":0.4,\"connect\":0.3,\"tls\":null,"
        "\"wait\":3.142,\"body\":0.0,\"total\":6.0},\"tls\":null,"
        "\"time\":\"2026-01-02T03:04:05.678Z\"}\n");
    free(line);
}

static void what_does_not_apply_is_null(void **state) {
    (void)state;
    struct rf_result result = {.n = 1,
                               .url = "http://h/",
                               .error = {STAGE_CONNECT, ERR_REFUSED, ECONNREFUSED},
                               .detail = "the connection was refused (ECONNREFUSED)",
                               .ms = {-1, -1, -1, -1, -1, -1, -1}};
    char *line = line_of(record_put_json, &result);
    json_t *json = json_loads(line, 0, NULL);
    assert_non_null(json);
    static const char *const nulls[] = {"tag",  "status",       "method", "final_url", "http", "ip",
                                        "port", "content_type", "path",   "sha256",    "tls"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (!json_is_null(json_object_get(json, nulls[i])))
            fail_msg("%s", nulls[i]);
    assert_int_equal(json_array_size(json_object_get(json, "redirects")), 0);
    assert_true(json_is_array(json_object_get(json, "redirects")));
    assert_true(json_is_null(json_object_get(json_object_get(json, "ms"), "total")));
    json_t *error = json_object_get(json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "stage")), "connect");
    assert_string_equal(json_string_value(json_object_get(error, "kind")), "refused");
    assert_string_equal(json_string_value(json_object_get(error, "fault")), "target");
    assert_string_equal(json_string_value(json_object_get(error, "detail")),
                        "the connection was refused (ECONNREFUSED)");
    assert_null(json_object_get(json, "skipped"));
    json_decref(json);
    free(line);
}

static void a_bad_line_is_named_by_its_number(void **state) {
    struct rf_result result = sample();
    char room[64];
    (void)state;
    result.line = 7;
    result.detail = "the host is not valid";
    result.error = (struct rf_error){.stage = STAGE_INPUT, .kind = ERR_BAD_URL};
    assert_string_equal(record_detail(&result, room, sizeof room), "line 7: the host is not valid");
    char *json = line_of(record_put_json, &result), *csv = line_of(record_put_csv, &result);
    assert_non_null(strstr(json, "\"line 7: the host"));
    assert_non_null(strstr(csv, ",line 7: the host"));
    free(json);
    free(csv);
    result.error.stage = STAGE_RESOLVE;
    assert_string_equal(record_detail(&result, room, sizeof room), "the host is not valid");
    result.error.stage = STAGE_INPUT;
    result.line = 0;
    assert_string_equal(record_detail(&result, room, sizeof room), "the host is not valid");
}

static void skipped_stands_only_where_it_is_true(void **state) {
    (void)state;
    struct rf_result result = sample();
    result.skipped = true;
    char *line = line_of(record_put_json, &result);
    assert_non_null(strstr(line, ",\"tls\":null,\"skipped\":true,\"time\":"));
    free(line);
}

static void json_of_any_bytes(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 4000; round++) {
        char bytes[40];
        size_t len = (size_t)random_below(&random, sizeof bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(1 + random_below(&random, round % 2 ? 255 : 127));
        bytes[len] = '\0';
        char *exact = strdup(bytes);
        struct rf_result result = sample();
        result.tag = result.url = result.content_type = exact;
        char *line = line_of(record_put_json, &result);
        json_error_t fault;
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &fault);
        if (!json)
            fail_msg("%s: %s", fault.text, line);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        if (round % 2 == 0) /* ASCII comes back as it was */
            assert_string_equal(json_string_value(json_object_get(json, "tag")), bytes);
        json_decref(json);
        free(line);
        free(exact);
    }
}

static void invalid_bytes_become_the_replacement(void **state) {
    (void)state;
    struct rf_result result = sample();
    result.tag = "a\xFF\xC3\xA9\x01\x7F\"\\/\n";
    char *line = line_of(record_put_json, &result);
    assert_non_null(strstr(line, "\"tag\":\"a\\ufffd\xC3\xA9\\u0001\\u007f\\\"\\\\/\\n\""));
    free(line);
}

static void times_and_numbers(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(4107542399999999), "2100-02-28T23:59:59.999Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-03-01T00:00:00.000Z"},
    };
    static const struct {
        double ms;
        const char *text;
    } numbers[] = {{0, "0.0"},
                   {0.0004, "0.0"},
                   {0.0005, "0.001"},
                   {0.05, "0.05"},
                   {0.1, "0.1"},
                   {1.999, "1.999"},
                   {1.9999, "2.0"},
                   {12345.678, "12345.678"},
                   {1e9, "1000000000.0"},
                   {INFINITY, "0.0"},
                   {NAN, "0.0"}};
    struct text text = {0};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        text.len = 0;
        text_put_time(&text, times[i].us);
        text_put(&text, "", 1);
        assert_string_equal(text.at, times[i].text);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        text.len = 0;
        text_put_ms(&text, numbers[i].ms);
        text_put(&text, "", 1);
        assert_string_equal(text.at, numbers[i].text);
    }
    /* Against the C library, a day and a bit at a time. */
    for (int64_t s = INT64_C(-2208988800); s < INT64_C(7258118400); s += 1000003) {
        char want[32];
        time_t at = (time_t)s;
        struct tm tm;
        gmtime_r(&at, &tm);
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        text.len = 0;
        text_put_time(&text, s * 1000000);
        text_put(&text, "", 1);
        assert_string_equal(text.at, want);
    }
    free(text.at);
}

/* ---- CSV ---------------------------------------------------------------------------------------------- */

/* One line into cells; returns how many. Modifies the line. */
static size_t split_csv(char *line, char **cells) {
    size_t count = 0;
    char *from = line, *to = line;
    for (bool more = true; more;) {
        cells[count++] = to;
        if (*from == '"') {
            for (from++; *from != '"' || from[1] == '"';) {
                assert_true(*from != '\0');
                from += *from == '"';
                *to++ = *from++;
            }
            from++;
        } else {
            while (*from != ',' && *from != '\n')
                *to++ = *from++;
        }
        assert_true(*from == ',' || *from == '\n');
        more = *from++ == ',';
        *to++ = '\0';
    }
    assert_int_equal(*from, '\0');
    return count;
}

static void csv_has_as_many_cells_as_its_header(void **state) {
    (void)state;
    struct text text = {0};
    char *cells[64], *heads[64];
    record_put_csv_header(&text, false);
    text_put(&text, "", 1);
    size_t columns = split_csv(text.at, heads);
    struct rf_result result = sample();
    result.error = (struct rf_error){STAGE_OUTPUT, ERR_DISK_FULL, ENOSPC};
    result.detail = "the disk or the quota is full (ENOSPC)";
    char *line = line_of(record_put_csv, &result);
    assert_string_equal(
        line,
        "17,http://h/a.html,,true,200,output,disk-full,local,the disk or the quota is full "
        "(ENOSPC),GET,http://h/a.html,1,1.1,127.0.0.1,8080,true,1,1234,1502,text/html,out/a.html,,"
        "0.1,0.4,0.3,,3.142,0.0,6.0,2026-01-02T03:04:05.678Z,,,,,,,,\n");
    assert_int_equal(split_csv(line, cells), columns);
    assert_string_equal(heads[0], "n");
    assert_string_equal(heads[columns - 1], "tls_fingerprint");
    assert_int_equal(columns, 38);
    free(line);
    free(text.at);
}

static void csv_comes_back_as_it_was(void **state) {
    (void)state;
    static const char alphabet[] = "ab,\"\n\r =+-@\t;'\xC3\xA9";
    struct random random;
    random_seed(&random, 6);
    for (int round = 0; round < 4000; round++) {
        char bytes[24], *cells[64];
        size_t len = (size_t)random_below(&random, sizeof bytes);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
            if (bytes[i] == '\xC3' || bytes[i] == '\xA9') /* valid UTF-8 only */
                bytes[i] = 'z';
        }
        bytes[len] = '\0';
        struct rf_result result = sample();
        result.tag = bytes;
        char *line = line_of(record_put_csv, &result);
        assert_int_equal(split_csv(line, cells), 38);
        bool guarded = *bytes && strchr("=+-@\t\r", *bytes);
        assert_string_equal(cells[2] + guarded, bytes);
        assert_int_equal(cells[2][0], guarded ? '\'' : *bytes);
        free(line);
    }
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static void put(const struct rf_output_ops *ops, void *output, uint64_t n) {
    struct rf_result result = sample();
    struct rf_stream stream = {.n = n};
    result.n = n;
    ops->record(output, &stream, &result);
}

enum { RECORDERS = 3, RECORDS_EACH = 3000 };

static void *recorder_main(void *output) {
    static atomic_uint next;
    for (int i = 0; i < RECORDS_EACH; i++) {
        put(&output_jsonl, output, 1 + atomic_fetch_add(&next, 1));
        if (i % 500 == 0)
            output_jsonl.flush(output);
    }
    return NULL;
}

static void lines_are_whole_whoever_writes(void **state) {
    (void)state;
    static bool seen[RECORDERS * RECORDS_EACH + 1];
    pthread_t threads[RECORDERS];
    size_t count = 0, len;
    spit(in_scratch("r"), "this goes");
    void *output = must_open(&output_jsonl, in_scratch("r"), NULL);
    for (int i = 0; i < RECORDERS; i++)
        pthread_create(&threads[i], NULL, recorder_main, output);
    for (int i = 0; i < RECORDERS; i++)
        pthread_join(threads[i], NULL);
    must_close(&output_jsonl, output);
    char *text = slurp(in_scratch("r"), &len), *line = text;
    for (; *line; count++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        uint64_t n = strtoull(line + sizeof "{\"v\":1,\"n\":" - 1, NULL, 10);
        assert_true(n >= 1 && n <= RECORDERS * RECORDS_EACH && !seen[n]);
        seen[n] = true;
        assert_int_equal(end[-1], '}');
        line = end + 1;
    }
    assert_int_equal(count, RECORDERS * RECORDS_EACH);
    free(text);
}

static void csv_begins_with_its_header(void **state) {
    (void)state;
    void *output = must_open(&output_csv, in_scratch("r"), NULL);
    put(&output_csv, output, 1);
    must_close(&output_csv, output);
    char *text = slurp(in_scratch("r"), NULL);
    assert_int_equal(strncmp(text, "n,url,tag,ok,", 13), 0);
    assert_non_null(strstr(text, "\n1,http://h/a.html,"));
    free(text);
}

static void a_full_disk_is_a_local_fault(void **state) {
    (void)state;
    char why[300] = "";
    void *output = must_open(&output_jsonl, "/dev/full", NULL);
    for (uint64_t n = 1; n < 2000; n++)
        put(&output_jsonl, output, n);
    assert_int_equal(output_jsonl.close(output, why, sizeof why), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "/dev/full"));
    assert_non_null(strstr(why, "full"));
}

static void a_reader_that_left_is_a_local_fault(void **state) {
    (void)state;
    char why[300] = "", path[64];
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    void *output = must_open(&output_jsonl, path, NULL);
    close(ends[0]);
    close(ends[1]);
    put(&output_jsonl, output, 1);
    output_jsonl.flush(output);
    assert_int_equal(output_jsonl.close(output, why, sizeof why), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "EPIPE"));
}

static void flush_writes_without_closing(void **state) {
    (void)state;
    char path[64], byte;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    void *output = must_open(&output_jsonl, path, NULL);
    put(&output_jsonl, output, 1);
    output_jsonl.flush(output);
    do
        assert_int_equal(read(ends[0], &byte, 1), 1); /* alarm ends it if nothing comes */
    while (byte != '\n');
    must_close(&output_jsonl, output);
    close(ends[0]);
    close(ends[1]);
}

static void files_are_asked_for(void **state) {
    (void)state;
    void *output;
    char why[300] = "";
    assert_int_equal(output_jsonl.open(&output, NULL, NULL, why, sizeof why), RF_USAGE);
    assert_int_equal(output_csv.open(&output, "", NULL, why, sizeof why), RF_USAGE);
    assert_int_equal(output_jsonl.open(&output, in_scratch("no/r"), NULL, why, sizeof why),
                     RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "no/r"));
    assert_ptr_equal(output_find("jsonl", 5), &output_jsonl);
    assert_ptr_equal(output_find("jsonl:x", 5), &output_jsonl);
    assert_null(output_find("json", 4));
    assert_null(output_find("", 0));
}

int main(void) {
    alarm(60);
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(json_is_as_documented),
        TEST(what_does_not_apply_is_null),
        TEST(a_bad_line_is_named_by_its_number),
        TEST(skipped_stands_only_where_it_is_true),
        TEST(json_of_any_bytes),
        TEST(invalid_bytes_become_the_replacement),
        TEST(times_and_numbers),
        TEST(csv_has_as_many_cells_as_its_header),
        TEST(csv_comes_back_as_it_was),
        TEST(lines_are_whole_whoever_writes),
        TEST(csv_begins_with_its_header),
        TEST(a_full_disk_is_a_local_fault),
        TEST(a_reader_that_left_is_a_local_fault),
        TEST(flush_writes_without_closing),
        TEST(files_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
