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

/* A number is `generation * SF_LISTENERS_MAX + place`; the generation changes whenever a listener leaves its place. */
#define SF__GENERATION_MASK (INT32_MAX / SF_LISTENERS_MAX)
_Static_assert((SF__GENERATION_MASK & (SF__GENERATION_MASK + 1)) == 0, "a mask");

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool open;
    int fd;
    int32_t generation;
    dev_t device; /* of the file of a unix socket */
    ino_t inode;
} listeners[SF_LISTENERS_MAX];

/* The place of an open listener, or -1. The lock is held. */
static int32_t sf__place_of(int32_t listener)
{
    int32_t place = sf_listener_place(listener);
    if (place < 0 || !listeners[place].open || listeners[place].generation != listener / SF_LISTENERS_MAX)
        return -1;
    return place;
}

int32_t sf_listener_place(int32_t listener)
{
    return listener < 0 ? -1 : listener % SF_LISTENERS_MAX;
}

/* A socket file that nobody listens on any more is in the way of bind: take it out. */
static void sf__unlink_dead(const struct sockaddr_storage *storage, socklen_t bytes)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)storage;
    struct stat info;
    if (storage->ss_family != AF_UNIX || address->sun_path[0] == '\0')
        return;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return;
    if (connect(probe, (const struct sockaddr *)storage, bytes) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->sun_path); /* if it stays, bind says so */
    close(probe);
}

/* The path of the file that a listening unix socket is bound to; false when it has none. */
static bool sf__socket_path(int fd, struct sockaddr_un *address)
{
    socklen_t bytes = sizeof(*address);
    if (getsockname(fd, (struct sockaddr *)address, &bytes) != 0 || address->sun_family != AF_UNIX ||
        bytes <= offsetof(struct sockaddr_un, sun_path) || address->sun_path[0] == '\0')
        return false;
    address->sun_path[sizeof(address->sun_path) - 1] = '\0';
    return true;
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
    int32_t listener = -1;
    pthread_mutex_lock(&listeners_lock);
    for (int32_t i = 0; i < SF_LISTENERS_MAX && listener < 0; i++) {
        if (listeners[i].open)
            continue;
        struct sockaddr_un address;
        struct stat info = { 0 };
        if (sf__socket_path(fd, &address) && lstat(address.sun_path, &info) != 0)
            info.st_ino = 0; /* gone already: nothing to take away later */
        listeners[i].open = true;
        listeners[i].fd = fd;
        listeners[i].device = info.st_dev;
        listeners[i].inode = info.st_ino;
        listener = listeners[i].generation * SF_LISTENERS_MAX + i;
    }
    pthread_mutex_unlock(&listeners_lock);
    if (listener < 0) {
        close(fd);
        errno = ENOSPC;
    }
    return listener;
}

int sf_listener_descriptor(int32_t listener)
{
    pthread_mutex_lock(&listeners_lock);
    int32_t place = sf__place_of(listener);
    int fd = place < 0 ? -1 : listeners[place].fd;
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
    pthread_mutex_lock(&listeners_lock);
    int32_t place = sf__place_of(listener);
    if (place >= 0) {
        struct sockaddr_un address;
        struct stat info;
        int fd = listeners[place].fd;
        /* Another process may have put its own socket there since. */
        if (sf__socket_path(fd, &address) && lstat(address.sun_path, &info) == 0 &&
            info.st_ino == listeners[place].inode && info.st_dev == listeners[place].device)
            (void)unlink(address.sun_path); /* the directory may be read-only by now */
        close(fd);
        listeners[place].open = false;
        listeners[place].generation = (listeners[place].generation + 1) & SF__GENERATION_MASK;
    }
    pthread_mutex_unlock(&listeners_lock);
}
