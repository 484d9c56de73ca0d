/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan_test.c: requests byte by byte, with placeholders and without; what is refused, and with which words; who shares a target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/plan.h"

static struct pool_depot depot;
static struct pool pool;
static struct plan plan;
static struct bytes into;
static char why[400];

static int open_plan(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    plan_init(&plan, &pool);
    return 0;
}

static int close_plan(void **state) {
    (void)state;
    bytes_release(&into, &pool);
    plan_deinit(&plan);
    assert_int_equal(pool.live_bytes, 0);
    pool_depot_deinit(&depot);
    return 0;
}

static struct plan_request request_of(const char *url) {
    return (struct plan_request){.url = url, .weight = 1};
}

static void add(const struct plan_request *request) {
    enum plan_result result = plan_add(&plan, 0, request, why, sizeof why);
    if (result != PLAN_OK)
        fail_msg("%s", why);
}

static void refused(const struct plan_request *request, enum plan_result expected,
                    const char *words) {
    assert_int_equal(plan_add(&plan, 0, request, why, sizeof why), expected);
    if (!strstr(why, words))
        fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void set_headers(struct plan_request *request, const char *const *headers, size_t count) {
    request->headers = headers;
    request->header_count = count;
}

/* The next message of the entry added last. */
static void check_message(struct plan_turn *turn, const char *expected) {
    struct span message = plan_turn_message(turn, plan.entry_count - 1, &into, &pool);
    char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)message.len, (const char *)message.at);
    assert_string_equal(text, expected);
    assert_int_equal(message.len, strlen(expected));
}

static struct plan_turn *turn_new(void) {
    struct plan_turn *turn = plan_turn_new(&plan, 0, 0, 1, 1);
    assert_non_null(turn);
    return turn;
}

/* ---- without placeholders --------------------------------------------------------------------- */

static void test_constant(void **state) {
    (void)state;
    struct plan_request request = request_of("localhost:8080/a b?c=d#e");
    request.user_agent = "x/1";
    add(&request);
    struct plan_turn *turn = turn_new();
    check_message(turn, "GET /a%20b?c=d HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: x/1\r\n"
                        "Accept: */*\r\n\r\n");
    assert_true(plan.entry[0].message.constant);
    assert_ptr_equal(plan_turn_message(turn, 0, &into, &pool).at, plan.entry[0].message.text.at);
    assert_string_equal(plan.entry[0].name, "GET localhost:8080/a b?c=d#e");
    assert_string_equal(plan.entry[0].url.href, "http://localhost:8080/a%20b?c=d");
    plan_turn_free(turn);
}

static void test_body_and_fields(void **state) {
    (void)state;
    const char *const headers[] = {"Accept:", "X-Empty;", "Content-Type: text/plain"};
    struct plan_request request = request_of("https://name:pass@Example.ORG/");
    set_headers(&request, headers, 3);
    request.body = span_text("hello");
    request.close = true;
    request.user = "other:one";
    request.referer = "http://r/";
    add(&request);
    struct plan_turn *turn = turn_new();
    check_message(turn, "POST / HTTP/1.1\r\nHost: example.org\r\n"
                        "Authorization: Basic bmFtZTpwYXNz\r\nReferer: http://r/\r\nX-Empty: \r\n"
                        "Content-Type: text/plain\r\nConnection: close\r\n"
                        "Content-Length: 5\r\n\r\nhello");
    assert_string_equal(plan.entry[0].name, "POST https://Example.ORG/");
    assert_string_equal(plan.entry[0].url.href, "https://example.org/");
    plan_turn_free(turn);
}

static void test_head_method_and_empty_body(void **state) {
    (void)state;
    struct plan_request request = request_of("http://h/");
    request.method = "HEAD";
    request.name = "front";
    add(&request);
    assert_true(plan.entry[0].head_method);
    assert_string_equal(plan.entry[0].name, "front");
    request.method = NULL;
    request.body = span_of("", 0);
    request.user = "me:secret";
    add(&request);
    struct plan_turn *turn = turn_new();
    check_message(turn, "POST / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
                        "Authorization: Basic bWU6c2VjcmV0\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\n"
                        "Content-Length: 0\r\n\r\n");
    plan_turn_free(turn);
}

static void test_json_is_untouched(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"a\":{\"b\":{\"c\":[{},{}]}}}",
                                         "{\"seq\":1}",
                                         "{sequence} {randy} {Seq} {lines:x} { seq }",
                                         "{\"s\":\"}}\"}}",
                                         "}}}{",
                                         "{"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct plan_request request = request_of("http://h/{x}?{y}");
        request.body = span_text(bodies[i]);
        add(&request);
        struct span text = plan.entry[i].message.text, body = span_text(bodies[i]);
        assert_true(plan.entry[i].message.constant);
        assert_true(text.len > body.len);
        assert_memory_equal(text.at + text.len - body.len, body.at, body.len);
        assert_memory_equal(text.at, "POST /%7Bx%7D?{y} HTTP/1.1\r\n", 28);
    }
}

/* ---- with placeholders ------------------------------------------------------------------------ */

static void test_everywhere(void **state) {
    (void)state;
    const char *const headers[] = {"X-Id: <{seq}>", "Host: other", "X-{{seq}}: 1"};
    struct plan_request request = request_of("http://h/a/{seq}/%7e?q={rand:7:7}&~0~={{x}}#{seq}");
    set_headers(&request, headers, 2);
    request.body = span_text("{\"n\":{seq},\"m\":\"{{seq}}\",\"o\":{\"p\":{rand:-3:-3}}}");
    plan.shared.seq = 8;
    add(&request);
    struct plan_turn *turn = turn_new();
    const char *format = "POST /a/%d/%%7e?q=7&~0~={x} HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n"
                         "X-Id: <%d>\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                         "Content-Length: %d\r\n\r\n{\"n\":%d,\"m\":\"{seq}\",\"o\":{\"p\":-3}}";
    for (int seq = 9; seq <= 101; seq++) {
        char expected[512];
        snprintf(expected, sizeof expected, format, seq, seq, 32 + (seq > 9) + (seq > 99), seq);
        check_message(turn, expected);
    }
    assert_string_equal(plan.entry[0].url.href, "http://h/a/1/%7e?q=7&~0~={x}");
    plan_turn_free(turn);
    set_headers(&request, headers, 3);
    refused(&request, PLAN_BAD, "not a header field");
}

static void test_only_head_has_holes(void **state) {
    (void)state;
    struct plan_request request = request_of("http://h/{seq}");
    request.method = "PUT";
    request.body = span_text("{\"a\":{\"b\":0}}");
    add(&request);
    assert_false(plan.entry[0].message.has_length);
    struct plan_turn *turn = turn_new();
    check_message(turn, "PUT /1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\n"
                        "Content-Length: 13\r\n\r\n{\"a\":{\"b\":0}}");
    plan_turn_free(turn);
}

/* A dot segment takes its parent along, and the hole in it. */
static void test_dropped_hole(void **state) {
    (void)state;
    struct plan_request request = request_of("http://h/{rand:1:9}/../{seq}?{seq}");
    add(&request);
    struct plan_turn *turn = turn_new();
    check_message(turn, "GET /1?1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
    plan_turn_free(turn);
}

static void test_raw(void **state) {
    (void)state;
    const char *const headers[] = {"X: {seq}{{", "Y: {rand:x}"};
    struct plan_request request = request_of("http://h/?{line:");
    set_headers(&request, headers, 2);
    request.body = span_text("{seq}}");
    request.raw = true;
    add(&request);
    struct plan_turn *turn = turn_new();
    check_message(turn, "POST /?{line: HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX: {seq}{{\r\n"
                        "Y: {rand:x}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        "Content-Length: 6\r\n\r\n{seq}}");
    plan_turn_free(turn);
}

static void test_secrets_are_not_shown(void **state) {
    (void)state;
    struct plan_request request = request_of("http://us@er:pa@h:80/@{seq}");
    add(&request);
    assert_string_equal(plan.entry[0].name, "GET http://h:80/@{seq}");
    assert_string_equal(plan.entry[0].url.href, "http://h/@1");
}

/* ---- what is refused ---------------------------------------------------------------------------- */

static void test_bad_urls(void **state) {
    (void)state;
    static const struct {
        const char *url, *words;
    } cases[] = {
        {"", "there is no URL"},
        {"ftp://h/", "ftp://h/"},
        {"http://{seq}/", "\"{seq}\" stands in the host"},
        {"http://h{rand:1:2}.example/", "\"{rand:1:2}\" stands in the host"},
        {"http://h:{seq}", "stands in the host"},
        {"{uuid}@h/", "stands in the host"},
        {"http:\\\\x{line:/a/b}/", "\"{line:/a/b}\" stands in the host"},
        {"{seq}://h/", "stands in the host"},
        {"http://h/{rand:5:1}", "\"{rand:5:1}\": the first number is above the second"},
        {"http://h/{rand}", "{rand:A:B} takes two whole numbers"},
        {"http://h/{rand:1:2:3}", "{rand:A:B} takes two whole numbers"},
        {"http://h/{rand:1:9223372036854775808}", "{rand:A:B} takes two whole numbers"},
        {"http://h/{seq:1}", "\"{seq:1}\": it takes no arguments"},
        {"http://h/?{uuid:}", "\"{uuid:}\": it takes no arguments"},
        {"http://h/{line:}", "{line:FILE} takes the name of a file"},
        {"http://h/{line}", "{line:FILE} takes the name of a file"},
        {"http://h/{seq", "\"{seq\": its closing brace is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_request request = request_of(cases[i].url);
        refused(&request, PLAN_BAD, cases[i].words);
    }
    assert_int_equal(plan.entry_count, 0);
    assert_int_equal(plan.target_count, 0);
}

static void refused_header(const char *header, const char *words) {
    struct plan_request request = request_of("http://h/");
    const char *const headers[] = {header};
    set_headers(&request, headers, 1);
    refused(&request, PLAN_BAD, words);
}

static void test_bad_fields(void **state) {
    (void)state;
    refused_header("no colon", "not a header field: \"no colon\"");
    refused_header("A: b\r\nC: d", "not a header field: \"A: b??C: d\"");
    refused_header("{seq}: b", "not a header field");
    refused_header("Content-Length: 5", "ringfetch's own to set");
    refused_header("Connection: close", "ringfetch's own to set");
    refused_header("X: {rand:1}", "placeholder \"{rand:1}\"");
    refused_header("X: {line:a", "closing brace");
}

static void test_bad_others(void **state) {
    (void)state;
    static const char *const expect[] = {"status = 200", "nonsense", NULL};
    struct plan_request request = request_of("http://h/");
    request.method = "GET /";
    refused(&request, PLAN_BAD, "not a method: \"GET /\"");
    request = request_of("http://h/");
    request.weight = 0;
    refused(&request, PLAN_BAD, "weight of 0");
    request = request_of("http://h/");
    request.user_agent = "a\r\nb";
    refused(&request, PLAN_BAD, "control characters");
    request = request_of("http://h/");
    request.expect[1] = expect;
    refused(&request, PLAN_BAD, "expectation \"nonsense\": unknown subject");
    request = request_of("http://h/");
    request.body = span_text("{seq} {rand:a:b}");
    refused(&request, PLAN_BAD, "placeholder \"{rand:a:b}\"");
    request.body = span_text("{line:/does/not/exist}");
    refused(&request, PLAN_UNREADABLE,
            "{line:/does/not/exist} can't be read: No such file or directory");
}

static void test_expectations(void **state) {
    (void)state;
    static const char *const all[] = {"status = 200", NULL}, *const own[] = {"body ~ x", NULL};
    struct plan_request request = request_of("http://h/");
    add(&request);
    assert_null(plan.entry[0].expect);
    request.expect[0] = all;
    request.expect[1] = own;
    add(&request);
    assert_int_equal(plan.entry[1].expect_needs, EXPECT_STATUS | EXPECT_BODY);
}

/* ---- targets ------------------------------------------------------------------------------------- */

static unsigned target_of(uint8_t side, const char *url, const char *const *connect_to,
                          const char *unix_path) {
    struct plan_request request = request_of(url);
    request.connect_to = connect_to;
    request.unix_path = unix_path;
    assert_int_equal(plan_add(&plan, side, &request, why, sizeof why), PLAN_OK);
    return plan.entry[plan.entry_count - 1].target;
}

static void test_targets(void **state) {
    (void)state;
    assert_int_equal(target_of(0, "http://h/", NULL, NULL), 0);
    assert_int_equal(target_of(0, "http://H:80/x", NULL, NULL), 0);
    assert_int_equal(target_of(1, "http://h/", NULL, NULL), 1);
    assert_int_equal(target_of(0, "https://h/", NULL, NULL), 2);
    assert_int_equal(target_of(0, "http://h:443/", NULL, NULL), 3);
    assert_int_equal(target_of(0, "http://h/", NULL, "/run/s"), 4);
    assert_int_equal(target_of(0, "http://h/{seq}", NULL, "/run/s"), 4);
    assert_int_equal(target_of(0, "http://[::1]:8/", NULL, NULL), 5);
    assert_int_equal(plan.target_count, 6);
    assert_true(plan.has_side[0] && plan.has_side[1]);
    assert_true(plan.target[2].https && plan.target[2].port == 443);
    assert_true(span_is(plan.target[5].host, "::1"));
    assert_string_equal(plan.target[4].unix_path, "/run/s");
}

/* A path that was cut would be another socket's. */
static void test_long_unix_paths(void **state) {
    struct sockaddr_un un;
    char path[sizeof un.sun_path + 1];
    struct plan_request request = request_of("http://h/");
    (void)state;
    memset(path, 'p', sizeof path);
    request.unix_path = path;
    path[sizeof un.sun_path] = 0;
    refused(&request, PLAN_BAD, "UNIX socket's path is too long: 108 bytes, at most 107 fit");
    assert_int_equal(plan.target_count, 0);
    path[sizeof un.sun_path - 1] = 0;
    add(&request);
    assert_string_equal(plan.target[0].unix_path, path);
}

/* Which requests may be asked again. */
static void test_idempotent_methods(void **state) {
    static const struct {
        const char *method;
        bool idempotent;
    } cases[] = {{NULL, true},    {"GET", true},    {"HEAD", true}, {"PUT", true},
                 {"POST", false}, {"PATCH", false}, {"get", false}, {"X-PURGE", false}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_request request = request_of("http://h/");
        request.method = cases[i].method;
        add(&request);
        assert_int_equal(plan.entry[i].idempotent, cases[i].idempotent);
    }
    struct plan_request request = request_of("http://h/");
    request.body = span_text("x"); /* which makes it a POST */
    add(&request);
    assert_false(plan.entry[plan.entry_count - 1].idempotent);
}

static void check_dial(const char *url, const char *const *connect_to, const char *host,
                       unsigned port) {
    unsigned index = target_of(0, url, connect_to, NULL);
    const struct plan_target *target = &plan.target[index];
    assert_true(span_is(target->connect_host, host));
    assert_int_equal(target->connect_port, port);
}

static void test_connect_to(void **state) {
    (void)state;
    static const char *const list[] = {"a:80:[::1]:8080", "b::c:", ":99:d:1", "a:80:never:1", NULL};
    static const char *const any[] = {"::127.0.0.1:9", NULL};
    check_dial("http://A/", list, "::1", 8080);
    check_dial("http://a:81/", list, "a", 81);
    check_dial("https://b/", list, "c", 443);
    check_dial("http://z:99/", list, "d", 1);
    check_dial("http://z/", any, "127.0.0.1", 9);
    static const char *const bad[] = {"a:80:b",       "a",         "a:80",      "a:x:b:1",
                                      "a:80:b:65536", "a:80:b:1:", "[a:80:b:1", "a:80:b:1x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const entries[] = {"x:1:y:2", bad[i], NULL};
        struct plan_request request = request_of("http://h/");
        request.connect_to = entries;
        refused(&request, PLAN_BAD, "HOST1:PORT1:HOST2:PORT2 is wanted");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_plan, close_plan)
    const struct CMUnitTest tests[] = {
        TEST(test_constant),
        TEST(test_body_and_fields),
        TEST(test_head_method_and_empty_body),
        TEST(test_json_is_untouched),
        TEST(test_everywhere),
        TEST(test_only_head_has_holes),
        TEST(test_dropped_hole),
        TEST(test_raw),
        TEST(test_secrets_are_not_shown),
        TEST(test_bad_urls),
        TEST(test_bad_fields),
        TEST(test_bad_others),
        TEST(test_expectations),
        TEST(test_targets),
        TEST(test_long_unix_paths),
        TEST(test_idempotent_methods),
        TEST(test_connect_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
