#include "server_name.h"

size_t sf_server_name_normal(const char *asked, size_t bytes, char *to)
{
    if (bytes > 0 && asked[bytes - 1] == '.')
        bytes--;
    if (bytes > SF_SERVER_NAME_BYTES_MAX)
        bytes = 0;
    for (size_t i = 0; i < bytes; i++)
        to[i] = asked[i] >= 'A' && asked[i] <= 'Z' ? (char)(asked[i] | 0x20) : asked[i];
    to[bytes] = '\0';
    return bytes;
}
