/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * confirm_test.c: failures that are written down and come back as jobs of the next pass, with all that they were; and a file that can't be
 * written. No worker runs; the jobs are made by hand.
 */
#include "check_jobs.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- failures, kept ------------------------------------------------------------------------------------- */

static struct rf_engine *open_engine(unsigned confirms) {
    struct rf_engine *engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->settings.check = true;
    engine->settings.confirms = confirms;
    engine->field_count = run_spec.field_count;
    engine->confirm = confirm_open();
    return engine;
}

static void close_engine(struct rf_engine *engine) {
    assert_int_equal(confirm_waiting(engine->confirm), 0);
    confirm_close(engine->confirm);
    free(engine);
}

/* Fails the job and has it kept; what comes back. */
static struct job *round_trip(struct rf_engine *engine, struct job *job, struct err err) {
    struct feeding feeding = {&pool, &run_spec, href};
    job->err = err;
    assert_true(confirm_keep(engine, job));
    assert_int_equal(confirm_waiting(engine->confirm), 1);
    struct err first = job->extra && job->extra->passes ? job->extra->first_err : err;
    assert_int_equal(confirm_waiting_of(engine->confirm, (enum err_kind)first.kind), 1);
    job_release(&pool, job);
    struct confirm_pass *pass = confirm_begin(engine->confirm, false);
    assert_non_null(pass);
    struct job *again = confirm_next(pass, &feeding);
    assert_non_null(again);
    assert_null(confirm_next(pass, &feeding));
    confirm_end(pass);
    assert_null(confirm_begin(engine->confirm, false));
    return again;
}

static const struct err refused = {STAGE_CONNECT, ERR_REFUSED, 111};

static void assert_same_field(const struct http_field *field, const char *name, const char *value) {
    assert_true(span_is(field->name, name));
    if (value)
        assert_true(field->value.at && span_is(field->value, value));
    else
        assert_null(field->value.at);
}

static void test_a_failure_comes_back_whole(void **state) {
    struct rf_engine *engine = open_engine(2);
    struct job *job = make_job("a.test/b c?d#e");
    static const char *const lines[] = {"X-A: one, two", "Accept:", "X-Empty;", "X-B: :;"};
    struct span headers[4];
    char why[100];
    struct unique *unique = (struct unique *)(void *)&depot;
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        headers[i] = span_text(lines[i]);
    job_set_spec(&pool, job, &run_spec, "PATCH", headers, 4, span_of("a\0b", 3));
    job->line = 12;
    job->column = 34;
    job->size = 0;
    job->source = "list.txt";
    job->is_link = true;
    job->unique = unique;
    job->status = 0;
    job_set_text(&pool, &job->tag, span_text("a tag"));
    job_set_text(&pool, &job->name, span_text("name"));
    job_set_text(&pool, &job->sha256, span_text("00ff"));
    assert_true(job_set_expect(&pool, job, span_text("status = 200\ntitle ~ x"), why, 100));
    job->exchange.address.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {0x0100007f}};
    struct job *again = round_trip(engine, job, refused);
    assert_int_equal(again->n, 7);
    assert_int_equal(again->line, 12);
    assert_int_equal(again->column, 34);
    assert_int_equal(again->size, 0);
    assert_string_equal(again->source, "list.txt");
    assert_true(again->is_link && again->unique == unique && !again->decided);
    assert_string_equal(again->text, "a.test/b c?d#e");
    assert_string_equal(again->url.href, "http://a.test/b%20c?d#e");
    assert_string_equal(again->tag, "a tag");
    assert_string_equal(again->name, "name");
    assert_string_equal(again->sha256, "00ff");
    assert_string_equal(again->extra->expect_text, "status = 200\ntitle ~ x");
    assert_int_equal(expect_needs(again->extra->expect), EXPECT_STATUS | EXPECT_TITLE);
    assert_string_equal(again->own_spec->method, "PATCH");
    assert_int_equal(again->own_spec->field_count, 5);
    assert_same_field(&again->own_spec->fields[0], "X-Run", "1");
    assert_same_field(&again->own_spec->fields[1], "X-A", "one, two");
    assert_same_field(&again->own_spec->fields[2], "Accept", NULL);
    assert_same_field(&again->own_spec->fields[3], "X-Empty", "");
    assert_same_field(&again->own_spec->fields[4], "X-B", ":;");
    assert_int_equal(again->own_spec->body->count, 3);
    assert_memory_equal(again->own_spec->body->at, "a\0b", 3);
    assert_int_equal(again->extra->passes, 1);
    assert_int_equal(again->extra->first_err.kind, ERR_REFUSED);
    assert_true(again->extra->was_answered && again->extra->has_avoid);
    assert_int_equal(again->extra->avoid.v4.sin_addr.s_addr, 0x0100007f);
    assert_int_equal(again->err.kind, ERR_NONE);
    /* Once more: the first end stays the first, and there are no more passes after it. */
    again = round_trip(engine, again, err_make(STAGE_HEAD, ERR_STALLED, 0));
    assert_int_equal(again->extra->passes, 2);
    assert_true(again->extra->was_answered);
    assert_int_equal(again->extra->first_err.kind, ERR_REFUSED);
    assert_string_equal(again->tag, "a tag");
    again->err = refused;
    assert_false(confirm_keep(engine, again));
    job_release(&pool, again);
    close_engine(engine);
}

/* No more than a URL; and one whose text ends before the URL does. */
static void test_a_failure_with_little(void **state) {
    struct rf_engine *engine = open_engine(1);
    (void)state;
    struct job *again = round_trip(engine, make_job("http://a.test/"), refused);
    assert_null(again->own_spec);
    assert_null(again->tag);
    assert_null(again->extra->expect);
    assert_false(again->extra->has_avoid);
    assert_int_equal(again->size, -1);
    assert_ptr_equal(again->text, again->url.href);
    job_release(&pool, again);
    again = round_trip(engine, make_job_of(span_of("http://a.test/b\0c", 17)), refused);
    assert_string_equal(again->url.href, "http://a.test/b%00c");
    assert_string_equal(again->text, "http://a.test/b");
    job_release(&pool, again);
    again = make_job("http://a.test/");
    set_spec(again, NULL, NULL, "");
    again = round_trip(engine, again, refused);
    assert_string_equal(again->own_spec->method, "POST");
    assert_int_equal(again->own_spec->body->count, 0);
    job_release(&pool, again);
    close_engine(engine);
}

/* Silence first, then a refusal, then well: two of them are answers, and they differ. */
static void test_a_late_answer_counts(void **state) {
    struct rf_engine *engine = open_engine(2);
    struct job *job = make_job("http://a.test/");
    (void)state;
    job = round_trip(engine, job, err_make(STAGE_CONNECT, ERR_TIMED_OUT, 0));
    assert_int_equal(check_verdict(job), RF_VERDICT_OK);
    job = round_trip(engine, job, refused);
    assert_int_equal(job->extra->first_err.kind, ERR_TIMED_OUT);
    assert_int_equal(check_verdict(job), RF_VERDICT_FLAKY);
    job_release(&pool, job);
    close_engine(engine);
}

static void test_given_up(void **state) {
    struct rf_engine *engine = open_engine(1);
    struct job *job = make_job("http://a.test/");
    (void)state;
    job->status = 404;
    job = round_trip(engine, job, err_make(STAGE_HEAD, ERR_HTTP_STATUS, 404));
    confirm_give_up(job);
    assert_true(job->decided && job->is_unconfirmed);
    assert_int_equal(job->status, 404);
    assert_int_equal(job->extra->passes, 0);
    assert_int_equal(check_verdict(job), RF_VERDICT_INCONCLUSIVE);
    assert_false(confirm_keep(engine, job));
    job_release(&pool, job);
    close_engine(engine);
}

static void test_what_is_not_asked_again(void **state) {
    static const struct err errs[] = {{STAGE_INPUT, ERR_BAD_URL, 0},
                                      {STAGE_OUTPUT, ERR_DISK_FULL, 0},
                                      {STAGE_LOCAL, ERR_INTERRUPTED, 0},
                                      {STAGE_LOCAL, ERR_CANCELLED, 0}};
    struct rf_engine *engine = open_engine(3);
    struct job *job = make_job("http://a.test/");
    (void)state;
    for (unsigned i = 0; i < sizeof errs / sizeof *errs; i++) {
        job->err = errs[i];
        assert_false(confirm_keep(engine, job));
    }
    job->err = refused;
    job->is_plain = true;
    assert_false(confirm_keep(engine, job));
    job->is_plain = false;
    atomic_store(&engine->stop, RF_INTERRUPTED);
    assert_false(confirm_keep(engine, job));
    assert_true(job->is_unconfirmed);
    job_release(&pool, job);
    close_engine(engine);
}

/* No room for the whole of it: the first verdict stands, and what was kept before and after is not harmed. */
static void test_a_full_disk(void **state) {
    enum { BODY = 3000, ROOM = 5000 };
    struct rf_engine *engine = open_engine(1);
    struct rlimit before, small = {ROOM, RLIM_INFINITY};
    struct feeding feeding = {&pool, &run_spec, href};
    char body[BODY + 1];
    (void)state;
    memset(body, 'b', BODY);
    body[BODY] = 0;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    struct job *job[3] = {make_job("http://a.test/1"), make_job("http://a.test/2"),
                          make_job("http://a.test/3")};
    set_spec(job[0], NULL, NULL, body);
    set_spec(job[1], NULL, NULL, body);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < 3; i++) {
        job[i]->err = refused;
        assert_int_equal(confirm_keep(engine, job[i]), i != 1);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(job[1]->is_unconfirmed);
    assert_int_equal(check_verdict(job[1]), RF_VERDICT_DEAD);
    struct confirm_pass *pass = confirm_begin(engine->confirm, false);
    for (unsigned i = 0; i < 3; i += 2) {
        struct job *again = confirm_next(pass, &feeding);
        assert_string_equal(again->text, job[i]->text);
        job_release(&pool, again);
    }
    assert_null(confirm_next(pass, &feeding));
    confirm_end(pass);
    for (unsigned i = 0; i < 3; i++)
        job_release(&pool, job[i]);
    close_engine(engine);
}

/* TMPDIR names no folder: another place is found. */
static void test_no_temporary_folder(void **state) {
    struct rf_engine *engine = open_engine(1);
    (void)state;
    const char *old = getenv("TMPDIR");
    char *before = old ? strdup(old) : NULL;
    setenv("TMPDIR", "/nonexistent/folder", 1);
    struct job *again = round_trip(engine, make_job("http://a.test/"), refused);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
    job_release(&pool, again);
    close_engine(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_failure_comes_back_whole), TEST(test_a_failure_with_little),
        TEST(test_a_late_answer_counts),       TEST(test_given_up),
        TEST(test_what_is_not_asked_again),    TEST(test_a_full_disk),
        TEST(test_no_temporary_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
