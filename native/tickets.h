/*
 * Session tickets: keys that all threads and all contexts share, so that a session begun on one worker is resumed on
 * any other, and over a reload. Keys are made at random in this process, replaced in time, and never leave it.
 */
#ifndef SF_TICKETS_H
#define SF_TICKETS_H

#include <openssl/ssl.h>

/* Seconds after which a new key is used for new tickets; a ticket is good for as long. */
#define SF_TICKETS_ROTATE_S 14400

/* Makes `ctx` issue and take tickets under the shared keys. */
void sf_tickets_use(SSL_CTX *ctx);

#endif
