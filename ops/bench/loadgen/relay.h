/* Pairs of a sender and a receiver, and the account of every message between them. */
#ifndef RELAY_H
#define RELAY_H

#include <stdio.h>

#include "client.h"

struct slot {
    uint64_t due_ns; /* when the message was to be sent: both latencies count from here */
    uint32_t sent_us, event_us;
    bool sent, event;
};

struct pair {
    struct client *sender, *receiver;
    unsigned number, in_flight;
    uint64_t next;     /* the number of the next message */
    uint64_t oldest;   /* the lowest number not yet both `sent` and received */
    uint64_t received; /* the number that the receiver must see next */
    struct slot *slots;
};

/* Shared by all pairs. */
struct relay {
    unsigned window;        /* messages in flight per pair; 0 in an open loop */
    unsigned text_bytes;
    unsigned slot_count;    /* a power of two */
    char run[17];           /* makes every client_message_id of this run its own */
    bool sending, measuring;
    uint64_t now_ns, measure_from_ns, measure_until_ns;
    uint64_t relays;        /* completed while measuring */
    uint64_t sends, in_flight;
    FILE *samples;          /* two uint32 of microseconds for each measured relay: to `sent`, to `event` */
};

extern struct relay relay;

void relay_start(struct pair *pairs, unsigned count, struct client *clients);
void relay_send(struct pair *pair, uint64_t due_ns);
void relay_take_sent(struct pair *pair, const struct frame *frame);
void relay_take_event(struct pair *pair, const struct client *client, const struct frame *frame);

/* When message `number` of an open loop is due: evenly spaced, whatever became of the ones before it. */
uint64_t due_ns(uint64_t start_ns, uint64_t number, double per_second);

#endif
