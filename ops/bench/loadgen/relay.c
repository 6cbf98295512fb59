/* A relay counts once its sender has `sent` and its receiver has the event, each exactly once and in order. */
#include "relay.h"

#include <inttypes.h>
#include <stdlib.h>

struct relay relay;
static char *filler;

enum { NUMBER_DIGITS = 12 };

void relay_start(struct pair *pairs, unsigned count, struct client *clients) {
    filler = malloc(relay.text_bytes);
    if (!filler) die(2, "out of memory");
    memset(filler, 'x', relay.text_bytes);
    for (unsigned i = 0; i < count; i++) {
        pairs[i] = (struct pair){.sender = &clients[2 * i], .receiver = &clients[2 * i + 1], .number = i};
        pairs[i].slots = calloc(relay.slot_count, sizeof *pairs[i].slots);
        if (!pairs[i].slots) die(2, "out of memory");
        pairs[i].sender->pair = pairs[i].receiver->pair = &pairs[i];
        pairs[i].sender->ack_every = 16;
        pairs[i].receiver->ack_every = 1;
    }
}

uint64_t due_ns(uint64_t start_ns, uint64_t number, double per_second) {
    return start_ns + (uint64_t)((double)number * (1e9 / per_second));
}

static struct slot *slot_of(struct pair *pair, uint64_t number) {
    return &pair->slots[number & (relay.slot_count - 1)];
}

void relay_send(struct pair *pair, uint64_t due) {
    static char frame[1 << 17];
    uint64_t number = pair->next++;
    if (number - pair->oldest >= relay.slot_count)
        die(1, "pair %u: message %" PRIu64 " is unanswered, %u later ones were sent", pair->number, pair->oldest,
            relay.slot_count);
    *slot_of(pair, number) = (struct slot){.due_ns = due};
    pair->in_flight++;
    relay.in_flight++;
    relay.sends++;
    int size = snprintf(frame, sizeof frame,
                        "{\"type\":\"send\",\"request_id\":\"%" PRIu64 "\",\"to\":\"%s\","
                        "\"client_message_id\":\"%s-%u-%" PRIu64 "\",\"text\":\"%0*" PRIu64 "%.*s\"}",
                        number, pair->receiver->uid, relay.run, pair->number, number, NUMBER_DIGITS, number,
                        (int)(relay.text_bytes - NUMBER_DIGITS), filler);
    link_queue(&pair->sender->link, frame, (size_t)size);
}

static void complete(struct pair *pair, const struct slot *slot) {
    bool measured = relay.window ? relay.measuring
                                 : slot->due_ns >= relay.measure_from_ns && slot->due_ns < relay.measure_until_ns;
    if (measured) {
        uint32_t sample[2] = {slot->sent_us, slot->event_us};
        fwrite(sample, sizeof sample, 1, relay.samples);
    }
    relay.relays += relay.measuring;
    relay.in_flight--;
    pair->in_flight--;
    while (pair->oldest < pair->next && slot_of(pair, pair->oldest)->sent && slot_of(pair, pair->oldest)->event)
        pair->oldest++;
    while (relay.sending && pair->in_flight < relay.window) relay_send(pair, relay.now_ns);
}

/* The number in our own client_message_id, RUN-PAIR-NUMBER; UINT64_MAX for one of another run. */
static uint64_t number_of(const struct pair *pair, struct span id) {
    char prefix[32];
    size_t size = (size_t)snprintf(prefix, sizeof prefix, "%s-%u-", relay.run, pair->number);
    if (id.size <= size || memcmp(id.at, prefix, size) != 0) return UINT64_MAX;
    return span_number((struct span){id.at + size, id.size - size});
}

static uint32_t since_us(uint64_t due) {
    uint64_t us = relay.now_ns > due ? (relay.now_ns - due) / 1000 : 0;
    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void relay_take_sent(struct pair *pair, const struct frame *frame) {
    uint64_t number = number_of(pair, frame->client_message_id);
    struct slot *slot = slot_of(pair, number);
    if (number == UINT64_MAX || number != span_number(frame->re))
        die(1, "pair %u: `sent` does not answer its own request", pair->number);
    if (number < pair->oldest || number >= pair->next || slot->sent)
        die(1, "pair %u: message %" PRIu64 " was answered twice or never sent", pair->number, number);
    slot->sent = true;
    slot->sent_us = since_us(slot->due_ns);
    if (slot->event) complete(pair, slot);
}

void relay_take_event(struct pair *pair, const struct client *client, const struct frame *frame) {
    uint64_t number = number_of(pair, frame->client_message_id);
    if (client != pair->receiver || number == UINT64_MAX) return;
    if (number != pair->received || number >= pair->next)
        die(1, "pair %u: message %" PRIu64 " came where %" PRIu64 " was due", pair->number, number, pair->received);
    pair->received++;
    struct span text = frame->text;
    if (text.size != relay.text_bytes || span_number((struct span){text.at, NUMBER_DIGITS}) != number ||
        memcmp(text.at + NUMBER_DIGITS, filler, relay.text_bytes - NUMBER_DIGITS) != 0)
        die(1, "pair %u: message %" PRIu64 " came with another text", pair->number, number);
    struct slot *slot = slot_of(pair, number);
    slot->event = true;
    slot->event_us = since_us(slot->due_ns);
    if (slot->sent) complete(pair, slot);
}
