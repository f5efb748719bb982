/* Text to socket addresses. Owns nothing: everything is written into the caller's memory. */
#ifndef SF_ADDRESS_H
#define SF_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Reads an IPv4 or IPv6 address (an IPv6 one may carry a zone, `fe80::1%eth0`), or the path of a unix socket when
 * `port` is negative; a leading `@` names an abstract one.
 *
 * Returns true and fills storage and bytes, or false when it is none of these, or too long.
 */
bool sf_address_read(const char *host, int32_t port, struct sockaddr_storage *storage, socklen_t *bytes);

#endif
