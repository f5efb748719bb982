/* What the files of the engine share among themselves. Nothing here is called from outside native/. */
#ifndef SF_INTERNAL_H
#define SF_INTERNAL_H

#include "engine.h"
#include "io.h"

/* Flags of a connection: where it is in its life, and what its owner wants. */
enum {
    SF__OPEN = 1u << 0,        /* the slot is taken */
    SF__READING = 1u << 1,     /* the owner wants data */
    SF__READABLE = 1u << 2,    /* there may be data, or an end: in the kernel, or decrypted */
    SF__ENDED = 1u << 3,       /* eof was reported */
    SF__CONNECTING = 1u << 4,  /* no answer to connect yet */
    SF__SHUT_WANTED = 1u << 5, /* shut our direction down once the queue is empty */
    SF__BLOCKED = 1u << 6,     /* `blocked` was reported, or is due */
    SF__DEAD = 1u << 7,        /* error was reported: ignore everything but close */
    SF__READY = 1u << 8,       /* on the ready list, also while the slot is free */
    SF__CLIENT = 1u << 9,      /* accepted, counted in the inbox */
    SF__HANDSHAKING = 1u << 10, /* TLS is not agreed on yet: nothing is sent or received */
    SF__SHUT = 1u << 11,        /* our direction is shut down: the peer has everything, and the end */
    SF__CUT = 1u << 12,         /* bytes for the peer were dropped: it must see a reset, whatever ends the connection */
    SF__WRITE_FAILED = 1u << 13, /* sending failed with `write_error`; what was received is read before that is reported */
    SF__CLOSES = 1u << 14       /* the owner closes as soon as all has left: that close is the end the peer sees */
};

/* Reports that are due. */
enum {
    SF__DUE_CONNECTED = 1u << 0,
    SF__DUE_TLS_READY = 1u << 1,
    SF__DUE_BLOCKED = 1u << 2,
    SF__DUE_DRAINED = 1u << 3,
    SF__DUE_FINISHED = 1u << 4
};

#define SF__NONE (-1)

/* Steps of handshakes one turn takes, each up to a signature: the others in that turn wait no longer than for these. */
#define SF__HANDSHAKES_PER_TURN 8

/* slab.c */
int32_t sf__chunk_take(sf_engine *e, int32_t reserve); /* an address with one reference, or SF_E_FULL */
/* The address of `count` neighbouring chunks, with one reference on each, or SF_E_FULL. `reserve` chunks stay free. Walks
 * the whole slab: for the rare message head that outgrows a chunk. */
int32_t sf__run_take(sf_engine *e, int32_t count, int32_t reserve);
bool sf__chunk_valid(const sf_engine *e, int32_t at, int32_t bytes);
void sf__chunk_ref(sf_engine *e, int32_t at);
void sf__chunk_drop(sf_engine *e, int32_t at);

/* connection.c */
int32_t sf__slot(sf_handle handle); /* its index in e->conns; of any handle that is not negative */
sf_conn *sf__conn_find(sf_engine *e, sf_handle handle); /* NULL when stale */
int sf__conn_adopt(sf_engine *e, int fd, const sf_peer *peer, sf_handle *out); /* takes fd, also on failure */
int sf__conn_connect(sf_engine *e, sf_handle handle, int32_t address);
int sf__conn_close(sf_engine *e, sf_handle handle, bool reset);
int sf__conn_read_start(sf_engine *e, sf_handle handle, int32_t offset);
int sf__conn_read_many(sf_engine *e, sf_handle handle, int32_t chunks);
int sf__conn_read_stop(sf_engine *e, sf_handle handle);
void sf__conn_serve(sf_engine *e, sf_conn *c); /* reports and receives what is due; may go back to the ready list */
void sf__conn_free(sf_engine *e, sf_conn *c, bool reset);
void sf__ready_add(sf_engine *e, sf_conn *c);
void sf__conn_yield(sf_engine *e, sf_conn *c); /* back to the ready list, and another turn must come by itself */
void sf__conn_write_failed(sf_engine *e, sf_conn *c, uint16_t error); /* reported once all that was received has been read */
void sf__conn_blocked(sf_engine *e, sf_conn *c); /* `blocked` is due: bytes wait */

/* tls_conn.c: for connections with `tls` set, unless said otherwise */
/* For one without, before it sent a byte. `front`: what a client has sent already, or what goes to a server before; copied. */
int sf__tls_begin(sf_engine *e, sf_handle handle, int32_t context, sf_span front);
void sf__tls_free(sf_conn *c, bool polite); /* polite: sends close_notify, if that can be done at once */
bool sf__tls_handshake(sf_engine *e, sf_conn *c); /* true when it is done; one that failed may leave no `tls` */
int32_t sf__tls_info(const sf_conn *c, uint8_t *to); /* returns how many bytes, under 8192; -1 without memory */
void sf__tls_receive(sf_engine *e, sf_conn *c, int32_t chunk); /* takes the reference on the chunk */
sf_io_result sf__tls_write(sf_engine *e, sf_conn *c, const sf_span *spans, int32_t count); /* sf__tls_settle ends it */
void sf__tls_settle(sf_engine *e); /* hands over what sf__tls_write put off; for any engine */
bool sf__tls_flush(sf_engine *e, sf_conn *c); /* false when bytes still wait, or the connection failed */
uint32_t sf__tls_partial(sf_conn *c); /* as sf_progress says */
int32_t sf__tls_waiting(const sf_conn *c); /* encrypted bytes that wait */
bool sf__tls_shut(sf_engine *e, sf_conn *c); /* sends close_notify; true when all of it has left */

/* send.c */
int sf__conn_send(sf_engine *e, sf_handle handle, uint32_t flags, const sf_span *spans, int32_t count);
int sf__conn_shutdown(sf_engine *e, sf_handle handle, bool closes);
void sf__queue_drop(sf_engine *e, sf_conn *c); /* forgets what waits, and its references */
void sf__conn_flush(sf_engine *e, sf_conn *c); /* the socket takes bytes again: sends what waits */

/* turn.c */
bool sf__event_room(const sf_engine *e, int32_t count);
void sf__event(sf_engine *e, int32_t kind, sf_handle conn, int32_t at, int32_t bytes);

/* backend_addresses.c */
void sf__addresses_free(sf_engine *e);

/* engine_accept.c */
void sf__accept_resume(sf_engine *e);

/* errors.c */
uint16_t sf__error_of(int error); /* SF_ENGINE_ERROR of an errno value */

#endif
