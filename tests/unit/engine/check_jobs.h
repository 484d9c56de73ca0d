/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_jobs.h: jobs made by hand from a pool that must be empty again at the end, for tests of what a check run keeps of them. Included once
 * by each test program, hence no .c file.
 */
#ifndef TESTS_ENGINE_CHECK_JOBS_H
#define TESTS_ENGINE_CHECK_JOBS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the four at the top. */
#include <cmocka.h>

#include "engine.h"

static struct pool_depot depot;
static struct pool pool;
static struct job_spec run_spec; /* the run's */
static struct http_field run_field = {{(const uint8_t *)"X-Run", 5}, {(const uint8_t *)"1", 1}};
static char href[URL_HREF_BYTES_MAX + 1];

static int set_up(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    run_spec = (struct job_spec){.fields = &run_field, .field_count = 1};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(pool.live_bytes, 0);
    pool_depot_deinit(&depot);
    return 0;
}

static struct job *make_job_of(struct span text) {
    struct url url;
    assert_int_equal(url_parse_typed(&url, text, href, sizeof href), URL_OK);
    struct job *job = job_new(&pool, text, &url, ERR_OK);
    job->n = 7;
    return job;
}

static struct job *make_job(const char *text) {
    return make_job_of(span_text(text));
}

static void set_spec(struct job *job, const char *method, const char *field, const char *body) {
    struct span header = span_text(field);
    job_set_spec(&pool, job, &run_spec, method, &header, field ? 1 : 0, span_text(body));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
