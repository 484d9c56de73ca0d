/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * response_fuzz.c: whatever a server sends and however it is cut: the parsers stay inside their input, and parts give the
 * same result as the whole. Input: a byte whose lowest bit says that the method was HEAD, a byte with the size of the
 * parts, then what the server sent. Build with clang -fsanitize=fuzzer,address,undefined and the sources of engine/http
 * that response.h speaks for; start from corpus/response.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "http/request.h"
#include "http/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

/* What came out, in terms that don't depend on where the bytes lay. */
struct outcome {
    enum step head, framed, body;
    struct err err;
    size_t head_bytes;
    uint64_t fields; /* a digest of status line and fields */
    struct response_framing framing;
    size_t body_taken, data_len;
    uint64_t data;
    enum step end;
};

static uint64_t digest(uint64_t hash, struct span span) {
    for (size_t i = 0; i < span.len; i++)
        hash = (hash ^ span.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void check_inside(struct span part, struct span whole) {
    CHECK(part.at >= whole.at && part.at <= whole.at + whole.len);
    CHECK(part.len <= (size_t)(whole.at + whole.len - part.at));
}

/* A heap block of exactly these bytes, so that the sanitizer sees a byte too many being read. */
static struct span copy_of(struct span bytes) {
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    CHECK(copy);
    if (bytes.len)
        memcpy(copy, bytes.at, bytes.len);
    return span_of(bytes.len ? copy : copy + 1, bytes.len);
}

static void copy_free(struct span copy) {
    free((uint8_t *)(uintptr_t)copy.at - (copy.len ? 0 : 1));
}

static uint64_t head_digest(const struct response_head *head, struct span bytes) {
    uint64_t hash = digest(head->status + 1000u * head->minor, head->reason);
    check_inside(head->reason, bytes);
    CHECK(head->status >= 100 && head->status <= 999 && head->field_count <= HEAD_FIELDS_MAX);
    for (unsigned i = 0; i < head->field_count; i++) {
        check_inside(head->field[i].name, bytes);
        check_inside(head->field[i].value, bytes);
        CHECK(head->field[i].name.len);
        for (size_t k = 0; k < head->field[i].value.len; k++)
            CHECK(!memchr("\r\n", head->field[i].value.at[k], 3));
        hash = digest(digest(hash * 31 + 1, head->field[i].name) * 31 + 2, head->field[i].value);
    }
    return hash;
}

static void read_head(struct outcome *out, struct span input, size_t part, bool head_method) {
    static struct response_head head;
    size_t seen = 0;
    for (size_t now = part < input.len ? part : input.len;;
         now = input.len - now > part ? now + part : input.len) {
        struct span bytes = copy_of(span_of(input.at, now));
        out->head = response_head_parse(&head, bytes, seen, &out->head_bytes, &out->err);
        if (out->head == STEP_DONE) {
            CHECK(out->head_bytes <= now && out->head_bytes <= HEAD_BYTES_MAX);
            out->fields = head_digest(&head, span_of(bytes.at, out->head_bytes));
            out->framed = response_framing(&out->framing, &head, head_method, &out->err);
            const struct http_field *wait = response_field(&head, "retry-after");
            if (wait)
                CHECK(retry_after_ms(wait->value, 1000000000) >= -1);
        }
        copy_free(bytes);
        seen = now;
        if (out->head != STEP_MORE || now == input.len)
            return;
    }
}

static void read_body(struct outcome *out, struct span input, size_t part) {
    struct body_reader reader;
    body_begin(&reader, &out->framing);
    out->body = STEP_MORE;
    while (out->body == STEP_MORE && input.len) {
        struct span bytes = copy_of(span_of(input.at, part < input.len ? part : input.len));
        struct span rest = bytes, data;
        while (out->body == STEP_MORE && rest.len) {
            size_t before = rest.len;
            out->body = body_feed(&reader, &rest, &data, &out->err);
            CHECK(rest.len < before || out->body != STEP_MORE);
            check_inside(data, bytes);
            check_inside(rest, bytes);
            out->data = digest(out->data, data);
            out->data_len += data.len;
        }
        input = span_skip(input, bytes.len - rest.len);
        out->body_taken += bytes.len - rest.len;
        copy_free(bytes);
    }
    if (out->body == STEP_MORE)
        out->end = body_end(&reader, &out->err);
}

static struct outcome outcome_of(struct span input, size_t part, bool head_method) {
    struct outcome out;
    memset(&out, 0, sizeof out);
    read_head(&out, input, part, head_method);
    if (out.head == STEP_DONE && out.framed == STEP_DONE)
        read_body(&out, span_skip(input, out.head_bytes), part);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    if (len < 2)
        return 0;
    struct span sent = span_of(input + 2, len - 2);
    size_t part = 1 + (size_t)input[1];
    struct outcome whole = outcome_of(sent, SIZE_MAX, input[0] & 1);
    struct outcome cut = outcome_of(sent, part, input[0] & 1);
    CHECK(whole.head == cut.head && whole.framed == cut.framed && whole.body == cut.body);
    CHECK(whole.err.stage == cut.err.stage && whole.err.kind == cut.err.kind);
    CHECK(whole.head_bytes == cut.head_bytes && whole.fields == cut.fields);
    CHECK(whole.framing.framing == cut.framing.framing);
    CHECK(whole.framing.keep_alive == cut.framing.keep_alive);
    CHECK(whole.framing.length == cut.framing.length);
    CHECK(whole.body_taken == cut.body_taken && whole.data_len == cut.data_len);
    CHECK(whole.data == cut.data && whole.end == cut.end);
    return 0;
}
