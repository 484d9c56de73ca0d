/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_axis_test.c: the scales of the bench report's charts: ticks are round, labels fit, and no figure, however absurd, makes an
 * axis that can't be drawn or never ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "../../../tools/ringfetch/bench_html.h"

static bool has_label(const struct html_axis *axis, const char *label) {
    for (unsigned i = 0; i < axis->count; i++) {
        if (strcmp(axis->tick[i].label, label) == 0) {
            return true;
        }
    }
    return false;
}

static void ticks_are_round(void **state) {
    (void)state;
    struct html_axis axis;
    html_axis_duration(&axis, 90000, 60000000);
    assert_true(has_label(&axis, "100 µs") && has_label(&axis, "200 µs") &&
                has_label(&axis, "500 µs"));
    assert_true(has_label(&axis, "1 ms") && has_label(&axis, "50 ms"));
    html_axis_duration(&axis, 1000000, 1100000);
    assert_true(has_label(&axis, "1.02 ms") && has_label(&axis, "1.1 ms"));
    html_axis_latency(&axis, 1000000, 3000000);
    assert_false(axis.log);
    assert_true(has_label(&axis, "0") && has_label(&axis, "3 ms"));
    html_axis_rate(&axis, 61234);
    assert_true(has_label(&axis, "0") && has_label(&axis, "20k") && has_label(&axis, "60k"));
    html_axis_seconds(&axis, 30);
    assert_true(has_label(&axis, "5 s") && has_label(&axis, "30 s"));
    html_axis_seconds(&axis, 600);
    assert_true(has_label(&axis, "1 min") && has_label(&axis, "10 min"));
    html_axis_seconds(&axis, 36000);
    assert_true(has_label(&axis, "1 h") && has_label(&axis, "10 h"));
    html_axis_percent(&axis, 5.5);
    assert_true(has_label(&axis, "50%") && has_label(&axis, "99.9%") &&
                has_label(&axis, "99.999%"));
}

static void axes_of_anything(void **state) {
    (void)state;
    static const double values[] = {0, 1, 3, 999, 1e6, 3.6e12, 1e18, INFINITY, NAN};
    struct html_axis axis;
    for (size_t i = 0; i < 9; i++) {
        for (size_t k = 0; k < 9; k++) {
            html_axis_latency(&axis, values[i], values[k]);
            assert_true(axis.high > axis.low && axis.count >= 1 && axis.count <= HTML_TICKS_MAX);
            html_axis_duration(&axis, values[i], values[k]);
            assert_true(axis.high > axis.low && axis.low > 0 && axis.count <= HTML_TICKS_MAX);
            assert_true(html_axis_at(&axis, values[k]) >= 0 && html_axis_at(&axis, values[k]) <= 1);
        }
        html_axis_rate(&axis, values[i]);
        assert_true(axis.high > 0 && axis.count >= 2);
    }
}

/* On a phone, and in a column of a wide page. */
static void labels_do_not_overlap(void **state) {
    (void)state;
    static const double decades[] = {1, 2, 3.3, 5.5, 7};
    for (size_t i = 0; i < 5; i++) {
        struct html_axis axis;
        html_axis_percent(&axis, decades[i]);
        for (int wide = 0; wide < 2; wide++) {
            double end = -100, width = wide ? 400 : 250;
            for (unsigned k = 0; k < axis.count; k++) {
                if (axis.tick[k].seen > (wide ? HTML_WIDE : HTML_ALWAYS)) {
                    continue;
                }
                double half = 3.5 * (double)strlen(axis.tick[k].label),
                       at = axis.tick[k].at * width;
                assert_true(at - half >= end);
                end = at + half;
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(axes_of_anything),
        cmocka_unit_test(labels_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
