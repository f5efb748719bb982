/*
 * What the files of TLS contexts share: a context as it is inside. Nothing here is called from outside tls_*.c.
 *
 *   tls_context.c   the registry: numbers, references, what both roles have in common
 *   tls_listener.c  contexts of listeners: server names, ALPN, whether clients show a certificate
 *   tls_backend.c   contexts of backend connections: whom they trust, sessions to resume
 *   tls_identity.c  certificates and keys, of either
 */
#ifndef SF_TLS_CONTEXT_H
#define SF_TLS_CONTEXT_H

#include "tls.h"

#include <stdatomic.h>

typedef struct sf__tls_listener sf__tls_listener; /* tls_listener.c */
typedef struct sf__tls_backend sf__tls_backend;   /* tls_backend.c */

struct sf_tls {
    atomic_int references;
    int32_t version_min;
    char *ciphers; /* owned */
    uint8_t alpn[SF_TLS_ALPN_BYTES_MAX];
    size_t alpn_bytes;
    SSL_CTX **identities; /* owned; of a backend never more than one */
    int32_t identity_count;
    sf__tls_listener *listener; /* owned; exactly one of the two is there */
    sf__tls_backend *backend;   /* owned */
};

/* Says why, with OpenSSL's own reason behind `what`, and empties OpenSSL's queue of errors. Returns false. */
bool sf__tls_refuse(sf_tls_reason *reason, const char *what);

/* A context without a role yet, and no number, with one reference for the caller. Returns NULL with `reason` set. */
sf_tls *sf__tls_new(const sf_tls_options *options, sf_tls_reason *reason);

/* Puts a context into the registry, which takes the caller's reference, also on failure. Returns its number, or -1 with
 * `reason` set. */
int32_t sf__tls_register(sf_tls *tls, sf_tls_reason *reason);

/* An SSL_CTX with the options that both roles have, which the caller owns. Returns NULL with `reason` set. */
SSL_CTX *sf__tls_ctx_new(const sf_tls *tls, const SSL_METHOD *method, sf_tls_reason *reason);

/* tls_listener.c */
SSL_CTX *sf__tls_listener_ctx(sf_tls *tls, sf_tls_reason *reason); /* for one more identity; NULL with `reason` set */
void sf__tls_listener_free(sf__tls_listener *listener);            /* NULL is allowed */

/* tls_backend.c */
bool sf__tls_backend_begin(const sf_tls *tls, SSL *ssl); /* whom this connection is for; false without memory */
void sf__tls_backend_free(sf__tls_backend *backend);     /* NULL is allowed */

#endif
