/*
 * Accepts on the thread that owns a libuv loop, and hands every socket to the inbox with the fewest connections. It
 * never waits and never spins: when no inbox has room, or the process has no descriptor left, it pauses and lets
 * connections wait in the kernel's backlog.
 *
 * Ownership. An acceptor borrows its listener's descriptor; stop it before the listener is closed.
 */
#ifndef SF_ACCEPTOR_H
#define SF_ACCEPTOR_H

#include <stdint.h>
#include <uv.h>

typedef struct sf_acceptor sf_acceptor;

/* Called once an acceptor that was stopped is freed. */
typedef void (*sf_acceptor_stopped)(void *context);

/* Starts accepting from an open listener. Returns the acceptor, or NULL with errno set. */
sf_acceptor *sf_acceptor_start(uv_loop_t *loop, int32_t listener);

/* Hands over the connections that wait at the descriptor of `listener`, before it is closed: the kernel would reset them. */
void sf_acceptor_sweep(int fd, int32_t listener);

/* Stops; the acceptor frees itself on a later iteration of its loop and then calls `stopped`, which may be NULL. */
void sf_acceptor_stop(sf_acceptor *acceptor, sf_acceptor_stopped stopped, void *context);

#endif
