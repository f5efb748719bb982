/*
 * How client connections reach an engine: from its inbox (another thread accepted), or from a listening socket it
 * watches itself. Accepting pauses when descriptors run out or the limit is reached; connections then wait in the
 * kernel's backlog.
 */
#include "internal.h"

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Connections taken in one turn, so that those already here get theirs. */
#define SF__ACCEPTS_PER_TURN 64
#define SF__ACCEPT_PAUSE_MS 100

static int64_t sf__now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail: the clock exists */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An address as a peer record says it. IPv4 mapped into IPv6 becomes IPv4. */
static sf_peer sf__peer_of(const struct sockaddr_storage *storage)
{
    sf_peer peer = { 0 };
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        peer.family = 4;
        memcpy(peer.port, &v4->sin_port, 2);
        memcpy(peer.address, &v4->sin_addr, 4);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        memcpy(peer.port, &v6->sin6_port, 2);
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            peer.family = 4;
            memcpy(peer.address, &v6->sin6_addr.s6_addr[12], 4);
        } else {
            peer.family = 6;
            memcpy(peer.address, &v6->sin6_addr, 16);
        }
    }
    return peer;
}

int sf_engine_local_address(sf_engine *e, sf_handle conn, sf_peer *out)
{
    struct sockaddr_storage storage = { 0 };
    socklen_t bytes;
    sf_conn *c = sf__conn_find(e, conn);
    if (c == NULL)
        return SF_E_STALE;
    if (!sf__io_local_address(c, &storage, &bytes))
        return SF_E_SYSTEM;
    *out = sf__peer_of(&storage);
    return SF_OK;
}

/* Takes `fd`, also on failure. */
static void sf__accept_one(sf_engine *e, int fd, int32_t listener, const struct sockaddr_storage *storage)
{
    sf_peer peer = sf__peer_of(storage);
    sf_handle handle;
    if (sf__conn_adopt(e, fd, &peer, &handle) != SF_OK) {
        if (e->inbox != NULL)
            sf_inbox_closed(e->inbox);
        return;
    }
    sf__event(e, SF_EVENT_KIND_ACCEPTED, handle, listener, 0);
}

void sf__accept_inbox(sf_engine *e)
{
    /* What is not taken now is reported at the next turn again. */
    sf_handoff handoff;
    for (int i = 0; i < SF__ACCEPTS_PER_TURN && sf__event_room(e, 1) && sf_inbox_pop(e->inbox, &handoff); i++)
        sf__accept_one(e, handoff.fd, handoff.listener, &handoff.peer);
}

static int sf__listening_arm(sf_engine *e, int32_t index)
{
    sf_listening *l = &e->listening[index];
    if (l->armed)
        return SF_OK;
    if (sf__io_watch_listening(e, index) != SF_OK)
        return SF_E_SYSTEM;
    l->armed = true;
    return SF_OK;
}

static void sf__listening_disarm(sf_engine *e, int32_t index)
{
    sf_listening *l = &e->listening[index];
    if (l->armed)
        sf__io_unwatch_listening(e, index);
    l->armed = false;
}

static void sf__accept_pause(sf_engine *e)
{
    for (int32_t i = 0; i < e->listening_count; i++)
        sf__listening_disarm(e, i);
    e->accept_paused_until_ms = sf__now_ms() + SF__ACCEPT_PAUSE_MS;
    e->config.control[SF_CONTROL_ACCEPT_PAUSES]++;
}

void sf__accept_resume(sf_engine *e)
{
    if (e->accept_paused_until_ms == 0 || sf__now_ms() < e->accept_paused_until_ms)
        return;
    e->accept_paused_until_ms = 0;
    for (int32_t i = 0; i < e->listening_count; i++)
        if (sf__listening_arm(e, i) != SF_OK)
            e->accept_paused_until_ms = sf__now_ms() + SF__ACCEPT_PAUSE_MS;
}

void sf__accept_listening(sf_engine *e, int32_t index)
{
    for (int i = 0; i < SF__ACCEPTS_PER_TURN && sf__event_room(e, 1); i++) {
        if (e->config.control[SF_CONTROL_CLIENT_CONNECTIONS] >= e->config.connections_max) {
            sf__accept_pause(e);
            return;
        }
        struct sockaddr_storage storage = { 0 };
        int fd = sf__io_accept(e, index, &storage);
        if (fd >= 0) {
            if (e->inbox != NULL)
                sf_inbox_opened(e->inbox);
            sf__accept_one(e, fd, e->listening[index].listener, &storage);
        } else if (fd == SF__ACCEPT_EXHAUSTED) {
            sf__accept_pause(e);
            return;
        } else if (fd == SF__ACCEPT_NONE) {
            return;
        }
    }
}

/* Takes entry `index` out; the last one moves to its place, and is watched under its new number. */
static void sf__listening_remove(sf_engine *e, int32_t index)
{
    int32_t last = --e->listening_count;
    if (index == last)
        return;
    sf__listening_disarm(e, last);
    e->listening[index] = e->listening[last];
    if (sf__listening_arm(e, index) != SF_OK)
        e->accept_paused_until_ms = sf__now_ms() + SF__ACCEPT_PAUSE_MS; /* tried again then */
}

int sf_engine_listen(sf_engine *e, int32_t listener)
{
    int fd = sf_listener_descriptor(listener);
    if (fd < 0 || e->listening_count == (int32_t)(sizeof(e->listening) / sizeof(e->listening[0])))
        return SF_E_INVALID;
    /* A descriptor of our own: the registry may close its at any time, and the number be used for something else. */
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return SF_E_SYSTEM;
    e->listening[e->listening_count] = (sf_listening){ .listener = listener, .fd = fd, .armed = false };
    if (sf__listening_arm(e, e->listening_count) != SF_OK) {
        int error = errno;
        close(fd);
        errno = error;
        return SF_E_SYSTEM;
    }
    e->listening_count++;
    return SF_OK;
}

void sf_engine_listen_end(sf_engine *e, int32_t listener)
{
    for (int32_t i = e->listening_count - 1; i >= 0; i--) {
        if (listener >= 0 && e->listening[i].listener != listener)
            continue;
        /* Closing alone would not do: the registry's descriptor keeps the socket, and io would go on watching it. */
        sf__listening_disarm(e, i);
        close(e->listening[i].fd);
        sf__listening_remove(e, i);
    }
}

int sf_engine_inbox_set(sf_engine *e, sf_inbox *inbox)
{
    if (e->inbox != NULL)
        return SF_E_INVALID;
    e->inbox = inbox;
    int watched = sf__io_watch_inbox(e);
    if (watched != SF_OK)
        e->inbox = NULL;
    return watched;
}
