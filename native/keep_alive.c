#include "keep_alive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Of the kernel: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT, which no public header has. */
#define SF__SECONDS_MAX 32767
#define SF__PROBES_MAX 127

bool sf_keep_alive_valid(const sf_keep_alive *k)
{
    if (k->idle_seconds == 0)
        return true;
    return k->idle_seconds > 0 && k->idle_seconds <= SF__SECONDS_MAX && k->interval_seconds > 0 &&
           k->interval_seconds <= SF__SECONDS_MAX && k->probes > 0 && k->probes <= SF__PROBES_MAX;
}

static bool sf__set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool sf_keep_alive_set(int fd, const sf_keep_alive *k)
{
    if (k->idle_seconds == 0)
        return sf__set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    return sf__set(fd, IPPROTO_TCP, TCP_KEEPIDLE, k->idle_seconds) &&
           sf__set(fd, IPPROTO_TCP, TCP_KEEPINTVL, k->interval_seconds) &&
           sf__set(fd, IPPROTO_TCP, TCP_KEEPCNT, k->probes) && sf__set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}
