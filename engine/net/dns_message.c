/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns_message.c: one checked cursor over the message. Compressed names are skipped, never followed,
 * so no loop of pointers can hold us; that records belong to the question's chain of CNAMEs is left
 * to the recursive server, whose word is all we have for the addresses anyway.
 */
#include "net/dns_message.h"

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_AAAA = 28, CLASS_IN = 1 };
enum { HEADER_BYTES = 12, QUESTION_TAIL_BYTES = 4, POINTER_BITS = 0xc0 };

struct record {
    uint16_t type, class;
    uint32_t ttl_s;
    struct span data;
};

static bool take(struct span *left, size_t count, struct span *taken) {
    if (left->len < count)
        return false;
    *taken = span_of(left->at, count);
    *left = span_skip(*left, count);
    return true;
}

static bool take_u16(struct span *left, uint16_t *value) {
    struct span bytes;
    if (!take(left, 2, &bytes))
        return false;
    *value = (uint16_t)(bytes.at[0] << 8 | bytes.at[1]);
    return true;
}

static bool take_u32(struct span *left, uint32_t *value) {
    uint16_t high, low;
    if (!take_u16(left, &high) || !take_u16(left, &low))
        return false;
    *value = (uint32_t)high << 16 | low;
    return true;
}

static bool skip_name(struct span *left) {
    struct span bytes;
    while (take(left, 1, &bytes)) {
        uint8_t len = bytes.at[0];
        if (len == 0)
            return true;
        if ((len & POINTER_BITS) == POINTER_BITS)
            return take(left, 1, &bytes);
        if (len & POINTER_BITS || !take(left, len, &bytes))
            return false;
    }
    return false;
}

static bool take_record(struct span *left, struct record *record) {
    uint16_t data_bytes;
    if (!skip_name(left) || !take_u16(left, &record->type) || !take_u16(left, &record->class) ||
        !take_u32(left, &record->ttl_s) || !take_u16(left, &data_bytes))
        return false;
    if (record->ttl_s > INT32_MAX) /* RFC 2181 section 8 */
        record->ttl_s = 0;
    return take(left, data_bytes, &record->data);
}

static void lower_ttl(struct dns_answer *answer, uint32_t ttl_s) {
    if (!answer->has_ttl || ttl_s < answer->ttl_s)
        answer->ttl_s = ttl_s;
    answer->has_ttl = true;
}

static bool take_answers(struct dns_answer *answer, struct span *left, unsigned count, int family) {
    const uint16_t wanted = family == AF_INET6 ? TYPE_AAAA : TYPE_A;
    const size_t address_bytes = family == AF_INET6 ? 16 : 4;
    struct record record;
    while (count--) {
        if (!take_record(left, &record))
            return false;
        if (record.class != CLASS_IN || (record.type != wanted && record.type != TYPE_CNAME))
            continue;
        lower_ttl(answer, record.ttl_s);
        if (record.type == TYPE_CNAME)
            continue;
        if (record.data.len != address_bytes)
            return false;
        if (answer->count < DNS_ADDRESSES_MAX)
            address_set(&answer->address[answer->count++], family, record.data.at, 0);
    }
    return true;
}

/* RFC 2308 section 5: the absence lasts for the lesser of the SOA's own TTL and its MINIMUM. */
static bool take_authority(struct dns_answer *answer, struct span *left, unsigned count) {
    struct record record;
    struct span skipped;
    uint32_t minimum_s;
    while (count--) {
        if (!take_record(left, &record))
            return false;
        if (record.type != TYPE_SOA || record.class != CLASS_IN)
            continue;
        if (!skip_name(&record.data) || !skip_name(&record.data) ||
            !take(&record.data, 16, &skipped) || !take_u32(&record.data, &minimum_s))
            return false;
        lower_ttl(answer, record.ttl_s);
        lower_ttl(answer, minimum_s);
    }
    return true;
}

bool dns_answer_parse(struct dns_answer *answer, struct span message, int family) {
    struct span header, skipped, left = message;
    uint16_t id, flags, questions, answers, authority;
    answer->rcode = answer->count = 0;
    answer->has_ttl = false;
    answer->ttl_s = 0;
    if (!take(&left, HEADER_BYTES, &header) || !take_u16(&header, &id) ||
        !take_u16(&header, &flags) || !take_u16(&header, &questions) ||
        !take_u16(&header, &answers) || !take_u16(&header, &authority))
        return false;
    answer->rcode = flags & 15;
    while (questions--)
        if (!skip_name(&left) || !take(&left, QUESTION_TAIL_BYTES, &skipped))
            return false;
    if (!take_answers(answer, &left, answers, family))
        return false;
    if (answer->rcode != DNS_NOERROR)
        answer->count = 0;
    return answer->count || take_authority(answer, &left, authority);
}
