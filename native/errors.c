#include "internal.h"

#include <errno.h>

uint16_t sf__error_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case EAGAIN: /* a unix socket whose backlog is full */
        return SF_ENGINE_ERROR_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
        return SF_ENGINE_ERROR_RESET;
    case ETIMEDOUT:
        return SF_ENGINE_ERROR_TIMED_OUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
        return SF_ENGINE_ERROR_UNREACHABLE;
    case EPIPE:
        return SF_ENGINE_ERROR_BROKEN_PIPE;
    case EMFILE:
    case ENFILE:
        return SF_ENGINE_ERROR_NO_DESCRIPTORS;
    case ENOMEM:
    case ENOBUFS:
        return SF_ENGINE_ERROR_NO_MEMORY;
    case EADDRNOTAVAIL:
    case ENOENT:
    case EAFNOSUPPORT:
    case EINVAL:
        return SF_ENGINE_ERROR_NO_SUCH_ADDRESS;
    case EADDRINUSE:
        return SF_ENGINE_ERROR_ADDRESS_IN_USE;
    case EACCES:
    case EPERM:
        return SF_ENGINE_ERROR_PERMISSION;
    default:
        return SF_ENGINE_ERROR_OTHER;
    }
}
