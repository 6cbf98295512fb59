/* One authenticated device: it opens, follows its event stream without a hole, acknowledges, and leaves. */
#ifndef CLIENT_H
#define CLIENT_H

#include "link.h"
#include "scan.h"

enum client_phase { CLIENT_OPENING, CLIENT_LIVE, CLIENT_LEAVING, CLIENT_GONE };

struct pair;

struct client {
    struct link link; /* first, so that a link's address is its client's */
    const char *uid;
    const char *opening_frame; /* `authenticate` or `login`, sent in answer to `hello` */
    enum client_phase phase;
    uint64_t head;             /* newest seq when the stream opened */
    uint64_t last_seq;         /* all up to here has come */
    uint64_t acknowledged_seq;
    uint64_t promised_seq;     /* highest `sent.seq`: its event must come, or be stood for */
    unsigned ack_every;        /* events; 1 acknowledges each WebSocket message that brought one */
    struct pair *pair;         /* NULL for an idle client */
};

extern unsigned clients_live, clients_gone;
extern uint64_t frames_in;

void client_start(struct client *client, struct network *network);
/* True once everything that was in the mailbox when the stream opened has come. */
bool client_is_caught_up(const struct client *client);
/* Acknowledges the rest and asks for a `pong`, which proves that the daemon has read it. */
void client_leave(struct client *client);

#endif
