/*
 * TLS contexts of the process, by number. Those of a listener: identities (certificate chain and key), the server names
 * they are for, and what a handshake may agree on. Those of backend connections, where OpenSSL plays the client: whom
 * they trust, and sessions to resume. Built by one thread, used by all. "Client" is always the peer of a listener.
 *
 * Ownership. The registry holds one reference on an open context, every connection another. Certificates and keys are
 * OpenSSL's from the moment they were read; the caller's bytes are borrowed for the call and may be wiped after it.
 * A context must not be changed any more once a connection may use it. Other than that, any thread may call anything.
 *
 * A number is given out once. When its context is closed the number is stale, also once another context has its place in the
 * registry: a number kept too long yields no context, and never one that trusts other authorities.
 *
 * OpenSSL is the one that Node exports: this module links to none of its own.
 */
#ifndef SF_TLS_H
#define SF_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SF_TLS_CONTEXTS_MAX 4096
#define SF_TLS_ALPN_BYTES_MAX 64

typedef struct sf_tls sf_tls;

/* What a handshake may agree on. Borrowed for the call. */
typedef struct sf_tls_options {
    int32_t version_min;     /* 0x0303 (TLS 1.2) or 0x0304 (TLS 1.3) */
    const char *ciphers;     /* for TLS 1.2, in OpenSSL's words; empty: the default of this file */
    const uint8_t *alpn;     /* protocols in order of preference, each behind its length; empty: none is agreed on */
    size_t alpn_bytes;
    const char *scope;       /* sessions of one scope are not resumed in another */
} sf_tls_options;

/* What a backend connection asks for, beside its sf_tls_options. Borrowed for the call. */
typedef struct sf_tls_backend_options {
    const char *name;   /* the server's DNS name or IP address: asked for (a DNS name), and verified */
    bool verify;        /* false: any certificate is accepted */
    const uint8_t *authorities; /* PEM of those to trust; none: those OpenSSL finds on this machine */
    size_t authorities_bytes;
} sf_tls_backend_options;

/* Why a call failed, in words for an operator. Never a byte of a key. */
typedef struct sf_tls_reason {
    char text[256];
} sf_tls_reason;

/*
 * Opens a context for a listener, without an identity yet.
 *
 * Returns its number (0 or more), or -1 with `reason` set.
 */
int32_t sf_tls_open(const sf_tls_options *options, sf_tls_reason *reason);

/*
 * Opens a context for backend connections. One certificate may be given to it as identity 0.
 *
 * Returns its number (0 or more), or -1 with `reason` set.
 */
int32_t sf_tls_open_backend(const sf_tls_options *options, const sf_tls_backend_options *backend, sf_tls_reason *reason);

/*
 * Makes the context of a listener ask its clients for a certificate, and verify it against `authorities` (PEM, borrowed)
 * alone. Before its first identity.
 *
 * required  refuse clients without one; else only those with one that is not believed
 *
 * Returns false with `reason` set; the context must then be closed.
 */
bool sf_tls_verify_clients(int32_t tls, bool required, const uint8_t *authorities, size_t bytes, sf_tls_reason *reason);

/*
 * Gives a context a certificate of its own: `chain` is PEM, its own certificate first; `key` is PEM, not encrypted.
 *
 * identity  the number of identities so far to begin a new one, or one that is there to add a certificate of another
 *           key type to it. Identity 0 is the default for names that no identity has.
 *
 * Returns false with `reason` set; the context must then be closed.
 */
bool sf_tls_certificate(int32_t tls, int32_t identity, const uint8_t *chain, size_t chain_bytes, const uint8_t *key,
                        size_t key_bytes, sf_tls_reason *reason);

/*
 * Staples an OCSP response to the certificate that was given to `identity` last: opaque bytes, borrowed for the call,
 * sent to clients that ask until `until_s` (seconds since 1970).
 *
 * Returns false when there is no such identity, or without memory.
 */
bool sf_tls_staple(int32_t tls, int32_t identity, const uint8_t *der, size_t bytes, int64_t until_s);

/*
 * Chooses `identity` for a server name: lower case, exact, or `*.` and the rest for any one label before it.
 * The first identity that took a name keeps it. Returns false when the identity does not exist, or without memory.
 */
bool sf_tls_name(int32_t tls, const char *name, int32_t identity);

/* Takes a context out of the registry. Connections that use it go on. Safe to repeat. */
void sf_tls_close(int32_t tls);

/*
 * Puts the open context `by` under the number `tls`, for every thread at once; `by` is no number any more. Connections that
 * use what was at `tls` go on with it. Returns false, with nothing changed, when one of the two is not open.
 */
bool sf_tls_replace(int32_t tls, int32_t by);

/* How many contexts there are: the open ones, and those that connections still use. */
int32_t sf_tls_count(void);

/* The open context with one reference for the caller, or NULL. */
sf_tls *sf_tls_acquire(int32_t tls);

/* Gives one reference back. NULL is allowed. */
void sf_tls_release(sf_tls *tls);

/* A new connection's state, on the side the context is for, or NULL. The caller's. */
SSL *sf_tls_begin(sf_tls *tls);

/* Whether it is for backend connections, and not for a listener. */
bool sf_tls_is_backend(const sf_tls *tls);

/* Of a backend's context: resumes the last session of the server that `server` stands for, if there is one. Before the
 * handshake. */
void sf_tls_resume(sf_tls *tls, SSL *ssl, uint64_t server);

/* Of a backend's context: keeps a session that a server gave, for its next connection; takes the reference. */
void sf_tls_remember(sf_tls *tls, SSL_SESSION *session, uint64_t server);

/* Called by OpenSSL for each new session of a backend connection: hands it to sf_tls_remember. In tls_conn.c. */
int sf_tls_on_session(SSL *ssl, SSL_SESSION *session);

#endif
