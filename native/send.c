/*
 * What a connection sends: at once what the socket takes, the rest from a queue that holds references on its chunks.
 *
 *   EMPTY ──send, not all taken──► BLOCKED ──all has left──► EMPTY (`drained`)
 *     └──────── shutdown ────────────┴─ waits for the last byte ──► our direction is over (`finished`)
 *
 * What is dropped from a queue has been announced or begun: the peer must not take the rest for a whole message, so the
 * connection is marked, and its close is a reset.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void sf__queue_count(sf_engine *e, int32_t spans, int32_t bytes)
{
    e->config.control[SF_CONTROL_QUEUED_SPANS] += spans;
    e->config.control[SF_CONTROL_QUEUED_BYTES] += bytes;
}

void sf__queue_drop(sf_engine *e, sf_conn *c)
{
    if (c->queue == NULL)
        return;
    for (uint32_t i = c->queue->first; i < c->queue->count; i++) {
        sf__queue_count(e, -1, -c->queue->spans[i].bytes);
        sf__chunk_drop(e, c->queue->spans[i].at);
    }
    free(c->queue);
    c->queue = NULL;
    c->flags |= SF__CUT;
}

/* Makes room for `count` more spans. The queue may move; on failure nothing changed. */
static int sf__queue_reserve(sf_conn *c, uint32_t count)
{
    uint32_t waiting = c->queue == NULL ? 0 : c->queue->count - c->queue->first;
    if (waiting + count > SF_QUEUE_SPANS_MAX)
        return SF_E_FULL;
    if (c->queue != NULL && c->queue->count + count <= c->queue->room)
        return SF_OK;
    uint32_t room = 8;
    while (room < waiting + count)
        room *= 2;
    sf_queue *queue = malloc(sizeof(*queue) + room * sizeof(sf_span));
    if (queue == NULL)
        return SF_E_MEMORY;
    queue->first = 0;
    queue->count = waiting;
    queue->room = room;
    if (waiting > 0)
        memcpy(queue->spans, &c->queue->spans[c->queue->first], waiting * sizeof(sf_span));
    free(c->queue);
    c->queue = queue;
    return SF_OK;
}

void sf__conn_blocked(sf_engine *e, sf_conn *c)
{
    if (c->flags & SF__BLOCKED)
        return;
    /* A `drained` that is still due is overtaken: reported after this `blocked`, it would be a lie. */
    c->flags |= SF__BLOCKED;
    c->due = (uint16_t)((c->due & ~SF__DUE_DRAINED) | SF__DUE_BLOCKED);
    sf__ready_add(e, c);
}

/* Queues what is left of `spans` after its first `sent` bytes. */
static void sf__queue_rest(sf_engine *e, sf_conn *c, const sf_span *spans, int32_t count, size_t sent)
{
    if (sf__queue_reserve(c, (uint32_t)count) != SF_OK) {
        c->flags |= SF__CUT;
        sf__conn_fail(e, c, SF_ENGINE_ERROR_QUEUE_FULL);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        if (sent >= (size_t)spans[i].bytes) {
            sent -= (size_t)spans[i].bytes;
            continue;
        }
        sf_span rest = { spans[i].at + (int32_t)sent, spans[i].bytes - (int32_t)sent };
        sent = 0;
        sf__chunk_ref(e, rest.at);
        c->queue->spans[c->queue->count++] = rest;
        sf__queue_count(e, 1, rest.bytes);
    }
    sf__conn_blocked(e, c);
}

/* Sends spans, encrypted or plain. A failure has given up the queue, and the connection may have failed. Returns how many
 * bytes were taken. */
static int32_t sf__write(sf_engine *e, sf_conn *c, uint32_t flags, const sf_span *spans, int32_t count)
{
    sf_io_result result = c->tls == NULL ? sf__io_send(e, c, spans, count, (flags & SF_SEND_FLAG_MORE) != 0)
                                         : sf__tls_write(e, c, spans, count);
    if (result.bytes == SF__IO_FAILED)
        sf__conn_write_failed(e, c, result.error);
    return result.bytes > 0 ? result.bytes : 0;
}

static void sf__shut(sf_engine *e, sf_conn *c)
{
    if (c->tls != NULL && !sf__tls_shut(e, c)) {
        c->flags |= SF__SHUT_WANTED; /* the close_notify waits for the socket, or the connection has failed */
        return;
    }
    c->flags &= ~SF__SHUT_WANTED;
    if (c->flags & SF__READABLE)
        c->flags &= ~SF__CLOSES; /* what is unread would make the close a reset */
    uint16_t error = (c->flags & SF__CLOSES) ? 0 : sf__io_shutdown(c);
    if (error != 0) {
        sf__conn_fail(e, c, error);
        return;
    }
    c->flags |= SF__SHUT;
    c->due |= SF__DUE_FINISHED;
    sf__ready_add(e, c);
}

/* The socket takes bytes again: sends what waits. */
void sf__conn_flush(sf_engine *e, sf_conn *c)
{
    if ((c->flags & SF__WRITE_FAILED) || (c->tls != NULL && !sf__tls_flush(e, c)))
        return;
    while (c->queue != NULL) {
        sf_queue *queue = c->queue;
        int32_t count = (int32_t)(queue->count - queue->first);
        if (count > SF_SEND_SPANS_MAX)
            count = SF_SEND_SPANS_MAX;
        int32_t taken = sf__write(e, c, 0, &queue->spans[queue->first], count);
        sf__tls_settle(e); /* whether encrypted bytes wait decides what is reported below */
        if (c->error != 0 || (c->flags & SF__WRITE_FAILED))
            return;
        if (taken == 0)
            return;
        while (taken > 0) {
            sf_span *span = &queue->spans[queue->first];
            int32_t part = taken < span->bytes ? taken : span->bytes;
            sf__queue_count(e, 0, -part);
            taken -= part;
            if (part < span->bytes) {
                span->at += part;
                span->bytes -= part;
                break;
            }
            sf__queue_count(e, -1, 0);
            sf__chunk_drop(e, span->at);
            queue->first++;
        }
        if (queue->first == queue->count) {
            free(queue);
            c->queue = NULL;
        }
    }
    if (c->tls != NULL && sf__tls_waiting(c) > 0)
        return;
    if (c->flags & SF__BLOCKED) {
        c->flags &= ~SF__BLOCKED;
        c->due = (uint16_t)((c->due & ~SF__DUE_BLOCKED) | SF__DUE_DRAINED);
        sf__ready_add(e, c);
    }
    if (c->flags & SF__SHUT_WANTED)
        sf__shut(e, c);
}

int sf__conn_send(sf_engine *e, sf_handle handle, uint32_t flags, const sf_span *spans, int32_t count)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    if (count <= 0 || count > SF_SEND_SPANS_MAX)
        return SF_E_INVALID;
    size_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        if (spans[i].bytes <= 0 || !sf__chunk_valid(e, spans[i].at, spans[i].bytes))
            return SF_E_INVALID;
        total += (size_t)spans[i].bytes;
    }
    if (c->error != 0 || (c->flags & (SF__DEAD | SF__WRITE_FAILED)))
        return SF_OK; /* the failure is reported, or will be; these bytes have nowhere to go */
    if (c->queue != NULL || (c->flags & (SF__CONNECTING | SF__HANDSHAKING))) {
        sf__queue_rest(e, c, spans, count, 0);
        return SF_OK;
    }
    int32_t taken = sf__write(e, c, flags, spans, count);
    if (c->error == 0 && !(c->flags & SF__WRITE_FAILED) && (size_t)taken < total)
        sf__queue_rest(e, c, spans, count, (size_t)taken);
    return SF_OK;
}

int sf__conn_shutdown(sf_engine *e, sf_handle handle, bool closes)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    if (c->error != 0 || (c->flags & (SF__DEAD | SF__WRITE_FAILED)))
        return SF_OK;
    if (closes)
        c->flags |= SF__CLOSES;
    if (c->queue != NULL || (c->flags & (SF__CONNECTING | SF__HANDSHAKING)))
        c->flags |= SF__SHUT_WANTED;
    else
        sf__shut(e, c);
    return SF_OK;
}

int sf_engine_progress(sf_engine *e, sf_handle handle, sf_progress *out)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    out->acknowledged = sf__io_acknowledged(c);
    out->partial = c->tls == NULL ? 0 : sf__tls_partial(c);
    return SF_OK;
}
