/*
 * Lets a test move the clock that the engine reads for what lasts hours (CLOCK_MONOTONIC_COARSE): preloaded, it adds the
 * seconds that stand in the file SHIFT_FILE. Nobody else's clock is touched, except that a sanitizer stands between the
 * engine and this file, and asks in everyone's name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    Dl_info caller;
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock != CLOCK_MONOTONIC_COARSE || dladdr(__builtin_return_address(0), &caller) == 0 ||
        (strstr(caller.dli_fname, "engine.node") == NULL && strstr(caller.dli_fname, "libasan") == NULL))
        return result;
    FILE *file = fopen(getenv("SHIFT_FILE"), "r");
    long seconds = 0;
    if (file != NULL) {
        if (fscanf(file, "%ld", &seconds) == 1)
            now->tv_sec += seconds;
        fclose(file);
    }
    return result;
}
