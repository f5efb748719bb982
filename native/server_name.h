/*
 * The server name a TLS client asks for (RFC 6066, 3), in the one form in which names are compared.
 */
#ifndef SF_SERVER_NAME_H
#define SF_SERVER_NAME_H

#include <stddef.h>

/* The longest one that OpenSSL takes. */
#define SF_SERVER_NAME_BYTES_MAX 255

/*
 * Writes `asked` in lower case and without the dot at its end into `to`, ended by a zero byte.
 *
 * to  room for SF_SERVER_NAME_BYTES_MAX + 1 bytes
 *
 * Returns the bytes of the name; 0 for none, and for one that is longer.
 */
size_t sf_server_name_normal(const char *asked, size_t bytes, char *to);

#endif
