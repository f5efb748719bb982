/*
 * TLS contexts of the process, by index: identities (certificate chain and key), the server names they are for, and
 * what a handshake may agree on. Built by one thread, used by all.
 *
 * Ownership. The registry holds one reference on an open context, every connection another. Certificates and keys are
 * OpenSSL's from the moment they were read; the caller's bytes are borrowed for the call and may be wiped after it.
 * A context must not be changed any more once a connection may use it. Other than that, any thread may call anything.
 *
 * OpenSSL is the one that Node exports: this module links to none of its own.
 */
#ifndef SF_TLS_H
#define SF_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SF_TLS_CONTEXTS_MAX 256
#define SF_TLS_ALPN_BYTES_MAX 64

typedef struct sf_tls sf_tls;

/* What a server offers. Borrowed for the call. */
typedef struct sf_tls_options {
    int32_t version_min;     /* 0x0303 (TLS 1.2) or 0x0304 (TLS 1.3) */
    const char *ciphers;     /* for TLS 1.2, in OpenSSL's words; empty: the default of this file */
    const uint8_t *alpn;     /* protocols in order of preference, each behind its length; empty: none is agreed on */
    size_t alpn_bytes;
    const char *scope;       /* sessions of one scope are not resumed in another */
} sf_tls_options;

/* Why a call failed, in words for an operator. Never a byte of a key. */
typedef struct sf_tls_reason {
    char text[256];
} sf_tls_reason;

/*
 * Opens a context for a server, without an identity yet.
 *
 * Returns its index (0 or more), or -1 with `reason` set.
 */
int32_t sf_tls_open(const sf_tls_options *options, sf_tls_reason *reason);

/*
 * Gives a context a certificate: `chain` is PEM, the server's own certificate first; `key` is PEM, not encrypted.
 *
 * identity  the number of identities so far to begin a new one, or one that is there to add a certificate of another
 *           key type to it. Identity 0 is the default for names nobody has.
 *
 * Returns false with `reason` set; the context must then be closed.
 */
bool sf_tls_certificate(int32_t tls, int32_t identity, const uint8_t *chain, size_t chain_bytes, const uint8_t *key,
                        size_t key_bytes, sf_tls_reason *reason);

/*
 * Chooses `identity` for a server name: lower case, exact, or `*.` and the rest for any one label before it.
 * The first identity that took a name keeps it. Returns false when the identity does not exist, or without memory.
 */
bool sf_tls_name(int32_t tls, const char *name, int32_t identity);

/* Takes a context out of the registry. Connections that use it go on. Safe to repeat. */
void sf_tls_close(int32_t tls);

/* The open context with one reference for the caller, or NULL. */
sf_tls *sf_tls_acquire(int32_t tls);

/* Gives one reference back. NULL is allowed. */
void sf_tls_release(sf_tls *tls);

/* A new connection's state for the server of a context that has an identity, or NULL. The caller's. */
SSL *sf_tls_accept(sf_tls *tls);

#endif
