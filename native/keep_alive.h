/*
 * TCP keep-alive: the kernel asks a peer that has been silent for a while whether it is still there, and reports an
 * error (ETIMEDOUT) when it is not. Nothing else finds a silent peer that left without a FIN. Owns nothing.
 */
#ifndef SF_KEEP_ALIVE_H
#define SF_KEEP_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sf_keep_alive {
    int32_t idle_seconds;     /* of silence before the first probe; 0: none is ever sent */
    int32_t interval_seconds; /* between two probes */
    int32_t probes;           /* left unanswered before the connection is dead */
} sf_keep_alive;

/* True when the kernel takes these: all within its bounds (tcp(7)), or off. */
bool sf_keep_alive_valid(const sf_keep_alive *keep_alive);

/*
 * Sets them on a TCP socket. Sockets accepted from a listening one inherit them.
 *
 * Returns false with errno set when the kernel refuses.
 */
bool sf_keep_alive_set(int fd, const sf_keep_alive *keep_alive);

#endif
