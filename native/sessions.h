/*
 * Which sessions are resumed. A session carries the server name and the peer's certificate from the
 * handshake it began with, and the handshake that resumes it verifies nothing. So a session of a client is bound to its
 * scope and to the name the client asked for (RFC 6066, 3: a server must not resume it under another one), and every
 * session ends with the first certificate of the chain that vouched for the peer.
 */
#ifndef SF_SESSIONS_H
#define SF_SESSIONS_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Where sessions are good: of one listener, and of clients verified in one way. Not changed once a context uses it. */
typedef struct sf_session_scope {
    unsigned char bytes[SSL_MAX_SID_CTX_LENGTH];
    unsigned int length;
} sf_session_scope;

/*
 * Makes `ctx` of a server bind sessions, and refuse those that are not good any more: a full handshake follows.
 *
 * scope  borrowed for as long as `ctx` lives
 *
 * Returns false without memory.
 */
bool sf_sessions_use(SSL_CTX *ctx, const sf_session_scope *scope);

/*
 * Notes in `session`, which `ssl` has just begun, until when the chain of the peer is good. A resumed session keeps the
 * note of the one it continues. Returns false when it must not be resumed: without memory.
 */
bool sf_session_note(SSL *ssl, SSL_SESSION *session);

/* Whether the certificates that vouched for the peer are still good. True for a peer that showed none. */
bool sf_session_good(SSL_SESSION *session);

#endif
