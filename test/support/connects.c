/*
 * connects HOST PORT THREADS: connects as fast as it can, from THREADS threads, until standard input ends. Each waits for
 * the other side to end it. Then says how many it made, and how many were refused or reset: `made N lost M`.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at = { .sin_family = AF_INET };
static atomic_bool over;
static atomic_long made, lost;

static void *run(void *unused)
{
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    while (!atomic_load(&over)) {
        char byte;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0)
            continue;
        if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || recv(fd, &byte, 1, 0) < 0)
            atomic_fetch_add(&lost, 1);
        atomic_fetch_add(&made, 1);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    return unused;
}

int main(int argc, char **argv)
{
    char byte;
    pthread_t threads[16];
    int count = argc == 4 ? atoi(argv[3]) : 0;
    if (count < 1 || count > 16 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
        return 2;
    at.sin_port = htons((unsigned short)atoi(argv[2]));
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            return 1;
    while (read(0, &byte, 1) > 0) {
    }
    atomic_store(&over, 1);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("made %ld lost %ld\n", atomic_load(&made), atomic_load(&lost));
    return 0;
}
