/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_regex.c: PCRE2, bounded. Its own match limit does not bound a search: it starts anew at
 * every place of the text, so `a*?[bc]` may take the limit once for each of 64 Ki places, and a
 * run over single characters (`\w*`) counts as nothing. So the pattern is compiled with a callout
 * before every item, and on_step counts what really happens.
 *
 * Servers send text in any charset, and broken text. A text that is UTF-8 is matched by
 * characters. One that is not is matched by bytes if the pattern is plain ASCII, so that
 * `error.*fatal` also works across the letters of an old charset; a pattern with other letters in
 * it is still matched by characters, but not across the broken places.
 *
 * Rejected: the JIT. It is bounded by a stack of its own instead of by steps, needs memory that is
 * writable and executable, which not every system gives, and so would answer differently from
 * machine to machine. Rejected too: PCRE2's MATCH_INVALID_UTF for every pattern, under which no
 * match reaches across a broken byte.
 */
#include "expect/expect_regex.h"

#include <pthread.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/assert.h"

enum {
    STEPS_LEAST = 5000000,
    STEPS_PER_BYTE = 32, /* a pattern that looks at each byte some times stays far below */
    HEAP_KIB_MAX = 16384,
    KEPT_STEPS_MAX = 10000, /* each can have cost some hundred bytes of a matcher's memory */
    OPTIONS = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C,
};

/* What one match writes to. It is kept for the next unless it may have grown: PCRE2 gives back
 * none of its memory before the matcher is freed, and there are as many matchers as threads ever
 * matched at once. */
struct matcher {
    struct matcher *next;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

struct regex {
    pcre2_code *valid;  /* for text that is UTF-8; refuses other */
    pcre2_code *broken; /* for text that isn't */
    uint8_t *pattern;
    size_t pattern_len;
    bool has_references;
    pthread_mutex_t lock; /* of `idle` */
    struct matcher *idle;
};

struct steps {
    const struct regex *regex;
    uint64_t left;
    size_t at;
};

/* ---- matchers -------------------------------------------------------------------------------- */

static struct matcher *matcher_new(void) {
    struct matcher *matcher = memory_resize(NULL, sizeof *matcher);
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    CHECK(matcher->data && matcher->context);
    pcre2_set_heap_limit(matcher->context, HEAP_KIB_MAX);
    return matcher;
}

static void matcher_free(struct matcher *matcher) {
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    free(matcher);
}

static struct matcher *matcher_acquire(struct regex *regex) {
    pthread_mutex_lock(&regex->lock);
    struct matcher *matcher = regex->idle;
    if (matcher)
        regex->idle = matcher->next;
    pthread_mutex_unlock(&regex->lock);
    return matcher ? matcher : matcher_new();
}

static void matcher_release(struct regex *regex, struct matcher *matcher, bool has_grown) {
    if (has_grown) {
        matcher_free(matcher);
        return;
    }
    pthread_mutex_lock(&regex->lock);
    matcher->next = regex->idle;
    regex->idle = matcher;
    pthread_mutex_unlock(&regex->lock);
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool is_ascii(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= 0x80)
            return false;
    return true;
}

static pcre2_code *compile(struct span pattern, uint32_t options, struct why *why) {
    int error = 0;
    size_t offset = 0;
    uint8_t message[160];
    pcre2_code *code =
        pcre2_compile(pattern.at, pattern.len, OPTIONS | options, &error, &offset, NULL);
    if (!code && why) {
        pcre2_get_error_message(error, message, sizeof message);
        why_add(why, "regular expression ");
        why_quote(why, pattern);
        why_add(why, ": %s", (const char *)message);
        if (offset > 0 && offset <= pattern.len && offset < WHY_QUOTE_MAX) {
            why_add(why, ", after ");
            why_quote(why, span_of(pattern.at, offset));
        }
    }
    return code;
}

/* NEVER_UTF: the pattern itself could ask for UTF by (*UTF), and broken text would be refused
 * again. */
static pcre2_code *compile_for_broken(struct span pattern) {
    pcre2_code *code = is_ascii(pattern) ? compile(pattern, PCRE2_NEVER_UTF, NULL) : NULL;
    return code ? code : compile(pattern, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, NULL);
}

struct regex *regex_new(struct span pattern, struct why *why) {
    uint32_t references = 0;
    pcre2_code *valid = compile(pattern, PCRE2_UTF, why);
    if (!valid)
        return NULL;
    struct regex *regex = memory_resize(NULL, sizeof *regex);
    *regex = (struct regex){
        .valid = valid,
        .broken = compile_for_broken(pattern),
        .pattern = memory_resize(NULL, pattern.len),
        .pattern_len = pattern.len,
    };
    CHECK(regex->broken);
    if (pattern.len)
        memcpy(regex->pattern, pattern.at, pattern.len);
    pcre2_pattern_info(valid, PCRE2_INFO_BACKREFMAX, &references);
    regex->has_references = references > 0;
    pthread_mutex_init(&regex->lock, NULL);
    return regex;
}

void regex_free(struct regex *regex) {
    if (!regex)
        return;
    for (struct matcher *matcher = regex->idle, *next; matcher; matcher = next) {
        next = matcher->next;
        matcher_free(matcher);
    }
    pthread_mutex_destroy(&regex->lock);
    pcre2_code_free(regex->valid);
    pcre2_code_free(regex->broken);
    free(regex->pattern);
    free(regex);
}

/* ---- steps ----------------------------------------------------------------------------------- */

uint64_t regex_steps_max(size_t text_len) {
    return STEPS_LEAST + (uint64_t)text_len * STEPS_PER_BYTE;
}

/* The least of a repetition, `{20000}`: if it is not reached, so many characters were looked at,
 * and no callout tells. */
static uint64_t least_repeats(const struct regex *regex, const pcre2_callout_block *item) {
    uint64_t least = 0;
    size_t len = item->next_item_length;
    if (item->pattern_position > regex->pattern_len ||
        len > regex->pattern_len - item->pattern_position)
        return 0;
    const uint8_t *at = regex->pattern + item->pattern_position, *end = at + len;
    const uint8_t *brace = len ? memrchr(at, '{', len) : NULL;
    for (at = brace ? brace + 1 : end; at < end && *at >= '0' && *at <= '9' && least < 65536; at++)
        least = least * 10 + (uint64_t)(*at - '0');
    return least;
}

/* A back reference compares as many characters as its group holds, and tells nothing if they
 * differ. */
static uint64_t captured(const pcre2_callout_block *item) {
    uint64_t sum = 0;
    for (uint32_t i = 1; i < item->capture_top; i++) {
        size_t from = item->offset_vector[2 * i], to = item->offset_vector[2 * i + 1];
        if (from != PCRE2_UNSET && to != PCRE2_UNSET && to > from)
            sum += to - from;
    }
    return sum;
}

/* Before each item: one step, and one for each byte between the last place and this. */
static int on_step(pcre2_callout_block *item, void *data) {
    struct steps *steps = data;
    size_t at = item->current_position;
    uint64_t cost = 1 + (at > steps->at ? at - steps->at : steps->at - at);
    cost += least_repeats(steps->regex, item);
    if (steps->regex->has_references)
        cost += captured(item);
    steps->at = at;
    if (cost > steps->left) {
        steps->left = 0;
        return PCRE2_ERROR_MATCHLIMIT;
    }
    steps->left -= cost;
    return 0;
}

/* ---- matching -------------------------------------------------------------------------------- */

static bool is_bad_utf8(int code) {
    return code <= PCRE2_ERROR_UTF8_ERR1 && code >= PCRE2_ERROR_UTF8_ERR21;
}

/* The text ends within a character at `at`: it was cut there. PCRE2 says so too of a letter of an
 * old charset that stands near the end, hence the look at the rest. */
static bool is_cut_utf8(int code, struct span text, size_t at) {
    if (code > PCRE2_ERROR_UTF8_ERR1 || code < PCRE2_ERROR_UTF8_ERR5)
        return false;
    while (++at < text.len)
        if ((text.at[at] & 0xC0) != 0x80)
            return false;
    return true;
}

static int match(const pcre2_code *code, struct span text, struct matcher *matcher) {
    return pcre2_match(code, text.at, text.len, 0, 0, matcher->data, matcher->context);
}

static enum regex_answer answer_of(int code) {
    if (code >= 0)
        return REGEX_YES;
    if (code == PCRE2_ERROR_NOMATCH)
        return REGEX_NO;
    return code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_NOMEMORY ? REGEX_MEMORY
                                                                         : REGEX_STEPS;
}

enum regex_answer regex_find(struct regex *regex, struct span text, struct span *found) {
    struct matcher *matcher = matcher_acquire(regex);
    text = text.at ? text : span_text("");
    uint64_t steps_max = regex_steps_max(text.len);
    struct steps steps = {.regex = regex, .left = steps_max};
    pcre2_set_callout(matcher->context, on_step, &steps);
    int code = match(regex->valid, text, matcher);
    size_t bad_at = is_bad_utf8(code) ? pcre2_get_startchar(matcher->data) : 0;
    if (is_cut_utf8(code, text, bad_at))
        code = match(regex->valid, span_of(text.at, bad_at), matcher);
    if (is_bad_utf8(code))
        code = match(regex->broken, text, matcher);
    if (code >= 0) {
        const size_t *ends = pcre2_get_ovector_pointer(matcher->data);
        size_t from = ends[0] < ends[1] ? ends[0] : ends[1]; /* \K may turn them round */
        *found = span_of(text.at + from, ends[1] - from);
    }
    matcher_release(regex, matcher, steps_max - steps.left > KEPT_STEPS_MAX);
    return answer_of(code);
}

static char library[64];

static void name_library(void) {
    pcre2_config(PCRE2_CONFIG_VERSION, library);
}

const char *regex_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, name_library);
    return library;
}
