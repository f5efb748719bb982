/* Datagram sockets that send to one address: how lines reach a syslog. Owns nothing between calls but the descriptors it gave out. */
#ifndef SF_DATAGRAM_H
#define SF_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens a socket, connected to the unix datagram socket at the path `host` with port -1, else to UDP at an IP address and port.
 *
 * Returns the descriptor, which is the caller's, or -1 with errno.
 */
int sf_datagram_open(const char *host, int32_t port);

/* Sends one datagram without waiting. Returns 0, or the errno: EAGAIN where it would have to wait. */
int sf_datagram_send(int descriptor, const uint8_t *bytes, size_t length);

void sf_datagram_close(int descriptor);

#endif
