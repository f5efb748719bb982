#include "listener.h"

#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_BINDTOIFINDEX /* Linux 5.0; older headers lack it */
#define SO_BINDTOIFINDEX 62
#endif

/* A number is `generation * SF_LISTENERS_MAX + place`; the generation changes whenever a listener leaves its place. */
#define SF__GENERATION_MASK (INT32_MAX / SF_LISTENERS_MAX)
_Static_assert((SF__GENERATION_MASK & (SF__GENERATION_MASK + 1)) == 0, "a mask");

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool open;
    bool inherited; /* given back when it is closed */
    int fd;
    int32_t generation;
    dev_t device; /* of the file of a unix socket */
    ino_t inode;
} listeners[SF_LISTENERS_MAX];

/* Sockets that the process was started with, and no listener uses. */
static int inherited[SF_LISTENERS_MAX];
static int32_t inherited_count;

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

/* A socket file without a listener any more is in the way of bind: take it out. */
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

static void sf__option(int fd, int level, int option, bool on)
{
    int value = on;
    (void)setsockopt(fd, level, option, &value, sizeof(value)); /* without it bind or listen fail, and say so */
}

/* A socket that listens, or -1 with errno set. `shared`: its port may be one of another that is shared as well. */
static int sf__listen_socket(const struct sockaddr_storage *storage, socklen_t bytes, int32_t backlog, bool v6_only,
                             bool shared)
{
    int fd = socket(storage->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    sf__option(fd, SOL_SOCKET, SO_REUSEADDR, true); /* a restart need not wait */
    if (shared)
        sf__option(fd, SOL_SOCKET, SO_REUSEPORT, true);
    if (storage->ss_family == AF_INET6)
        sf__option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only); /* never left to the system's default */
    if (storage->ss_family != AF_UNIX)
        sf__option(fd, IPPROTO_TCP, TCP_NODELAY, true); /* accepted sockets inherit it */
    if (bind(fd, (const struct sockaddr *)storage, bytes) == 0 && listen(fd, backlog) == 0) {
        if (shared)
            sf__option(fd, SOL_SOCKET, SO_REUSEPORT, false);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static in_port_t sf__port_of(const struct sockaddr_storage *storage)
{
    if (storage->ss_family == AF_INET)
        return ((const struct sockaddr_in *)storage)->sin_port;
    return storage->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)storage)->sin6_port : 0;
}

static bool sf__v6_only(int fd)
{
    int value = 0;
    socklen_t bytes = sizeof(value);
    return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &bytes) == 0 && value != 0;
}

/* The same place: two listeners there would share its connections by chance. */
static bool sf__same_place(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

/*
 * Listens at a place that overlaps with listeners of this process, such as 0.0.0.0 with 127.0.0.1 at one port: the kernel
 * takes that from sockets that all share their port, and hands a connection to the one that fits it best. They do so for
 * the moment of binding only: another process must not be able to join in. The lock is held.
 *
 * Returns the descriptor, or -1 with errno set: EADDRINUSE also when this process listens at the very place.
 */
static int sf__listen_beside(const struct sockaddr_storage *storage, socklen_t bytes, int32_t backlog, bool v6_only)
{
    int sharing[SF_LISTENERS_MAX];
    int count = 0;
    for (int32_t i = 0; i < SF_LISTENERS_MAX; i++) {
        struct sockaddr_storage other = { 0 };
        socklen_t other_bytes = sizeof(other);
        if (!listeners[i].open || getsockname(listeners[i].fd, (struct sockaddr *)&other, &other_bytes) != 0 ||
            sf__port_of(&other) == 0 || sf__port_of(&other) != sf__port_of(storage))
            continue;
        if (sf__same_place(&other, storage) && sf__v6_only(listeners[i].fd) == v6_only)
            count = SF_LISTENERS_MAX;
        if (count < SF_LISTENERS_MAX)
            sharing[count++] = listeners[i].fd;
    }
    if (count == 0 || count == SF_LISTENERS_MAX) {
        errno = EADDRINUSE;
        return -1;
    }
    for (int i = 0; i < count; i++)
        sf__option(sharing[i], SOL_SOCKET, SO_REUSEPORT, true);
    int fd = sf__listen_socket(storage, bytes, backlog, v6_only, true);
    int error = errno;
    for (int i = 0; i < count; i++)
        sf__option(sharing[i], SOL_SOCKET, SO_REUSEPORT, false);
    errno = error;
    return fd;
}

/* An inherited socket at this place, which is the caller's from then on, or -1. The lock is held. */
static int sf__take_inherited(const struct sockaddr_storage *storage, socklen_t bytes, bool v6_only)
{
    for (int32_t i = 0; i < inherited_count; i++) {
        struct sockaddr_storage other = { 0 };
        socklen_t other_bytes = sizeof(other);
        if (getsockname(inherited[i], (struct sockaddr *)&other, &other_bytes) != 0 ||
            other.ss_family != storage->ss_family)
            continue;
        bool same;
        if (storage->ss_family == AF_UNIX)
            same = strncmp(((const struct sockaddr_un *)&other)->sun_path,
                           ((const struct sockaddr_un *)storage)->sun_path, sizeof(((struct sockaddr_un *)0)->sun_path)) == 0 &&
                   bytes > offsetof(struct sockaddr_un, sun_path) &&
                   ((const struct sockaddr_un *)storage)->sun_path[0] != '\0';
        else
            same = sf__port_of(&other) == sf__port_of(storage) && sf__same_place(&other, storage) &&
                   (storage->ss_family == AF_INET || sf__v6_only(inherited[i]) == v6_only);
        if (!same)
            continue;
        int fd = inherited[i];
        inherited[i] = inherited[--inherited_count];
        return fd;
    }
    return -1;
}

int sf_listener_inherit(int fd, char *place)
{
    struct sockaddr_storage storage = { 0 };
    socklen_t bytes = sizeof(storage);
    int listens = 0, type = 0;
    socklen_t int_bytes = sizeof(int);
    char host[INET6_ADDRSTRLEN];
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_bytes) != 0 || listens == 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_bytes) != 0 || type != SOCK_STREAM ||
        getsockname(fd, (struct sockaddr *)&storage, &bytes) != 0)
        return EINVAL;
    if (storage.ss_family == AF_INET)
        (void)snprintf(place, SF_LISTENER_PLACE_ROOM, "%s:%d",
                       inet_ntop(AF_INET, &((struct sockaddr_in *)&storage)->sin_addr, host, sizeof(host)),
                       ntohs(sf__port_of(&storage)));
    else if (storage.ss_family == AF_INET6)
        (void)snprintf(place, SF_LISTENER_PLACE_ROOM, "[%s]:%d",
                       inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&storage)->sin6_addr, host, sizeof(host)),
                       ntohs(sf__port_of(&storage)));
    else if (storage.ss_family == AF_UNIX)
        (void)snprintf(place, SF_LISTENER_PLACE_ROOM, "unix:%.108s", ((struct sockaddr_un *)&storage)->sun_path);
    else
        return EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return errno;
    pthread_mutex_lock(&listeners_lock);
    bool room = inherited_count < SF_LISTENERS_MAX;
    if (room)
        inherited[inherited_count++] = fd;
    pthread_mutex_unlock(&listeners_lock);
    return room ? 0 : ENOSPC;
}

bool sf_listener_unused(int fd)
{
    bool found = false;
    pthread_mutex_lock(&listeners_lock);
    for (int32_t i = 0; i < inherited_count; i++)
        found |= inherited[i] == fd;
    pthread_mutex_unlock(&listeners_lock);
    return found;
}

int32_t sf_listener_open(const char *host, int32_t port, int32_t backlog, bool v6_only)
{
    struct sockaddr_storage storage = { 0 };
    socklen_t bytes;
    if (!sf_address_read(host, port, &storage, &bytes)) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&listeners_lock);
    int fd = sf__take_inherited(&storage, bytes, v6_only);
    pthread_mutex_unlock(&listeners_lock);
    bool is_inherited = fd >= 0;
    if (is_inherited && storage.ss_family != AF_UNIX)
        sf__option(fd, IPPROTO_TCP, TCP_NODELAY, true);
    if (!is_inherited) {
        sf__unlink_dead(&storage, bytes);
        fd = sf__listen_socket(&storage, bytes, backlog, v6_only, false);
    }
    if (fd < 0 && errno == EADDRINUSE && sf__port_of(&storage) != 0) {
        pthread_mutex_lock(&listeners_lock);
        fd = sf__listen_beside(&storage, bytes, backlog, v6_only);
        pthread_mutex_unlock(&listeners_lock);
    }
    if (fd < 0)
        return -1;
    int32_t listener = -1;
    pthread_mutex_lock(&listeners_lock);
    for (int32_t i = 0; i < SF_LISTENERS_MAX && listener < 0; i++) {
        if (listeners[i].open)
            continue;
        struct sockaddr_un address;
        struct stat info = { 0 };
        if (sf__socket_path(fd, &address) && (is_inherited || lstat(address.sun_path, &info) != 0))
            info.st_ino = 0; /* not ours, or gone already: nothing to take away later */
        listeners[i].open = true;
        listeners[i].inherited = is_inherited;
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

int sf_listener_keep_alive(int32_t listener, const sf_keep_alive *keep_alive)
{
    struct sockaddr_storage storage;
    socklen_t bytes = sizeof(storage);
    int error = 0;
    if (!sf_keep_alive_valid(keep_alive))
        return EINVAL;
    pthread_mutex_lock(&listeners_lock);
    int32_t place = sf__place_of(listener);
    if (place < 0)
        error = EBADF;
    else if (getsockname(listeners[place].fd, (struct sockaddr *)&storage, &bytes) != 0)
        error = errno;
    else if (storage.ss_family == AF_UNIX)
        error = EOPNOTSUPP;
    else if (!sf_keep_alive_set(listeners[place].fd, keep_alive))
        error = errno;
    pthread_mutex_unlock(&listeners_lock);
    return error;
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

/* Removes the file of a unix socket, unless another process has put its own socket there since. The lock is held. */
static void sf__unlink_own(int32_t place)
{
    struct sockaddr_un address;
    struct stat info;
    if (sf__socket_path(listeners[place].fd, &address) && lstat(address.sun_path, &info) == 0 &&
        info.st_ino == listeners[place].inode && info.st_dev == listeners[place].device)
        (void)unlink(address.sun_path); /* the directory may be read-only by now */
}

void sf_listener_retire(int32_t listener)
{
    pthread_mutex_lock(&listeners_lock);
    int32_t place = sf__place_of(listener);
    /* Of an inherited one, the option would be that of the socket which its owner keeps. */
    if (place >= 0 && !listeners[place].inherited) {
        /* A device that does not exist: no segment comes by it, so that a lookup of listeners passes this one over. Accepted
         * sockets do not inherit it. Before Linux 5.7 it needs CAP_NET_RAW: a connection that comes between the last accept
         * and the close is then reset. A unix socket takes it and does not care. */
        int nowhere = INT32_MAX;
        (void)setsockopt(listeners[place].fd, SOL_SOCKET, SO_BINDTOIFINDEX, &nowhere, sizeof(nowhere));
        sf__unlink_own(place);
    }
    pthread_mutex_unlock(&listeners_lock);
}

void sf_listener_close(int32_t listener)
{
    pthread_mutex_lock(&listeners_lock);
    int32_t place = sf__place_of(listener);
    if (place >= 0) {
        sf__unlink_own(place);
        if (listeners[place].inherited && inherited_count < SF_LISTENERS_MAX)
            inherited[inherited_count++] = listeners[place].fd;
        else
            close(listeners[place].fd);
        listeners[place].open = false;
        listeners[place].generation = (listeners[place].generation + 1) & SF__GENERATION_MASK;
    }
    pthread_mutex_unlock(&listeners_lock);
}
