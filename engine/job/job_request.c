/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * job_request.c: a job's request head. Credentials and fields that may hold secrets go to the origin that the user named and
 * to no other, however a redirect leads.
 */
#include <stdio.h>

#include "job/sched.h"

enum { AUTHORIZATION_BYTES_MAX = 2048, USER_BYTES_MAX = 1024 };

/* "name:password" from the URL, percent-decoded; false if it has none or too long a one. */
static bool url_user(const struct url *url, char *user) {
    if (!url->username_len && !url->password_len)
        return false;
    if (url->username_len + url->password_len + 2 > USER_BYTES_MAX)
        return false;
    size_t len = url_percent_decode(span_of(url->href + url->username, url->username_len), user);
    user[len++] = ':';
    len += url_percent_decode(span_of(url->href + url->password, url->password_len), user + len);
    user[len] = 0;
    return !memchr(user, 0, len);
}

/* The URL's own credentials go before the run's. Neither goes to another origin than the one first asked, not even if a
 * redirect brings credentials along: a server has no business choosing whom we log in to. */
static struct span authorization(const struct job *job, bool secrets_stay, char *memory) {
    char user[USER_BYTES_MAX];
    const char *credentials = NULL;
    if (url_user(&job->url, user))
        credentials = user;
    else if (!secrets_stay)
        credentials = job_spec_of(job)->user;
    size_t len = credentials ? request_basic(credentials, memory, AUTHORIZATION_BYTES_MAX) : 0;
    return span_of(memory, len);
}

static struct span range(const struct job *job, char *memory, size_t room) {
    int len = 0;
    if (job->resume_from)
        len = snprintf(memory, room, "bytes=%llu-", (unsigned long long)job->resume_from);
    else if (job_spec_of(job)->range)
        len = snprintf(memory, room, "bytes=%s", job_spec_of(job)->range);
    return span_of(memory, len > 0 && (size_t)len < room ? (size_t)len : 0);
}

size_t job_write_head(struct exchange *exchange, char *memory, size_t room) {
    const struct job *job = CONTAINER_OF(exchange, struct job, exchange);
    const struct job_spec *spec = job_spec_of(job);
    char basic[AUTHORIZATION_BYTES_MAX], range_text[256];
    bool secrets_stay = job->redirects && !url_same_origin(job_first(job), &job->url);
    struct request_head head = {
        .method = job->method,
        .url = &job->url,
        .extra = spec->fields,
        .extra_count = spec->field_count,
        .user_agent = spec->user_agent,
        .referer = spec->referer,
        .authorization = authorization(job, secrets_stay, basic),
        .range = range(job, range_text, sizeof range_text),
        .body_bytes = job->body ? (int64_t)job->body->count : -1,
        .content_type = job->body ? "application/x-www-form-urlencoded" : NULL,
        .secrets_stay = secrets_stay,
    };
    if (job->resume_from && job->validator)
        head.if_range = span_text(job->validator);
    return request_write(&head, memory, room);
}
