#include "service_notify.h"

#include "address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int sf_service_notify(const char *path, const char *text)
{
    struct sockaddr_storage storage = { 0 };
    socklen_t bytes;
    if ((path[0] != '/' && path[0] != '@') || !sf_address_read(path, -1, &storage, &bytes))
        return EINVAL;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    struct timeval second = { .tv_sec = 1, .tv_usec = 0 };
    int error = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)) != 0 ||
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&storage, bytes) < 0)
        error = errno;
    close(fd);
    return error;
}
