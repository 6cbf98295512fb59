/* One client WebSocket (RFC 6455) on a non-blocking socket, plain or TLS, driven by an epoll loop. */
#ifndef LINK_H
#define LINK_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct bytes {
    char *at;
    size_t used, room;
};

enum link_state { LINK_UNUSED, LINK_CONNECTING, LINK_TLS, LINK_UPGRADING, LINK_OPEN, LINK_CLOSED };

/* What all links share. `tls` is NULL for plain ws://. */
struct network {
    int epoll;
    SSL_CTX *tls;
    struct sockaddr_storage address;
    socklen_t address_size;
    const char *host_header;
    bool coalesce; /* frames queued in one turn travel as one array; else each as its own message */
    uint64_t messages_in;
};

struct link {
    int fd;
    SSL *ssl;
    enum link_state state;
    bool waits_to_write, dirty;
    unsigned frame_count;
    struct bytes in;        /* received, not yet a whole WebSocket frame */
    struct bytes fragments; /* of a fragmented message */
    struct bytes frames;    /* JSON frames for the next message: "[" frame "," frame … */
    struct bytes out;       /* encoded, not yet taken by the socket */
    struct link *next_dirty;
};

/* Ends the program with the given exit code and one line of JSON that says why. */
_Noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The owner's callback: one whole text message, one frame or an array of frames. */
void link_message(struct link *link, const char *text, size_t size);

void link_start(struct link *link, struct network *network);
/* Call when epoll reports the link; reads all there is, and goes on with what waits to be written. */
void link_ready(struct link *link);
/* Adds one JSON frame to what the next link_flush_all sends. */
void link_queue(struct link *link, const char *frame, size_t size);
void link_flush_all(void);
/* Sends a normal close (1000) and closes the socket without waiting for the answer. */
void link_close(struct link *link);

#endif
