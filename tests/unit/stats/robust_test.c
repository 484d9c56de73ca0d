/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * robust_test.c: median, deviation and Huber's estimate, against the copper measurements (`chem`) in
 * Venables and Ripley, Modern Applied Statistics with S, 5.5, and with values that are not finite.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

#include "stats/robust.h"

/* cmocka compares floats. */
#define assert_near(value, expected, within) assert_true(fabs((value) - (expected)) <= (within))

static void copper_is_as_printed(void **state) {
    static const double chem[] = {2.20, 2.20, 2.40, 2.40, 2.50, 2.70, 2.80, 2.90,
                                  3.03, 3.03, 3.10, 3.37, 3.40, 3.40, 3.40, 3.50,
                                  3.60, 3.70, 3.70, 3.70, 3.70, 3.77, 5.28, 28.95};
    (void)state;
    assert_near(median_of_sorted(chem, 24), 3.385, 1e-12);
    assert_near(deviation_of_sorted(chem, 24), 0.526323, 1e-6);
    assert_near(centre_of_sorted(chem, 24), 3.206724, 1e-5);
}

static void few_values_have_a_centre(void **state) {
    static const double value[] = {1, 2, 4, 9};
    (void)state;
    assert_near(median_of_sorted(value, 0), 0, 0);
    assert_near(deviation_of_sorted(value, 0), 0, 0);
    assert_near(centre_of_sorted(value, 0), 0, 0);
    assert_near(centre_of_sorted(value, 1), 1, 0);
    assert_near(deviation_of_sorted(value, 1), 0, 0);
    assert_near(median_of_sorted(value, 2), 1.5, 0);
    assert_near(deviation_of_sorted(value, 2), 1.4826 * 0.5, 1e-15);
    assert_near(deviation_of_sorted(value, 3), 1.4826, 1e-15);       /* 1, 0, 2 */
    assert_near(deviation_of_sorted(value, 4), 1.4826 * 1.5, 1e-15); /* 2, 1, 1, 6 */
}

static void equal_values_have_no_width(void **state) {
    static const double value[] = {3, 3, 3, 3, 1000};
    (void)state;
    assert_near(deviation_of_sorted(value, 5), 0, 0);
    assert_near(centre_of_sorted(value, 5), 3, 0);
}

static void infinities_are_outliers(void **state) {
    static const double some[] = {-INFINITY, 1, 2, 3, 4, INFINITY, INFINITY};
    static const double most[] = {-INFINITY, -INFINITY, 2, INFINITY, INFINITY};
    static const double halves[] = {-INFINITY, INFINITY};
    (void)state;
    assert_near(median_of_sorted(some, 7), 3, 0);
    assert_near(deviation_of_sorted(some, 7), 1.4826 * 2, 1e-12);
    assert_true(isfinite(centre_of_sorted(some, 7)));
    assert_true(isinf(deviation_of_sorted(most, 5)));
    assert_near(centre_of_sorted(most, 5), 2, 0);
    assert_near(median_of_sorted(halves, 2), 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copper_is_as_printed),
        cmocka_unit_test(few_values_have_a_centre),
        cmocka_unit_test(equal_values_have_no_width),
        cmocka_unit_test(infinities_are_outliers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
