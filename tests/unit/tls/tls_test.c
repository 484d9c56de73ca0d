/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_test.c: client and server through memory: handshakes, resumption, records, ends, and what peers get wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"
#include "tls/tls_private.h"

static struct tls_options only(enum tls_version version) {
    return (struct tls_options){.version_min = version, .version_max = version};
}

static void say(struct pair *pair, struct end *from, struct end *to, const char *text) {
    assert_true(tls_write(from->stream, span_text(text)));
    pair_run(pair);
    assert_int_equal(to->got.len, strlen(text));
    assert_memory_equal(to->got.at, text, strlen(text));
    to->got.len = 0;
}

static void expect_facts(const struct pair *pair, enum tls_version version, bool resumed) {
    struct tls_facts facts = tls_stream_facts(pair->client.stream);
    assert_int_equal(facts.version, version);
    assert_int_equal(facts.resumed, resumed);
    assert_false(facts.insecure);
    assert_false(err_is(facts.verify));
    assert_non_null(facts.cipher);
    assert_memory_equal(facts.cipher, "TLS_", 4);
    assert_non_null(facts.cert);
    assert_string_equal(facts.cert->sans[0], "a.test");
    tls_facts_drop(&facts);
}

static void meets_and_resumes(enum tls_version version, size_t chop) {
    struct pair pair;
    struct tls_options options = only(version);
    pair_init(&pair, &options, NULL);
    pair.chop = chop;
    for (int i = 0; i < 5; i++) {
        assert_true(pair_meet(&pair, "a.test"));
        say(&pair, &pair.client, &pair.server, "GET / HTTP/1.1\r\n\r\n");
        say(&pair, &pair.server, &pair.client, "HTTP/1.1 204 No Content\r\n\r\n");
        expect_facts(&pair, version, i > 0);
    }
    pair_deinit(&pair);
}

static void test_tls_1_2(void **state) {
    (void)state;
    meets_and_resumes(TLS_VERSION_1_2, 0);
    meets_and_resumes(TLS_VERSION_1_2, 1);
}

static void test_tls_1_3(void **state) {
    (void)state;
    meets_and_resumes(TLS_VERSION_1_3, 0);
    meets_and_resumes(TLS_VERSION_1_3, 1);
}

static void test_no_resumption(void **state) {
    (void)state;
    struct pair pair;
    struct tls_options options = {.no_resumption = true};
    pair_init(&pair, &options, NULL);
    for (int i = 0; i < 2; i++) {
        assert_true(pair_meet(&pair, "a.test"));
        expect_facts(&pair, TLS_VERSION_1_3, false);
    }
    pair_deinit(&pair);
}

static struct tls *another_server(struct pair *pair, struct tls_options options) {
    struct tls *tls;
    char why[200];
    options.server = true;
    options.cert_pem = span_text(pair_mint()->cert);
    options.key_pem = span_text(pair_mint()->key);
    assert_int_equal(tls_open(&tls, &options, &pair->pool, why, sizeof why), 0);
    return tls;
}

/* Another server under the same name: it can't read the ticket, and is verified anew. */
static void declined(enum tls_version version) {
    struct pair pair;
    struct tls_options options = only(version);
    pair_init(&pair, &options, NULL);
    struct tls *other = another_server(&pair, (struct tls_options){.no_resumption = true});
    assert_true(pair_meet(&pair, "a.test"));
    pair_hang_up(&pair);
    struct tls *first = pair.server.tls;
    pair.server.tls = other;
    assert_true(pair_meet(&pair, "a.test"));
    expect_facts(&pair, version, false);
    pair_hang_up(&pair);
    pair.server.tls = first;
    assert_true(pair_meet(&pair, "a.test"));
    expect_facts(&pair, version, false);
    assert_true(pair_meet(&pair, "a.test"));
    expect_facts(&pair, version, true);
    tls_close(other);
    pair_deinit(&pair);
}

static void test_declined(void **state) {
    (void)state;
    declined(TLS_VERSION_1_2);
    declined(TLS_VERSION_1_3);
}

/* Two threads of a server: of TLS 1.2 they share the sessions; of 1.3 each declines the other's tickets. */
static void test_threads_of_a_server(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum tls_version version = i ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
        struct tls_options options = only(version);
        struct pair pair;
        pair_init(&pair, &options, NULL);
        struct tls *first = pair.server.tls;
        struct tls *second = another_server(&pair, (struct tls_options){0});
        assert_true(pair_meet(&pair, "a.test"));
        pair_hang_up(&pair);
        pair.server.tls = second;
        assert_true(pair_meet(&pair, "a.test"));
        expect_facts(&pair, version, version == TLS_VERSION_1_2);
        pair_hang_up(&pair);
        pair.server.tls = first;
        tls_close(second);
        pair_deinit(&pair);
    }
}

/* Sessions are found by host and port, and there are never more than allowed. */
static void test_session_bound(void **state) {
    (void)state;
    static const char *const hosts[] = {"1.wild.test", "2.wild.test", "3.wild.test"};
    struct pair pair;
    struct tls_options options = only(TLS_VERSION_1_2);
    options.sessions_max = 2;
    pair_init(&pair, &options, NULL);
    for (int i = 0; i < 2; i++)
        assert_true(pair_meet(&pair, hosts[i]));
    assert_true(pair_meet(&pair, hosts[0])); /* used: the second is the oldest now */
    expect_facts(&pair, TLS_VERSION_1_2, true);
    assert_true(pair_meet(&pair, hosts[2]));
    expect_facts(&pair, TLS_VERSION_1_2, false);
    assert_true(pair_meet(&pair, hosts[0]));
    expect_facts(&pair, TLS_VERSION_1_2, true);
    assert_true(pair_meet(&pair, hosts[1]));
    expect_facts(&pair, TLS_VERSION_1_2, false);
    assert_true(pair.client.tls->sessions.count <= 2);
    pair_deinit(&pair);
}

static void swap(struct pair *pair, struct end others[static 2]) {
    struct end client = pair->client, server = pair->server;
    pair->client = others[0];
    pair->server = others[1];
    others[0] = client;
    others[1] = server;
}

/* What one stream has of an unfinished record is its own. */
static void test_two_at_once(void **state) {
    (void)state;
    struct pair pair;
    struct bytes parts[2];
    pair_init(&pair, NULL, NULL);
    struct end others[2] = {{.tls = pair.client.tls}, {.tls = pair.server.tls}};
    assert_true(pair_meet(&pair, "a.test"));
    swap(&pair, others);
    assert_true(pair_meet(&pair, "127.0.0.1"));
    for (int i = 0; i < 2; i++) {
        assert_true(tls_write(pair.server.stream, span_text(i ? "second" : "first")));
        parts[i] = tls_take_output(pair.server.stream);
        pair_feed(&pair, &pair.client, span_of(parts[i].at, 10));
        swap(&pair, others);
    }
    for (int i = 0; i < 2; i++) {
        pair_feed(&pair, &pair.client, span_of(parts[i].at + 10, parts[i].len - 10));
        assert_true(span_is(bytes_span(&pair.client.got), i ? "second" : "first"));
        bytes_release(&parts[i], &pair.pool);
        swap(&pair, others);
    }
    pair_hang_up(&pair);
    swap(&pair, others);
    pair_deinit(&pair);
}

static void test_end(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_true(tls_write(pair.server.stream, span_text("bye")));
    tls_end(pair.server.stream);
    tls_end(pair.server.stream);
    pair_run(&pair);
    assert_int_equal(pair.client.got.len, 3);
    assert_int_equal(pair.client.last, TLS_END);
    tls_end(pair.client.stream);
    pair_run(&pair);
    assert_int_equal(pair.server.last, TLS_END);
    pair_deinit(&pair);
}

static void test_large(void **state) {
    (void)state;
    enum { BYTES = 300000 };
    static uint8_t plain[BYTES];
    struct pair pair;
    for (int i = 0; i < BYTES; i++)
        plain[i] = (uint8_t)(i * 7 + i / 251);
    pair_init(&pair, NULL, NULL);
    pair.chop = 4096;
    assert_true(pair_meet(&pair, "a.test"));
    assert_true(tls_write(pair.server.stream, span_of(plain, BYTES)));
    pair_run(&pair);
    assert_int_equal(pair.client.got.len, BYTES);
    assert_memory_equal(pair.client.got.at, plain, BYTES);
    pair_deinit(&pair);
}

static void test_key_update(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_int_equal(wolfSSL_update_keys(pair.server.stream->ssl), WOLFSSL_SUCCESS);
    say(&pair, &pair.server, &pair.client, "under new keys");
    say(&pair, &pair.client, &pair.server, "and back");
    assert_int_equal(pair.client.last, TLS_MORE);
    pair_deinit(&pair);
}

static void test_alpn(void **state) {
    (void)state;
    struct pair pair;
    struct tls_options client = {.alpn = "h2,http/1.1"};
    struct tls_options server = {.alpn = "http/1.1"};
    pair_init(&pair, &client, &server);
    for (int i = 0; i < 2; i++) {
        assert_true(pair_meet(&pair, "a.test"));
        assert_string_equal(tls_stream_alpn(pair.client.stream), "http/1.1");
        assert_string_equal(tls_stream_alpn(pair.server.stream), "http/1.1");
    }
    pair_deinit(&pair);
    pair_init(&pair, &client, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_string_equal(tls_stream_alpn(pair.client.stream), "");
    pair_deinit(&pair);
}

static void test_versions_do_not_meet(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        struct tls_options client = only(i ? TLS_VERSION_1_3 : TLS_VERSION_1_2);
        struct tls_options server = only(i ? TLS_VERSION_1_2 : TLS_VERSION_1_3);
        pair_init(&pair, &client, &server);
        assert_false(pair_meet(&pair, "a.test"));
        assert_int_equal(pair.client.err.kind, ERR_PROTOCOL_MISMATCH);
        assert_int_equal(pair.server.err.kind, ERR_PROTOCOL_MISMATCH);
        pair_deinit(&pair);
    }
}

static void test_ciphers(void **state) {
    (void)state;
    struct pair pair;
    struct tls_options client = {.ciphers = "TLS_CHACHA20_POLY1305_SHA256"};
    struct tls_options server = {.ciphers = "TLS13-AES128-GCM-SHA256"};
    pair_init(&pair, &client, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    struct tls_facts facts = tls_stream_facts(pair.client.stream);
    assert_string_equal(facts.cipher, "TLS_CHACHA20_POLY1305_SHA256");
    tls_facts_drop(&facts);
    pair_deinit(&pair);
    pair_init(&pair, &client, &server);
    assert_false(pair_meet(&pair, "a.test"));
    assert_int_equal(pair.client.err.kind, ERR_PROTOCOL_MISMATCH);
    pair_deinit(&pair);
    client.ciphers = "ecdhe-ecdsa-aes256-gcm-sha384";
    pair_init(&pair, &client, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    expect_facts(&pair, TLS_VERSION_1_2, false);
    pair_deinit(&pair);
}

/* ---- what peers get wrong ---- */

static void test_garbage(void **state) {
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n",
                                          "\x16\x03\x03\x00\x04oops"};
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        pair_open(&pair, "a.test");
        pair_feed(&pair, &pair.client, span_of("", 0));
        pair_feed(&pair, &pair.client, i == 2 ? span_of(answers[i], 9) : span_text(answers[i]));
        assert_int_equal(pair.client.step, STEP_BAD);
        assert_int_equal(pair.client.err.stage, STAGE_TLS);
        assert_int_equal(pair.client.err.kind, ERR_BAD_TLS);
        assert_false(tls_write(pair.client.stream, span_text("x")));
    }
    pair_deinit(&pair);
}

static void expect_alert(int number, enum err_kind kind) {
    struct pair pair;
    const uint8_t alert[] = {21, 3, 3, 0, 2, 2, (uint8_t)number};
    char text[200];
    pair_init(&pair, NULL, NULL);
    pair_open(&pair, "a.test");
    pair_feed(&pair, &pair.client, span_of("", 0));
    pair_feed(&pair, &pair.client, span_of(alert, sizeof alert));
    assert_int_equal(pair.client.step, STEP_BAD);
    assert_int_equal(pair.client.err.kind, kind);
    assert_int_equal(pair.client.err.detail, number);
    tls_explain(pair.client.err, NULL, "a.test", text, sizeof text);
    assert_non_null(strstr(text, tls_alert_name(number)));
    pair_deinit(&pair);
}

static void test_alerts(void **state) {
    (void)state;
    expect_alert(112, ERR_TLS_ALERT);
    expect_alert(80, ERR_TLS_ALERT);
    expect_alert(40, ERR_PROTOCOL_MISMATCH);
    expect_alert(70, ERR_PROTOCOL_MISMATCH);
    expect_alert(71, ERR_PROTOCOL_MISMATCH);
}

/* A server that says goodbye instead of hello has broken nothing: that is worth another attempt, without the session. */
static void test_goodbye_for_hello(void **state) {
    (void)state;
    static const uint8_t close_notify[] = {21, 3, 3, 0, 2, 1, 0};
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        pair_open(&pair, "a.test");
        pair_feed(&pair, &pair.client, span_of("", 0));
        pair_feed(&pair, &pair.client, span_of(close_notify, sizeof close_notify));
        assert_int_equal(pair.client.step, STEP_BAD);
        assert_int_equal(pair.client.err.stage, STAGE_TLS);
        assert_int_equal(pair.client.err.kind, ERR_HANDSHAKE_CUT);
        assert_true(pair_meet(&pair, "a.test"));
        expect_facts(&pair, TLS_VERSION_1_3, false);
    }
    pair_deinit(&pair);
}

/* With a session its version alone is offered: that it isn't common any more says nothing of the others. */
static void test_session_of_lost_version(void **state) {
    (void)state;
    struct pair pair;
    struct tls_options old = {.version_max = TLS_VERSION_1_2};
    pair_init(&pair, NULL, &old);
    assert_true(pair_meet(&pair, "a.test"));
    pair_hang_up(&pair);
    tls_close(pair.server.tls);
    pair.server.tls = another_server(&pair, (struct tls_options){.version_min = TLS_VERSION_1_3});
    assert_false(pair_meet(&pair, "a.test"));
    assert_int_equal(pair.client.err.kind, ERR_HANDSHAKE_CUT);
    assert_true(pair_meet(&pair, "a.test"));
    expect_facts(&pair, TLS_VERSION_1_3, false);
    pair_deinit(&pair);
}

/* The bytes that the server answers a hello with, cut and spoilt at every place. */
static void server_flight(struct pair *pair, struct bytes *flight) {
    pair_open(pair, "a.test");
    pair_feed(pair, &pair->client, span_of("", 0));
    struct bytes hello = tls_take_output(pair->client.stream);
    pair_feed(pair, &pair->server, bytes_span(&hello));
    bytes_release(&hello, &pair->pool);
    *flight = tls_take_output(pair->server.stream);
}

/* TLS 1.3 has peers ignore the version in the head of a record (RFC 8446 5.1). */
static bool is_record_version(const struct bytes *flight, size_t at) {
    for (size_t record = 0; record + 5 <= flight->len;
         record += 5 + (size_t)(flight->at[record + 3] << 8 | flight->at[record + 4]))
        if (at == record + 1 || at == record + 2)
            return true;
    return false;
}

static void spoil(enum tls_version version) {
    struct pair pair;
    struct tls_options options = only(version);
    struct bytes flight;
    options.no_resumption = true;
    pair_init(&pair, &options, NULL);
    size_t len = 1;
    for (size_t at = 0; at < len; at += 1 + at / 64) {
        server_flight(&pair, &flight);
        len = flight.len;
        if (at >= len) { /* a signature is shorter than the last one */
            bytes_release(&flight, &pair.pool);
            break;
        }
        pair_feed(&pair, &pair.client, span_of(flight.at, at));
        assert_int_equal(pair.client.step, STEP_MORE);
        bool matters = !is_record_version(&flight, at);
        flight.at[at] ^= 0x55;
        pair_feed(&pair, &pair.client, span_of(flight.at + at, flight.len - at));
        bytes_release(&flight, &pair.pool);
        pair_run(&pair);
        assert_false(matters && pair.client.step == STEP_DONE && pair.server.step == STEP_DONE);
        if (pair.client.step == STEP_BAD)
            assert_int_equal(pair.client.err.stage, STAGE_TLS);
    }
    assert_true(len > 500);
    pair_deinit(&pair);
}

static void test_spoilt(void **state) {
    (void)state;
    spoil(TLS_VERSION_1_2);
    spoil(TLS_VERSION_1_3);
}

static void test_spoilt_record(void **state) {
    (void)state;
    struct pair pair;
    struct span data;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_true(tls_write(pair.server.stream, span_text("hello")));
    struct bytes out = tls_take_output(pair.server.stream);
    out.at[out.len - 1] ^= 1;
    struct span in = bytes_span(&out);
    assert_int_equal(tls_read(pair.client.stream, &in, &data, &pair.client.err), TLS_BAD);
    assert_int_equal(pair.client.err.kind, ERR_BAD_TLS);
    bytes_release(&out, &pair.pool);
    out = tls_take_output(pair.client.stream);
    assert_true(out.len > 0);
    pair_feed(&pair, &pair.server, bytes_span(&out));
    assert_int_equal(pair.server.last, TLS_BAD);
    assert_int_equal(pair.server.err.kind, ERR_TLS_ALERT);
    assert_int_equal(pair.server.err.detail, 20); /* bad_record_mac */
    bytes_release(&out, &pair.pool);
    pair_deinit(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_1_2),
        cmocka_unit_test(test_tls_1_3),
        cmocka_unit_test(test_no_resumption),
        cmocka_unit_test(test_declined),
        cmocka_unit_test(test_threads_of_a_server),
        cmocka_unit_test(test_session_bound),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_key_update),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_versions_do_not_meet),
        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_goodbye_for_hello),
        cmocka_unit_test(test_session_of_lost_version),
        cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_spoilt_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
