#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static bool sf__address_unix(const char *path, struct sockaddr_storage *storage, socklen_t *bytes)
{
    struct sockaddr_un *address = (struct sockaddr_un *)storage;
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address->sun_path))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    *bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (path[0] == '@') { /* abstract: a NUL in front, none behind */
        address->sun_path[0] = '\0';
        *bytes -= 1;
    }
    return true;
}

bool sf_address_read(const char *host, int32_t port, struct sockaddr_storage *storage, socklen_t *bytes)
{
    memset(storage, 0, sizeof(*storage));
    if (port < 0)
        return sf__address_unix(host, storage, bytes);
    if (port > 65535)
        return false;

    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *bytes = sizeof(*v4);
        return true;
    }

    char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    if (strlen(host) >= sizeof(text))
        return false;
    strcpy(text, host);
    char *zone = strchr(text, '%');
    if (zone != NULL)
        *zone++ = '\0';
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    if (zone != NULL) {
        v6->sin6_scope_id = if_nametoindex(zone);
        if (v6->sin6_scope_id == 0)
            return false;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *bytes = sizeof(*v6);
    return true;
}
