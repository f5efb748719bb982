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
 * Only the owner's close frees a slot, so a handle is good until its owner says otherwise. Registered edge-triggered
 * once for everything: a request costs no epoll_ctl.
 */
#include "internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

static int32_t sf__slot(sf_handle handle)
{
    return handle & ((1 << SF_SLOT_BITS) - 1);
}

sf_conn *sf__conn_find(sf_engine *e, sf_handle handle)
{
    int32_t slot = sf__slot(handle);
    if (handle < 0 || slot >= e->config.slot_count)
        return NULL;
    sf_conn *c = &e->conns[slot];
    return c->fd >= 0 && c->handle == handle ? c : NULL;
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

/* The connection fails: its owner hears of it once, in this turn or the next, and closes. */
void sf__conn_fail(sf_engine *e, sf_conn *c, uint16_t error)
{
    if (c->error != 0 || (c->flags & SF__DEAD))
        return;
    c->error = error;
    sf__ready_add(e, c);
}

/* Whether the kernel still has bytes of the peer. If not, `error` is that of the socket, which forgets it, or 0. */
static bool sf__conn_holds_more(const sf_conn *c, int *error)
{
    uint8_t byte;
    ssize_t got = recv(c->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    *error = got < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? errno : 0;
    return got > 0;
}

/*
 * Sending has failed, because the peer has closed or reset the connection. What it sent before that may still wait in the
 * kernel, an early answer for example, so it is read first, as far as the owner reads; bytes that are sent from now on
 * vanish. The end of reading then tells the error. While the owner does not read, it is told at once when nothing waits, and of
 * a client in any case: nobody is left to answer.
 */
void sf__conn_write_failed(sf_engine *e, sf_conn *c, uint16_t error)
{
    if (c->error != 0 || (c->flags & (SF__DEAD | SF__WRITE_FAILED)))
        return;
    sf__queue_drop(e, c);
    bool unread = !(c->flags & SF__READING);
    int ignored;
    if ((c->flags & SF__ENDED) || (unread && ((c->flags & SF__CLIENT) || !sf__conn_holds_more(c, &ignored)))) {
        sf__conn_fail(e, c, error);
        return;
    }
    c->write_error = error;
    if (c->flags & SF__SAY_BLOCKED)
        c->flags &= ~(SF__BLOCKED | SF__SAY_BLOCKED);
    c->flags = (c->flags & ~SF__SHUT_WANTED) | SF__CUT | SF__WRITE_FAILED | SF__READABLE | SF__ENDING;
    if (c->tls != NULL)
        sf__tls_noticed(c);
    if (c->flags & SF__READING)
        sf__ready_add(e, c);
}

static void sf__conn_init(sf_conn *c, int fd, sf_handle handle, uint32_t flags)
{
    c->fd = fd;
    c->handle = handle;
    /* A slot may be reused while the ready list still leads through it. */
    c->flags = flags | (c->flags & SF__READY);
    c->receive_offset = 0;
    c->bulk = 0;
    c->error = 0;
    c->write_error = 0;
    c->handed = 0;
    c->queue = NULL;
    c->tls = NULL;
}

static int sf__conn_watch(sf_engine *e, const sf_conn *c)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = (uint64_t)sf__slot(c->handle),
    };
    return epoll_ctl(e->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? SF_OK : SF_E_SYSTEM;
}

static void sf__no_delay(int fd, int family)
{
    int on = 1;
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a slower answer, not a wrong one */
}

int sf__conn_adopt(sf_engine *e, int fd, const sf_peer *peer, sf_handle *out)
{
    int32_t *control = e->config.control;
    if (control[SF_CONTROL_FREE_HANDLES] == 0) {
        control[SF_CONTROL_REFUSED]++;
        close(fd);
        return SF_E_FULL;
    }
    sf_handle handle = control[SF_CONTROL_WORDS + control[SF_CONTROL_FREE_HANDLES] - 1];
    sf_conn *c = &e->conns[sf__slot(handle)];
    sf__conn_init(c, fd, handle, SF__READING | SF__CLIENT);
    if (sf__conn_watch(e, c) != SF_OK) {
        close(fd);
        c->fd = -1;
        control[SF_CONTROL_REFUSED]++;
        return SF_E_SYSTEM;
    }
    sf__no_delay(fd, peer->family == 0 ? AF_UNIX : AF_INET);
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
    if (handle < 0 || slot >= e->config.slot_count || address < 0 || address >= e->address_count)
        return SF_E_INVALID;
    sf_conn *c = &e->conns[slot];
    if (c->fd >= 0)
        return SF_E_INVALID;
    /* A handle that was not taken off the free list first would be put back on it twice, beyond its end. */
    const int32_t *control = e->config.control;
    if (control[SF_CONTROL_FREE_HANDLES] + control[SF_CONTROL_CONNECTIONS] >= e->config.slot_count)
        return SF_E_INVALID;
    const sf_address *to = &e->addresses[address];
    e->config.control[SF_CONTROL_CONNECTIONS]++;

    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        /* The owner holds a handle and waits for one answer: give it a slot that is only good for an error. */
        sf__conn_init(c, e->epoll, handle, SF__CONNECTING);
        sf__conn_fail(e, c, sf__error_of(errno));
        return SF_OK;
    }
    sf__conn_init(c, fd, handle, SF__READING | SF__CONNECTING);
    sf__no_delay(fd, to->storage.ss_family);
    if (connect(fd, (const struct sockaddr *)&to->storage, to->bytes) == 0) {
        c->flags = (c->flags & ~SF__CONNECTING) | SF__CONNECTED;
        sf__ready_add(e, c);
    } else if (errno != EINPROGRESS) {
        sf__conn_fail(e, c, sf__error_of(errno));
        return SF_OK;
    }
    if (sf__conn_watch(e, c) != SF_OK)
        sf__conn_fail(e, c, sf__error_of(errno));
    return SF_OK;
}

void sf__conn_free(sf_engine *e, sf_conn *c, bool reset)
{
    int32_t *control = e->config.control;
    /* What is cut short must not look complete: no goodbye then, and a reset. */
    sf__queue_drop(e, c);
    if (c->tls != NULL) {
        sf__tls_settle(e);
        if (sf__tls_waiting(c) > 0)
            c->flags |= SF__CUT;
        sf__tls_free(c, !reset && c->error == 0 && !(c->flags & SF__CUT));
    }
    reset = reset || (c->flags & SF__CUT);
    if (c->fd != e->epoll) { /* see sf__conn_connect: a slot without a socket */
        if (reset) {
            struct linger linger = { .l_onoff = 1, .l_linger = 0 };
            (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)); /* else an ordinary close */
        }
        close(c->fd);
    }
    c->fd = -1;
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

/* True when the connect has succeeded; on failure the connection has failed too. */
static bool sf__connect_finish(sf_engine *e, sf_conn *c, uint32_t epoll_events)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (!(epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return false;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
        error = errno;
    if (error != 0) {
        sf__conn_fail(e, c, sf__error_of(error));
        return false;
    }
    c->flags = (c->flags & ~SF__CONNECTING) | SF__CONNECTED;
    sf__ready_add(e, c);
    return true;
}

void sf__conn_notice(sf_engine *e, sf_conn *c, uint32_t epoll_events)
{
    if (c->fd < 0 || c->error != 0 || (c->flags & SF__DEAD))
        return;
    if ((c->flags & SF__CONNECTING) && !sf__connect_finish(e, c, epoll_events))
        return;
    if (epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        c->flags |= SF__READABLE;
        if (c->tls != NULL)
            sf__tls_noticed(c);
        if (epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            c->flags |= SF__ENDING;
        if (c->flags & SF__READING)
            sf__ready_add(e, c);
    }
    if (c->flags & SF__HANDSHAKING) {
        sf__ready_add(e, c);
        return;
    }
    if ((epoll_events & EPOLLERR) && !(c->flags & SF__READING)) {
        /* Nobody will receive, so nobody would see it: ask. What a server sent before is read once its owner reads on, and
         * the error comes behind it. */
        int error = 0;
        socklen_t bytes = sizeof(error);
        if (!(c->flags & SF__CLIENT) && sf__conn_holds_more(c, &error))
            return;
        if (error != 0 || (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 && error != 0))
            sf__conn_fail(e, c, sf__error_of(error));
        return;
    }
    if ((epoll_events & EPOLLOUT) && (c->flags & (SF__BLOCKED | SF__SHUT_WANTED)))
        sf__conn_flush(e, c);
}

/* Chunks kept back: a quarter for backend connections, so that answers can be read when requests fill the slab, and
 * an eighth for what the owner writes itself. */
static int32_t sf__reserve(const sf_engine *e, const sf_conn *c)
{
    return (c->flags & SF__CLIENT) ? e->config.chunk_count / 4 : e->config.chunk_count / 8;
}

static ssize_t sf__recv(int fd, struct iovec *parts, int32_t count)
{
    ssize_t got;
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
    do
        got = count == 1 ? recv(fd, parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT)
                         : recvmsg(fd, &message, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
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
    int32_t chunks[SF__BULK_CHUNKS] = { chunk };
    struct iovec parts[SF__BULK_CHUNKS];
    int32_t count = 1;
    while (count < SF__BULK_CHUNKS && count * (int64_t)SF_CHUNK_BYTES < c->bulk &&
           (chunks[count] = sf__chunk_take(e, sf__bulk_reserve(e))) >= 0)
        count++;
    for (int32_t i = 0; i < count; i++) {
        parts[i].iov_base = e->config.memory + chunks[i];
        parts[i].iov_len = SF_CHUNK_BYTES;
    }
    int32_t offset = c->receive_offset; /* only with one chunk: see sf__conn_read_start */
    parts[0].iov_base = e->config.memory + chunk + offset;
    parts[0].iov_len = (size_t)(SF_CHUNK_BYTES - offset);
    size_t room = (size_t)count * SF_CHUNK_BYTES - (size_t)offset;
    ssize_t got = sf__recv(c->fd, parts, count);

    if (got > 0) {
        /* A short read has emptied the socket: the next byte makes a new edge. Not so when an end was announced. */
        if ((size_t)got < room && !(c->flags & SF__ENDING))
            c->flags &= ~SF__READABLE;
        else
            sf__ready_add(e, c);
        c->receive_offset = 0;
        if (c->bulk > 0)
            c->bulk -= got;
    } else {
        c->flags &= ~SF__READABLE;
        if (got == 0)
            sf__conn_ended(e, c);
        else if (errno != EAGAIN && errno != EWOULDBLOCK)
            sf__conn_fail(e, c, sf__error_of(errno));
        else if (c->flags & SF__WRITE_FAILED)
            sf__conn_fail(e, c, c->write_error);
    }
    for (int32_t i = 0; i < count; i++) {
        if (got <= 0) {
            sf__chunk_drop(e, chunks[i]);
            continue;
        }
        ssize_t part = got < (ssize_t)parts[i].iov_len ? got : (ssize_t)parts[i].iov_len;
        sf__event(e, SF_EVENT_KIND_DATA, c->handle, chunks[i] + (i == 0 ? offset : 0), (int32_t)part);
        got -= part;
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
    c->flags &= ~SF__SAY_TLS_READY;
    int32_t bytes = sf__tls_facts(c, e->config.memory + chunk);
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
    if (c->fd < 0 || (c->flags & SF__DEAD))
        return;
    if (c->error != 0) {
        sf__conn_report_error(e, c);
        return;
    }
    if (c->flags & (SF__HANDSHAKING | SF__SAY_TLS_READY)) {
        if (((c->flags & SF__HANDSHAKING) && !sf__tls_handshake(e, c)) ||
            ((c->flags & SF__SAY_TLS_READY) && !sf__conn_tls_ready(e, c))) {
            if (c->error != 0)
                sf__conn_report_error(e, c);
            return;
        }
    }
    if (c->flags & SF__CONNECTED) {
        c->flags &= ~SF__CONNECTED;
        sf__event(e, SF_EVENT_KIND_CONNECTED, c->handle, 0, 0);
        if (c->queue != NULL || (c->flags & SF__SHUT_WANTED))
            sf__conn_flush(e, c);
    }
    if (c->flags & SF__SAY_BLOCKED) {
        c->flags &= ~SF__SAY_BLOCKED;
        int32_t waiting = c->tls == NULL ? 0 : sf__tls_waiting(c);
        for (uint32_t i = c->queue == NULL ? 0 : c->queue->first; c->queue != NULL && i < c->queue->count; i++)
            waiting += c->queue->spans[i].bytes;
        sf__event(e, SF_EVENT_KIND_BLOCKED, c->handle, 0, waiting);
    }
    if (c->flags & SF__SAY_DRAINED) {
        c->flags &= ~SF__SAY_DRAINED;
        sf__event(e, SF_EVENT_KIND_DRAINED, c->handle, 0, 0);
    }
    if (c->flags & SF__SAY_FINISHED) {
        c->flags &= ~SF__SAY_FINISHED;
        sf__event(e, SF_EVENT_KIND_FINISHED, c->handle, 0, 0);
    }
    if (c->error == 0 && (c->flags & (SF__READING | SF__READABLE | SF__ENDED)) == (SF__READING | SF__READABLE))
        sf__conn_receive(e, c);
    /* What failed just now is told now: with nothing else to do, no later turn would come. */
    if (c->error != 0)
        sf__conn_report_error(e, c);
}
