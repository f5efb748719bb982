/* The life of an engine, and its turns: submissions in, events out. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Events one connection can cause in one turn: connected or TLS ready, blocked or drained, finished, error, and data or
 * eof. */
#define SF__EVENTS_PER_CONN (4 + SF__BULK_CHUNKS)

static bool sf__config_valid(const sf_engine_config *c)
{
    return c->memory != NULL && c->control != NULL && c->peers != NULL && c->events != NULL && c->submissions != NULL &&
           c->chunk_count >= 8 && c->slot_count > 0 && c->slot_count <= (1 << SF_SLOT_BITS) && c->slab_at >= 0 &&
           c->event_count >= SF__EVENTS_PER_CONN * 2 &&
           (size_t)c->slab_at + (size_t)c->chunk_count * SF_CHUNK_BYTES <= c->memory_bytes &&
           (size_t)c->slab_at + (size_t)c->chunk_count * SF_CHUNK_BYTES <= INT32_MAX; /* addresses are int32_t */
}

int sf_engine_create(const sf_engine_config *config, sf_engine **out)
{
    if (!sf__config_valid(config))
        return SF_E_INVALID;
    sf_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return SF_E_MEMORY;
    e->config = *config;
    e->ready_first = e->ready_last = SF__NONE;
    e->conns = calloc((size_t)config->slot_count, sizeof(*e->conns));
    e->chunk_refs = calloc((size_t)config->chunk_count, sizeof(*e->chunk_refs));
    e->chunk_free = malloc((size_t)config->chunk_count * sizeof(*e->chunk_free));
    if (e->conns == NULL || e->chunk_refs == NULL || e->chunk_free == NULL) {
        sf_engine_destroy(e);
        return SF_E_MEMORY;
    }
    int32_t *control = config->control;
    memset(control, 0, SF_CONTROL_WORDS * sizeof(*control));
    for (int32_t i = 0; i < config->slot_count; i++)
        control[SF_CONTROL_WORDS + i] = config->slot_count - 1 - i; /* slot 0 is taken first */
    control[SF_CONTROL_FREE_HANDLES] = config->slot_count;
    for (int32_t i = 0; i < config->chunk_count; i++)
        e->chunk_free[i] = config->chunk_count - 1 - i;
    control[SF_CONTROL_FREE_CHUNKS] = config->chunk_count;
    int started = sf__io_start(e);
    if (started != SF_OK) {
        sf_engine_destroy(e);
        return started;
    }
    *out = e;
    return SF_OK;
}

void sf_engine_destroy(sf_engine *e)
{
    if (e == NULL)
        return;
    sf_engine_listen_end(e, SF_LISTENER_ALL);
    for (int32_t i = 0; e->conns != NULL && i < e->config.slot_count; i++)
        if (e->conns[i].flags & SF__OPEN)
            sf__conn_free(e, &e->conns[i], !(e->conns[i].flags & SF__SHUT));
    if (e->inbox != NULL) {
        sf_inbox_close(e->inbox);
        sf_inbox_release(e->inbox);
    }
    sf__io_stop(e);
    free(e->tls_stage);
    sf__addresses_free(e);
    free(e->chunk_free);
    free(e->chunk_refs);
    free(e->conns);
    free(e);
}

int sf_engine_descriptor(const sf_engine *e)
{
    return sf__io_descriptor(e);
}

int32_t sf_engine_chunk_take(sf_engine *e)
{
    return sf__chunk_take(e, 0);
}

int32_t sf_engine_run_take(sf_engine *e, int32_t count)
{
    return sf__run_take(e, count, e->config.chunk_count / 8);
}

bool sf__event_room(const sf_engine *e, int32_t count)
{
    return e->event_used + count <= e->config.event_count;
}

void sf__event(sf_engine *e, int32_t kind, sf_handle conn, int32_t at, int32_t bytes)
{
    int32_t *event = &e->config.events[e->event_used++ * SF_EVENT_WORDS];
    event[SF_EVENT_KIND] = kind;
    event[SF_EVENT_CONN] = conn;
    event[SF_EVENT_AT] = at;
    event[SF_EVENT_BYTES] = bytes;
}

/* Carries out one submission. Returns the words it took, or SF_E_INVALID. */
static int32_t sf__submit(sf_engine *e, const int32_t *words, int32_t left)
{
    if (left < 2)
        return SF_E_INVALID;
    sf_handle conn = words[1];
    int32_t operand = left > 2 ? words[2] : 0;
    int result;
    int32_t taken;
    switch (words[0]) {
    case SF_SUBMIT_SEND: {
        if (left < 4 || words[3] <= 0 || words[3] > SF_SEND_SPANS_MAX || left < 4 + 2 * words[3])
            return SF_E_INVALID;
        _Static_assert(sizeof(sf_span) == 2 * sizeof(int32_t), "a span is two words of the submission");
        result = sf__conn_send(e, conn, (uint32_t)operand, (const sf_span *)&words[4], words[3]);
        taken = 4 + 2 * words[3];
        break;
    }
    case SF_SUBMIT_RELEASE:
        if (!sf__chunk_valid(e, conn, 0))
            return SF_E_INVALID;
        sf__chunk_drop(e, conn);
        return 2;
    case SF_SUBMIT_RETAIN:
        if (!sf__chunk_valid(e, conn, 0))
            return SF_E_INVALID;
        sf__chunk_ref(e, conn);
        return 2;
    case SF_SUBMIT_READ_START:
        result = left < 3 ? SF_E_INVALID : sf__conn_read_start(e, conn, operand);
        taken = 3;
        break;
    case SF_SUBMIT_READ_MANY:
        result = left < 3 ? SF_E_INVALID : sf__conn_read_many(e, conn, operand);
        taken = 3;
        break;
    case SF_SUBMIT_READ_STOP:
        result = sf__conn_read_stop(e, conn);
        taken = 2;
        break;
    case SF_SUBMIT_CONNECT:
        result = left < 3 ? SF_E_INVALID : sf__conn_connect(e, conn, operand);
        taken = 3;
        break;
    case SF_SUBMIT_TLS:
        result = left < 5 ? SF_E_INVALID : sf__tls_begin(e, conn, operand, (sf_span){ words[3], words[4] });
        taken = 5;
        break;
    case SF_SUBMIT_SHUTDOWN:
        result = left < 3 ? SF_E_INVALID : sf__conn_shutdown(e, conn, operand != 0);
        taken = 3;
        break;
    case SF_SUBMIT_CLOSE:
    case SF_SUBMIT_RESET:
        result = sf__conn_close(e, conn, words[0] == SF_SUBMIT_RESET);
        taken = 2;
        break;
    default:
        return SF_E_INVALID;
    }
    if (result == SF_E_INVALID || taken > left)
        return SF_E_INVALID;
    return taken; /* a stale handle is no error: its connection ended in this batch */
}

/* Serves everyone who was ready when the pass began, while there is room for events. */
static void sf__serve(sf_engine *e)
{
    int32_t last = e->ready_last;
    while (e->ready_first != SF__NONE && sf__event_room(e, SF__EVENTS_PER_CONN)) {
        int32_t slot = e->ready_first;
        sf_conn *c = &e->conns[slot];
        e->ready_first = c->ready_next;
        if (e->ready_first == SF__NONE)
            e->ready_last = SF__NONE;
        c->flags &= ~SF__READY;
        e->config.control[SF_CONTROL_READY]--;
        sf__conn_serve(e, c);
        if (slot == last)
            break;
    }
}

int sf_engine_submit(sf_engine *e, int32_t words)
{
    if (words < 0 || words > e->config.submission_words)
        return SF_E_INVALID;
    for (int32_t at = 0; at < words;) {
        int32_t taken = sf__submit(e, &e->config.submissions[at], words - at);
        if (taken < 0) {
            sf__tls_settle(e);
            return SF_E_INVALID;
        }
        at += taken;
    }
    sf__tls_settle(e);
    return SF_OK;
}

/* Notes when the batch was complete: the time of all its events. */
static void sf__stamp(sf_engine *e)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists */
    e->config.control[SF_CONTROL_NOW_SECONDS] = (int32_t)now.tv_sec;
    e->config.control[SF_CONTROL_NOW_MICROSECONDS] = (int32_t)(now.tv_nsec / 1000);
}

int sf_engine_turn(sf_engine *e, int32_t words)
{
    if (sf_engine_submit(e, words) != SF_OK)
        return SF_E_INVALID;
    e->event_used = 0;
    e->handshakes_left = SF__HANDSHAKES_PER_TURN;
    e->config.control[SF_CONTROL_YIELDED] = 0;
    sf__accept_resume(e);
    sf__io_wait(e);
    sf__serve(e);
    if (e->event_used > 0)
        sf__stamp(e);
    return e->event_used;
}
