/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_refused_test.c: a load whose settings or requests make no sense is refused before anything is asked, with a line
 * that names what is wrong.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <ringfetch/load.h>
#include <string.h>

static struct rf_settings settings;
static struct rf_load_settings load_settings;
static struct rf_load *load;
static char why[512];

static int set_up(void **state) {
    (void)state;
    rf_settings_init(&settings);
    rf_load_settings_init(&load_settings);
    why[0] = '\0';
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rf_load_close(load);
    load = NULL;
    return 0;
}

static void open_load(void) {
    assert_int_equal(rf_load_open(&load, &settings, &load_settings, why, sizeof why), RF_OK);
}

/* ---- settings that make no sense ------------------------------------------------------------------------ */

static void assert_refused(const char *reason) {
    assert_int_equal(rf_load_open(&load, &settings, &load_settings, why, sizeof why), RF_USAGE);
    assert_null(load);
    assert_non_null(strstr(why, reason));
}

static void nonsense_is_refused_by_name(void **state) {
    static const struct rf_ramp nowhere[] = {{0, 10}}, backwards[] = {{-1, 10}};
#define REFUSED(member, value, reason)                                                             \
    do {                                                                                           \
        struct rf_load_settings kept = load_settings;                                              \
        load_settings.member = value;                                                              \
        assert_refused(reason);                                                                    \
        load_settings = kept;                                                                      \
    } while (0)
    (void)state;
    REFUSED(connections, 0, "connections");
    REFUSED(connections, 1000001, "connections");
    REFUSED(pipeline, 0, "pipeline");
    REFUSED(outstanding_max, 0, "outstanding_max");
    REFUSED(warmup_s, -1, "warmup_s");
    REFUSED(duration_s, 0, "duration_s");
    REFUSED(duration_s, (double)NAN, "duration_s");
    REFUSED(rate, -1, "rate");
    REFUSED(block_s, -1, "block_s");
    REFUSED(confidence, 1, "confidence");
    REFUSED(confidence, 0.4, "confidence");
    REFUSED(min_effect, -0.1, "min_effect");
    REFUSED(judged, 1U << RF_METRICS, "judged");
    load_settings.ramp_count = 1;
    REFUSED(ramp, nowhere, "ramp");
    REFUSED(ramp, backwards, "ramp");
#undef REFUSED
}

static void what_fetching_refuses_is_refused(void **state) {
    static const char *const framing[] = {"Content-Length: 5", NULL}, *const expect[] = {"what?",
                                                                                         NULL};
    static const char *const resolve[] = {"nonsense", NULL};
    struct rf_settings kept = settings;
    (void)state;
    settings.method = "G ET";
    assert_refused("method");
    settings = kept;
    settings.headers = framing;
    assert_refused("Content-Length");
    settings = kept;
    settings.expect = expect;
    assert_refused("what?");
    settings = kept;
    settings.resolve = resolve;
    assert_refused("nonsense");
    settings = kept;
    settings.cacert = "/nonexistent/roots.pem";
    assert_refused("/nonexistent/roots.pem");
    settings = kept;
}

static void requests_that_make_no_sense_are_refused(void **state) {
    struct rf_load_request request;
    (void)state;
    open_load();
    rf_load_request_init(&request);
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_USAGE);
    request.url = "ftp://127.0.0.1/";
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_USAGE);
    request.url = "http://127.0.0.1:1/{line:/nonexistent/lines}";
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_LOCAL_FAULT);
    request.url = "http://127.0.0.1:1/";
    assert_int_equal(rf_load_add(load, RF_SIDES, &request, why, sizeof why), RF_USAGE);
    request.weight = 0;
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nonsense_is_refused_by_name),
        TEST(what_fetching_refuses_is_refused),
        TEST(requests_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
