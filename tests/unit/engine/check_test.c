/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_test.c: the verdict over all combinations of a first and a last end, expectations of a request's own, and results for
 * twins. No worker runs; the jobs are made by hand.
 */
#include "check_jobs.h"

#include <stdio.h>

/* ---- verdicts -------------------------------------------------------------------------------- */

static const struct ending {
    enum err_stage stage;
    enum err_kind kind;
    unsigned status;
    enum rf_verdict alone;
    bool is_answer;
} endings[] = {
    {STAGE_NONE, ERR_NONE, 200, RF_VERDICT_OK, false},
    {STAGE_HEAD, ERR_HTTP_STATUS, 404, RF_VERDICT_DEAD, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 500, RF_VERDICT_DEAD, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 401, RF_VERDICT_BLOCKED, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 403, RF_VERDICT_BLOCKED, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 407, RF_VERDICT_BLOCKED, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 429, RF_VERDICT_BLOCKED, true},
    {STAGE_HEAD, ERR_HTTP_STATUS, 451, RF_VERDICT_BLOCKED, true},
    {STAGE_EXPECT, ERR_EXPECTATION, 200, RF_VERDICT_DEAD, true},
    {STAGE_EXPECT, ERR_EXPECTATION, 403, RF_VERDICT_DEAD, true},
    {STAGE_CONNECT, ERR_REFUSED, 0, RF_VERDICT_DEAD, true},
    {STAGE_CONNECT, ERR_TIMED_OUT, 0, RF_VERDICT_DEAD, false},
    {STAGE_CONNECT, ERR_UNREACHABLE, 0, RF_VERDICT_DEAD, false},
    {STAGE_HEAD, ERR_STALLED, 0, RF_VERDICT_DEAD, false},
    {STAGE_HEAD, ERR_RESET, 0, RF_VERDICT_DEAD, true},
    {STAGE_RESOLVE, ERR_NO_SUCH_HOST, 0, RF_VERDICT_DEAD, true},
    {STAGE_RESOLVE, ERR_RESOLVER_TIMEOUT, 0, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_CONNECT, ERR_NETWORK_DOWN, 0, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_CONNECT, ERR_PORTS, 0, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_LOCAL, ERR_DESCRIPTORS, 0, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_LOCAL, ERR_INTERRUPTED, 0, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_HEAD, ERR_TOO_MANY_REDIRECTS, 302, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_HEAD, ERR_REDIRECT_LOOP, 302, RF_VERDICT_DEAD, true},
    {STAGE_BODY, ERR_TOO_LARGE, 200, RF_VERDICT_INCONCLUSIVE, false},
    {STAGE_INPUT, ERR_BAD_URL, 0, RF_VERDICT_DEAD, false},
    {STAGE_INPUT, ERR_UNREADABLE, 0, RF_VERDICT_INCONCLUSIVE, false},
};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

static void test_every_first_and_last_end(void **state) {
    (void)state;
    for (unsigned i = 0; i < ENDINGS; i++) {
        const struct ending *last = &endings[i];
        struct job job = {.err = err_make(last->stage, last->kind, 0),
                          .status = (uint16_t)last->status};
        assert_int_equal(check_verdict(&job), last->alone);
        if (last->stage != STAGE_INPUT)
            assert_int_equal(check_is_answer(job.err), last->is_answer);
        for (unsigned j = 1; j < ENDINGS; j++) {
            const struct ending *first = &endings[j];
            struct job_extra extra = {.passes = 1,
                                      .first_err = err_make(first->stage, first->kind, 0),
                                      .was_answered = first->is_answer};
            job.extra = &extra;
            bool flaky = last->kind == ERR_NONE && first->is_answer;
            assert_int_equal(check_verdict(&job), flaky ? RF_VERDICT_FLAKY : last->alone);
        }
        job.extra = NULL;
        job.is_unconfirmed = true;
        assert_int_equal(check_verdict(&job), RF_VERDICT_INCONCLUSIVE);
        job.skipped = true;
        assert_int_equal(check_verdict(&job), RF_VERDICT_SKIPPED);
        job.is_cached = true;
        assert_int_equal(check_verdict(&job), RF_VERDICT_OK);
    }
}

/* ---- expectations of a job's own -------------------------------------------------------------- */

static void test_expectations_of_its_own(void **state) {
    struct job *job = make_job("http://a.test/");
    char why[200] = "";
    (void)state;
    assert_true(job_set_expect(&pool, job, span_text("status = 200\nbody contains x"), why, 200));
    assert_int_equal(expect_needs(job->extra->expect), EXPECT_STATUS | EXPECT_BODY);
    job_release(&pool, job);
    job = make_job("http://a.test/");
    assert_false(job_set_expect(&pool, job, span_text("status = 200\nstatus is"), why, 200));
    assert_true(why[0] && !job->extra->expect);
    job_release(&pool, job);
    /* {"expect": [""]} */
    job = make_job("http://a.test/");
    assert_false(job_set_expect(&pool, job, span_of(NULL, 0), why, sizeof why));
    assert_null(job->extra->expect);
    job_release(&pool, job);
}

/* ---- twins ----------------------------------------------------------------------------------------- */

static const char *const sans[] = {"a.test", "www.a.test"};

/* The first ends with a result whose texts don't outlive this. */
static void end_first(struct uniques *all, struct job *first, struct link *waiting) {
    char subject[] = "CN=a.test", detail[] = "status is 404", hop[] = "http://b.test/", tag[] = "T";
    char title[] = "A title", final_url[] = "http://c.test/", fingerprint[] = "00ff";
    struct rf_tls_facts tls = {.version = "TLSv1.3",
                               .has_cert = true,
                               .subject = subject,
                               .sans = sans,
                               .san_count = 2,
                               .fingerprint = fingerprint};
    struct rf_redirect redirects[2] = {{301, hop}, {302, "http://b.test/2"}};
    struct rf_result result = {.n = 7,
                               .line = 1,
                               .url = "http://a.test/#x",
                               .tag = tag,
                               .status = 404,
                               .error = {STAGE_HEAD, ERR_HTTP_STATUS, 404},
                               .detail = detail,
                               .title = title,
                               .final_url = final_url,
                               .redirects = redirects,
                               .redirect_count = 2,
                               .tls = &tls,
                               .source = "list",
                               .verdict = RF_VERDICT_DEAD,
                               .passes = 1};
    unique_ended(all, first, &result, waiting);
    memset(subject, '?', 4), memset(detail, '?', 4), memset(hop, '?', 4), memset(title, '?', 4);
    memset(final_url, '?', 4), memset(fingerprint, '?', 4);
    memset(&tls, 0, sizeof tls), memset(redirects, 0, sizeof redirects);
}

static void assert_copied(const struct rf_result *copy) {
    assert_int_equal(copy->verdict, RF_VERDICT_DEAD);
    assert_string_equal(copy->detail, "status is 404");
    assert_string_equal(copy->title, "A title");
    assert_string_equal(copy->final_url, "http://c.test/");
    assert_int_equal(copy->redirect_count, 2);
    assert_int_equal(copy->redirects[0].status, 301);
    assert_string_equal(copy->redirects[0].url, "http://b.test/");
    assert_string_equal(copy->redirects[1].url, "http://b.test/2");
    assert_string_equal(copy->tls->subject, "CN=a.test");
    assert_string_equal(copy->tls->sans[1], "www.a.test");
    assert_string_equal(copy->tls->fingerprint, "00ff");
    assert_string_equal(copy->tls->version, "TLSv1.3");
}

static void test_results_of_twins_are_copies(void **state) {
    struct uniques *all = uniques_open();
    struct job *first = make_job("http://a.test/#x"), *waits = make_job("http://a.test/#x");
    struct job *late = make_job("http://a.test/#x"), *other = make_job("http://a.test/#y");
    struct link waiting;
    (void)state;
    assert_int_equal(unique_add(all, first), UNIQUE_ASK);
    assert_int_equal(unique_add(all, waits), UNIQUE_WAITS);
    assert_int_equal(unique_add(all, other), UNIQUE_ASK);
    assert_true(waits->is_twin && waits->decided && !first->is_twin && !first->decided);
    end_first(all, first, &waiting);
    assert_ptr_equal(list_first(&waiting), &waits->link);
    list_remove(&waits->link);
    assert_true(list_is_empty(&waiting));
    assert_int_equal(unique_add(all, late), UNIQUE_KNOWN);
    late->line = 9;
    late->column = 3;
    late->source = "page";
    struct rf_result copy;
    unique_result(late, &copy);
    assert_int_equal(copy.line, 9);
    assert_int_equal(copy.column, 3);
    assert_string_equal(copy.source, "page");
    assert_null(copy.tag);
    assert_string_equal(copy.url, late->text);
    assert_copied(&copy);
    unique_outcome(late);
    assert_int_equal(late->err.kind, ERR_HTTP_STATUS);
    assert_false(late->skipped);
    unique_ended(all, other, &(struct rf_result){.url = "x"}, &waiting);
    assert_true(list_is_empty(&waiting));
    uniques_close(all);
    job_release(&pool, first), job_release(&pool, waits);
    job_release(&pool, late), job_release(&pool, other);
}

enum { REQUEST_KINDS = 14 };

static struct job *make_request(unsigned kind) {
    struct job *job = make_job(kind == 1 ? "http://a.test/b" : "http://a.test/");
    static const struct {
        const char *method, *field, *body;
    } specs[REQUEST_KINDS] = {
        [3] = {"GET", NULL, NULL},        [4] = {"PUT", NULL, NULL},
        [5] = {"GET", "Accept: a", NULL}, [6] = {"GET", "Accept: b", NULL},
        [7] = {"GET", "Accept:", NULL}, /* removed */
        [8] = {"GET", "Accept;", NULL}, /* empty */
        [9] = {"GET", NULL, ""},          [10] = {"GET", NULL, "body"},
    };
    char why[100];
    job->is_link = kind == 2;
    if (specs[kind].method)
        set_spec(job, specs[kind].method, specs[kind].field, specs[kind].body);
    if (kind == 11)
        assert_true(job_set_expect(&pool, job, span_text("status = 200"), why, sizeof why));
    if (kind == 12)
        job->size = 0;
    if (kind == 13)
        job_set_text(&pool, &job->sha256, span_text("00"));
    return job;
}

/* Whatever may make the answer another one makes the request another one. */
static void test_what_is_equal(void **state) {
    struct uniques *all = uniques_open();
    struct job *job[2 * REQUEST_KINDS];
    struct link waiting;
    (void)state;
    for (unsigned i = 0; i < 2 * REQUEST_KINDS; i++) {
        job[i] = make_request(i % REQUEST_KINDS);
        assert_int_equal(unique_add(all, job[i]), i < REQUEST_KINDS ? UNIQUE_ASK : UNIQUE_WAITS);
        if (i >= REQUEST_KINDS)
            assert_ptr_equal(job[i]->unique, job[i - REQUEST_KINDS]->unique);
    }
    for (unsigned i = 0; i < REQUEST_KINDS; i++) {
        unique_ended(all, job[i], &(struct rf_result){.url = "x"}, &waiting);
        assert_ptr_equal(list_pop_front(&waiting), &job[i + REQUEST_KINDS]->link);
    }
    uniques_close(all);
    for (unsigned i = 0; i < 2 * REQUEST_KINDS; i++)
        job_release(&pool, job[i]);
}

/* The table grows; who came first stays first. */
static void test_many_different_ones(void **state) {
    enum { MANY = 10000 };
    struct uniques *all = uniques_open();
    char text[64];
    struct link waiting;
    struct unique **first = calloc(MANY, sizeof *first);
    (void)state;
    for (unsigned i = 0; i < 2 * MANY; i++) {
        snprintf(text, sizeof text, "http://a.test/%u", i % MANY);
        struct job *job = make_job(text);
        assert_int_equal(unique_add(all, job), i < MANY ? UNIQUE_ASK : UNIQUE_KNOWN);
        if (i < MANY)
            unique_ended(all, job, &(struct rf_result){.url = text}, &waiting);
        else
            assert_ptr_equal(job->unique, first[i - MANY]);
        first[i % MANY] = job->unique;
        job_release(&pool, job);
    }
    free(first);
    uniques_close(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_first_and_last_end),    TEST(test_expectations_of_its_own),
        TEST(test_results_of_twins_are_copies), TEST(test_what_is_equal),
        TEST(test_many_different_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
