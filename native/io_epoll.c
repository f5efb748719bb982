/*
 * Io by epoll: readiness is asked for once per turn, bytes are moved at once. A socket is registered once,
 * edge-triggered, for everything: a request costs no epoll_ctl.
 *
 * Edge-triggered means that what was there before makes no edge. So a socket counts as empty only once a receive came
 * back short, or with nothing; and not even a short one empties it when an end or an error was announced behind.
 */
#include "internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define SF__BATCH 512
/* Below these, a tag is the slot of a connection. */
#define SF__INBOX_TAG UINT64_MAX
#define SF__LISTEN_TAG (UINT64_C(1) << 32)

struct sf_io {
    int epoll; /* owned */
};

/* Flags of an sf_io_socket. */
enum {
    SF__SOCKET_CONNECTING = 1u << 0,
    SF__SOCKET_EMPTY = 1u << 1, /* nothing to receive until the next edge */
    SF__SOCKET_ENDING = 1u << 2 /* an end or an error was announced: receive on until it shows */
};

/* --- The engine ----------------------------------------------------------------------------------------------------- */

int sf__io_start(sf_engine *e)
{
    sf_io *io = calloc(1, sizeof(*io));
    if (io == NULL)
        return SF_E_MEMORY;
    io->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (io->epoll < 0) {
        free(io);
        return SF_E_SYSTEM;
    }
    e->io = io;
    return SF_OK;
}

void sf__io_stop(sf_engine *e)
{
    if (e->io == NULL)
        return;
    close(e->io->epoll);
    free(e->io);
    e->io = NULL;
}

int sf__io_descriptor(const sf_engine *e)
{
    return e->io->epoll;
}

static int sf__watch(sf_engine *e, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = { .events = events, .data.u64 = tag };
    return epoll_ctl(e->io->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? SF_OK : SF_E_SYSTEM;
}

int sf__io_watch_inbox(sf_engine *e)
{
    return sf__watch(e, sf_inbox_descriptor(e->inbox), EPOLLIN, SF__INBOX_TAG);
}

int sf__io_watch_listening(sf_engine *e, int32_t index)
{
    return sf__watch(e, e->listening[index].fd, EPOLLIN | EPOLLEXCLUSIVE, SF__LISTEN_TAG + (uint64_t)index);
}

void sf__io_unwatch_listening(sf_engine *e, int32_t index)
{
    (void)epoll_ctl(e->io->epoll, EPOLL_CTL_DEL, e->listening[index].fd, NULL); /* it was added by us and is open */
}

int sf__io_accept(sf_engine *e, int32_t index, struct sockaddr_storage *from)
{
    socklen_t bytes = sizeof(*from);
    int fd = accept4(e->listening[index].fd, (struct sockaddr *)from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        return fd;
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return SF__ACCEPT_EXHAUSTED;
    case EINTR:
    case ECONNABORTED:
        return SF__ACCEPT_AGAIN;
    default:
        return SF__ACCEPT_NONE;
    }
}

/* True when the connect has succeeded; one that failed is reported. */
static bool sf__connect_finish(sf_engine *e, sf_conn *c, uint32_t events)
{
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return false;
    uint16_t error = sf__io_error(c);
    if (error != 0) {
        sf__conn_fail(e, c, error);
        return false;
    }
    c->io.flags &= ~SF__SOCKET_CONNECTING;
    sf__conn_connected(e, c);
    return true;
}

static void sf__notice(sf_engine *e, sf_conn *c, uint32_t events)
{
    uint32_t what = 0;
    if (c->io.fd < 0)
        return;
    if ((c->io.flags & SF__SOCKET_CONNECTING) && !sf__connect_finish(e, c, events))
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->io.flags |= SF__SOCKET_ENDING;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        c->io.flags &= ~SF__SOCKET_EMPTY;
        what |= SF__IO_READABLE;
    }
    if (events & EPOLLOUT)
        what |= SF__IO_WRITABLE;
    if (events & EPOLLERR)
        what |= SF__IO_BROKEN;
    sf__conn_ready(e, c, what);
}

void sf__io_wait(sf_engine *e)
{
    struct epoll_event ready[SF__BATCH];
    int count;
    do
        count = epoll_wait(e->io->epoll, ready, SF__BATCH, 0);
    while (count < 0 && errno == EINTR);
    for (int i = 0; i < count; i++) {
        uint64_t tag = ready[i].data.u64;
        if (tag == SF__INBOX_TAG)
            sf__accept_inbox(e);
        else if (tag >= SF__LISTEN_TAG)
            sf__accept_listening(e, (int32_t)(tag - SF__LISTEN_TAG));
        else
            sf__notice(e, &e->conns[tag], ready[i].events);
    }
}

/* --- A socket's life ------------------------------------------------------------------------------------------------ */

static int sf__watch_socket(sf_engine *e, const sf_conn *c)
{
    return sf__watch(e, c->io.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, (uint64_t)sf__slot(c->handle));
}

static void sf__no_delay(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a slower answer, not a wrong one */
}

void sf__io_none(sf_conn *c)
{
    c->io = (sf_io_socket){ .fd = -1 };
}

void sf__io_refuse(int fd)
{
    close(fd);
}

int sf__io_adopt(sf_engine *e, sf_conn *c, int fd)
{
    c->io = (sf_io_socket){ .fd = fd, .flags = SF__SOCKET_EMPTY };
    if (sf__watch_socket(e, c) != SF_OK) {
        close(fd);
        sf__io_none(c);
        return SF_E_SYSTEM;
    }
    return SF_OK;
}

void sf__io_connect(sf_engine *e, sf_conn *c, const sf_address *to)
{
    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        sf__io_none(c);
        sf__conn_fail(e, c, sf__error_of(errno));
        return;
    }
    c->io = (sf_io_socket){ .fd = fd, .flags = SF__SOCKET_EMPTY | SF__SOCKET_CONNECTING };
    if (to->storage.ss_family != AF_UNIX)
        sf__no_delay(fd);
    if (to->keep_alive.idle_seconds > 0 && !sf_keep_alive_set(fd, &to->keep_alive)) {
        sf__conn_fail(e, c, sf__error_of(errno));
        return;
    }
    if (connect(fd, (const struct sockaddr *)&to->storage, to->bytes) == 0) {
        c->io.flags &= ~SF__SOCKET_CONNECTING;
        sf__conn_connected(e, c);
    } else if (errno != EINPROGRESS) {
        sf__conn_fail(e, c, sf__error_of(errno));
        return;
    }
    if (sf__watch_socket(e, c) != SF_OK)
        sf__conn_fail(e, c, sf__error_of(errno));
}

void sf__io_close(sf_conn *c, bool reset)
{
    if (c->io.fd < 0)
        return;
    if (reset) {
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        (void)setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)); /* else an ordinary close */
    }
    close(c->io.fd);
    sf__io_none(c);
}

uint16_t sf__io_shutdown(sf_conn *c)
{
    /* ENOTCONN: the peer has reset the connection, which receiving will show. */
    return shutdown(c->io.fd, SHUT_WR) == 0 || errno == ENOTCONN ? 0 : sf__error_of(errno);
}

uint16_t sf__io_error(sf_conn *c)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
        error = errno;
    return error == 0 ? 0 : sf__error_of(error);
}

double sf__io_acknowledged(const sf_conn *c)
{
    int waiting = 0;
    (void)ioctl(c->io.fd, SIOCOUTQ, &waiting); /* without it all counts that the kernel took: coarser, not wrong */
    return (double)c->io.sent - waiting;
}

bool sf__io_local_address(const sf_conn *c, struct sockaddr_storage *out, socklen_t *bytes)
{
    *bytes = sizeof(*out);
    return getsockname(c->io.fd, (struct sockaddr *)out, bytes) == 0;
}

bool sf__io_peer_address(const sf_conn *c, struct sockaddr_storage *out, socklen_t *bytes)
{
    *bytes = sizeof(*out);
    return getpeername(c->io.fd, (struct sockaddr *)out, bytes) == 0;
}

/* --- Bytes ---------------------------------------------------------------------------------------------------------- */

/* Makes a result of what the kernel said: errno is still its own. */
static sf_io_result sf__result_of(ssize_t moved)
{
    if (moved >= 0)
        return (sf_io_result){ .bytes = (int32_t)moved };
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return (sf_io_result){ .bytes = SF__IO_LATER };
    return (sf_io_result){ .bytes = SF__IO_FAILED, .error = sf__error_of(errno) };
}

/* The same of a receive into `room` bytes, and what it says of the socket. */
static sf_io_result sf__received(sf_conn *c, ssize_t got, size_t room)
{
    sf_io_result result = sf__result_of(got);
    bool drawn = got > 0 && (size_t)got < room && !(c->io.flags & SF__SOCKET_ENDING);
    if (drawn || result.bytes == SF__IO_LATER)
        c->io.flags |= SF__SOCKET_EMPTY;
    return result;
}

void sf__io_receive(sf_engine *e, sf_conn *c, const sf_io_room *room)
{
    struct iovec parts[SF__BULK_CHUNKS];
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)room->count };
    ssize_t got;
    for (int32_t i = 0; i < room->count; i++)
        parts[i] = (struct iovec){ e->config.memory + room->chunks[i], SF_CHUNK_BYTES };
    parts[0].iov_base = e->config.memory + room->chunks[0] + room->offset;
    parts[0].iov_len = (size_t)(SF_CHUNK_BYTES - room->offset);
    do
        got = room->count == 1 ? recv(c->io.fd, parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT)
                               : recvmsg(c->io.fd, &message, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    size_t bytes = (size_t)room->count * SF_CHUNK_BYTES - (size_t)room->offset;
    sf__conn_received(e, c, room, sf__received(c, got, bytes));
}

sf_io_result sf__io_read(sf_conn *c, void *to, size_t room)
{
    ssize_t got;
    if (c->io.flags & SF__SOCKET_EMPTY)
        return (sf_io_result){ .bytes = SF__IO_LATER };
    do
        got = recv(c->io.fd, to, room, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return sf__received(c, got, room);
}

sf_io_result sf__io_peek(sf_conn *c, uint8_t *to)
{
    ssize_t got;
    do
        got = recv(c->io.fd, to, 1, MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return sf__received(c, got, 1);
}

bool sf__io_may_receive(const sf_conn *c)
{
    return !(c->io.flags & SF__SOCKET_EMPTY);
}

void sf__io_expect_end(sf_conn *c)
{
    c->io.flags = (c->io.flags | SF__SOCKET_ENDING) & ~SF__SOCKET_EMPTY;
}

static sf_io_result sf__sent(sf_conn *c, ssize_t taken)
{
    if (taken > 0)
        c->io.sent += (uint64_t)taken;
    return sf__result_of(taken);
}

/* Sends of several spans up to so many bytes are put together first: sendmsg costs more than send and such a copy. */
#define SF__TOGETHER_BYTES 4096

/* Copies all spans to `to` when they are no more than SF__TOGETHER_BYTES. Returns how many bytes they are, 0 for too many. */
static size_t sf__together(const sf_engine *e, const sf_span *spans, int32_t count, uint8_t *to)
{
    size_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        size_t bytes = (size_t)spans[i].bytes;
        if (bytes > SF__TOGETHER_BYTES - used)
            return 0;
        memcpy(to + used, e->config.memory + spans[i].at, bytes);
        used += bytes;
    }
    return used;
}

static ssize_t sf__send_spans(const sf_engine *e, int fd, const sf_span *spans, int32_t count, int options)
{
    struct iovec parts[SF_SEND_SPANS_MAX];
    uint8_t together[SF__TOGETHER_BYTES];
    if (count == 1)
        return send(fd, e->config.memory + spans[0].at, (size_t)spans[0].bytes, options);
    size_t bytes = sf__together(e, spans, count, together);
    if (bytes > 0)
        return send(fd, together, bytes, options);
    for (int32_t i = 0; i < count; i++)
        parts[i] = (struct iovec){ e->config.memory + spans[i].at, (size_t)spans[i].bytes };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
    return sendmsg(fd, &message, options);
}

sf_io_result sf__io_send(sf_engine *e, sf_conn *c, const sf_span *spans, int32_t count, bool more)
{
    int options = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    ssize_t taken;
    do
        taken = sf__send_spans(e, c->io.fd, spans, count, options);
    while (taken < 0 && errno == EINTR);
    return sf__sent(c, taken);
}

sf_io_result sf__io_write(sf_conn *c, const void *from, size_t bytes)
{
    ssize_t taken;
    do
        taken = send(c->io.fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (taken < 0 && errno == EINTR);
    return sf__sent(c, taken);
}
