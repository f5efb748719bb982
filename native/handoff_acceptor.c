/*
 *   POLLING ──no descriptor, no room──► PAUSED ──timer──► POLLING
 *      └───────────────stop──────────────┴──────► CLOSING ──both handles closed──► freed
 */
#include "handoff_acceptor.h"

#include "inbox.h"
#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SF__ACCEPTS_PER_WAKE 128
#define SF__PAUSE_MS 20
#define SF__SWEEP_MAX 4096

struct sf_acceptor {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd; /* borrowed */
    int32_t listener;
    int handles; /* still open */
    sf_acceptor_stopped stopped;
    void *context;
};

static void sf__acceptor_ready(uv_poll_t *poll, int status, int events);

static void sf__acceptor_poll(sf_acceptor *a)
{
    /* It fails only for a descriptor that is closed, and then there is nothing left to accept. */
    (void)uv_poll_start(&a->poll, UV_READABLE, sf__acceptor_ready);
}

static void sf__acceptor_resume(uv_timer_t *timer)
{
    sf__acceptor_poll(timer->data);
}

static void sf__acceptor_pause(sf_acceptor *a)
{
    (void)uv_poll_stop(&a->poll);
    (void)uv_timer_start(&a->timer, sf__acceptor_resume, SF__PAUSE_MS, 0); /* fails only without a callback */
}

/* Accepts one connection and hands it over. Returns 0, or an errno: EAGAIN when none waits, ENOBUFS when it found no room. */
static int sf__accept_over(int fd, int32_t listener)
{
    if (!sf_inbox_any_room())
        return ENOBUFS;
    sf_handoff handoff;
    memset(&handoff, 0, sizeof(handoff));
    socklen_t bytes = sizeof(handoff.peer);
    handoff.listener = listener;
    handoff.fd = accept4(fd, (struct sockaddr *)&handoff.peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (handoff.fd < 0)
        return errno;
    if (sf_inbox_push_least(&handoff))
        return 0;
    close(handoff.fd); /* the last inbox with room went away just now */
    return ENOBUFS;
}

static void sf__acceptor_ready(uv_poll_t *poll, int status, int events)
{
    sf_acceptor *a = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < SF__ACCEPTS_PER_WAKE; i++) {
        int error = sf__accept_over(a->fd, a->listener);
        if (error == 0 || error == EINTR || error == ECONNABORTED)
            continue;
        if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
            sf__acceptor_pause(a);
        return;
    }
}

void sf_acceptor_sweep(int fd, int32_t listener)
{
    int error = 0;
    for (int i = 0; i < SF__SWEEP_MAX && (error == 0 || error == EINTR || error == ECONNABORTED); i++)
        error = sf__accept_over(fd, listener);
}

static void sf__acceptor_closed(uv_handle_t *handle)
{
    sf_acceptor *a = handle->data;
    if (--a->handles > 0)
        return;
    if (a->stopped != NULL)
        a->stopped(a->context);
    free(a);
}

sf_acceptor *sf_acceptor_start(uv_loop_t *loop, int32_t listener)
{
    int fd = sf_listener_descriptor(listener);
    if (fd < 0) {
        errno = EBADF;
        return NULL;
    }
    sf_acceptor *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->fd = fd;
    a->listener = listener;
    int error = uv_poll_init(loop, &a->poll, fd);
    if (error != 0) {
        free(a);
        errno = -error;
        return NULL;
    }
    (void)uv_timer_init(loop, &a->timer); /* cannot fail */
    a->poll.data = a->timer.data = a;
    a->handles = 2;
    sf__acceptor_poll(a);
    return a;
}

void sf_acceptor_stop(sf_acceptor *acceptor, sf_acceptor_stopped stopped, void *context)
{
    acceptor->stopped = stopped;
    acceptor->context = context;
    uv_close((uv_handle_t *)&acceptor->timer, sf__acceptor_closed);
    uv_close((uv_handle_t *)&acceptor->poll, sf__acceptor_closed);
}
