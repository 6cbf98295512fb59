/* loadgen: drives a msgd daemon from one core and reports what came back, as one line of JSON. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

enum { OPENING_AT_ONCE = 64, EVENTS_PER_TURN = 512, OPEN_DEADLINE_S = 120, DRAIN_DEADLINE_S = 15 };

static struct network network = {.coalesce = true};
static struct client *clients;
static unsigned client_count, started;
static struct pair *pairs;
static struct {
    const char *host, *port, *clients_file, *samples_file;
    bool tls, idle;
    unsigned connections, pair_count;
    double rate, warmup_s, measure_s;
    int daemon_pid, daemon_core;
} options = {.host = "127.0.0.1", .warmup_s = 1, .measure_s = 3, .daemon_core = -1};

void die(int code, const char *format, ...) {
    char text[512];
    va_list rest;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    for (char *at = text; *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '\'';
    printf("{\"fault\":\"%s\"}\n", text);
    fflush(stdout);
    _exit(code);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CPU seconds so far: of this process, of the daemon with all its threads, and of everything on the daemon's core;
 * and the bytes that the daemon has sent towards a disk. */
struct usage {
    double own_s, daemon_s, core_s;
    long long written;
};

static struct usage usage_now(void) {
    struct usage usage = {0};
    struct rusage own;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    char path[64], line[1024];
    getrusage(RUSAGE_SELF, &own);
    usage.own_s = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                  (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
    snprintf(path, sizeof path, "/proc/%d/stat", options.daemon_pid);
    FILE *file = options.daemon_pid ? fopen(path, "r") : NULL;
    if (file) {
        unsigned long user = 0, system = 0;
        /* proc(5): the name, field 2, may hold spaces; utime and stime are fields 14 and 15. */
        if (fgets(line, sizeof line, file) && strrchr(line, ')') &&
            sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
            usage.daemon_s = (double)(user + system) / ticks;
        fclose(file);
    }
    snprintf(path, sizeof path, "/proc/%d/io", options.daemon_pid);
    file = options.daemon_pid ? fopen(path, "r") : NULL;
    while (file && fgets(line, sizeof line, file)) sscanf(line, "write_bytes: %lld", &usage.written);
    if (file) fclose(file);
    snprintf(path, sizeof path, "cpu%d ", options.daemon_core);
    file = fopen("/proc/stat", "r");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long user, nice, system, irq, softirq, steal;
        if (strncmp(line, path, strlen(path)) == 0 &&
            sscanf(line, "%*s %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice, &system, &irq, &softirq, &steal) == 6)
            usage.core_s = (double)(user + nice + system + irq + softirq + steal) / ticks;
    }
    if (file) fclose(file);
    return usage;
}

/* One client a line: UID, tab, the frame that answers `hello`. */
static void read_clients(void) {
    FILE *file = fopen(options.clients_file, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (!file) die(2, "cannot read the file of clients");
    clients = calloc(options.connections, sizeof *clients);
    if (!clients) die(2, "out of memory");
    while (client_count < options.connections && (size = getline(&line, &room, file)) > 0) {
        char *tab = strchr(line, '\t');
        if (!tab) die(2, "a line without a tab in the file of clients");
        *tab = 0;
        if (line[size - 1] == '\n') line[size - 1] = 0;
        clients[client_count].uid = strdup(line);
        clients[client_count++].opening_frame = strdup(tab + 1);
    }
    if (client_count < options.connections) die(2, "the file of clients is too short");
    free(line);
    fclose(file);
}

static void resolve(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
    static char host_header[128];
    int error = getaddrinfo(options.host, options.port, &hints, &found);
    if (error) die(2, "the address is not numeric: %s", gai_strerror(error));
    memcpy(&network.address, found->ai_addr, found->ai_addrlen);
    network.address_size = found->ai_addrlen;
    snprintf(host_header, sizeof host_header, strchr(options.host, ':') ? "[%s]:%s" : "%s:%s", options.host,
             options.port);
    network.host_header = host_header;
    freeaddrinfo(found);
    if (!options.tls) return;
    /* The peer is a process of this machine, so its certificate is not checked. Read-ahead saves a system call a record. */
    network.tls = SSL_CTX_new(TLS_client_method());
    if (!network.tls) die(2, "no TLS");
    SSL_CTX_set_mode(network.tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(network.tls, 1);
}

/* One turn of the loop: waits for the network at most until `until_ns`, lets it speak, sends what was queued. */
static void turn(uint64_t until_ns) {
    static struct epoll_event events[EVENTS_PER_TURN];
    uint64_t now = now_ns(), wait = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
    link_flush_all();
    int count = epoll_pwait2(network.epoll, events, EVENTS_PER_TURN, &timeout, NULL);
    if (count < 0 && errno != EINTR) die(2, "epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        relay.now_ns = now_ns();
        link_ready(events[i].data.ptr);
    }
    relay.now_ns = now_ns();
}

static double open_all(void) {
    uint64_t start = now_ns(), deadline = start + OPEN_DEADLINE_S * 1000000000ull;
    while (clients_live < client_count) {
        while (started < client_count && started - clients_live < OPENING_AT_ONCE)
            client_start(&clients[started++], &network);
        turn(deadline);
        if (relay.now_ns >= deadline) die(1, "only %u of %u connections opened in time", clients_live, client_count);
    }
    double opened_s = (double)(now_ns() - start) / 1e9;
    for (unsigned i = 0; i < client_count; i++)
        while (!client_is_caught_up(&clients[i])) {
            turn(deadline);
            if (relay.now_ns >= deadline) die(1, "a mailbox never gave its last event");
        }
    return opened_s;
}

static void run_until(uint64_t end_ns, uint64_t start_ns, uint64_t *number) {
    for (;;) {
        uint64_t wake = end_ns, due;
        /* Whatever has come due is sent, also when this turn came late and the time is over. */
        while (options.rate > 0 && (due = due_ns(start_ns, *number, options.rate)) < relay.measure_until_ns) {
            if (due > relay.now_ns) {
                if (due < wake) wake = due;
                break;
            }
            relay_send(&pairs[(*number)++ % options.pair_count], due);
        }
        if (relay.now_ns >= end_ns) return;
        turn(wake);
    }
}

static void drain(void) {
    uint64_t deadline = now_ns() + DRAIN_DEADLINE_S * 1000000000ull;
    relay.sending = false;
    while (relay.in_flight > 0) {
        turn(deadline);
        if (relay.now_ns >= deadline)
            die(1, "%" PRIu64 " messages had no `sent` or no event when the time was over", relay.in_flight);
    }
    for (unsigned i = 0; i < client_count; i++) client_leave(&clients[i]);
    while (clients_gone < client_count) {
        turn(deadline);
        if (relay.now_ns >= deadline) die(1, "the daemon did not answer a farewell ping");
    }
}

static void measure_relay(double opened_s) {
    uint64_t start = now_ns(), number = 0;
    relay.measure_from_ns = start + (uint64_t)(options.warmup_s * 1e9);
    relay.measure_until_ns = relay.measure_from_ns + (uint64_t)(options.measure_s * 1e9);
    relay.sending = true;
    relay.now_ns = start;
    for (unsigned i = 0; i < options.pair_count; i++)
        for (unsigned j = 0; j < relay.window; j++) relay_send(&pairs[i], start);
    run_until(relay.measure_from_ns, start, &number);
    struct usage before = usage_now();
    uint64_t from = now_ns(), frames = frames_in, messages = network.messages_in;
    relay.measuring = true;
    run_until(relay.measure_until_ns, start, &number);
    relay.measuring = false;
    uint64_t until = now_ns();
    struct usage after = usage_now();
    frames = frames_in - frames;
    messages = network.messages_in - messages;
    drain();
    printf("{\"fault\":null,\"connections\":%u,\"opened_s\":%.6f,\"window_s\":%.6f,\"relays\":%" PRIu64
           ",\"sends_total\":%" PRIu64 ",\"frames_in\":%" PRIu64 ",\"messages_in\":%" PRIu64
           ",\"generator_cpu_s\":%.6f,\"daemon_cpu_s\":%.6f,\"core_busy_s\":%.6f,\"daemon_written_bytes\":%lld}\n",
           client_count, opened_s, (double)(until - from) / 1e9, relay.relays, relay.sends, frames, messages,
           after.own_s - before.own_s, after.daemon_s - before.daemon_s, after.core_s - before.core_s,
           after.written - before.written);
}

/* Holds the connections open, answering pings, until its standard input ends. */
static void stay_idle(double opened_s) {
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    printf("{\"fault\":null,\"connections\":%u,\"opened_s\":%.6f}\n", client_count, opened_s);
    fflush(stdout);
    if (epoll_ctl(network.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0) die(2, "standard input must be a pipe");
    for (;;) {
        struct epoll_event event;
        link_flush_all();
        if (epoll_wait(network.epoll, &event, 1, -1) < 1) continue;
        if (!event.data.ptr) return;
        link_ready(event.data.ptr);
    }
}

static void read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"host", 1, 0, 'h'},    {"port", 1, 0, 'p'},      {"tls", 0, 0, 't'},      {"clients", 1, 0, 'c'},
        {"samples", 1, 0, 's'}, {"idle", 1, 0, 'i'},      {"pairs", 1, 0, 'n'},    {"in-flight", 1, 0, 'w'},
        {"rate", 1, 0, 'r'},    {"warmup-s", 1, 0, 'u'},  {"measure-s", 1, 0, 'm'}, {"text-bytes", 1, 0, 'b'},
        {"run", 1, 0, 'x'},     {"daemon-pid", 1, 0, 'd'}, {"daemon-core", 1, 0, 'k'}, {"one-by-one", 0, 0, 'o'},
        {0, 0, 0, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = optarg; break;
        case 't': options.tls = true; break;
        case 'c': options.clients_file = optarg; break;
        case 's': options.samples_file = optarg; break;
        case 'i': options.idle = true; options.connections = (unsigned)atoi(optarg); break;
        case 'n': options.pair_count = (unsigned)atoi(optarg); options.connections = 2 * options.pair_count; break;
        case 'w': relay.window = (unsigned)atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'u': options.warmup_s = atof(optarg); break;
        case 'm': options.measure_s = atof(optarg); break;
        case 'b': relay.text_bytes = (unsigned)atoi(optarg); break;
        case 'x': snprintf(relay.run, sizeof relay.run, "%s", optarg); break;
        case 'd': options.daemon_pid = atoi(optarg); break;
        case 'k': options.daemon_core = atoi(optarg); break;
        case 'o': network.coalesce = false; break;
        default: die(2, "unknown option");
        }
    }
    if (!options.port || !options.clients_file || !options.connections) die(2, "--port, --clients and --idle or --pairs");
    if (options.idle) return;
    if (!options.samples_file || !relay.run[0]) die(2, "--samples and --run are needed");
    if ((relay.window > 0) == (options.rate > 0)) die(2, "either --in-flight or --rate");
    if (relay.text_bytes < 16 || relay.text_bytes > 16384) die(2, "--text-bytes is 16 to 16384");
    for (relay.slot_count = options.rate > 0 ? 4096 : 64; relay.slot_count < 4 * relay.window;) relay.slot_count *= 2;
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    /* The driver's death ends this process too, and a sleep ends when it is due, not 50 us later. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000ul);
    signal(SIGPIPE, SIG_IGN);
    network.epoll = epoll_create1(EPOLL_CLOEXEC);
    resolve();
    read_clients();
    if (!options.idle) {
        relay.samples = fopen(options.samples_file, "wb");
        pairs = calloc(options.pair_count, sizeof *pairs);
        if (!relay.samples || !pairs) die(2, "cannot write the samples");
        relay_start(pairs, options.pair_count, clients);
    }
    double opened_s = open_all();
    if (options.idle) stay_idle(opened_s);
    else measure_relay(opened_s);
    for (unsigned i = 0; i < client_count; i++) link_close(&clients[i].link);
    if (relay.samples && fclose(relay.samples) != 0) die(2, "cannot write the samples");
    return 0;
}
