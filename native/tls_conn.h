/* TLS of one connection, as its two files see it: tls_conn.c, and tls_bio.c with what OpenSSL takes for a socket. */
#ifndef SF_TLS_CONN_H
#define SF_TLS_CONN_H

#include "internal.h"

#include "tls.h"

#define SF__RECORD_BYTES SSL3_RT_MAX_PLAIN_LENGTH
#define SF__RECORD_ROOM (SF__RECORD_BYTES + 512) /* header, tag and padding */
#define SF__STAGE_BYTES (4 * SF__RECORD_ROOM)

struct sf_tls_conn {
    SSL *ssl;
    sf_engine *engine;
    sf_conn *conn;
    sf_tls *tls; /* one reference */
    uint8_t *out; /* encrypted (or in front of it), not taken by the kernel yet; NULL when there is nothing */
    uint32_t out_at, out_bytes;
    uint8_t *in; /* received, not read by OpenSSL yet; NULL when there is nothing */
    uint32_t in_at, in_bytes;
    uint16_t error;  /* SF_ENGINE_ERROR of the socket or of memory, 0 for none */
    uint32_t partial; /* received since the last decrypted byte */
    bool wants_input; /* OpenSSL asked for bytes that were not there */
    bool ended;      /* the peer's FIN has been read */
    bool looked;     /* the client's first byte has been seen, here or by the owner */
    bool close_sent; /* our close_notify is out */
};

/* What engines need for TLS once they have any; made on first use. */
struct sf_tls_stage {
    sf_tls_conn *owner; /* whose bytes wait for sf__tls_settle; NULL: `used` is 0 between calls */
    uint32_t used;
    uint8_t record[SF__RECORD_BYTES]; /* small spans, side by side */
    uint8_t bytes[SF__STAGE_BYTES];   /* encrypted, of the connection being served */
};

/* tls_bio.c */
/* What OpenSSL reads from and writes to instead of a socket; `t` is borrowed. NULL without memory. The caller's. */
BIO *sf__tls_bio_new(sf_tls_conn *t);

/* Keeps bytes that were received until OpenSSL reads them; there are none yet. False without memory, with t->error set. */
bool sf__tls_in_keep(sf_tls_conn *t, const uint8_t *from, size_t bytes);

/* Keeps encrypted bytes behind those that wait for the socket. False without memory, with t->error set. */
bool sf__tls_out_keep(sf_tls_conn *t, const uint8_t *from, size_t bytes);

/*
 * Sends bytes. Returns how many were taken, or -1 with t->error set. Once agreed on, TLS outlives a socket that
 * takes nothing any more: all bytes count as taken then, and reading goes on (see sf__conn_write_failed).
 */
ssize_t sf__tls_hand_over(sf_tls_conn *t, const uint8_t *from, size_t bytes);

/* Empties the stage: into the socket, and what that does not take into `out`. False with t->error set. */
bool sf__tls_stage_flush(sf_tls_conn *t);

#endif
