/*
 * Listening sockets of the process, by number: threads name one without its descriptor. A number is given out once. When its
 * listener is closed the number is stale, also once another listener has its place in the registry.
 *
 * Ownership. The registry owns the descriptors. Every function may be called from any thread.
 */
#ifndef SF_LISTENER_H
#define SF_LISTENER_H

#include "keep_alive.h"

#include <stdbool.h>
#include <stdint.h>

#define SF_LISTENERS_MAX 64

/*
 * Binds and listens.
 *
 * host     an IPv4 or IPv6 address in text, or the path of a unix socket when `port` is negative. Borrowed.
 * backlog  what listen(2) takes; the kernel caps it at net.core.somaxconn.
 * v6_only  an IPv6 address takes no IPv4 connections; matters for :: alone.
 *
 * An address that overlaps with listeners of this process at the same port is bound beside them.
 *
 * Returns the listener's number (0 or more), or -1 with errno set.
 */
int32_t sf_listener_open(const char *host, int32_t port, int32_t backlog, bool v6_only);

/*
 * Takes a listening socket that the process was started with (systemd's LISTEN_FDS). sf_listener_open uses it for its very
 * place instead of binding one, and closing that listener gives it back, for another. The process that handed it over still has it:
 * what waits in its queue is for the next process, so retiring it leaves it as it is, and the file of a unix socket stays.
 *
 * fd     owned by the registry on success.
 * place  receives `ADDRESS:PORT`, `[ADDRESS]:PORT` or `unix:PATH`, SF_LISTENER_PLACE_ROOM bytes at most.
 *
 * Returns 0, or an errno: EINVAL when it is no listening stream socket of these families, ENOSPC.
 */
#define SF_LISTENER_PLACE_ROOM 160
int sf_listener_inherit(int fd, char *place);

/* Whether an inherited socket waits for a listener of its place. */
bool sf_listener_unused(int fd);

/*
 * Sets TCP keep-alive for the connections that are accepted from now on.
 *
 * Returns 0, or an errno: EBADF when the listener is not open, EOPNOTSUPP for a unix socket, EINVAL out of bounds.
 */
int sf_listener_keep_alive(int32_t listener, const sf_keep_alive *keep_alive);

/* The descriptor of an open listener, borrowed, or -1. */
int sf_listener_descriptor(int32_t listener);

/* The bound port, also when 0 was asked for; 0 for a unix socket, -1 when the listener is not open. */
int32_t sf_listener_port(int32_t listener);

/*
 * The first step of closing a listener: no new connection comes to it. The kernel gives new ones to the wider listener at
 * its port, or refuses them. Those that wait to be accepted stay, and so do those in their TCP handshake. The file of a unix
 * socket is removed if it is still its own. Cannot be undone. Safe to repeat.
 */
void sf_listener_retire(int32_t listener);

/*
 * Closes the listener; its number means nothing any more. The kernel resets what waits to be accepted: retire it and accept
 * all that first. Safe to repeat.
 */
void sf_listener_close(int32_t listener);

/* Which of SF_LISTENERS_MAX places a number stands for, open or not; -1 when it is none. */
int32_t sf_listener_place(int32_t listener);

#endif
