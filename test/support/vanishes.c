/*
 * A TCP peer that goes away without a word, as a machine does that loses its network: from then on its kernel drops what
 * arrives (a socket filter that passes nothing), so nothing is acknowledged and nothing answered.
 *
 *   vanishes HOST PORT   connects
 *   vanishes             listens at 127.0.0.1 on a free port, says `port PORT`, and takes one connection
 *
 * Copies standard input to the connection and back to standard output until a line `vanish` comes in; then says `gone`, and
 * waits to be killed.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void need(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static int opened(int argc, char **argv)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    need(fd >= 0, "socket");
    if (argc > 2) {
        need(inet_pton(AF_INET, argv[1], &at.sin_addr) == 1, "inet_pton");
        at.sin_port = htons((unsigned short)atoi(argv[2]));
        need(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "connect");
        return fd;
    }
    need(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0, "listen");
    need(getsockname(fd, (struct sockaddr *)&at, &bytes) == 0, "getsockname");
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    int taken = accept(fd, NULL, NULL);
    need(taken >= 0, "accept");
    return taken;
}

static void pass(int from, int to)
{
    char bytes[65536];
    ssize_t count = read(from, bytes, sizeof(bytes));
    if (count <= 0)
        exit(0);
    need(write(to, bytes, (size_t)count) == count, "write");
}

int main(int argc, char **argv)
{
    int fd = opened(argc, argv);
    for (;;) {
        struct pollfd ready[2] = { { .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
        need(poll(ready, 2, -1) > 0, "poll");
        if (ready[1].revents)
            pass(fd, 1);
        if (ready[0].revents) {
            char line[65536];
            ssize_t count = read(0, line, sizeof(line));
            if (count <= 0)
                exit(0);
            if (count == 7 && memcmp(line, "vanish\n", 7) == 0)
                break;
            need(write(fd, line, (size_t)count) == count, "write");
        }
    }
    struct sock_filter nothing = { .code = BPF_RET | BPF_K, .k = 0 };
    struct sock_fprog filter = { .len = 1, .filter = &nothing };
    need(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0, "SO_ATTACH_FILTER");
    printf("gone\n");
    fflush(stdout);
    pause();
    return 0;
}
