/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_judge.c: whether an answer is well: by its status, or as its entry's expectations say. Of a body no more is kept than they look at.
 * The worker's thread.
 */
#include <stdio.h>

#include "base/digest.h"
#include "document/document.h"
#include "load/load_private.h"

enum {
    SNIFF_BYTES = 65536,
    TITLE_BYTES = 512,
    TYPE_BYTES = 128,
    CHARSET_BYTES = 64,
    DAY_S = 86400
};

/* Until the answer is whole. */
struct load_evidence {
    struct bytes body; /* its beginning */
    struct digest *digest;
    char content_type[TYPE_BYTES];
};

static const struct plan_entry *entry_of(const struct load_conn *conn) {
    return &conn->worker->plan->entry[conn->request[conn->first].entry];
}

bool load_judge_looks_on(const struct plan_entry *entry) {
    return entry->expect_needs &
           (EXPECT_END | EXPECT_BODY | EXPECT_TITLE | EXPECT_WHOLE | EXPECT_SHA256);
}

/* The sentence is kept for the report if it is the first. */
static void refuse(struct load_conn *conn, const char *why) {
    struct load_facts *facts = &conn->worker->facts[conn->lane->side];
    conn->verdict = ERR_EXPECTATION;
    if (!facts->first_error[0] && conn->worker->active && !conn->worker->dropped)
        snprintf(facts->first_error, sizeof facts->first_error, "%s", why);
}

/* ---- the head ------------------------------------------------------------------------------------- */

static struct span without_parameters(struct span type) {
    size_t len = 0;
    while (len < type.len && type.at[len] != ';')
        len++;
    while (len && (type.at[len - 1] == ' ' || type.at[len - 1] == '\t'))
        len--;
    return span_of(type.at, len);
}

static struct span content_type(const struct response_head *head) {
    const struct http_field *field = response_field(head, "content-type");
    return field ? field->value : (struct span){0};
}

static bool fields_are_well(const struct plan_entry *entry, const struct response_head *head,
                            char *why) {
    struct expect_field fields[HEAD_FIELDS_MAX];
    for (unsigned i = 0; i < head->field_count; i++)
        fields[i] = (struct expect_field){head->field[i].name, head->field[i].value};
    const struct expect_facts facts = {.status = head->status,
                                       .fields = fields,
                                       .field_count = head->field_count,
                                       .content_type = without_parameters(content_type(head))};
    return expect_fields(entry->expect, &facts, why, WHY_BYTES);
}

static void begin_evidence(struct load_conn *conn, const struct response_head *head) {
    struct load_evidence *evidence = pool_acquire_zeroed(conn->worker->pool, sizeof *evidence);
    struct span type = content_type(head);
    size_t len = type.len < TYPE_BYTES ? type.len : TYPE_BYTES - 1;
    if (len)
        memcpy(evidence->content_type, type.at, len);
    if (entry_of(conn)->expect_needs & EXPECT_SHA256)
        evidence->digest = digest_open();
    conn->evidence = evidence;
}

void load_judge_head(struct load_conn *conn, const struct response_head *head) {
    const struct plan_entry *entry = entry_of(conn);
    const struct expect_facts facts = {.status = head->status};
    char why[WHY_BYTES] = "";
    conn->verdict = ERR_NONE;
    if (entry->expect_needs & EXPECT_STATUS) {
        if (!expect_status(entry->expect, &facts, why, sizeof why))
            refuse(conn, why);
    } else if (head->status >= 400) {
        conn->verdict = ERR_HTTP_STATUS;
    }
    if (!conn->verdict && (entry->expect_needs & EXPECT_FIELDS) &&
        !fields_are_well(entry, head, why))
        refuse(conn, why);
    if (!conn->verdict && load_judge_looks_on(entry))
        begin_evidence(conn, head);
}

/* ---- the body --------------------------------------------------------------------------------------- */

void load_judge_body(struct load_conn *conn, struct span data) {
    struct load_evidence *evidence = conn->evidence;
    unsigned needs = entry_of(conn)->expect_needs;
    if (evidence->digest)
        digest_feed(evidence->digest, data.at, data.len);
    if (!(needs & (EXPECT_BODY | EXPECT_TITLE)))
        return;
    size_t room = SNIFF_BYTES - evidence->body.len;
    bytes_add(&evidence->body, conn->worker->pool,
              span_of(data.at, data.len < room ? data.len : room));
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static const char *title_of(const struct load_evidence *evidence, char *title) {
    char charset[CHARSET_BYTES];
    struct span type = span_text(evidence->content_type);
    struct span plain = without_parameters(type);
    title[0] = 0;
    if (plain.len && !span_is_nocase(plain, "text/html") &&
        !span_is_nocase(plain, "application/xhtml+xml"))
        return NULL;
    bool known = document_charset(type, charset, sizeof charset);
    document_title(bytes_span(&evidence->body), known ? charset : NULL, title, TITLE_BYTES);
    return title[0] ? title : NULL;
}

static int days_left(const struct tls_cert *cert) {
    int64_t left_s = cert->not_after - clock_wall_us() / 1000000;
    return (int)(left_s / DAY_S - (left_s % DAY_S < 0));
}

static bool end_is_well(struct load_conn *conn, const struct expect_facts *known, char *why) {
    struct expect_facts facts = *known;
    struct tls_facts tls = {0};
    if (conn->tls)
        tls = tls_stream_facts(conn->tls);
    facts.has_cert = tls.cert;
    facts.cert_days = tls.cert ? days_left(tls.cert) : 0;
    bool is_well = expect_end(entry_of(conn)->expect, &facts, why, WHY_BYTES);
    tls_facts_drop(&tls);
    return is_well;
}

void load_judge_end(struct load_conn *conn) {
    const struct load_request *request = load_request_of(conn);
    const struct load_evidence *evidence = conn->evidence;
    const struct plan_entry *entry = entry_of(conn);
    uint64_t now = ring_now(conn->worker->ring);
    char title[TITLE_BYTES], hex[DIGEST_HEX_BYTES], why[WHY_BYTES] = "";
    const struct expect_facts facts = {
        .status = conn->status,
        .content_type = without_parameters(span_text(evidence->content_type)),
        .body = bytes_span(&evidence->body),
        .title = entry->expect_needs & EXPECT_TITLE ? title_of(evidence, title) : NULL,
        .total_ms = (double)(now - (request->due_ns ? request->due_ns : request->sent_ns)) / 1e6,
        .wait_ms = (double)(conn->first_byte_ns - request->sent_ns) / 1e6,
        .final_host = url_host(&entry->url),
        .final_url = span_of(entry->url.href, entry->url.href_len),
        .body_bytes = conn->body_bytes,
        .sha256 = evidence->digest ? digest_hex(evidence->digest, hex) : NULL,
    };
    if (!end_is_well(conn, &facts, why))
        refuse(conn, why);
    load_judge_drop(conn);
}

void load_judge_drop(struct load_conn *conn) {
    struct load_evidence *evidence = conn->evidence;
    if (!evidence)
        return;
    bytes_release(&evidence->body, conn->worker->pool);
    digest_close(evidence->digest);
    pool_release(conn->worker->pool, evidence, sizeof *evidence);
    conn->evidence = NULL;
}
