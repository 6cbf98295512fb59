/* The WebSocket client: opening handshake, framing and masking, TLS through OpenSSL. */
#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The nonce of RFC 6455 section 1.3 and the answer that proves a WebSocket server. It guards caches against confusion;
 * between two processes of one machine there is none, so it need not change. */
#define NONCE "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { OP_CONTINUATION = 0, OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
/* A daemon refuses messages over `limits.max_message_bytes`, 128 KiB by default. */
enum { READ_SIZE = 1 << 18, MESSAGE_LIMIT = 1 << 24, ARRAY_LIMIT = 1 << 16 };

static struct network *net;
static struct link *dirty_links;
static char read_buffer[READ_SIZE];

static void append(struct bytes *bytes, const void *data, size_t size) {
    if (bytes->used + size > bytes->room) {
        bytes->room = (bytes->used + size) * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        if (!bytes->at) die(2, "out of memory");
    }
    memcpy(bytes->at + bytes->used, data, size);
    bytes->used += size;
}

static void drop_front(struct bytes *bytes, size_t size) {
    bytes->used -= size;
    memmove(bytes->at, bytes->at + size, bytes->used);
}

static void watch(struct link *link, bool write, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = link};
    link->waits_to_write = write;
    if (epoll_ctl(net->epoll, operation, link->fd, &event) != 0) die(2, "epoll_ctl: %s", strerror(errno));
}

void link_start(struct link *link, struct network *network) {
    int one = 1;
    net = network;
    memset(link, 0, sizeof *link);
    link->fd = socket(net->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0) die(2, "socket: %s", strerror(errno));
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(link->fd, (struct sockaddr *)&net->address, net->address_size) != 0 && errno != EINPROGRESS)
        die(2, "connect: %s", strerror(errno));
    link->state = LINK_CONNECTING;
    watch(link, true, EPOLL_CTL_ADD);
}

/* Bytes taken by the socket, 0 when it is full. */
static size_t put(struct link *link, const char *data, size_t size) {
    if (link->ssl) {
        int taken = SSL_write(link->ssl, data, (int)size);
        if (taken > 0) return (size_t)taken;
        int error = SSL_get_error(link->ssl, taken);
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
        die(1, "the daemon cut a connection (TLS write)");
    }
    ssize_t taken = send(link->fd, data, size, MSG_NOSIGNAL);
    if (taken >= 0) return (size_t)taken;
    if (errno == EAGAIN) return 0;
    die(1, "the daemon cut a connection (write: %s)", strerror(errno));
}

static void write_out(struct link *link) {
    size_t done = 0, taken;
    while (done < link->out.used && (taken = put(link, link->out.at + done, link->out.used - done)) > 0) done += taken;
    drop_front(&link->out, done);
    bool more = link->out.used > 0;
    if (more != link->waits_to_write) watch(link, more, EPOLL_CTL_MOD);
}

/* One masked frame (RFC 6455 section 5.2). The key need not be unpredictable here, only different from frame to frame. */
static void encode(struct link *link, unsigned opcode, const char *payload, size_t size) {
    static uint32_t key = 0x9e3779b9;
    unsigned char header[14];
    size_t header_size = 2;
    header[0] = (unsigned char)(0x80 | opcode);
    if (size < 126) {
        header[1] = (unsigned char)(0x80 | size);
    } else if (size < 65536) {
        header[1] = 0x80 | 126;
        header[2] = (unsigned char)(size >> 8);
        header[3] = (unsigned char)size;
        header_size = 4;
    } else {
        header[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) header[2 + i] = (unsigned char)((uint64_t)size >> (56 - 8 * i));
        header_size = 10;
    }
    key = key * 1664525 + 1013904223;
    memcpy(header + header_size, &key, 4);
    append(&link->out, header, header_size + 4);
    size_t start = link->out.used;
    append(&link->out, payload, size);
    char *at = link->out.at + start;
    uint64_t wide = (uint64_t)key << 32 | key, word;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, at + i, 8);
        word ^= wide;
        memcpy(at + i, &word, 8);
    }
    for (; i < size; i++) at[i] ^= (char)(wide >> (8 * (i % 8)));
}

static void seal(struct link *link) {
    if (link->frame_count == 1) encode(link, OP_TEXT, link->frames.at + 1, link->frames.used - 1);
    if (link->frame_count > 1) {
        append(&link->frames, "]", 1);
        encode(link, OP_TEXT, link->frames.at, link->frames.used);
    }
    link->frames.used = 0;
    link->frame_count = 0;
}

static void mark_dirty(struct link *link) {
    if (link->dirty) return;
    link->dirty = true;
    link->next_dirty = dirty_links;
    dirty_links = link;
}

void link_queue(struct link *link, const char *frame, size_t size) {
    if (link->frames.used + size > ARRAY_LIMIT) seal(link);
    append(&link->frames, link->frame_count++ ? "," : "[", 1);
    append(&link->frames, frame, size);
    if (!net->coalesce) seal(link);
    mark_dirty(link);
}

void link_flush_all(void) {
    while (dirty_links) {
        struct link *link = dirty_links;
        dirty_links = link->next_dirty;
        link->dirty = false;
        if (link->state != LINK_OPEN) continue;
        seal(link);
        if (!link->waits_to_write) write_out(link);
    }
}

void link_close(struct link *link) {
    if (link->state != LINK_OPEN) return;
    encode(link, OP_CLOSE, "\x03\xe8", 2);
    write_out(link);
    SSL_free(link->ssl);
    close(link->fd);
    link->state = LINK_CLOSED;
}

static void take_frame(struct link *link, unsigned first, const char *payload, size_t size) {
    bool final = first & 0x80;
    switch (first & 0x0f) {
    case OP_TEXT:
        if (final) {
            net->messages_in++;
            link_message(link, payload, size);
        } else {
            link->fragments.used = 0;
            append(&link->fragments, payload, size);
        }
        return;
    case OP_CONTINUATION:
        append(&link->fragments, payload, size);
        if (link->fragments.used > MESSAGE_LIMIT) die(1, "a message of more than 16 MiB");
        if (!final) return;
        net->messages_in++;
        link_message(link, link->fragments.at, link->fragments.used);
        link->fragments.used = 0;
        return;
    case OP_PING:
        encode(link, OP_PONG, payload, size);
        mark_dirty(link);
        return;
    case OP_PONG:
        return;
    case OP_CLOSE:
        die(1, "the daemon closed a connection with code %d",
            size >= 2 ? (unsigned char)payload[0] << 8 | (unsigned char)payload[1] : 1005);
    default:
        die(1, "a WebSocket frame with opcode %u", first & 0x0f);
    }
}

/* Takes all whole WebSocket frames; returns how many bytes they were. */
static size_t take_frames(struct link *link, const char *data, size_t size) {
    size_t done = 0;
    while (link->state == LINK_OPEN && size - done >= 2) {
        const unsigned char *at = (const unsigned char *)data + done;
        uint64_t length = at[1] & 0x7f;
        size_t header = length == 126 ? 4 : length == 127 ? 10 : 2;
        if (size - done < header) break;
        if (header > 2) {
            length = 0;
            for (size_t i = 2; i < header; i++) length = length << 8 | at[i];
        }
        if (length > MESSAGE_LIMIT) die(1, "a message of more than 16 MiB");
        if (size - done < header + length) break;
        take_frame(link, at[0], data + done + header, (size_t)length);
        done += header + (size_t)length;
    }
    return done;
}

static size_t take_upgrade(struct link *link, const char *data, size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - data) + 4;
    if (size < 12 || memcmp(data + 9, "101", 3) != 0) die(1, "the upgrade was refused: HTTP %.3s", data + 9);
    if (!memmem(data, head, ACCEPT, strlen(ACCEPT))) die(1, "no WebSocket server answers");
    if (!memmem(data, head, "msgd.v1", 7)) die(1, "the server did not choose the subprotocol msgd.v1");
    link->state = LINK_OPEN;
    return head;
}

static void take(struct link *link, const char *data, size_t size) {
    bool kept = link->in.used > 0;
    if (kept) {
        append(&link->in, data, size);
        data = link->in.at;
        size = link->in.used;
    }
    size_t done = link->state == LINK_UPGRADING ? take_upgrade(link, data, size) : 0;
    done += take_frames(link, data + done, size - done);
    if (kept) drop_front(&link->in, done);
    else if (done < size) append(&link->in, data + done, size - done);
}

static void read_all(struct link *link) {
    for (;;) {
        ssize_t size;
        if (link->ssl) {
            size = SSL_read(link->ssl, read_buffer, READ_SIZE);
            if (size <= 0) {
                if (SSL_get_error(link->ssl, (int)size) == SSL_ERROR_WANT_READ) return;
                die(1, "the daemon cut a connection (TLS read)");
            }
        } else {
            size = recv(link->fd, read_buffer, READ_SIZE, 0);
            if (size < 0 && errno == EAGAIN) return;
            if (size <= 0) die(1, "the daemon cut a connection (read)");
        }
        take(link, read_buffer, (size_t)size);
        if (link->state == LINK_CLOSED) return;
        if (link->ssl ? !SSL_has_pending(link->ssl) : size < READ_SIZE) return;
    }
}

static void upgrade(struct link *link) {
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET /v1/ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: " NONCE "\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Protocol: msgd.v1\r\n\r\n",
                        net->host_header);
    append(&link->out, request, (size_t)size);
    link->state = LINK_UPGRADING;
    write_out(link);
}

static void shake_hands(struct link *link) {
    int done = SSL_connect(link->ssl);
    if (done == 1) {
        upgrade(link);
        return;
    }
    int error = SSL_get_error(link->ssl, done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) die(1, "TLS handshake failed");
    if ((error == SSL_ERROR_WANT_WRITE) != link->waits_to_write)
        watch(link, error == SSL_ERROR_WANT_WRITE, EPOLL_CTL_MOD);
}

static void connected(struct link *link) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) die(1, "connect: %s", strerror(error));
    if (!net->tls) {
        upgrade(link);
        return;
    }
    link->ssl = SSL_new(net->tls);
    if (!link->ssl || !SSL_set_fd(link->ssl, link->fd)) die(2, "out of memory");
    link->state = LINK_TLS;
    shake_hands(link);
}

void link_ready(struct link *link) {
    ERR_clear_error();
    if (link->state == LINK_CONNECTING) {
        connected(link);
    } else if (link->state == LINK_TLS) {
        shake_hands(link);
    } else if (link->state != LINK_CLOSED) {
        read_all(link);
        if (link->waits_to_write && link->state != LINK_CLOSED) write_out(link);
    }
}
