/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * quantile_test.c: the distributions against printed tables (NIST/SEMATECH e-Handbook of Statistical
 * Methods, 1.3.6.7.1 and 1.3.6.7.2) and against what can be written in closed form.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>

#include "stats/quantile.h"

/* cmocka compares floats. */
#define assert_near(value, expected, within) assert_true(fabs((value) - (expected)) <= (within))

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void normal_is_the_tables(void **state) {
    /* The handbook's table is of the area from 0 to z, five digits. */
    static const struct {
        double z, area;
    } cases[] = {{0, 0},          {0.5, 0.19146},  {1, 0.34134},    {1.28, 0.39973},
                 {1.65, 0.45053}, {1.96, 0.47500}, {2.33, 0.49010}, {3, 0.49865}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_near(normal_below(cases[i].z), 0.5 + cases[i].area, 0.000005);
        assert_near(normal_below(-cases[i].z), 0.5 - cases[i].area, 0.000005);
    }
    assert_near(normal_quantile(0.975), 1.959963984540054, 1e-12);
    assert_near(normal_quantile(0.005), -2.575829303548901, 1e-12);
    assert_near(normal_quantile(0.5), 0, 1e-12);
}

static void student_is_the_tables(void **state) {
    static const struct {
        double freedom, p90, p95, p975, p99, p995, p999;
    } cases[] = {
        {1, 3.078, 6.314, 12.706, 31.821, 63.657, 318.309},
        {2, 1.886, 2.920, 4.303, 6.965, 9.925, 22.327},
        {5, 1.476, 2.015, 2.571, 3.365, 4.032, 5.893},
        {10, 1.372, 1.812, 2.228, 2.764, 3.169, 4.144},
        {18, 1.330, 1.734, 2.101, 2.552, 2.878, 3.610},
        {30, 1.310, 1.697, 2.042, 2.457, 2.750, 3.385},
        {100, 1.290, 1.660, 1.984, 2.364, 2.626, 3.174},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_near(student_quantile(0.90, cases[i].freedom), cases[i].p90, 0.00051);
        assert_near(student_quantile(0.95, cases[i].freedom), cases[i].p95, 0.00051);
        assert_near(student_quantile(0.975, cases[i].freedom), cases[i].p975, 0.00051);
        assert_near(student_quantile(0.99, cases[i].freedom), cases[i].p99, 0.00051);
        assert_near(student_quantile(0.995, cases[i].freedom), cases[i].p995, 0.00051);
        assert_near(student_quantile(0.999, cases[i].freedom), cases[i].p999, 0.0051);
        assert_near(student_quantile(0.01, cases[i].freedom), -cases[i].p99, 0.00051);
    }
}

/* One degree of freedom is Cauchy's distribution, two have a root, very many are normal. */
static void student_is_its_closed_forms(void **state) {
    (void)state;
    for (double t = -50; t <= 50; t += 0.37) {
        assert_near(student_below(t, 1), 0.5 + atan(t) / M_PI, 1e-13);
        assert_near(student_below(t, 2), 0.5 + t / (2 * sqrt(2 + t * t)), 1e-13);
        assert_near(student_below(t, 1e9), normal_below(t), 1e-7);
    }
    assert_near(student_below(INFINITY, 3), 1, 0);
    assert_near(student_below(-INFINITY, 3), 0, 0);
}

static void quantiles_undo_the_distributions(void **state) {
    (void)state;
    for (double p = 0.0005; p < 1; p += 0.0135) {
        assert_near(normal_below(normal_quantile(p)), p, 1e-13);
        assert_near(student_below(student_quantile(p, 3.7), 3.7), p, 1e-12);
    }
    assert_near(student_below(student_quantile(1e-12, 0.5), 0.5) * 1e12, 1, 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_is_the_tables),
        cmocka_unit_test(student_is_the_tables),
        cmocka_unit_test(student_is_its_closed_forms),
        cmocka_unit_test(quantiles_undo_the_distributions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
