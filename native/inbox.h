/*
 * How an accepted socket gets from the thread that accepts to the thread that serves it: a bounded queue of
 * descriptors with an eventfd, one per worker.
 *
 * Ownership. Inboxes are counted: the registry holds one reference while the inbox is open, the engine another. A
 * descriptor belongs to the inbox from sf_inbox_push_least until sf_inbox_pop; what is left when an inbox closes goes to
 * another one, or waits for the next that opens.
 * Every function may be called from any thread.
 */
#ifndef SF_INBOX_H
#define SF_INBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define SF_INBOX_ROOM 1024
#define SF_INBOXES_MAX 256

typedef struct sf_inbox sf_inbox;

typedef struct sf_handoff {
    int fd;
    int32_t listener;
    struct sockaddr_storage peer;
} sf_handoff;

/*
 * Opens an inbox that holds at most `connections_max` open connections, waiting ones included.
 *
 * Returns it with one reference for the caller, or NULL with errno set (ENOSPC: SF_INBOXES_MAX are open).
 */
sf_inbox *sf_inbox_open(int32_t connections_max);

/* No more is pushed; what waits goes to another inbox, or to the next that opens. Safe to repeat. */
void sf_inbox_close(sf_inbox *inbox);

/* Gives one reference back. */
void sf_inbox_release(sf_inbox *inbox);

/* The eventfd that is readable while something waits. Borrowed. */
int sf_inbox_descriptor(const sf_inbox *inbox);

/* Takes the oldest waiting socket. Returns false when none waits, after making the eventfd unreadable. */
bool sf_inbox_pop(sf_inbox *inbox, sf_handoff *out);

/* Counts a connection that was accepted without the queue, or one that ended. */
void sf_inbox_opened(sf_inbox *inbox);
void sf_inbox_closed(sf_inbox *inbox);

/* True while another connection may be opened. */
bool sf_inbox_has_room(const sf_inbox *inbox);

/*
 * Hands `handoff` to the open inbox with the fewest open connections.
 *
 * Returns false when there is none with room: the descriptor is still the caller's.
 */
bool sf_inbox_push_least(const sf_handoff *handoff);

/* True when some open inbox has room. */
bool sf_inbox_any_room(void);

#endif
