/*
 * OCSP responses, stapled to the certificates they are for: opaque bytes here, checked by the caller, who has read them.
 *
 * Ownership. A response belongs to the certificate (its X509) and goes with it. Attach before a connection uses the
 * context; from then on any thread may handshake with it.
 */
#ifndef SF_STAPLE_H
#define SF_STAPLE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Staples a response to the certificate that was given to `ctx` last, for clients that ask (RFC 6066, 8).
 *
 * der      DER of an OCSPResponse; borrowed for the call.
 * until_s  seconds since 1970 from which on it is not sent any more.
 *
 * Returns false when `ctx` has no certificate, or without memory; nothing has changed then.
 */
bool sf_staple_attach(SSL_CTX *ctx, const uint8_t *der, size_t bytes, int64_t until_s);

#endif
