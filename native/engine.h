/*
 * The socket ring: one engine per thread moves bytes between sockets and a slab of chunks. It knows sockets and
 * buffers; it does not know what a request is.
 *
 * Ownership. The caller owns the slab's memory and the shared words (see sf_engine_config) and keeps them alive until
 * sf_engine_destroy. The engine owns every descriptor it opened or was handed. A chunk is held by references: one for
 * the receiver of a data event, one per queued span. All functions of one engine are called from one thread.
 */
#ifndef SF_ENGINE_H
#define SF_ENGINE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "inbox.h"
#include "keep_alive.h"
#include "layout.h"

typedef int32_t sf_handle;

enum {
    SF_OK = 0,
    SF_E_STALE = -1,  /* the connection behind the handle is gone */
    SF_E_FULL = -2,   /* no room for all of it; nothing was done */
    SF_E_MEMORY = -3, /* no memory; nothing was done */
    SF_E_SYSTEM = -4, /* a system call failed; errno says why */
    SF_E_INVALID = -5 /* the arguments break the contract; nothing was done */
};

/* A run of bytes inside one chunk of the slab, by address in the caller's memory block. */
typedef struct sf_span {
    int32_t at;
    int32_t bytes;
} sf_span;

/* What a peer record holds; the same bytes TypeScript reads (PEER_BYTES). */
typedef struct sf_peer {
    uint8_t family; /* 4, 6, or 0 for a unix socket */
    uint8_t unused;
    uint8_t port[2]; /* big endian */
    uint8_t address[16];
} sf_peer;
_Static_assert(sizeof(sf_peer) == SF_PEER_BYTES, "the peer record is shared with TypeScript");

typedef struct sf_address {
    struct sockaddr_storage storage;
    socklen_t bytes;
    sf_keep_alive keep_alive; /* of connections to it; all 0 for a unix socket */
    int32_t users;           /* how often it was added and not removed; at 0 its place is free */
    uint32_t hash;           /* of all above */
    int32_t next;            /* index of the next in its list, of those alike by their hash or of the free ones */
} sf_address;

typedef struct sf_addresses { /* backend_addresses.c */
    sf_address *items;
    int32_t *buckets; /* `room` lists: the index of their first, or -1 */
    int32_t count, room;
    int32_t free_first, free_count;
} sf_addresses;

/* Spans a socket did not take at once, oldest first; allocated while there are any, freed when the last has left. */
typedef struct sf_queue {
    uint32_t first, count, room;
    sf_span spans[];
} sf_queue;

typedef struct sf_tls_conn sf_tls_conn;   /* tls_conn.c */
typedef struct sf_tls_stage sf_tls_stage;

typedef struct sf_io sf_io; /* io_epoll.c */

/* A socket, as io.h has it: read and written by what stands behind that alone. */
typedef struct sf_io_socket {
    int fd; /* owned; -1: the connection could not get one, or has none any more */
    uint32_t flags;
    uint64_t sent; /* bytes the kernel took, encrypted ones with TLS */
} sf_io_socket;

typedef struct sf_conn {
    sf_io_socket io;
    sf_handle handle;
    uint32_t flags;
    uint16_t due; /* reports that the owner is to get at the next turn */
    uint16_t receive_offset;
    uint16_t error;     /* an SF_ENGINE_ERROR to report, 0 for none */
    uint16_t write_error; /* with SF__WRITE_FAILED: what becomes `error` in the end */
    int32_t ready_next; /* next slot on the ready list */
    int64_t bulk;       /* bytes to come that may be received several chunks at a time */
    sf_queue *queue;    /* owned; NULL when nothing waits */
    sf_tls_conn *tls;   /* owned; NULL without TLS */
} sf_conn;

typedef struct sf_engine_config {
    uint8_t *memory;      /* borrowed: the block all addresses count from */
    size_t memory_bytes;
    int32_t slab_at;      /* address of the first chunk */
    int32_t chunk_count;
    int32_t slot_count;
    int32_t *control;     /* borrowed: SF_CONTROL_WORDS words, then slot_count free handles */
    sf_peer *peers;       /* borrowed: slot_count records */
    int32_t *events;      /* borrowed: event_count events */
    int32_t event_count;
    const int32_t *submissions; /* borrowed */
    int32_t submission_words;
    int32_t connections_max; /* client connections at once; more wait in the backlog */
} sf_engine_config;

typedef struct sf_listening { /* a listening socket this engine accepts from itself */
    int32_t listener;
    int fd; /* owned: a duplicate of the registry's */
    bool armed;
} sf_listening;

typedef struct sf_engine {
    sf_engine_config config;
    sf_io *io; /* owned */
    sf_conn *conns;
    uint32_t *chunk_refs; /* a chunk of constants is listed by every connection's queue at once */
    int32_t *chunk_free;
    int32_t ready_first, ready_last;
    int32_t event_used;
    sf_addresses addresses;
    sf_inbox *inbox; /* one reference */
    sf_listening listening[64];
    int32_t listening_count;
    int64_t accept_paused_until_ms; /* 0: not paused */
    sf_tls_stage *tls_stage;        /* owned; NULL until the first connection with TLS */
    int32_t handshakes_left;        /* steps this turn may still take */
} sf_engine;

/*
 * Creates an engine.
 *
 * config  copied; the memory it points to stays the caller's and must outlive the engine.
 * out     on SF_OK a new engine, to be given to sf_engine_destroy.
 *
 * Returns SF_OK, SF_E_INVALID, SF_E_MEMORY or SF_E_SYSTEM.
 */
int sf_engine_create(const sf_engine_config *config, sf_engine **out);

/*
 * Closes every descriptor, leaves the inbox, frees the engine. NULL is allowed. What is still open sees a reset, unless its
 * direction was shut down: no peer may take what was cut here for complete.
 */
void sf_engine_destroy(sf_engine *e);

/*
 * One turn: carries out the submissions in words [0, words), waits for nothing, and reports what happened.
 *
 * Returns the number of events written, or SF_E_INVALID when a submission is malformed (those before it were
 * carried out).
 */
int sf_engine_turn(sf_engine *e, int32_t words);

/*
 * Carries out the submissions in words [0, words) without a turn, for a caller whose submission words are full in the
 * middle of a batch. The events of that batch stay as they are. Returns SF_OK or SF_E_INVALID, as sf_engine_turn.
 */
int sf_engine_submit(sf_engine *e, int32_t words);

/* The descriptor to watch for readiness: readable whenever a turn would have something to report. Borrowed. */
int sf_engine_descriptor(const sf_engine *e);

/*
 * Remembers a backend address; the index stays valid until it is removed as often as it was added.
 *
 * host        an IPv4 or IPv6 address in text, or the path of a unix socket when `port` is negative. Borrowed.
 * keep_alive  of connections to it; a unix socket has none. The same address with another is another. Borrowed.
 *
 * Returns the index (0 or more), SF_E_INVALID when it is not an address, SF_E_MEMORY.
 */
int32_t sf_engine_address_add(sf_engine *e, const char *host, int32_t port, const sf_keep_alive *keep_alive);

/* Undoes one sf_engine_address_add. Once all are undone, another address may get the index. Connections stay. */
void sf_engine_address_remove(sf_engine *e, int32_t index);

/*
 * Takes `inbox` as the source of handed-over connections, with a reference of its own, and opens it.
 *
 * Returns SF_OK, SF_E_INVALID when the engine has one already, SF_E_SYSTEM.
 */
int sf_engine_inbox_set(sf_engine *e, sf_inbox *inbox);

/* Accepts from listener `listener` itself, woken with EPOLLEXCLUSIVE. Returns SF_OK, SF_E_INVALID or SF_E_SYSTEM. */
int sf_engine_listen(sf_engine *e, int32_t listener);

#define SF_LISTENER_ALL (-1)

/* Stops accepting from listener `listener`, or from SF_LISTENER_ALL. Safe to repeat. */
void sf_engine_listen_end(sf_engine *e, int32_t listener);

/*
 * Finds the local address of an open connection.
 *
 * out  filled in on SF_OK; family 0 for a unix socket.
 *
 * Returns SF_OK, SF_E_STALE when the connection is gone, SF_E_SYSTEM when the kernel knows no address.
 */
int sf_engine_local_address(sf_engine *e, sf_handle conn, sf_peer *out);

/* What has moved on a connection. */
typedef struct sf_progress {
    double acknowledged; /* bytes of ours that the peer's kernel has; of a unix socket, that the peer has taken */
    uint32_t partial;    /* bytes received of a TLS record that is not complete, since this was asked or data was reported */
} sf_progress;

/*
 * Tells how far a connection has come: whether its peer takes or sends bytes, however slowly. One system call.
 *
 * out  filled in on SF_OK; `partial` counts from 0 again then.
 *
 * Returns SF_OK, or SF_E_STALE when the connection is gone.
 */
int sf_engine_progress(sf_engine *e, sf_handle conn, sf_progress *out);

/*
 * Takes a chunk for the caller to write into; the caller owns one reference, given back with SUBMIT release.
 *
 * Returns its address, or SF_E_FULL.
 */
int32_t sf_engine_chunk_take(sf_engine *e);

/*
 * Takes `count` neighbouring chunks for the caller to write into as one piece of memory. The caller owns one reference on
 * each, given back with one SUBMIT release per chunk. An eighth of the slab stays free for others.
 *
 * Returns the address of the first, or SF_E_FULL: `count` is below 1, or there is no such run of free chunks.
 */
int32_t sf_engine_run_take(sf_engine *e, int32_t count);

/*
 * Counts for every chunk the references that its caller owns: all but those of queued spans. For checks, between turns.
 *
 * owed  borrowed: one word for each chunk of the slab.
 */
void sf_engine_chunks_owed(const sf_engine *e, int32_t *owed);

#endif
