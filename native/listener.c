#include "listener.h"

#include "address.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool open;
    int fd;
} listeners[SF_LISTENERS_MAX];

/* A socket file that nobody listens on any more is in the way of bind: take it out. */
static void sf__unlink_dead(const struct sockaddr_storage *storage, socklen_t bytes)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)storage;
    struct stat info;
    if (storage->ss_family != AF_UNIX || address->sun_path[0] == '\0')
        return;
    if (stat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return;
    if (connect(probe, (const struct sockaddr *)storage, bytes) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->sun_path); /* if it stays, bind says so */
    close(probe);
}

static int sf__listen_socket(const char *host, int32_t port, int32_t backlog)
{
    struct sockaddr_storage storage;
    socklen_t bytes;
    if (!sf_address_read(host, port, &storage, &bytes)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* without it a restart waits, and bind says so */
    sf__unlink_dead(&storage, bytes);
    if (bind(fd, (const struct sockaddr *)&storage, bytes) != 0 || listen(fd, backlog) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int32_t sf_listener_open(const char *host, int32_t port, int32_t backlog)
{
    int fd = sf__listen_socket(host, port, backlog);
    if (fd < 0)
        return -1;
    int32_t index = -1;
    pthread_mutex_lock(&listeners_lock);
    for (int32_t i = 0; i < SF_LISTENERS_MAX && index < 0; i++) {
        if (listeners[i].open)
            continue;
        listeners[i].open = true;
        listeners[i].fd = fd;
        index = i;
    }
    pthread_mutex_unlock(&listeners_lock);
    if (index < 0) {
        close(fd);
        errno = ENOSPC;
    }
    return index;
}

int sf_listener_descriptor(int32_t listener)
{
    if (listener < 0 || listener >= SF_LISTENERS_MAX)
        return -1;
    pthread_mutex_lock(&listeners_lock);
    int fd = listeners[listener].open ? listeners[listener].fd : -1;
    pthread_mutex_unlock(&listeners_lock);
    return fd;
}

int32_t sf_listener_port(int32_t listener)
{
    struct sockaddr_storage storage;
    socklen_t bytes = sizeof(storage);
    int fd = sf_listener_descriptor(listener);
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&storage, &bytes) != 0)
        return -1;
    if (storage.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
    return 0;
}

void sf_listener_close(int32_t listener)
{
    if (listener < 0 || listener >= SF_LISTENERS_MAX)
        return;
    pthread_mutex_lock(&listeners_lock);
    if (listeners[listener].open) {
        struct sockaddr_storage storage;
        socklen_t bytes = sizeof(storage);
        const struct sockaddr_un *address = (const struct sockaddr_un *)&storage;
        int fd = listeners[listener].fd;
        if (getsockname(fd, (struct sockaddr *)&storage, &bytes) == 0 && storage.ss_family == AF_UNIX &&
            bytes > offsetof(struct sockaddr_un, sun_path) && address->sun_path[0] != '\0')
            (void)unlink(address->sun_path); /* it may be gone already */
        close(fd);
        listeners[listener].open = false;
    }
    pthread_mutex_unlock(&listeners_lock);
}
