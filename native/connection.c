/*
 * One socket: how it begins, what it receives, how it ends. What it sends is in send.c.
 *
 *   free ──adopt────────────────► OPEN ◄──────────────┐
 *    ▲  └─connect──► CONNECTING ──┴─ connected        │ drained
 *    │                    │        │                  │
 *    │                    │        ├─ blocked ──► OPEN, with a queue
 *    │                    ▼        ▼
 *    └──────close────── DEAD ◄── error
 *
 * Only the owner's close frees a slot, so a handle is good until its owner says otherwise. What moves the bytes is
 * behind io.h.
 */
#include "internal.h"

int32_t sf__slot(sf_handle handle)
{
    return handle & ((1 << SF_SLOT_BITS) - 1);
}

sf_conn *sf__conn_find(sf_engine *e, sf_handle handle)
{
    int32_t slot = sf__slot(handle);
    if (handle < 0 || slot >= e->config.slot_count)
        return NULL;
    sf_conn *c = &e->conns[slot];
    return (c->flags & SF__OPEN) && c->handle == handle ? c : NULL;
}

void sf__ready_add(sf_engine *e, sf_conn *c)
{
    if (c->flags & SF__READY)
        return;
    int32_t slot = sf__slot(c->handle);
    c->flags |= SF__READY;
    c->ready_next = SF__NONE;
    if (e->ready_last == SF__NONE)
        e->ready_first = slot;
    else
        e->conns[e->ready_last].ready_next = slot;
    e->ready_last = slot;
    e->config.control[SF_CONTROL_READY]++;
}

void sf__conn_yield(sf_engine *e, sf_conn *c)
{
    sf__ready_add(e, c);
    e->config.control[SF_CONTROL_YIELDED]++;
}

void sf__conn_fail(sf_engine *e, sf_conn *c, uint16_t error)
{
    if (c->error != 0 || (c->flags & SF__DEAD))
        return;
    c->error = error;
    sf__ready_add(e, c);
}

/* Whether there are bytes of the peer to receive. If not, `error` is that of the socket, which forgets it, or 0. */
static bool sf__conn_holds_more(sf_conn *c, uint16_t *error)
{
    uint8_t byte;
    sf_io_result looked = sf__io_peek(c, &byte);
    *error = looked.error;
    return looked.bytes > 0;
}

/*
 * Sending has failed, because the peer has closed or reset the connection. What it sent before that may still wait in the
 * kernel, an early answer for example, so it is read first, as far as the owner reads; bytes that are sent from now on
 * vanish. The end of reading then reports the error. While the owner does not read, it is reported at once when nothing
 * waits, and of a client in any case: there is no peer left to answer.
 */
void sf__conn_write_failed(sf_engine *e, sf_conn *c, uint16_t error)
{
    if (c->error != 0 || (c->flags & (SF__DEAD | SF__WRITE_FAILED)))
        return;
    sf__queue_drop(e, c);
    bool unread = !(c->flags & SF__READING);
    uint16_t ignored;
    if ((c->flags & SF__ENDED) || (unread && ((c->flags & SF__CLIENT) || !sf__conn_holds_more(c, &ignored)))) {
        sf__conn_fail(e, c, error);
        return;
    }
    c->write_error = error;
    if (c->due & SF__DUE_BLOCKED)
        c->flags &= ~SF__BLOCKED;
    c->due &= (uint16_t)~SF__DUE_BLOCKED;
    c->flags = (c->flags & ~SF__SHUT_WANTED) | SF__CUT | SF__WRITE_FAILED | SF__READABLE;
    sf__io_expect_end(c);
    if (c->flags & SF__READING)
        sf__ready_add(e, c);
}

static void sf__conn_init(sf_conn *c, sf_handle handle, uint32_t flags)
{
    c->handle = handle;
    /* A slot may be reused while the ready list still leads through it. */
    c->flags = SF__OPEN | flags | (c->flags & SF__READY);
    c->due = 0;
    c->receive_offset = 0;
    c->bulk = 0;
    c->error = 0;
    c->write_error = 0;
    c->queue = NULL;
    c->tls = NULL;
    sf__io_none(c);
}

int sf__conn_adopt(sf_engine *e, int fd, const sf_peer *peer, sf_handle *out)
{
    int32_t *control = e->config.control;
    if (control[SF_CONTROL_FREE_HANDLES] == 0) {
        control[SF_CONTROL_REFUSED]++;
        sf__io_refuse(fd);
        return SF_E_FULL;
    }
    sf_handle handle = control[SF_CONTROL_WORDS + control[SF_CONTROL_FREE_HANDLES] - 1];
    sf_conn *c = &e->conns[sf__slot(handle)];
    sf__conn_init(c, handle, SF__READING | SF__CLIENT);
    if (sf__io_adopt(e, c, fd) != SF_OK) {
        c->flags &= SF__READY; /* the slot stays free */
        control[SF_CONTROL_REFUSED]++;
        return SF_E_SYSTEM;
    }
    e->config.peers[sf__slot(handle)] = *peer;
    control[SF_CONTROL_FREE_HANDLES]--;
    control[SF_CONTROL_CONNECTIONS]++;
    control[SF_CONTROL_CLIENT_CONNECTIONS]++;
    *out = handle;
    return SF_OK;
}

int sf__conn_connect(sf_engine *e, sf_handle handle, int32_t address)
{
    int32_t slot = sf__slot(handle);
    if (handle < 0 || slot >= e->config.slot_count || address < 0 || address >= e->addresses.count)
        return SF_E_INVALID;
    sf_conn *c = &e->conns[slot];
    if (c->flags & SF__OPEN)
        return SF_E_INVALID;
    /* A handle that was not taken off the free list first would be put back on it twice, beyond its end. */
    const int32_t *control = e->config.control;
    if (control[SF_CONTROL_FREE_HANDLES] + control[SF_CONTROL_CONNECTIONS] >= e->config.slot_count)
        return SF_E_INVALID;
    e->config.control[SF_CONTROL_CONNECTIONS]++;
    /* The owner holds a handle and waits for one answer: also without a socket, the slot is good for an error. */
    sf__conn_init(c, handle, SF__READING | SF__CONNECTING);
    sf__io_connect(e, c, &e->addresses.items[address]);
    return SF_OK;
}

void sf__conn_free(sf_engine *e, sf_conn *c, bool reset)
{
    int32_t *control = e->config.control;
    /* What is cut short must not look complete: no close_notify then, and a reset. */
    sf__queue_drop(e, c);
    if (c->tls != NULL) {
        sf__tls_settle(e);
        if (sf__tls_waiting(c) > 0)
            c->flags |= SF__CUT;
        sf__tls_free(c, !reset && c->error == 0 && !(c->flags & SF__CUT));
    }
    sf__io_close(c, reset || (c->flags & SF__CUT));
    control[SF_CONTROL_CONNECTIONS]--;
    if (c->flags & SF__CLIENT) {
        control[SF_CONTROL_CLIENT_CONNECTIONS]--;
        if (e->inbox != NULL)
            sf_inbox_closed(e->inbox);
    }
    c->flags &= SF__READY;
    int32_t generation = ((c->handle >> SF_SLOT_BITS) + 1) & ((1 << SF_GENERATION_BITS) - 1);
    c->handle = (generation << SF_SLOT_BITS) | sf__slot(c->handle);
    control[SF_CONTROL_WORDS + control[SF_CONTROL_FREE_HANDLES]++] = c->handle;
}

int sf__conn_close(sf_engine *e, sf_handle handle, bool reset)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    sf__conn_free(e, c, reset);
    return SF_OK;
}

int sf__conn_read_start(sf_engine *e, sf_handle handle, int32_t offset)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    if (offset < 0 || offset >= SF_CHUNK_BYTES)
        return SF_E_INVALID;
    c->flags |= SF__READING;
    c->receive_offset = (uint16_t)offset;
    if (offset > 0)
        c->bulk = 0; /* room is left in front of one chunk: it has to come alone */
    if (c->flags & SF__READABLE)
        sf__ready_add(e, c);
    return SF_OK;
}

int sf__conn_read_many(sf_engine *e, sf_handle handle, int32_t chunks)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    if (chunks < 0)
        return SF_E_INVALID;
    c->bulk = (int64_t)chunks * SF_CHUNK_BYTES;
    return SF_OK;
}

int sf__conn_read_stop(sf_engine *e, sf_handle handle)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    c->flags &= ~SF__READING;
    if ((c->flags & (SF__CLIENT | SF__WRITE_FAILED)) == (SF__CLIENT | SF__WRITE_FAILED))
        sf__conn_fail(e, c, c->write_error);
    return SF_OK;
}

void sf__conn_connected(sf_engine *e, sf_conn *c)
{
    c->flags &= ~SF__CONNECTING;
    c->due |= SF__DUE_CONNECTED;
    sf__ready_add(e, c);
}

/*
 * The socket has an error, and its owner does not receive, which would show it: ask. What a server sent before is read
 * once its owner reads on, and the error comes behind it.
 */
static void sf__conn_broken(sf_engine *e, sf_conn *c)
{
    uint16_t error = 0;
    if (!(c->flags & SF__CLIENT) && sf__conn_holds_more(c, &error))
        return;
    if (error == 0)
        error = sf__io_error(c);
    if (error != 0)
        sf__conn_fail(e, c, error);
}

void sf__conn_ready(sf_engine *e, sf_conn *c, uint32_t what)
{
    if (c->error != 0 || (c->flags & SF__DEAD))
        return;
    if (what & SF__IO_READABLE) {
        c->flags |= SF__READABLE;
        if (c->flags & SF__READING)
            sf__ready_add(e, c);
    }
    if (c->flags & SF__HANDSHAKING)
        sf__ready_add(e, c);
    else if ((what & SF__IO_BROKEN) && !(c->flags & SF__READING))
        sf__conn_broken(e, c);
    else if ((what & SF__IO_WRITABLE) && (c->flags & (SF__BLOCKED | SF__SHUT_WANTED)))
        sf__conn_flush(e, c);
}

/* Chunks kept back: a quarter for backend connections, so that answers can be read when requests fill the slab, and
 * an eighth for what the owner writes itself. */
static int32_t sf__reserve(const sf_engine *e, const sf_conn *c)
{
    return (c->flags & SF__CLIENT) ? e->config.chunk_count / 4 : e->config.chunk_count / 8;
}

/* Kept back from all but the first chunk of a receive: several at a time are for a slab that is nearly empty, or a few
 * clients that do not read would fill it. */
static int32_t sf__bulk_reserve(const sf_engine *e)
{
    return e->config.chunk_count / 4 * 3;
}

/*
 * There is no more to receive. After a failed write the kernel says so for a reset as well, whose own error that write has
 * taken: a broken pipe was one whose peer had ended in good order before, all else was cut.
 */
static void sf__conn_ended(sf_engine *e, sf_conn *c)
{
    bool failed = (c->flags & SF__WRITE_FAILED) != 0;
    c->flags = (c->flags & ~SF__READING) | SF__ENDED;
    if (!failed || c->write_error == SF_ENGINE_ERROR_BROKEN_PIPE)
        sf__event(e, SF_EVENT_KIND_EOF, c->handle, 0, 0);
    if (failed)
        sf__conn_fail(e, c, c->write_error);
}

/* Receives one chunk, or several of a long body with one call of the kernel. */
static void sf__conn_receive(sf_engine *e, sf_conn *c)
{
    int32_t chunk = sf__chunk_take(e, sf__reserve(e, c));
    if (chunk < 0) {
        e->config.control[SF_CONTROL_SLAB_FULL]++;
        sf__ready_add(e, c);
        return;
    }
    if (c->tls != NULL) {
        sf__tls_receive(e, c, chunk);
        return;
    }
    /* In front of more than one chunk no room is left: see sf__conn_read_start. */
    sf_io_room room = { .chunks = { chunk }, .count = 1, .offset = c->receive_offset };
    while (room.count < SF__BULK_CHUNKS && room.count * (int64_t)SF_CHUNK_BYTES < c->bulk &&
           (room.chunks[room.count] = sf__chunk_take(e, sf__bulk_reserve(e))) >= 0)
        room.count++;
    sf__io_receive(e, c, &room);
}

void sf__conn_received(sf_engine *e, sf_conn *c, const sf_io_room *room, sf_io_result result)
{
    int32_t left = result.bytes > 0 ? result.bytes : 0;
    if (result.bytes > 0) {
        if (sf__io_may_receive(c))
            sf__ready_add(e, c);
        else
            c->flags &= ~SF__READABLE;
        c->receive_offset = 0;
        if (c->bulk > 0)
            c->bulk -= result.bytes;
    } else {
        c->flags &= ~SF__READABLE;
        if (result.bytes == SF__IO_END)
            sf__conn_ended(e, c);
        else if (result.bytes == SF__IO_FAILED)
            sf__conn_fail(e, c, result.error);
        else if (c->flags & SF__WRITE_FAILED)
            sf__conn_fail(e, c, c->write_error);
    }
    for (int32_t i = 0; i < room->count; i++) {
        int32_t offset = i == 0 ? room->offset : 0;
        int32_t part = left < SF_CHUNK_BYTES - offset ? left : SF_CHUNK_BYTES - offset;
        if (part > 0)
            sf__event(e, SF_EVENT_KIND_DATA, c->handle, room->chunks[i] + offset, part);
        else
            sf__chunk_drop(e, room->chunks[i]);
        left -= part;
    }
}

static void sf__conn_report_error(sf_engine *e, sf_conn *c)
{
    c->flags |= SF__DEAD;
    sf__queue_drop(e, c);
    sf__event(e, SF_EVENT_KIND_ERROR, c->handle, c->error, 0);
}

/* Tells what a handshake agreed on. Returns false when the slab has no room to say it. */
static bool sf__conn_tls_ready(sf_engine *e, sf_conn *c)
{
    int32_t chunk = sf__chunk_take(e, sf__reserve(e, c));
    if (chunk < 0) {
        e->config.control[SF_CONTROL_SLAB_FULL]++;
        sf__ready_add(e, c);
        return false;
    }
    c->due &= (uint16_t)~SF__DUE_TLS_READY;
    int32_t bytes = sf__tls_info(c, e->config.memory + chunk);
    if (bytes < 0) {
        sf__chunk_drop(e, chunk);
        sf__conn_fail(e, c, SF_ENGINE_ERROR_NO_MEMORY);
        return false;
    }
    sf__event(e, SF_EVENT_KIND_TLS_READY, c->handle, chunk, bytes);
    if (c->queue != NULL || (c->flags & SF__SHUT_WANTED))
        sf__conn_flush(e, c);
    return true;
}

void sf__conn_serve(sf_engine *e, sf_conn *c)
{
    if ((c->flags & (SF__OPEN | SF__DEAD)) != SF__OPEN)
        return;
    if (c->error != 0) {
        sf__conn_report_error(e, c);
        return;
    }
    if (((c->flags & SF__HANDSHAKING) && !sf__tls_handshake(e, c)) ||
        ((c->due & SF__DUE_TLS_READY) && !sf__conn_tls_ready(e, c))) {
        if (c->error != 0)
            sf__conn_report_error(e, c);
        return;
    }
    if (c->due & SF__DUE_CONNECTED) {
        c->due &= (uint16_t)~SF__DUE_CONNECTED;
        sf__event(e, SF_EVENT_KIND_CONNECTED, c->handle, 0, 0);
        if (c->queue != NULL || (c->flags & SF__SHUT_WANTED))
            sf__conn_flush(e, c);
    }
    if (c->due & SF__DUE_BLOCKED) {
        c->due &= (uint16_t)~SF__DUE_BLOCKED;
        int32_t waiting = c->tls == NULL ? 0 : sf__tls_waiting(c);
        for (uint32_t i = c->queue == NULL ? 0 : c->queue->first; c->queue != NULL && i < c->queue->count; i++)
            waiting += c->queue->spans[i].bytes;
        sf__event(e, SF_EVENT_KIND_BLOCKED, c->handle, 0, waiting);
    }
    if (c->due & SF__DUE_DRAINED) {
        c->due &= (uint16_t)~SF__DUE_DRAINED;
        sf__event(e, SF_EVENT_KIND_DRAINED, c->handle, 0, 0);
    }
    if (c->due & SF__DUE_FINISHED) {
        c->due &= (uint16_t)~SF__DUE_FINISHED;
        sf__event(e, SF_EVENT_KIND_FINISHED, c->handle, 0, (c->flags & SF__CLOSES) != 0);
    }
    if (c->error == 0 && (c->flags & (SF__READING | SF__READABLE | SF__ENDED)) == (SF__READING | SF__READABLE))
        sf__conn_receive(e, c);
    /* What failed just now is reported now: with nothing else to do, no later turn would come. */
    if (c->error != 0)
        sf__conn_report_error(e, c);
}
