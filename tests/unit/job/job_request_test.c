/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_request_test.c: the request that a job writes: what of the user's goes to which origin, and the memory of
 * a job with wishes of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "job/sched.h"

static struct pool_depot depot;
static struct pool memory;
static struct sched sched;
static struct job_spec run;
static char head[4096];

static struct http_field run_fields[2];

static int set_up(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&memory, &depot);
    run_fields[0] = (struct http_field){span_text("X-Api-Key"), span_text("k3y")};
    run_fields[1] = (struct http_field){span_text("X-Plain"), span_text("plain")};
    run = (struct job_spec){.fields = run_fields, .field_count = 2, .user_agent = "agent"};
    sched.spec = &run;
    sched.pool = &memory;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(memory.live_bytes, 0);
    pool_depot_deinit(&depot);
    return 0;
}

static struct url parsed(const char *text) {
    static char href[512];
    struct url url;
    assert_int_equal(url_parse(&url, span_text(text), NULL, href, sizeof href), URL_OK);
    return url;
}

static struct job *new_job(const char *text) {
    struct url url = parsed(text);
    struct job *job = job_new(&memory, span_text(text), &url, ERR_OK);
    job->sched = &sched;
    job->method = "GET";
    return job;
}

/* As if the first URL had answered with a redirect. */
static void redirect_to(struct job *job, const char *text) {
    struct job_redirect *redirect = pool_acquire(&memory, sizeof *redirect + job->url.href_len + 1);
    *redirect =
        (struct job_redirect){.next = job->redirects, .status = 302, .url_len = job->url.href_len};
    memcpy(redirect->url, job->url.href, job->url.href_len + 1);
    job->redirects = redirect;
    job->redirect_count++;
    struct url url = parsed(text);
    if (!job->first) {
        job->first = pool_acquire(&memory, sizeof *job->first);
        *job->first = job->url;
    } else {
        pool_release_text(&memory, (char *)(uintptr_t)job->url.href);
    }
    job->url = url_copy(&url, pool_acquire(&memory, url.href_len + 1));
}

static const char *written(struct job *job) {
    size_t len = job_write_head(&job->exchange, head, sizeof head - 1);
    assert_true(len < sizeof head);
    head[len] = 0;
    /* The length is the same when there is no room, and nothing is written then. */
    assert_int_equal(job_write_head(&job->exchange, NULL, 0), len);
    return head;
}

#define HAS(text) assert_non_null(strstr(head, text))
#define HAS_NOT(text) assert_null(strstr(head, text))

static void test_everything_goes_to_the_first_origin(void **state) {
    (void)state;
    run.user = "name:word";
    run.referer = "http://from/";
    run.range = "0-9";
    struct job *job = new_job("http://a.test/x?y#z");
    written(job);
    HAS("GET /x?y HTTP/1.1\r\nHost: a.test\r\n");
    HAS("\r\nUser-Agent: agent\r\n");
    HAS("\r\nAuthorization: Basic bmFtZTp3b3Jk\r\n");
    HAS("\r\nReferer: http://from/\r\n");
    HAS("\r\nRange: bytes=0-9\r\n");
    HAS("\r\nX-Api-Key: k3y\r\n");
    HAS("\r\nX-Plain: plain\r\n");
    job_release(&memory, job);
}

static void test_no_secret_leaves_the_origin(void **state) {
    static const char *const elsewhere[] = {"http://b.test/", "http://a.test:81/",
                                            "http://sub.a.test/", "https://a.test:80/"};
    (void)state;
    run.user = "name:word";
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct job *job = new_job("http://a.test/");
        redirect_to(job, elsewhere[i]);
        written(job);
        HAS_NOT("Authorization");
        HAS_NOT("k3y");
        HAS("\r\nX-Plain: plain\r\n");
        HAS_NOT("word");
        /* And when it leads back, the user's own origin is asked as before. */
        redirect_to(job, "http://a.test/again");
        written(job);
        HAS("\r\nAuthorization: Basic bmFtZTp3b3Jk\r\n");
        HAS("k3y");
        job_release(&memory, job);
    }
}

static void test_credentials_in_the_url(void **state) {
    (void)state;
    run.user = "name:word";
    struct job *job = new_job("http://u%20ser:pa%3Ass@a.test/");
    written(job);
    HAS("\r\nAuthorization: Basic dSBzZXI6cGE6c3M=\r\n"); /* "u ser:pa:ss" */
    HAS("Host: a.test\r\n");
    redirect_to(job, "http://b.test/");
    written(job);
    HAS_NOT("Authorization");
    job_release(&memory, job);
    /* What can't be a user's name is not sent cut short. */
    job = new_job("http://u%00ser:word@a.test/");
    run.user = NULL;
    written(job);
    HAS_NOT("Authorization");
    job_release(&memory, job);
}

static void test_the_rest_of_a_file(void **state) {
    (void)state;
    struct job *job = new_job("http://a.test/");
    run.range = "0-9";
    job->resume_from = 1234;
    job->validator = "\"tag\"";
    written(job);
    HAS("\r\nRange: bytes=1234-\r\n");
    HAS("\r\nIf-Range: \"tag\"\r\n");
    HAS_NOT("0-9");
    job_release(&memory, job);
}

static void test_wishes_of_its_own(void **state) {
    (void)state;
    struct job *job = new_job("http://a.test/");
    char mine[] = "X-Mine:  own ", body[] = "a=b", method[] = "PATCH";
    struct span headers[] = {span_text("X-Plain: other"), span_text(mine)};
    run.body = body_new(&memory, "run", 3);
    job_set_spec(&memory, job, &run, method, headers, 2, span_text(body));
    memset(mine, '!', sizeof mine - 1); /* all of it was copied */
    memset(body, '!', sizeof body - 1);
    memset(method, '!', sizeof method - 1);
    const struct job_spec *spec = job->own_spec;
    assert_string_equal(spec->method, "PATCH");
    assert_int_equal(spec->field_count, 4);
    assert_int_equal(spec->body->count, 3);
    assert_memory_equal(spec->body->at, "a=b", 3);
    job->method = spec->method;
    job->body = spec->body;
    written(job);
    HAS("PATCH / HTTP/1.1\r\n");
    HAS("\r\nX-Api-Key: k3y\r\n");
    HAS("\r\nX-Mine: own");
    HAS("\r\nContent-Length: 3\r\n");
    assert_int_equal(run.body->references, 1);
    job_release(&memory, job);
    body_drop(&memory, run.body);
}

static void test_all_forms_of_a_field(void **state) {
    (void)state;
    struct span headers[] = {span_text("X-Empty;"), span_text("User-Agent:"), span_text("X: y")};
    struct job *job = new_job("http://a.test/");
    job_set_spec(&memory, job, &run, NULL, headers, 3, (struct span){0});
    written(job);
    HAS("\r\nX-Empty:");
    HAS("\r\nX: y\r\n");
    HAS_NOT("X-Empty;");
    HAS_NOT("User-Agent");
    job_release(&memory, job);
}

static void test_what_a_spec_takes_from_the_run(void **state) {
    (void)state;
    struct span none = {0}, header = span_text("X-Mine: 1");
    run.body = body_new(&memory, "run", 3);
    struct job *job = new_job("http://a.test/");
    job_set_spec(&memory, job, &run, NULL, &header, 1, none);
    assert_ptr_not_equal(job->own_spec->body, run.body); /* counted by another thread, maybe */
    assert_int_equal(job->own_spec->body->count, 3);
    assert_null(job->own_spec->method);
    job_release(&memory, job);
    job = new_job("http://a.test/");
    job_set_spec(&memory, job, &run, NULL, NULL, 0, span_text("x"));
    assert_string_equal(job->own_spec->method, "POST");
    job_release(&memory, job);
    run.method = "PUT";
    job = new_job("http://a.test/");
    job_set_spec(&memory, job, &run, NULL, NULL, 0, span_of("", 0));
    assert_string_equal(job->own_spec->method, "PUT");
    assert_int_equal(job->own_spec->body->count, 0);
    job_release(&memory, job);
    body_drop(&memory, run.body);
}

static void test_a_job_gives_all_its_memory_back(void **state) {
    (void)state;
    struct job *job = new_job("http://a.test/");
    job_set_text(&memory, &job->name, span_text("name"));
    job_set_text(&memory, &job->name, span_text("another name, longer than the first"));
    job_set_text(&memory, &job->tag, span_text("tag"));
    job_set_text(&memory, &job->content_type, span_text("text/plain"));
    redirect_to(job, "http://b.test/");
    redirect_to(job, "http://c.test/");
    struct url next = parsed("http://d.test/");
    job->next_url = job_url_new(&memory, &next);
    job_release(&memory, job);
    job = job_new(&memory, span_text("no URL"), NULL, err_make(STAGE_INPUT, ERR_BAD_URL, 1));
    assert_null(job->url.href);
    job_release(&memory, job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_everything_goes_to_the_first_origin),
        TEST(test_no_secret_leaves_the_origin),
        TEST(test_credentials_in_the_url),
        TEST(test_the_rest_of_a_file),
        TEST(test_wishes_of_its_own),
        TEST(test_all_forms_of_a_field),
        TEST(test_what_a_spec_takes_from_the_run),
        TEST(test_a_job_gives_all_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
