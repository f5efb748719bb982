#include "sessions.h"

#include "server_name.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

_Static_assert(SSL_MAX_SID_CTX_LENGTH == 32, "the session context is a SHA-256");

/* --- The server name ------------------------------------------------------------------------------------------------ */

/*
 * The name in a server_name extension as OpenSSL will read it (RFC 6066, 3): a list of one host_name. Empty for what is
 * malformed: OpenSSL ends that handshake a moment later.
 */
static size_t sf__host_name(const unsigned char *extension, size_t bytes, const unsigned char **name)
{
    if (bytes < 5 || (((size_t)extension[0] << 8) | extension[1]) != bytes - 2 ||
        extension[2] != TLSEXT_NAMETYPE_host_name || (((size_t)extension[3] << 8) | extension[4]) != bytes - 5)
        return 0;
    *name = extension + 5;
    return bytes - 5;
}

/* The scope and the name, as the context that a session must have been begun in. */
static bool sf__bind(SSL *ssl, const sf_session_scope *scope, const unsigned char *asked, size_t asked_bytes)
{
    unsigned char text[SSL_MAX_SID_CTX_LENGTH + 1 + SF_SERVER_NAME_BYTES_MAX], digest[SSL_MAX_SID_CTX_LENGTH];
    unsigned int digest_bytes = 0;
    char name[SF_SERVER_NAME_BYTES_MAX + 1];
    size_t bytes = sf_server_name_normal((const char *)asked, asked_bytes, name);
    memcpy(text, scope->bytes, scope->length);
    text[scope->length] = (unsigned char)(asked_bytes > 0); /* no name is not an unusable one */
    memcpy(text + scope->length + 1, name, bytes);
    return EVP_Digest(text, scope->length + 1 + bytes, digest, &digest_bytes, EVP_sha256(), NULL) == 1 &&
           SSL_set_session_id_context(ssl, digest, digest_bytes) == 1;
}

/* Called by OpenSSL before it looks at sessions, and again for the second ClientHello after a HelloRetryRequest. */
static int sf__on_client_hello(SSL *ssl, int *alert, void *context)
{
    const unsigned char *extension, *name = NULL;
    size_t bytes, name_bytes = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &bytes) == 1)
        name_bytes = sf__host_name(extension, bytes, &name);
    if (sf__bind(ssl, context, name, name_bytes))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* --- The peer's certificate ----------------------------------------------------------------------------------------- */

/* When the first certificate of the chain ends, in seconds since 1970. False when that cannot be read. */
static bool sf__chain_until(STACK_OF(X509) *chain, int64_t *until)
{
    int64_t now = (int64_t)time(NULL);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int days, seconds;
        if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(sk_X509_value(chain, i))) != 1)
            return false;
        int64_t end = now + (int64_t)days * 86400 + seconds;
        *until = end < *until ? end : *until;
    }
    return true;
}

bool sf_session_note(SSL *ssl, SSL_SESSION *session)
{
    int64_t until = INT64_MAX; /* for a peer that is not verified */
    if (SSL_session_reused(ssl) == 1 || SSL_SESSION_get0_peer(session) == NULL)
        return true;
    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && !sf__chain_until(SSL_get0_verified_chain(ssl), &until))
        return false;
    return SSL_SESSION_set1_ticket_appdata(session, &until, sizeof(until)) == 1;
}

bool sf_session_good(SSL_SESSION *session)
{
    void *note = NULL;
    size_t bytes = 0;
    int64_t until;
    if (SSL_SESSION_get0_peer(session) == NULL)
        return true;
    if (SSL_SESSION_get0_ticket_appdata(session, &note, &bytes) != 1 || bytes != sizeof(until))
        return false;
    memcpy(&until, note, sizeof(until));
    return (int64_t)time(NULL) < until;
}

/* Called by OpenSSL for each ticket it makes; 0 ends the handshake. */
static int sf__on_ticket_made(SSL *ssl, void *context)
{
    (void)context;
    return sf_session_note(ssl, SSL_get_session(ssl));
}

/* Called by OpenSSL with the session of a ticket. */
static SSL_TICKET_RETURN sf__on_ticket_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_bytes,
                                            SSL_TICKET_STATUS status, void *context)
{
    (void)ssl;
    (void)name;
    (void)name_bytes;
    (void)context;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) || !sf_session_good(session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* --- Use ------------------------------------------------------------------------------------------------------------ */

bool sf_sessions_use(SSL_CTX *ctx, const sf_session_scope *scope)
{
    SSL_CTX_set_client_hello_cb(ctx, sf__on_client_hello, (void *)scope);
    return SSL_CTX_set_session_id_context(ctx, scope->bytes, scope->length) == 1 &&
           SSL_CTX_set_session_ticket_cb(ctx, sf__on_ticket_made, sf__on_ticket_read, NULL) == 1;
}
