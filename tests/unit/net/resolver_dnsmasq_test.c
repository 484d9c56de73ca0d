/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The resolver against a real DNS server on a loopback port: what its answers mean, and ten
 * thousand names at once. dnsmasq must be installed.
 */
#include "net/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { PORT = 80, PATIENCE_S = 10, NAMES = 10000, START_ATTEMPTS = 10, NOT_INSTALLED = 127 };

static pid_t server;
static struct ring *ring;
static struct resolver *resolver;
static struct resolver_options options;
static char servers[40];

/* ---- dnsmasq ---- */

/* Free for both protocols, at this moment. */
static uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    bool free_for_udp = false;
    while (!free_for_udp) {
        int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        address.sin_port = 0;
        assert_int_equal(bind(tcp, (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(tcp, (struct sockaddr *)&address, &len), 0);
        free_for_udp = bind(udp, (struct sockaddr *)&address, len) == 0;
        close(tcp);
        close(udp);
    }
    return ntohs(address.sin_port);
}

static void run_dnsmasq(uint16_t port, pid_t parent) {
    char port_option[20];
    snprintf(port_option, sizeof port_option, "--port=%u", port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/usr/local/sbin", 1);
    execlp("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
           "--pid-file=", "--user=", "--no-resolv", "--no-hosts", "--log-facility=/dev/null",
           port_option, "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/",
           "--local-ttl=77", "--address=/v4.test/127.0.0.5", "--address=/bulk.test/127.0.0.6",
           "--address=/bulk.test/::1", "--host-record=pair.test,127.0.0.9,::1,33",
           "--cname=alias.test,pair.test", "--cache-size=10000", (char *)NULL);
    _exit(NOT_INSTALLED);
}

static bool is_up(uint16_t port) {
    /* pair.test, A */
    static const uint8_t query[] = {0,   1,   1,   0, 0,   1,   0,   0,   0, 0, 0, 0, 4, 'p',
                                    'a', 'i', 'r', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval patience = {.tv_usec = 20000};
    uint8_t reply[512];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool answered = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                    send(fd, query, sizeof query, 0) > 0 && recv(fd, reply, sizeof reply, 0) > 0;
    int error = errno;
    close(fd);
    if (!answered && error == ECONNREFUSED)
        usleep(5000); /* between two looks at a port where nobody listens yet */
    return answered;
}

/* False: it has ended, most likely because somebody else took the port meanwhile. */
static bool comes_up(uint16_t port, int *status) {
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_S * NS_PER_S;
    while (!is_up(port))
        if (waitpid(server, status, WNOHANG) == server || clock_now_ns() > deadline_ns)
            return false;
    return true;
}

static int start_server(void **state) {
    (void)state;
    pid_t self = getpid();
    int status = 0;
    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
        uint16_t port = free_port();
        server = fork();
        if (server == 0)
            run_dnsmasq(port, self);
        snprintf(servers, sizeof servers, "127.0.0.1:%u", port);
        if (comes_up(port, &status))
            return 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED)
            break;
    }
    fprintf(stderr, "dnsmasq does not start (wait status %d): is it installed?\n", status);
    return -1;
}

static int end_server(void **state) {
    (void)state;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}

/* ---- around every test ---- */

static int set_up(void **state) {
    (void)state;
    struct ring_options ring_settings;
    ring_options_init(&ring_settings, 16);
    assert_int_equal(ring_open(&ring, &ring_settings), 0);
    char why[200];
    /* What is lost is soon asked again. */
    options = (struct resolver_options){
        .servers = servers, .hosts_path = "/dev/null", .timeout_ms = 500, .tries = 8};
    assert_int_equal(resolver_open(&resolver, ring, &options, why, sizeof why), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    resolver_stop(resolver);
    while (!resolver_is_idle(resolver))
        ring_turn(ring, true);
    resolver_close(resolver);
    ring_close(ring);
    return 0;
}

struct asker {
    struct resolver_query query;
    bool answered;
    enum err_kind kind;
    unsigned count;
    char addresses[100];
};

static unsigned answered;

static void on_done(struct resolver_query *query, struct err err, struct address_list *list) {
    struct asker *asker = CONTAINER_OF(query, struct asker, query);
    char text[ADDRESS_TEXT_BYTES];
    assert_false(asker->answered);
    asker->answered = true;
    asker->kind = (enum err_kind)err.kind;
    asker->count = list ? list->count : 0;
    for (unsigned i = 0; list && i < list->count && i < 2; i++) {
        if (i)
            strcat(asker->addresses, " ");
        strcat(asker->addresses, address_text(&list->address[i], text));
    }
    answered++;
}

static const char *resolve(const char *host) {
    static struct asker asker;
    asker = (struct asker){.query.done = on_done};
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_S * NS_PER_S;
    resolver_ask(resolver, &asker.query, span_text(host), PORT);
    while (!asker.answered) {
        ring_turn(ring, true);
        assert_true(clock_now_ns() < deadline_ns);
    }
    return asker.kind ? err_kind_name(asker.kind) : asker.addresses;
}

static void answers_mean_what_they_say(void **state) {
    (void)state;
    assert_string_equal(resolve("pair.test"), "::1 127.0.0.9");
    assert_string_equal(resolve("alias.test"), "::1 127.0.0.9");
    assert_string_equal(resolve("v4.test"), "127.0.0.5");
    assert_string_equal(resolve("deep.below.v4.test"), "127.0.0.5");
    assert_string_equal(resolve("missing.test"), "no-such-host");
    assert_string_equal(resolve("elsewhere.example"), "resolver-refused");
    uint64_t queries = resolver_counts(resolver).dns_queries;
    assert_string_equal(resolve("pair.test"), "::1 127.0.0.9");
    assert_string_equal(resolve("missing.test"), "no-such-host");
    assert_int_equal(resolver_counts(resolver).dns_queries, queries);
}

static double cpu_ms(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* A question may get lost on a machine that is busy enough; its family then comes too late. */
static bool is_resolved(const struct asker *asker) {
    if (strcmp(asker->addresses, "::1 127.0.0.6") == 0)
        return true;
    if (strcmp(asker->addresses, "::1") != 0)
        assert_string_equal(asker->addresses, "127.0.0.6");
    return false;
}

static void ten_thousand_names(void **state) {
    (void)state;
    struct asker *askers = calloc(NAMES, sizeof *askers);
    assert_non_null(askers);
    uint64_t began_ns = clock_now_ns();
    double began_cpu_ms = cpu_ms();
    answered = 0;
    for (int i = 0; i < NAMES; i++) {
        char name[40];
        snprintf(name, sizeof name, "host-%d.bulk.test", i);
        askers[i].query.done = on_done;
        assert_false(resolver_ask(resolver, &askers[i].query, span_text(name), PORT));
    }
    while (answered < NAMES) {
        ring_turn(ring, true);
        assert_true(clock_now_ns() - began_ns < PATIENCE_S * NS_PER_S);
    }
    uint64_t took_ns = clock_now_ns() - began_ns;
    double took_cpu_ms = cpu_ms() - began_cpu_ms;
    unsigned late = 0;
    for (int i = 0; i < NAMES; i++)
        late += is_resolved(&askers[i]) ? 0 : 1;
    printf("%d names in %.0f ms, %.0f ms of CPU, %llu questions, %u without one family\n", NAMES,
           (double)(took_ns) / 1e6, took_cpu_ms,
           (unsigned long long)resolver_counts(resolver).dns_queries, late);
    free(askers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_mean_what_they_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ten_thousand_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, start_server, end_server);
}
