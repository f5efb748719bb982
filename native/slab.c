/* The slab: a stack of free chunks, so that the one used last, still in cache, is taken first. */
#include "internal.h"

static int32_t sf__chunk_index(const sf_engine *e, int32_t at)
{
    return (at - e->config.slab_at) / SF_CHUNK_BYTES;
}

int32_t sf__chunk_take(sf_engine *e, int32_t reserve)
{
    int32_t *free_chunks = &e->config.control[SF_CONTROL_FREE_CHUNKS];
    if (*free_chunks <= reserve)
        return SF_E_FULL;
    int32_t index = e->chunk_free[--*free_chunks];
    e->chunk_refs[index] = 1;
    return e->config.slab_at + index * SF_CHUNK_BYTES;
}

/* Takes the free chunks whose indexes lie in [first, first + count) off the stack, which keeps its order. */
static void sf__run_unstack(sf_engine *e, int32_t first, int32_t count)
{
    int32_t *free_chunks = &e->config.control[SF_CONTROL_FREE_CHUNKS];
    int32_t kept = 0;
    for (int32_t i = 0; i < *free_chunks; i++) {
        int32_t index = e->chunk_free[i];
        if (index < first || index >= first + count)
            e->chunk_free[kept++] = index;
    }
    *free_chunks = kept;
}

int32_t sf__run_take(sf_engine *e, int32_t count, int32_t reserve)
{
    if (count < 1 || e->config.control[SF_CONTROL_FREE_CHUNKS] - reserve < count)
        return SF_E_FULL;
    /* From the far end of what chunk_take uses, where free chunks have neighbours that are free. */
    int32_t found = 0;
    for (int32_t index = e->config.chunk_count - 1; index >= 0; index--) {
        found = e->chunk_refs[index] == 0 ? found + 1 : 0;
        if (found < count)
            continue;
        sf__run_unstack(e, index, count);
        for (int32_t i = 0; i < count; i++)
            e->chunk_refs[index + i] = 1;
        return e->config.slab_at + index * SF_CHUNK_BYTES;
    }
    return SF_E_FULL;
}

bool sf__chunk_valid(const sf_engine *e, int32_t at, int32_t bytes)
{
    int64_t offset = (int64_t)at - e->config.slab_at;
    if (offset < 0 || bytes < 0 || offset / SF_CHUNK_BYTES >= e->config.chunk_count)
        return false;
    if (offset % SF_CHUNK_BYTES + bytes > SF_CHUNK_BYTES)
        return false;
    return e->chunk_refs[offset / SF_CHUNK_BYTES] > 0;
}

void sf__chunk_ref(sf_engine *e, int32_t at)
{
    e->chunk_refs[sf__chunk_index(e, at)]++;
}

void sf__chunk_drop(sf_engine *e, int32_t at)
{
    int32_t index = sf__chunk_index(e, at);
    if (--e->chunk_refs[index] == 0)
        e->chunk_free[e->config.control[SF_CONTROL_FREE_CHUNKS]++] = index;
}

void sf_engine_chunks_owed(const sf_engine *e, int32_t *owed)
{
    for (int32_t i = 0; i < e->config.chunk_count; i++)
        owed[i] = (int32_t)e->chunk_refs[i];
    for (int32_t i = 0; i < e->config.slot_count; i++) {
        const sf_conn *c = &e->conns[i];
        if (!(c->flags & SF__OPEN) || c->queue == NULL)
            continue;
        for (uint32_t span = c->queue->first; span < c->queue->count; span++)
            owed[sf__chunk_index(e, c->queue->spans[span].at)]--;
    }
}
