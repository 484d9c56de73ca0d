/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_judge.c: whether an answer is well: by its status, or as its entry's expectations say. The worker's thread.
 */
#include "load/load_private.h"

static const struct plan_entry *entry_of(struct load_conn *conn) {
    return &conn->worker->plan->entry[load_request_of(conn)->entry];
}

void load_judge_head(struct load_conn *conn, const struct response_head *head) {
    const struct plan_entry *entry = entry_of(conn);
    conn->verdict = ERR_NONE;
    if (!(entry->expect_needs & EXPECT_STATUS) && head->status >= 400)
        conn->verdict = ERR_HTTP_STATUS;
}

void load_judge_body(struct load_conn *conn, struct span data) {
    (void)conn;
    (void)data;
}

void load_judge_end(struct load_conn *conn) {
    (void)conn;
}

void load_judge_drop(struct load_conn *conn) {
    (void)conn;
}
