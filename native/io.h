/*
 * The seam between what a connection is and what moves its bytes. Down go the calls of this file; up come readiness,
 * new sockets, and the bytes of a receive. io_epoll.c stands behind it, and is the only file of the engine that asks
 * the kernel for anything of a socket, so that another way of asking is another file.
 *
 *   turn.c  engine_accept.c  connection.c  send.c  tls_bio.c
 *      │ sf__io_…                                  ▲ sf__conn_connected  sf__conn_ready  sf__conn_received
 *      ▼                                           │ sf__conn_fail  sf__accept_inbox  sf__accept_listening
 *   io_epoll.c
 *
 * Ownership. Io owns the descriptor of a connection from sf__io_adopt or sf__io_connect until sf__io_close. Memory is
 * borrowed for the call; the chunks of an sf_io_room stay their connection's.
 * Errors are SF_ENGINE_ERRORs: no errno passes this file, unless a call returns SF_E_SYSTEM.
 */
#ifndef SF_IO_H
#define SF_IO_H

#include "engine.h"

/* Chunks one connection may receive in one turn, when its owner said that a long body comes: enough for 64 KiB and a head. */
#define SF__BULK_CHUNKS 8

/* What a send or a receive came to. */
enum {
    SF__IO_END = 0,    /* of a receive: the peer sends no more */
    SF__IO_LATER = -1, /* nothing was moved; sf__conn_ready comes once it can be */
    SF__IO_FAILED = -2 /* nothing was moved, and `error` says why */
};
typedef struct sf_io_result {
    int32_t bytes; /* more than 0: so many were moved; else one of the above */
    uint16_t error;
} sf_io_result;

/* Where to receive: chunks the connection has taken for it, the first one from `offset` on. */
typedef struct sf_io_room {
    int32_t chunks[SF__BULK_CHUNKS];
    int32_t count;
    int32_t offset;
} sf_io_room;

/* What sf__conn_ready reports. */
enum {
    SF__IO_READABLE = 1u << 0, /* there may be bytes, an end, or an error to receive */
    SF__IO_WRITABLE = 1u << 1, /* what waits can be sent */
    SF__IO_BROKEN = 1u << 2    /* the socket has an error, which the next call of it will show */
};

/* --- Down: of an engine --------------------------------------------------------------------------------------------- */

/* Makes e->io, which sf__io_stop frees. Returns SF_OK, SF_E_MEMORY, or SF_E_SYSTEM with errno. */
int sf__io_start(sf_engine *e);

/* Frees e->io, which may be NULL. All connections are closed. */
void sf__io_stop(sf_engine *e);

/* Readable whenever sf__io_wait would report something. Borrowed. */
int sf__io_descriptor(const sf_engine *e);

/* Reports all that has happened, through the functions at the end of this file. Waits for nothing. */
void sf__io_wait(sf_engine *e);

/* Reports by sf__accept_inbox, at every turn until it is empty, that the inbox has sockets. Returns SF_OK, or SF_E_SYSTEM
 * with errno. */
int sf__io_watch_inbox(sf_engine *e);

/* The same by sf__accept_listening for the listening socket at `index`, to one of the engines that watch it. */
int sf__io_watch_listening(sf_engine *e, int32_t index);

/* Ends that. The socket is being watched. */
void sf__io_unwatch_listening(sf_engine *e, int32_t index);

/* What sf__io_accept returns beside a descriptor. */
enum {
    SF__ACCEPT_NONE = -1,     /* nothing waits, or another thread was faster */
    SF__ACCEPT_AGAIN = -2,    /* this one came to nothing; the next may not */
    SF__ACCEPT_EXHAUSTED = -3 /* the process or the machine has no more descriptors, or no memory */
};

/* Accepts one connection from the listening socket at `index`. Returns its descriptor, the caller's, and fills `from`. */
int sf__io_accept(sf_engine *e, int32_t index, struct sockaddr_storage *from);

/* --- Down: of a connection ------------------------------------------------------------------------------------------ */

/* A connection without a socket: it can fail, and be closed. */
void sf__io_none(sf_conn *c);

/* Closes an accepted socket that gets no connection. */
void sf__io_refuse(int fd);

/* Gives an accepted socket to `c`, which has the options of its listener (listener.c), and watches it. Takes `fd`, also on
 * failure. Returns SF_OK or SF_E_SYSTEM. */
int sf__io_adopt(sf_engine *e, sf_conn *c, int fd);

/* Connects to `to`. The result is reported by sf__conn_connected or sf__conn_fail, perhaps before this returns. */
void sf__io_connect(sf_engine *e, sf_conn *c, const sf_address *to);

/* Closes the socket, if there is one. reset: the peer sees a reset. */
void sf__io_close(sf_conn *c, bool reset);

/* Receives into `room`; sf__conn_received is called with it and the result, before this returns or later. */
void sf__io_receive(sf_engine *e, sf_conn *c, const sf_io_room *room);

/* Receives into memory, for TLS to decrypt. */
sf_io_result sf__io_read(sf_conn *c, void *to, size_t room);

/* Looks at the next byte without receiving it. `bytes` is 1 then. */
sf_io_result sf__io_peek(sf_conn *c, uint8_t *to);

/* False: the socket has nothing to receive until sf__conn_ready says so. */
bool sf__io_may_receive(const sf_conn *c);

/* After a failed send: receiving shows an end or an error, also if none was reported. */
void sf__io_expect_end(sf_conn *c);

/* Sends some, all or none of the spans, which lie in the slab. more: others follow at once. */
sf_io_result sf__io_send(sf_engine *e, sf_conn *c, const sf_span *spans, int32_t count, bool more);

/* The same from memory: records of TLS. */
sf_io_result sf__io_write(sf_conn *c, const void *from, size_t bytes);

/* Ends our direction. Returns 0 or an error. */
uint16_t sf__io_shutdown(sf_conn *c);

/* The error of the socket, which forgets it, or 0. */
uint16_t sf__io_error(sf_conn *c);

/* Bytes sent that the peer's kernel has; of a unix socket, that the peer has taken. */
double sf__io_acknowledged(const sf_conn *c);

/* Fills in an address and its length. False when the kernel knows none. */
bool sf__io_local_address(const sf_conn *c, struct sockaddr_storage *out, socklen_t *bytes);
bool sf__io_peer_address(const sf_conn *c, struct sockaddr_storage *out, socklen_t *bytes);

/* --- Up ------------------------------------------------------------------------------------------------------------- */

/* connection.c */
void sf__conn_connected(sf_engine *e, sf_conn *c);
void sf__conn_ready(sf_engine *e, sf_conn *c, uint32_t what);
void sf__conn_received(sf_engine *e, sf_conn *c, const sf_io_room *room, sf_io_result result); /* takes the chunks back */
void sf__conn_fail(sf_engine *e, sf_conn *c, uint16_t error); /* reported to its owner once, who then closes */

/* engine_accept.c */
void sf__accept_inbox(sf_engine *e);
void sf__accept_listening(sf_engine *e, int32_t index);

#endif
