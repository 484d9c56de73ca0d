/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_stdout_test.c: whatever the streams do and in whatever order, standard output sees whole bodies one after another. The
 * bodies say who they are, so that what arrives can be taken apart again.
 */
#include "harness.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/hash.h"

enum { STREAMS_MAX = 4096, COLLECTED_MAX = 256 << 20 };

static atomic_bool resumed[STREAMS_MAX + 1];

void rf_stream_resume(struct rf_stream *stream) {
    atomic_store(&resumed[stream->n], true);
}

/* ---- standard output, caught ------------------------------------------------------------------------- */

static int caught_pipe[2], saved_stdout = -1;
static pthread_t catcher;
static char *caught;
static size_t caught_len;
static atomic_bool hold_reader;

static void *catch_all(void *argument) {
    (void)argument;
    while (atomic_load(&hold_reader))
        sched_yield();
    for (;;) {
        ssize_t count = read(caught_pipe[0], caught + caught_len, COLLECTED_MAX - caught_len);
        if (count <= 0)
            return NULL;
        caught_len += (size_t)count;
    }
}

static void catch_begin(void) {
    fflush(stdout);
    caught = malloc(COLLECTED_MAX);
    caught_len = 0;
    assert_int_equal(pipe(caught_pipe), 0);
    saved_stdout = dup(STDOUT_FILENO);
    dup2(caught_pipe[1], STDOUT_FILENO);
    close(caught_pipe[1]);
    pthread_create(&catcher, NULL, catch_all, NULL);
}

static void catch_end(void) {
    dup2(saved_stdout, STDOUT_FILENO);
    close(saved_stdout);
    pthread_join(catcher, NULL);
    close(caught_pipe[0]);
}

/* ---- bodies that say who they are ---------------------------------------------------------------------- */

static size_t body_len(uint64_t n, uint64_t seed) {
    struct random random;
    random_seed(&random, seed * 1000003 + n);
    uint64_t kind = random_below(&random, 8);
    if (kind == 0)
        return 0;
    return 16 + (size_t)random_below(&random, kind == 1 ? 700000 : kind == 2 ? 100000 : 3000);
}

/* A body is a head of 16 bytes, its number and its length, and then bytes that follow from the number. */
static void fill(char *at, uint64_t n, size_t from, size_t count, size_t len) {
    uint64_t head[2] = {n, len};
    for (size_t i = 0; i < count; i++)
        at[i] = from + i < 16 ? ((const char *)head)[from + i] : (char)((n * 31 + from + i) >> 3);
}

/* Takes the caught text apart; marks who was there. */
static void check_caught(uint64_t *order, size_t *count) {
    *count = 0;
    for (size_t at = 0; at < caught_len;) {
        uint64_t head[2];
        assert_true(caught_len - at >= sizeof head);
        memcpy(head, caught + at, sizeof head);
        assert_true(head[0] >= 1 && head[0] <= STREAMS_MAX);
        assert_true(head[1] <= caught_len - at);
        char *want = malloc(head[1]);
        fill(want, head[0], 0, head[1], head[1]);
        assert_memory_equal(caught + at, want, head[1]);
        free(want);
        order[(*count)++] = head[0];
        at += head[1];
    }
    free(caught);
}

/* ---- streams at random ----------------------------------------------------------------------------------- */

struct play {
    void *output;
    uint64_t seed;
    unsigned streams;
    atomic_uint next;
    atomic_bool whole[STREAMS_MAX + 1];
};

struct player {
    struct play *play;
    unsigned number;
};

struct going {
    struct fetch fetch;
    size_t len, sent;
    unsigned attempts;
    bool begun, waiting;
};

static bool start(struct play *play, struct going *going) {
    unsigned n = atomic_fetch_add(&play->next, 1) + 1;
    if (n > play->streams)
        return false;
    *going = (struct going){.fetch = fetch_make(&output_stdout, play->output, n, "http://h/")};
    going->len = body_len(n, play->seed);
    return true;
}

static void end(struct going *going) {
    fetch_record(&going->fetch);
    going->fetch.output = NULL;
}

static void begin(struct going *going) {
    struct rf_response response = {.status = 200, .body_bytes = -1, .etag = "\"same\""};
    if (going->fetch.stream.n % 2)
        response.body_bytes = (int64_t)going->len;
    assert_int_equal(output_stdout.begin(going->fetch.output, &going->fetch.stream, &response),
                     RF_OUTPUT_OK);
    going->begun = true;
    going->sent = 0;
}

static void note_answer(struct going *going, enum rf_output_answer answer) {
    assert_int_not_equal(answer, RF_OUTPUT_FAIL);
    going->waiting = answer == RF_OUTPUT_WAIT;
}

static void finish(struct play *play, struct going *going) {
    enum rf_output_answer answer = fetch_finish(&going->fetch);
    note_answer(going, answer);
    if (answer != RF_OUTPUT_OK)
        return;
    atomic_store(&play->whole[going->fetch.stream.n], going->len > 0);
    end(going);
}

/* Of a small body nothing is out before it is whole, so it may fail for good at any time. Of a large one a part may be out, which
 * only a retry completes. */
static bool may_end(const struct going *going) {
    return going->attempts == 0 || going->len < 200000;
}

/* One random step of one stream. */
static void step(struct play *play, struct going *going, struct random *random) {
    uint64_t n = going->fetch.stream.n, chance = random_below(random, 40);
    if (going->waiting && !atomic_exchange(&resumed[n], false))
        return;
    going->waiting = false;
    if (!going->begun && chance < 2 && may_end(going)) {
        end(going); /* had no response, or no other one */
    } else if (!going->begun) {
        begin(going);
    } else if (going->sent == going->len) {
        finish(play, going);
    } else if (chance == 0 && ++going->attempts < 3) {
        fetch_discard(&going->fetch);
        going->begun = false;
        if (going->attempts == 2 && may_end(going))
            end(going);
    } else {
        char bytes[32768];
        size_t count = 1 + (size_t)random_below(random, sizeof bytes);
        count = count < going->len - going->sent ? count : going->len - going->sent;
        fill(bytes, n, going->sent, count, going->len);
        going->sent += count;
        note_answer(going, fetch_body(&going->fetch, bytes, count));
    }
}

static void *player_main(void *argument) {
    struct player *player = argument;
    struct going going[24] = {0};
    struct random random;
    random_seed(&random, player->play->seed * 77 + player->number);
    for (bool more = true, busy = true; more || busy;) {
        busy = false;
        for (size_t i = 0; i < sizeof going / sizeof *going; i++) {
            if (!going[i].fetch.output && more)
                more = start(player->play, &going[i]);
            if (!going[i].fetch.output)
                continue;
            busy = true;
            if (random_below(&random, 3))
                step(player->play, &going[i], &random);
        }
        if (random_below(&random, 50) == 0)
            sched_yield();
    }
    return NULL;
}

static void play(bool ordered, unsigned threads, unsigned streams, uint64_t seed) {
    static struct play game;
    struct player players[4];
    pthread_t ids[4];
    static uint64_t order[STREAMS_MAX];
    size_t count;
    struct rf_output_options options = {.ordered = ordered};
    memset(&game, 0, sizeof game);
    memset(resumed, 0, sizeof resumed);
    game.seed = seed;
    game.streams = streams;
    catch_begin();
    game.output = must_open(&output_stdout, NULL, &options);
    for (unsigned i = 0; i < threads; i++) {
        players[i] = (struct player){.play = &game, .number = i};
        pthread_create(&ids[i], NULL, player_main, &players[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    must_close(&output_stdout, game.output);
    catch_end();
    check_caught(order, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(atomic_exchange(&game.whole[order[i]], false));
        if (ordered && i)
            assert_true(order[i] > order[i - 1]);
    }
    for (size_t n = 1; n <= streams; n++)
        assert_false(game.whole[n]);
}

static void bodies_are_never_mixed(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        play(false, 1, 120, seed);
    play(false, 3, 300, 4);
}

static void ordered_is_input_order(void **state) {
    (void)state;
    for (uint64_t seed = 11; seed <= 13; seed++)
        play(true, 1, 120, seed);
    play(true, 3, 300, 14);
}

/* ---- particular cases ---------------------------------------------------------------------------------- */

static void small_bodies_leave_no_trace_when_discarded(void **state) {
    (void)state;
    catch_begin();
    void *output = must_open(&output_stdout, NULL, NULL);
    struct fetch fetch = fetch_make(&output_stdout, output, 1, "http://h/");
    assert_int_equal(fetch_begin(&fetch, 100), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "half", 4), RF_OUTPUT_OK);
    fetch_discard(&fetch);
    assert_int_equal(fetch_begin(&fetch, 5), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "whole", 5), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    fetch_record(&fetch);
    must_close(&output_stdout, output);
    catch_end();
    assert_int_equal(caught_len, 5);
    assert_memory_equal(caught, "whole", 5);
    free(caught);
}

static void another_body_can_not_go_on_where_one_stopped(void **state) {
    (void)state;
    static char bytes[300000];
    catch_begin();
    void *output = must_open(&output_stdout, NULL, NULL);
    struct fetch fetch = fetch_make(&output_stdout, output, 1, "http://h/");
    struct rf_response response = {.status = 200, .body_bytes = 600000, .etag = "\"a\""};
    assert_int_equal(output_stdout.begin(output, &fetch.stream, &response), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, bytes, sizeof bytes), RF_OUTPUT_OK);
    fetch_discard(&fetch);
    response.etag = "\"b\"";
    assert_int_equal(output_stdout.begin(output, &fetch.stream, &response), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_NOT_WRITTEN);
    fetch_record(&fetch);
    must_close(&output_stdout, output);
    catch_end();
    assert_int_equal(caught_len, sizeof bytes);
    free(caught);
}

/* Nobody reads: the first stream is told to wait, and is resumed once somebody does. */
static void a_slow_reader_makes_it_wait(void **state) {
    (void)state;
    static char bytes[1 << 20];
    atomic_store(&resumed[1], false);
    atomic_store(&hold_reader, true);
    catch_begin();
    void *output = must_open(&output_stdout, NULL, NULL);
    struct fetch fetch = fetch_make(&output_stdout, output, 1, "http://h/");
    assert_int_equal(fetch_begin(&fetch, -1), RF_OUTPUT_OK);
    unsigned mib = 1;
    while (fetch_body(&fetch, bytes, sizeof bytes) == RF_OUTPUT_OK)
        assert_true(++mib < 10);
    assert_false(atomic_load(&resumed[1]));
    atomic_store(&hold_reader, false);
    while (!atomic_load(&resumed[1]))
        sched_yield();
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_OK);
    fetch_record(&fetch);
    must_close(&output_stdout, output);
    catch_end();
    assert_int_equal(caught_len, mib * sizeof bytes);
    free(caught);
}

static void a_closed_pipe_is_a_local_fault(void **state) {
    (void)state;
    static char bytes[300000];
    char why[200] = "";
    int ends[2];
    enum rf_output_answer answer;
    signal(SIGPIPE, SIG_IGN);
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    void *output = must_open(&output_stdout, NULL, NULL);
    struct fetch fetch = fetch_make(&output_stdout, output, 1, "http://h/");
    assert_int_equal(fetch_begin(&fetch, -1), RF_OUTPUT_OK);
    do
        answer = fetch_body(&fetch, bytes, sizeof bytes);
    while (answer != RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_PIPE_CLOSED);
    fetch_discard(&fetch);
    fetch_record(&fetch);
    assert_int_equal(output_stdout.close(output, why, sizeof why), RF_LOCAL_FAULT);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_non_null(strstr(why, "standard output"));
    assert_null(strchr(why, '\n'));
}

static void sizes_and_hashes_are_verified(void **state) {
    (void)state;
    catch_begin();
    void *output = must_open(&output_stdout, NULL, NULL);
    struct fetch fetch = fetch_make(&output_stdout, output, 1, "http://h/");
    fetch.stream.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_int_equal(fetch_begin(&fetch, 5), RF_OUTPUT_OK);
    assert_int_equal(fetch_body(&fetch, "hello", 5), RF_OUTPUT_OK);
    assert_int_equal(fetch_finish(&fetch), RF_OUTPUT_FAIL);
    assert_int_equal(fetch.stream.error.kind, ERR_HASH_MISMATCH);
    fetch_record(&fetch);
    must_close(&output_stdout, output);
    catch_end();
    assert_int_equal(caught_len, 0);
    free(caught);
}

static void it_takes_no_argument(void **state) {
    (void)state;
    void *output;
    char why[200] = "";
    assert_int_equal(output_stdout.open(&output, "x", NULL, why, sizeof why), RF_USAGE);
    assert_int_equal(output_null.open(&output, "x", NULL, why, sizeof why), RF_USAGE);
}

int main(void) {
    alarm(60); /* a deadlock must fail, not hang */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_never_mixed),
        cmocka_unit_test(ordered_is_input_order),
        cmocka_unit_test(small_bodies_leave_no_trace_when_discarded),
        cmocka_unit_test(another_body_can_not_go_on_where_one_stopped),
        cmocka_unit_test(a_slow_reader_makes_it_wait),
        cmocka_unit_test(a_closed_pipe_is_a_local_fault),
        cmocka_unit_test(sizes_and_hashes_are_verified),
        cmocka_unit_test(it_takes_no_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
