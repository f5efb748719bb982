/* The notification protocol of systemd, sd_notify(3): one datagram of lines NAME=VALUE to a unix socket. Owns nothing. */
#ifndef SF_SERVICE_NOTIFY_H
#define SF_SERVICE_NOTIFY_H

/*
 * Sends one notification, and waits at most a second for room at the receiver.
 *
 * path  the socket, as NOTIFY_SOCKET has it; a leading `@` names an abstract one. Borrowed.
 * text  the lines. Borrowed.
 *
 * Returns 0, or an errno: EINVAL when the path is none or too long.
 */
int sf_service_notify(const char *path, const char *text);

#endif
