/*
 * The addresses that an engine connects to, by their index.
 * Owns finding one that is known already, by a hash of its bytes: with names that lead to thousands of servers each one more
 * must not look at all. Leaves reading addresses from text to address.c.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "internal.h"

#define SF__NONE (-1)

static uint32_t sf__hash(uint32_t hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * 16777619u; /* FNV-1a */
    return hash;
}

static uint32_t sf__address_hash(const sf_address *a)
{
    return sf__hash(sf__hash(2166136261u, &a->storage, a->bytes), &a->keep_alive, sizeof(a->keep_alive));
}

static bool sf__same_address(const sf_address *a, const sf_address *b)
{
    return a->hash == b->hash && a->bytes == b->bytes && memcmp(&a->storage, &b->storage, a->bytes) == 0 &&
           memcmp(&a->keep_alive, &b->keep_alive, sizeof(a->keep_alive)) == 0;
}

/* The first address of the list that one with this hash is in. There are as many lists as places, a power of two. */
static int32_t *sf__bucket(const sf_addresses *all, uint32_t hash)
{
    return &all->buckets[hash & ((uint32_t)all->room - 1)];
}

/* Makes room for twice as many. False without memory: nothing has changed then. */
static bool sf__addresses_grow(sf_addresses *all)
{
    int32_t room = all->room == 0 ? 16 : all->room * 2;
    int32_t *buckets = malloc((size_t)room * sizeof(*buckets));
    if (buckets == NULL)
        return false;
    sf_address *items = realloc(all->items, (size_t)room * sizeof(*items));
    if (items == NULL) {
        free(buckets);
        return false;
    }
    free(all->buckets);
    all->items = items;
    all->buckets = buckets;
    all->room = room;
    for (int32_t i = 0; i < room; i++)
        buckets[i] = SF__NONE;
    for (int32_t i = 0; i < all->count; i++) { /* it grows only while no place is free: all are in use */
        int32_t *bucket = sf__bucket(all, items[i].hash);
        items[i].next = *bucket;
        *bucket = i;
    }
    return true;
}

int32_t sf_engine_address_add(sf_engine *e, const char *host, int32_t port, const sf_keep_alive *keep_alive)
{
    sf_addresses *all = &e->addresses;
    sf_address address = { 0 };
    if (!sf_address_read(host, port, &address.storage, &address.bytes) || !sf_keep_alive_valid(keep_alive))
        return SF_E_INVALID;
    if (address.storage.ss_family != AF_UNIX)
        address.keep_alive = *keep_alive;
    address.hash = sf__address_hash(&address);
    for (int32_t i = all->room == 0 ? SF__NONE : *sf__bucket(all, address.hash); i != SF__NONE; i = all->items[i].next) {
        if (sf__same_address(&all->items[i], &address)) {
            all->items[i].users++;
            return i;
        }
    }

    int32_t place = all->count;
    if (all->free_count > 0) {
        place = all->free_first;
        all->free_first = all->items[place].next;
        all->free_count--;
    } else if (all->count == all->room && !sf__addresses_grow(all)) {
        return SF_E_MEMORY;
    } else {
        all->count++;
    }
    int32_t *bucket = sf__bucket(all, address.hash);
    address.users = 1;
    address.next = *bucket;
    all->items[place] = address;
    *bucket = place;
    return place;
}

void sf_engine_address_remove(sf_engine *e, int32_t index)
{
    sf_addresses *all = &e->addresses;
    if (index < 0 || index >= all->count || all->items[index].users == 0 || --all->items[index].users > 0)
        return;
    int32_t *at = sf__bucket(all, all->items[index].hash);
    while (*at != index)
        at = &all->items[*at].next;
    *at = all->items[index].next;
    all->items[index].next = all->free_first;
    all->free_first = index;
    all->free_count++;
}

void sf__addresses_free(sf_engine *e)
{
    free(e->addresses.items);
    free(e->addresses.buckets);
}
