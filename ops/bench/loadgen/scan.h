/* Reads the few fields of a server frame that the load generator acts on. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A piece of the received text, still JSON-escaped; it lives as long as the message it points into. */
struct span {
    const char *at;
    size_t size;
};

struct frame {
    struct span type, re, code, message;
    struct span kind, client_message_id, text; /* of the nested event, or of a `sent` reply */
    uint64_t seq, cursor, head;
};

static inline bool span_is(struct span span, const char *literal) {
    return span.size == strlen(literal) && memcmp(span.at, literal, span.size) == 0;
}

/* The decimal number in a span; UINT64_MAX when it is not one. */
uint64_t span_number(struct span span);

/*
 * Reads one JSON object that starts at `at`. Returns the place after it, or NULL when it is not a whole object.
 * Unknown fields are skipped, whatever they hold; white space is accepted wherever JSON allows it.
 */
const char *scan_frame(const char *at, const char *end, struct frame *frame);

const char *skip_space(const char *at, const char *end);

#endif
