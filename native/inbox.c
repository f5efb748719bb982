#include "inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sf_inbox {
    pthread_mutex_t lock; /* guards ring, first and open, and every change of count */
    sf_handoff ring[SF_INBOX_ROOM];
    uint32_t first;
    atomic_uint count;
    bool open;
    int event;
    int32_t connections_max;
    atomic_int connections; /* open ones, waiting ones included; any thread */
    atomic_int references;
};

/* Open inboxes; each entry holds a reference. Locked before any inbox's own lock. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static sf_inbox *registry[SF_INBOXES_MAX];

/* Sockets whose inbox closed before they were taken, while no other had room: the next inbox gets them. Same lock. */
static sf_handoff orphans[SF_INBOX_ROOM];
static int orphan_count;

static bool sf__push_least_locked(const sf_handoff *handoff);

static bool sf__registry_add(sf_inbox *inbox)
{
    bool added = false;
    pthread_mutex_lock(&registry_lock);
    for (int i = 0; i < SF_INBOXES_MAX && !added; i++) {
        if (registry[i] != NULL)
            continue;
        registry[i] = inbox;
        added = true;
    }
    while (orphan_count > 0 && sf__push_least_locked(&orphans[orphan_count - 1]))
        orphan_count--;
    pthread_mutex_unlock(&registry_lock);
    return added;
}

sf_inbox *sf_inbox_open(int32_t connections_max)
{
    sf_inbox *inbox = calloc(1, sizeof(*inbox));
    if (inbox == NULL)
        return NULL;
    inbox->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->event < 0) {
        free(inbox);
        return NULL;
    }
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->open = true;
    inbox->connections_max = connections_max;
    atomic_init(&inbox->connections, 0);
    atomic_init(&inbox->references, 2); /* the caller's and the registry's */
    if (!sf__registry_add(inbox)) {
        pthread_mutex_destroy(&inbox->lock);
        close(inbox->event);
        free(inbox);
        errno = ENOSPC;
        return NULL;
    }
    return inbox;
}

/* Finds another place for a socket that was waiting in an inbox. Called with registry_lock held. Takes the descriptor. */
static void sf__rehome(const sf_handoff *handoff)
{
    if (sf__push_least_locked(handoff))
        return;
    if (orphan_count < SF_INBOX_ROOM)
        orphans[orphan_count++] = *handoff;
    else
        close(handoff->fd);
}

void sf_inbox_close(sf_inbox *inbox)
{
    bool listed = false;
    pthread_mutex_lock(&registry_lock);
    for (int i = 0; i < SF_INBOXES_MAX; i++) {
        if (registry[i] != inbox)
            continue;
        registry[i] = NULL;
        listed = true;
    }
    pthread_mutex_lock(&inbox->lock);
    inbox->open = false;
    while (inbox->count > 0) {
        sf__rehome(&inbox->ring[inbox->first]);
        inbox->first = (inbox->first + 1) % SF_INBOX_ROOM;
        inbox->count--;
    }
    pthread_mutex_unlock(&inbox->lock);
    pthread_mutex_unlock(&registry_lock);
    if (listed)
        sf_inbox_release(inbox);
}

void sf_inbox_release(sf_inbox *inbox)
{
    if (atomic_fetch_sub(&inbox->references, 1) != 1)
        return;
    pthread_mutex_destroy(&inbox->lock);
    close(inbox->event);
    free(inbox);
}

int sf_inbox_descriptor(const sf_inbox *inbox)
{
    return inbox->event;
}

bool sf_inbox_pop(sf_inbox *inbox, sf_handoff *out)
{
    pthread_mutex_lock(&inbox->lock);
    bool some = inbox->count > 0;
    if (some) {
        *out = inbox->ring[inbox->first];
        inbox->first = (inbox->first + 1) % SF_INBOX_ROOM;
        inbox->count--;
    } else {
        uint64_t wakes;
        (void)!read(inbox->event, &wakes, sizeof(wakes)); /* EAGAIN: it was not readable */
    }
    pthread_mutex_unlock(&inbox->lock);
    return some;
}

void sf_inbox_opened(sf_inbox *inbox)
{
    atomic_fetch_add(&inbox->connections, 1);
}

void sf_inbox_closed(sf_inbox *inbox)
{
    atomic_fetch_sub(&inbox->connections, 1);
}

bool sf_inbox_has_room(const sf_inbox *inbox)
{
    return atomic_load(&inbox->connections) < inbox->connections_max;
}

/* The open inbox with the fewest connections that has room, or NULL. Called with registry_lock held. */
static sf_inbox *sf__inbox_least(void)
{
    sf_inbox *least = NULL;
    int fewest = 0;
    for (int i = 0; i < SF_INBOXES_MAX; i++) {
        sf_inbox *inbox = registry[i];
        if (inbox == NULL || !sf_inbox_has_room(inbox) || inbox->count == SF_INBOX_ROOM)
            continue;
        int connections = atomic_load(&inbox->connections);
        if (least == NULL || connections < fewest) {
            least = inbox;
            fewest = connections;
        }
    }
    return least;
}

static bool sf__inbox_push(sf_inbox *inbox, const sf_handoff *handoff)
{
    pthread_mutex_lock(&inbox->lock);
    bool pushed = inbox->open && inbox->count < SF_INBOX_ROOM;
    if (pushed) {
        inbox->ring[(inbox->first + inbox->count) % SF_INBOX_ROOM] = *handoff;
        inbox->count++;
        sf_inbox_opened(inbox);
        uint64_t one = 1;
        if (inbox->count == 1) /* otherwise a wake-up is on its way */
            (void)!write(inbox->event, &one, sizeof(one)); /* an eventfd takes 2^64 - 2 of these */
    }
    pthread_mutex_unlock(&inbox->lock);
    return pushed;
}

static bool sf__push_least_locked(const sf_handoff *handoff)
{
    sf_inbox *inbox = sf__inbox_least();
    return inbox != NULL && sf__inbox_push(inbox, handoff);
}

bool sf_inbox_push_least(const sf_handoff *handoff)
{
    pthread_mutex_lock(&registry_lock);
    bool pushed = sf__push_least_locked(handoff);
    pthread_mutex_unlock(&registry_lock);
    return pushed;
}

bool sf_inbox_any_room(void)
{
    pthread_mutex_lock(&registry_lock);
    bool room = sf__inbox_least() != NULL;
    pthread_mutex_unlock(&registry_lock);
    return room;
}
