/* The rules of the event stream, checked on every frame: any breach ends the run. */
#include "client.h"

#include <inttypes.h>
#include <stdio.h>

#include "relay.h"

#define FAREWELL "farewell"

unsigned clients_live, clients_gone;
uint64_t frames_in;

void client_start(struct client *client, struct network *network) {
    client->phase = CLIENT_OPENING;
    link_start(&client->link, network);
}

bool client_is_caught_up(const struct client *client) {
    return client->phase == CLIENT_LIVE && client->last_seq >= client->head;
}

static void acknowledge(struct client *client, uint64_t at_least) {
    char frame[64];
    if (client->last_seq - client->acknowledged_seq < at_least) return;
    int size = snprintf(frame, sizeof frame, "{\"type\":\"ack\",\"seq\":%" PRIu64 "}", client->last_seq);
    link_queue(&client->link, frame, (size_t)size);
    client->acknowledged_seq = client->last_seq;
}

void client_leave(struct client *client) {
    static const char ping[] = "{\"type\":\"ping\",\"request_id\":\"" FAREWELL "\"}";
    if (client->last_seq < client->promised_seq)
        die(1, "a sender never saw the event %" PRIu64 " of its own mailbox", client->promised_seq);
    acknowledge(client, 1);
    link_queue(&client->link, ping, sizeof ping - 1);
    client->phase = CLIENT_LEAVING;
}

static void take_event(struct client *client, const struct frame *frame) {
    if (frame->seq <= client->last_seq) {
        /* Only a `sent` may have stood for it before. */
        if (frame->seq > client->promised_seq) die(1, "seq %" PRIu64 " came twice", frame->seq);
        return;
    }
    if (frame->seq != client->last_seq + 1)
        die(1, "a hole: seq %" PRIu64 " follows %" PRIu64, frame->seq, client->last_seq);
    client->last_seq = frame->seq;
    if (client->pair && span_is(frame->kind, "message")) relay_take_event(client->pair, client, frame);
}

static void take_sent(struct client *client, const struct frame *frame) {
    if (frame->seq == 0 || frame->seq == UINT64_MAX) die(1, "a `sent` without its seq");
    if (frame->seq == client->last_seq + 1) client->last_seq = frame->seq;
    if (frame->seq > client->promised_seq) client->promised_seq = frame->seq;
    relay_take_sent(client->pair, frame);
}

static void take_frame(struct client *client, const struct frame *frame) {
    struct span type = frame->type;
    frames_in++;
    if (span_is(type, "event")) {
        take_event(client, frame);
    } else if (span_is(type, "sent") && client->pair) {
        take_sent(client, frame);
    } else if (span_is(type, "hello")) {
        link_queue(&client->link, client->opening_frame, strlen(client->opening_frame));
    } else if (span_is(type, "ready")) {
        client->last_seq = client->acknowledged_seq = frame->cursor;
        client->head = frame->head;
        client->phase = CLIENT_LIVE;
        clients_live++;
    } else if (span_is(type, "pong") && span_is(frame->re, FAREWELL)) {
        client->phase = CLIENT_GONE;
        clients_gone++;
    } else if (span_is(type, "error")) {
        die(1, "the daemon answered with the error %.*s: %.*s", (int)frame->code.size, frame->code.at,
            (int)frame->message.size, frame->message.at);
    }
}

void link_message(struct link *link, const char *text, size_t size) {
    struct client *client = (struct client *)link;
    const char *end = text + size, *at = skip_space(text, end);
    struct frame frame;
    bool array = at < end && *at == '[';
    if (array) at++;
    do {
        if (!(at = scan_frame(skip_space(at, end), end, &frame))) die(1, "a message that is not JSON frames");
        take_frame(client, &frame);
        at = skip_space(at, end);
    } while (array && at < end && *at++ == ',');
    if (client->phase == CLIENT_LIVE)
        acknowledge(client, client_is_caught_up(client) && client->ack_every ? client->ack_every : 1);
}
