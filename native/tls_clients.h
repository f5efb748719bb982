/*
 * Client certificates: whom a listener trusts, and what it reports of a certificate it has verified.
 *
 * Ownership. A verifier is made once, before the contexts that use it; each of those takes its own references on the
 * store and copies the names, so the verifier may be freed before them. Nothing of a certificate outlives its SSL but
 * the text that is copied out here, which holds printable ASCII and separators only.
 */
#ifndef SF_TLS_CLIENTS_H
#define SF_TLS_CLIENTS_H

#include "tls.h"

/* What is reported of one certificate. A client whose certificate needs more is refused: half an identity is another one. */
#define SF_TLS_SUBJECT_BYTES_MAX 2048
#define SF_TLS_NAMES_BYTES_MAX 4096

typedef struct sf_tls_verifier sf_tls_verifier;

/*
 * Makes a verifier of the authorities in `pem`, which is borrowed. Each certificate there is believed by itself, be it
 * a root or not, and no other one is.
 *
 * required  false: a client may come without a certificate, but not with one that is not believed.
 *
 * Returns NULL with `reason` set.
 */
sf_tls_verifier *sf_tls_verifier_new(bool required, const uint8_t *pem, size_t bytes, sf_tls_reason *reason);

/* Makes `ctx` ask clients for a certificate. Returns false without memory. */
bool sf_tls_verifier_use(const sf_tls_verifier *verifier, SSL_CTX *ctx);

/* NULL is allowed. */
void sf_tls_verifier_free(sf_tls_verifier *verifier);

/* Why the handshake of a client failed, if its certificate was to blame: an SF_ENGINE_ERROR, else SF_ENGINE_ERROR_TLS. */
uint16_t sf_tls_client_error(const SSL *ssl);

/*
 * Writes what the client's verified certificate says behind `to`, whose words of SF_TLS_INFO it sets.
 *
 * to    the info; the words are at its front
 * text  where the texts go on: SHA-256, subject (RFC 4514), names (each `DNS:`, `URI:`, `email:` or
 *       `IP:` and the name, with line feeds between), at most SF_FINGERPRINT_BYTES + SF_TLS_SUBJECT_BYTES_MAX + SF_TLS_NAMES_BYTES_MAX
 *
 * Returns how many bytes of text were written; 0 for a client without a certificate, -1 for one that cannot be described.
 */
int32_t sf_tls_client_facts(const SSL *ssl, uint8_t *to, uint8_t *text);

#endif
