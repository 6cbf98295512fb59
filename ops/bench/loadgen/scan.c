/* A single pass over the JSON text: no tree, no copy, no allocation. */
#include "scan.h"

uint64_t span_number(struct span span) {
    uint64_t number = 0;
    if (span.size == 0 || span.size > 19) return UINT64_MAX;
    for (size_t i = 0; i < span.size; i++) {
        if (span.at[i] < '0' || span.at[i] > '9') return UINT64_MAX;
        number = number * 10 + (uint64_t)(span.at[i] - '0');
    }
    return number;
}

const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

static const char *scan_string(const char *at, const char *end, struct span *span) {
    if (at >= end || *at != '"') return NULL;
    const char *start = ++at;
    for (; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *span = (struct span){start, (size_t)(at - start)};
            return at + 1;
        }
    }
    return NULL;
}

static const char *skip_nested(const char *at, const char *end) {
    struct span ignored;
    for (int depth = 0; at < end;) {
        if (*at == '"') {
            if (!(at = scan_string(at, end, &ignored))) return NULL;
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if ((*at == '}' || *at == ']') && --depth == 0) return at + 1;
        at++;
    }
    return NULL;
}

static const char *scan_scalar(const char *at, const char *end, struct span *span) {
    const char *start = at;
    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ' ' && *at != '\n' && *at != '\r' && *at != '\t')
        at++;
    *span = (struct span){start, (size_t)(at - start)};
    return at < end && at > start ? at : NULL;
}

static void keep(struct frame *frame, int depth, struct span key, struct span value) {
    if (span_is(key, "client_message_id")) {
        frame->client_message_id = value;
    } else if (depth == 2) {
        if (span_is(key, "kind")) frame->kind = value;
        else if (span_is(key, "text")) frame->text = value;
    } else if (span_is(key, "type")) {
        frame->type = value;
    } else if (span_is(key, "seq")) {
        frame->seq = span_number(value);
    } else if (span_is(key, "re")) {
        frame->re = value;
    } else if (span_is(key, "code")) {
        frame->code = value;
    } else if (span_is(key, "message")) {
        frame->message = value;
    } else if (span_is(key, "cursor")) {
        frame->cursor = span_number(value);
    } else if (span_is(key, "head")) {
        frame->head = span_number(value);
    }
}

static const char *scan_object(const char *at, const char *end, struct frame *frame, int depth) {
    if (at >= end || *at != '{') return NULL;
    at = skip_space(at + 1, end);
    if (at < end && *at == '}') return at + 1;
    for (;;) {
        struct span key, value;
        if (!(at = scan_string(skip_space(at, end), end, &key))) return NULL;
        at = skip_space(at, end);
        if (at >= end || *at != ':') return NULL;
        at = skip_space(at + 1, end);
        if (at >= end) return NULL;
        if (*at == '"') {
            at = scan_string(at, end, &value);
            if (at) keep(frame, depth, key, value);
        } else if (*at == '{' && depth == 1 && span_is(key, "event")) {
            at = scan_object(at, end, frame, 2);
        } else if (*at == '{' || *at == '[') {
            at = skip_nested(at, end);
        } else {
            at = scan_scalar(at, end, &value);
            if (at) keep(frame, depth, key, value);
        }
        if (!at) return NULL;
        at = skip_space(at, end);
        if (at >= end) return NULL;
        if (*at == '}') return at + 1;
        if (*at++ != ',') return NULL;
    }
}

const char *scan_frame(const char *at, const char *end, struct frame *frame) {
    memset(frame, 0, sizeof *frame);
    return scan_object(at, end, frame, 1);
}
