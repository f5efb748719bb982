#include "datagram.h"

#include "address.h"

#include <errno.h>
#include <unistd.h>

int sf_datagram_open(const char *host, int32_t port)
{
    struct sockaddr_storage address;
    socklen_t bytes;
    if (!sf_address_read(host, port, &address, &bytes)) {
        errno = EINVAL;
        return -1;
    }
    int descriptor = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return -1;
    if (connect(descriptor, (const struct sockaddr *)&address, bytes) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int sf_datagram_send(int descriptor, const uint8_t *bytes, size_t length)
{
    ssize_t sent;
    do
        sent = send(descriptor, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

void sf_datagram_close(int descriptor)
{
    close(descriptor);
}
