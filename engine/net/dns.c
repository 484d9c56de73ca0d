/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * dns.c: c-ares tells which descriptors it wants to be watched; each gets one `struct watch`, which
 * is one one-shot poll on the ring, armed again after every event. c-ares closes a descriptor at
 * once when it is done with it, and the number may come back in the next call: so a watch belongs
 * to one life of a number, is marked dead when that ends, and is freed at its poll's final
 * completion, while the number's next life has a watch of its own.
 *
 * Rejected: c-ares' own event thread (it would need locks and a hand-over), and ares_getsock (16
 * sockets at most).
 */
#define CARES_NO_DEPRECATED /* the calls that replace ours came after 1.18 */
#include "net/dns.h"
#include "net/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/address.h"
#include "net/dns_search.h"

/* Hundreds of answers arrive in one burst; the kernel cuts it to what it allows. */
enum { SOCKET_BUFFER_BYTES = 1 << 20, DNS_PORT = 53 };

struct dns_server {
    struct dns *dns;
    ares_channel channel;
};

struct dns {
    struct ring *ring;
    struct dns_options options;
    struct ring_timer timer; /* the earliest time-out of a try */
    struct link watches;
    unsigned server_count;
    struct dns_server server[DNS_SERVERS_MAX];
    struct dns_search search;
    bool stopped;
};

struct watch {
    struct ring_op poll;
    struct link link;
    struct dns_server *server;
    int fd;
    unsigned events;
    bool dead;     /* c-ares has closed the descriptor */
    bool handling; /* c-ares is being called on its behalf */
};

/* A question while c-ares has it. */
struct try {
    struct dns_request *request;
    struct dns_server *server;
    int type;
    uint64_t until_ns; /* a time-out before that is none */
    uint64_t sent_ns;
    char name[];
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void) {
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* ---- descriptors ---- */

static void watch_free(struct watch *watch) {
    list_remove(&watch->link);
    free(watch);
}

static void watch_arm(struct watch *watch) {
    ring_poll(watch->server->dns->ring, &watch->poll, watch->fd, watch->events);
}

static void set_timer(struct dns *dns);

static void on_poll(struct ring_op *op, const struct ring_event *event) {
    struct watch *watch = CONTAINER_OF(op, struct watch, poll);
    struct dns *dns = watch->server->dns;
    if (!watch->dead && event->result > 0) {
        const int faults = POLLERR | POLLHUP;
        watch->handling = true;
        ares_process_fd(watch->server->channel,
                        event->result & (POLLIN | faults) ? watch->fd : ARES_SOCKET_BAD,
                        event->result & (POLLOUT | faults) ? watch->fd : ARES_SOCKET_BAD);
        watch->handling = false;
    }
    /* A poll that failed for want of memory is left to the next tick: armed at once it might spin.
     */
    bool failed = event->result < 0 && event->result != -ECANCELED;
    if (watch->dead)
        watch_free(watch);
    else if (!failed)
        watch_arm(watch);
    if (dns->stopped)
        return;
    set_timer(dns);
    dns->options.turned(dns->options.context);
}

static struct watch *watch_of(struct dns *dns, int fd) {
    for (struct link *at = dns->watches.next; at != &dns->watches; at = at->next) {
        struct watch *watch = LIST_ENTRY(at, struct watch, link);
        if (watch->fd == fd && !watch->dead)
            return watch;
    }
    return NULL;
}

static void watch_end(struct watch *watch) {
    watch->dead = true;
    if (ring_op_busy(&watch->poll))
        ring_cancel(watch->server->dns->ring, &watch->poll);
    else if (!watch->handling)
        watch_free(watch);
}

static void watch_begin(struct dns_server *server, int fd, unsigned events) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return; /* the tries on this descriptor time out: a local fault, and reported as one */
    watch->server = server;
    watch->fd = fd;
    watch->events = events;
    ring_op_init(&watch->poll, on_poll);
    list_push_back(&server->dns->watches, &watch->link);
    watch_arm(watch);
}

static void on_sock_state(void *context, ares_socket_t fd, int readable, int writable) {
    struct dns_server *server = context;
    struct watch *watch = watch_of(server->dns, fd);
    unsigned events = (readable ? POLLIN : 0U) | (writable ? POLLOUT : 0U);
    if (!events) {
        if (watch)
            watch_end(watch);
    } else if (!watch) {
        watch_begin(server, fd, events);
    } else if (watch->events != events) {
        watch->events = events;
        if (ring_op_busy(&watch->poll)) /* its completion arms it for the new events */
            ring_cancel(server->dns->ring, &watch->poll);
    }
}

/* ---- time-outs ---- */

/* Nothing sent is waited for longer than options.timeout_ms. So a running timer may be late for
 * what was sent after it and has less time, but never by more than that; asking c-ares each time
 * would cost a walk over all of them. */
static void set_timer(struct dns *dns) {
    if (ring_timer_is_set(&dns->timer))
        return;
    uint64_t soonest_ns = UINT64_MAX;
    for (unsigned i = 0; i < dns->server_count; i++) {
        struct timeval left;
        if (ares_timeout(dns->server[i].channel, NULL, &left)) {
            uint64_t ns = (uint64_t)left.tv_sec * NS_PER_S + (uint64_t)left.tv_usec * 1000;
            soonest_ns = ns < soonest_ns ? ns : soonest_ns;
        }
    }
    if (soonest_ns != UINT64_MAX)
        ring_timer_set(dns->ring, &dns->timer, ring_now(dns->ring) + soonest_ns + NS_PER_MS);
}

static void on_timer(struct ring_timer *timer) {
    struct dns *dns = CONTAINER_OF(timer, struct dns, timer);
    for (unsigned i = 0; i < dns->server_count; i++)
        ares_process_fd(dns->server[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (struct link *at = dns->watches.next; at != &dns->watches; at = at->next) {
        struct watch *watch = LIST_ENTRY(at, struct watch, link);
        if (!watch->dead && !ring_op_busy(&watch->poll))
            watch_arm(watch);
    }
    set_timer(dns);
    dns->options.turned(dns->options.context);
}

/* ---- questions ---- */

static enum dns_outcome outcome_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return DNS_ANSWERED;
    case ARES_ESERVFAIL:
        return DNS_SERVFAIL;
    case ARES_EREFUSED:
        return DNS_REFUSED;
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return DNS_UNREACHABLE;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return DNS_STOPPED;
    default:
        return DNS_FAILED;
    }
}

static void on_answer(void *context, int status, int timeouts, unsigned char *bytes, int count);

static void try_send(struct try *try) {
    try->sent_ns = clock_now_ns();
    ares_query(try->server->channel, try->name, ns_c_in, try->type, on_answer, try);
}

/* Since 1.32, c-ares waits as long as the server's answers took of late, times five, however long
 * it was told to; but a name that the server must first ask others for may take longer than all the
 * names it knew. So what came back too soon is sent again, and the try takes less than twice as
 * long as asked for. A time-out from within sending would be no time-out, and go round for ever. */
static bool try_again(struct try *try) {
    const struct dns *dns = try->server->dns;
    uint64_t now_ns = clock_now_ns();
    if (dns->stopped || now_ns >= try->until_ns || now_ns - try->sent_ns < NS_PER_MS)
        return false;
    try_send(try);
    return true;
}

static void on_answer(void *context, int status, int timeouts, unsigned char *bytes, int count) {
    (void)timeouts;
    struct try *try = context;
    if (status == ARES_ETIMEOUT && try_again(try))
        return;
    struct dns_request *request = try->request;
    free(try);
    enum dns_outcome outcome = outcome_of(status);
    bool has_message = bytes && count > 0;
    if (outcome == DNS_ANSWERED && !has_message)
        outcome = DNS_FAILED;
    request->done(request, outcome, span_of(bytes, has_message ? (size_t)count : 0));
}

void dns_ask(struct dns *dns, unsigned server, struct dns_request *request, const char *name,
             int family) {
    CHECK(server < dns->server_count && !dns->stopped);
    size_t bytes = strlen(name) + 1;
    struct try *try = malloc(sizeof *try + bytes);
    if (!try) {
        request->done(request, DNS_FAILED, span_of(NULL, 0));
        return;
    }
    /* Less a millisecond, as c-ares counts with a clock of its own. */
    uint64_t until_ns = clock_now_ns() + dns->options.timeout_ms * NS_PER_MS - NS_PER_MS;
    *try = (struct try){.request = request,
                        .server = &dns->server[server],
                        .type = family == AF_INET6 ? ns_t_aaaa : ns_t_a,
                        .until_ns = until_ns};
    memcpy(try->name, name, bytes);
    try_send(try);
    set_timer(dns);
}

unsigned dns_server_count(const struct dns *dns) {
    return dns->server_count;
}

unsigned dns_domain_count(const struct dns *dns) {
    return dns->search.count;
}

const char *dns_domain(const struct dns *dns, unsigned index) {
    CHECK(index < dns_domain_count(dns));
    return dns->search.domain[index];
}

unsigned dns_ndots(const struct dns *dns) {
    return dns->search.ndots;
}

bool dns_rotates(const struct dns *dns) {
    return !dns->options.servers && dns->search.rotate;
}

/* ---- opening ---- */

/* Nothing, or a colon and the port. */
static bool parse_port(uint16_t *port, struct span text) {
    unsigned number = 0;
    *port = DNS_PORT;
    if (!text.len)
        return true;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > UINT16_MAX)
            return false;
        number = number * 10 + (unsigned)(text.at[i] - '0');
    }
    *port = (uint16_t)number;
    return text.at[0] == ':' && number > 0 && number <= UINT16_MAX;
}

/* "ADDR", "ADDR:PORT", "[ADDR6]:PORT" or "[ADDR6]". More than one colon without brackets is an
 * IPv6 address alone. */
static bool parse_server(struct address *address, struct span text) {
    struct span host = text;
    uint16_t port;
    if (!text.len)
        return false;
    const uint8_t *bracket = memrchr(text.at, ']', text.len);
    const uint8_t *colon = memrchr(text.at, ':', text.len);
    size_t end = text.len; /* of the address, where the port begins */
    if (text.at[0] == '[' && bracket) {
        end = (size_t)(bracket - text.at) + 1;
        host = span_of(text.at + 1, end - 2);
    } else if (colon && colon == memchr(text.at, ':', text.len)) {
        end = (size_t)(colon - text.at);
        host = span_of(text.at, end);
    }
    return parse_port(&port, span_skip(text, end)) && address_parse(address, host, port);
}

/* How many, or 0 with `why`. */
static unsigned parse_servers(struct address *address, const char *text, char *why,
                              size_t why_size) {
    unsigned count = 0;
    bool more = true;
    for (struct span left = span_text(text); more;) {
        const uint8_t *comma = left.len ? memchr(left.at, ',', left.len) : NULL;
        struct span one = span_of(left.at, comma ? (size_t)(comma - left.at) : left.len);
        more = comma != NULL;
        left = span_skip(left, one.len + more);
        if (count == DNS_SERVERS_MAX) {
            snprintf(why, why_size, "--dns-servers: '%s' has more than %d servers", text,
                     DNS_SERVERS_MAX);
            return 0;
        }
        if (!parse_server(&address[count++], one)) {
            snprintf(why, why_size, "--dns-servers: '%.*s' is not ADDRESS[:PORT]", (int)one.len,
                     (const char *)one.at);
            return 0;
        }
    }
    return count;
}

static int open_channel(struct dns_server *server, struct ares_options options, int mask) {
    options.sock_state_cb = on_sock_state;
    options.sock_state_cb_data = server;
    return ares_init_options(&server->channel, &options, mask | ARES_OPT_SOCK_STATE_CB);
}

static int channel_options(struct ares_options *options, unsigned timeout_ms) {
    *options = (struct ares_options){
        .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = (int)timeout_ms,
        .tries = 1,
        .socket_send_buffer_size = SOCKET_BUFFER_BYTES,
        .socket_receive_buffer_size = SOCKET_BUFFER_BYTES,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_SNDBUF |
               ARES_OPT_SOCK_RCVBUF;
#ifdef ARES_OPT_MAXTIMEOUTMS
    mask |= ARES_OPT_MAXTIMEOUTMS; /* where tries are as long as the server is slow */
    options->maxtimeout = (int)timeout_ms;
#endif
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; /* of length 0: we have our own, which knows our limits */
#endif
    return mask;
}

static int set_server(struct dns_server *server, const struct address *address) {
    struct ares_addr_port_node node = {.family = address->any.sa_family,
                                       .udp_port = address_port(address),
                                       .tcp_port = address_port(address)};
    if (node.family == AF_INET6)
        memcpy(&node.addr.addr6, &address->v6.sin6_addr, sizeof node.addr.addr6);
    else
        node.addr.addr4 = address->v4.sin_addr;
    return ares_set_servers_ports(server->channel, &node);
}

static unsigned channel_servers(ares_channel channel, struct address *address) {
    struct ares_addr_port_node *first = NULL;
    unsigned count = 0;
    if (ares_get_servers_ports(channel, &first) != ARES_SUCCESS)
        return 0;
    for (struct ares_addr_port_node *at = first; at && count < DNS_SERVERS_MAX; at = at->next)
        address_set(&address[count++], at->family, &at->addr,
                    at->udp_port ? (uint16_t)at->udp_port : DNS_PORT);
    ares_free_data(first);
    return count;
}

/* As c-ares reads them from resolv.conf. */
static int system_servers(struct address *address, unsigned *count) {
    ares_channel channel;
    int status = ares_init_options(&channel, NULL, 0);
    if (status != ARES_SUCCESS)
        return status;
    *count = channel_servers(channel, address);
    ares_destroy(channel);
    return *count ? ARES_SUCCESS : ARES_ENODATA;
}

static int open_channels(struct dns *dns, const struct address *address, unsigned count) {
    struct ares_options options;
    int mask = channel_options(&options, dns->options.timeout_ms);
    for (unsigned i = 0; i < count; i++) {
        struct dns_server *server = &dns->server[i];
        server->dns = dns;
        int status = open_channel(server, options, mask);
        if (status != ARES_SUCCESS)
            return status;
        dns->server_count++;
        status = set_server(server, &address[i]);
        if (status != ARES_SUCCESS)
            return status;
    }
    return ARES_SUCCESS;
}

static int open_with(struct dns *dns, char *why, size_t why_size) {
    struct address address[DNS_SERVERS_MAX];
    unsigned count = 0;
    if (dns->options.servers) {
        count = parse_servers(address, dns->options.servers, why, why_size);
        if (!count)
            return -EINVAL;
    }
    pthread_once(&library_once, library_init);
    int status = library_status;
    if (status == ARES_SUCCESS && dns_search_read(&dns->search, NULL))
        status = ARES_ENOMEM;
    if (status == ARES_SUCCESS && !count)
        status = system_servers(address, &count);
    if (status == ARES_SUCCESS)
        status = open_channels(dns, address, count);
    if (status == ARES_SUCCESS)
        return 0;
    snprintf(why, why_size, "DNS can't be set up: %s", ares_strerror(status));
    return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int dns_open(struct dns **opened, struct ring *ring, const struct dns_options *options, char *why,
             size_t why_size) {
    struct dns *dns = calloc(1, sizeof *dns);
    if (!dns) {
        snprintf(why, why_size, "no memory for DNS");
        return -ENOMEM;
    }
    dns->ring = ring;
    dns->options = *options;
    list_init(&dns->watches);
    ring_timer_init(&dns->timer, on_timer);
    int result = open_with(dns, why, why_size);
    if (result) {
        dns_stop(dns);
        dns_close(dns);
        return result;
    }
    *opened = dns;
    return 0;
}

void dns_stop(struct dns *dns) {
    if (dns->stopped)
        return;
    dns->stopped = true;
    ring_timer_stop(&dns->timer);
    for (unsigned i = 0; i < dns->server_count; i++)
        ares_destroy(dns->server[i].channel);
    dns->server_count = 0;
}

bool dns_is_idle(const struct dns *dns) {
    return list_is_empty(&dns->watches);
}

void dns_close(struct dns *dns) {
    if (!dns)
        return;
    CHECK(dns->stopped && dns_is_idle(dns));
    dns_search_deinit(&dns->search);
    free(dns);
}

const char *resolver_library(void) {
    return ares_version(NULL);
}
