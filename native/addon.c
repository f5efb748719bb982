/*
 * The Node-API face of the engine: converts arguments, keeps what JavaScript lends alive, and calls back once per
 * wake-up. Everything an environment (a thread of Node) opened is closed when that environment ends.
 */
#include "addon_datagram.h"
#include "addon_listen.h"
#include "addon_tls.h"
#include "addon_values.h"
#include "engine.h"
#include "service_notify.h"

#include <errno.h>
#include <node_api.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define SF__BORROWED 5

/*
 * An engine and what ties it to its thread. JavaScript's methods point here, so it lives until the environment ends.
 *
 *   OPEN ──close, or the environment ends──► CLOSING ──libuv lets go──► CLOSED ──the environment ends──► freed
 */
typedef struct sf__bound {
    napi_env env;
    sf_engine *engine; /* NULL once closed */
    uv_poll_t poll;
    napi_ref on_ready;
    napi_ref borrowed[SF__BORROWED];
    napi_async_context async;
    napi_async_cleanup_hook_handle cleanup;
    bool removed; /* the environment ends: no more calls into it */
    bool closed;  /* libuv has let go of the poll handle */
} sf__bound;

static bool sf__int_property(napi_env env, napi_value object, const char *name, int32_t *out)
{
    napi_value value;
    return napi_get_named_property(env, object, name, &value) == napi_ok && sf_js_int(env, value, out);
}

/* Finds the memory of a typed array or an array buffer property, and keeps it alive by a reference. */
static bool sf__borrow(napi_env env, napi_value object, const char *name, napi_ref *reference, void **data, size_t *bytes)
{
    napi_value value;
    bool is_typed = false, is_buffer = false;
    if (napi_get_named_property(env, object, name, &value) != napi_ok)
        return false;
    if (napi_is_typedarray(env, value, &is_typed) != napi_ok || napi_is_arraybuffer(env, value, &is_buffer) != napi_ok)
        return false;
    if (is_typed) {
        napi_typedarray_type type;
        size_t length;
        if (napi_get_typedarray_info(env, value, &type, &length, data, NULL, NULL) != napi_ok)
            return false;
        if (type != napi_int32_array && type != napi_uint8_array)
            return false;
        *bytes = type == napi_int32_array ? length * 4 : length;
    } else if (!is_buffer || napi_get_arraybuffer_info(env, value, data, bytes) != napi_ok) {
        return false;
    }
    return napi_create_reference(env, value, 1, reference) == napi_ok;
}

static void sf__bound_free(sf__bound *b)
{
    (void)napi_remove_async_cleanup_hook(b->cleanup); /* valid: this is the hook's end */
    free(b);
}

static void sf__bound_closed(uv_handle_t *handle)
{
    sf__bound *b = handle->data;
    b->closed = true;
    if (b->removed)
        sf__bound_free(b);
}

/* Ends the engine. Safe to repeat. */
static void sf__bound_close(sf__bound *b)
{
    if (b->engine == NULL)
        return;
    sf_engine *engine = b->engine;
    b->engine = NULL;
    (void)uv_poll_stop(&b->poll);
    sf_engine_destroy(engine);
    if (!b->removed) {
        for (int i = 0; i < SF__BORROWED; i++)
            if (b->borrowed[i] != NULL)
                (void)napi_delete_reference(b->env, b->borrowed[i]); /* ours, deleted once */
        (void)napi_delete_reference(b->env, b->on_ready);
        (void)napi_async_destroy(b->env, b->async);
    }
    uv_close((uv_handle_t *)&b->poll, sf__bound_closed);
}

static void sf__bound_cleanup(napi_async_cleanup_hook_handle handle, void *data)
{
    sf__bound *b = data;
    b->cleanup = handle;
    b->removed = true;
    if (b->closed)
        sf__bound_free(b);
    else
        sf__bound_close(b);
}

static void sf__bound_ready(uv_poll_t *poll, int status, int events)
{
    sf__bound *b = poll->data;
    napi_handle_scope scope;
    (void)status;
    (void)events;
    if (b->engine == NULL || napi_open_handle_scope(b->env, &scope) != napi_ok)
        return;
    napi_value on_ready, receiver, result;
    if (napi_get_reference_value(b->env, b->on_ready, &on_ready) == napi_ok &&
        napi_get_global(b->env, &receiver) == napi_ok &&
        napi_make_callback(b->env, b->async, receiver, on_ready, 0, NULL, &result) == napi_pending_exception) {
        napi_value error;
        if (napi_get_and_clear_last_exception(b->env, &error) == napi_ok)
            (void)napi_fatal_exception(b->env, error); /* becomes 'uncaughtException', or ends the thread */
    }
    (void)napi_close_handle_scope(b->env, scope);
}

/* turn(words): carries out the submissions and returns the number of events. */
static napi_value sf__js_turn(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t words;
    if (!sf_js_args(env, info, &data, "i", &words))
        return sf_js_throw(env, "ERR_ARGUMENT", "turn(words): words must be a number");
    sf__bound *b = data;
    if (b->engine == NULL)
        return sf_js_number(env, 0);
    int events = sf_engine_turn(b->engine, words);
    if (events < 0)
        return sf_js_throw(env, "ERR_SUBMISSION", "a submission breaks the layout in src/engine/layout.ts");
    return sf_js_number(env, events);
}

/* submit(words): carries out the submissions and reports nothing; what they cause is reported by the next turn. */
static napi_value sf__js_submit(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t words;
    if (!sf_js_args(env, info, &data, "i", &words))
        return sf_js_throw(env, "ERR_ARGUMENT", "submit(words): words must be a number");
    sf__bound *b = data;
    if (b->engine != NULL && sf_engine_submit(b->engine, words) != SF_OK)
        return sf_js_throw(env, "ERR_SUBMISSION", "a submission breaks the layout in src/engine/layout.ts");
    return NULL;
}

/* addressAdd(host, port, idleSeconds, intervalSeconds, probes): the index of a backend address, -1 when the text is none. */
static napi_value sf__js_address_add(napi_env env, napi_callback_info info)
{
    void *data;
    char host[SF_JS_TEXT_ROOM];
    int32_t port;
    sf_keep_alive k;
    if (!sf_js_args(env, info, &data, "siiii", host, &port, &k.idle_seconds, &k.interval_seconds, &k.probes))
        return sf_js_throw(env, "ERR_ARGUMENT", "addressAdd(host, port, idleSeconds, intervalSeconds, probes)");
    sf__bound *b = data;
    int32_t index = b->engine == NULL ? -1 : sf_engine_address_add(b->engine, host, port, &k);
    return sf_js_number(env, index < 0 ? -1 : index);
}

/* addressRemove(index) */
static napi_value sf__js_address_remove(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t index;
    if (!sf_js_args(env, info, &data, "i", &index))
        return sf_js_throw(env, "ERR_ARGUMENT", "addressRemove(index)");
    sf__bound *b = data;
    if (b->engine != NULL)
        sf_engine_address_remove(b->engine, index);
    return NULL;
}

static napi_value sf__js_listen(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t listener;
    if (!sf_js_args(env, info, &data, "i", &listener))
        return sf_js_throw(env, "ERR_ARGUMENT", "listen(listener)");
    sf__bound *b = data;
    if (b->engine != NULL && sf_engine_listen(b->engine, listener) != SF_OK)
        return sf_js_throw_errno(env, errno, "listen");
    return NULL;
}

static napi_value sf__js_listen_end(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t listener;
    if (!sf_js_args(env, info, &data, "i", &listener))
        return sf_js_throw(env, "ERR_ARGUMENT", "listenEnd(listener)");
    sf__bound *b = data;
    if (b->engine != NULL)
        sf_engine_listen_end(b->engine, listener);
    return NULL;
}

/* chunkTake(): the address of a chunk to write into, negative when none is free. */
static napi_value sf__js_chunk_take(napi_env env, napi_callback_info info)
{
    void *data;
    if (!sf_js_args(env, info, &data, ""))
        return sf_js_throw(env, "ERR_ARGUMENT", "chunkTake()");
    sf__bound *b = data;
    return sf_js_number(env, b->engine == NULL ? SF_E_FULL : sf_engine_chunk_take(b->engine));
}

/* progress(conn, into): the acknowledged bytes and those of a TLS record under way; false when the connection is gone. */
static napi_value sf__js_progress(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t conn;
    double *into;
    size_t length;
    napi_value result;
    sf_progress progress;
    if (!sf_js_args(env, info, &data, "id", &conn, &into, &length) || length < 2)
        return sf_js_throw(env, "ERR_ARGUMENT", "progress(conn, into): into must be a Float64Array of two numbers");
    sf__bound *b = data;
    bool found = b->engine != NULL && sf_engine_progress(b->engine, conn, &progress) == SF_OK;
    if (found) {
        into[0] = progress.acknowledged;
        into[1] = progress.partial;
    }
    return napi_get_boolean(env, found, &result) == napi_ok ? result : NULL;
}

/* runTake(count): the address of that many neighbouring chunks, negative when there are none. */
static napi_value sf__js_run_take(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t count;
    if (!sf_js_args(env, info, &data, "i", &count))
        return sf_js_throw(env, "ERR_ARGUMENT", "runTake(count)");
    sf__bound *b = data;
    return sf_js_number(env, b->engine == NULL ? SF_E_FULL : sf_engine_run_take(b->engine, count));
}

/* chunksOwed(into): for every chunk the references that the caller owns. */
static napi_value sf__js_chunks_owed(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t *into;
    size_t length;
    if (!sf_js_args(env, info, &data, "w", &into, &length))
        return sf_js_throw(env, "ERR_ARGUMENT", "chunksOwed(into): into must be an Int32Array");
    sf__bound *b = data;
    if (b->engine == NULL)
        return NULL;
    if (length < (size_t)b->engine->config.chunk_count)
        return sf_js_throw(env, "ERR_ARGUMENT", "chunksOwed(into): into must have a word for every chunk");
    sf_engine_chunks_owed(b->engine, into);
    return NULL;
}

/* localAddress(conn, into): fills in a peer record; false when the connection is gone. */
static napi_value sf__js_local_address(napi_env env, napi_callback_info info)
{
    void *data;
    int32_t conn;
    uint8_t *into;
    size_t length;
    napi_value result = NULL;
    if (!sf_js_args(env, info, &data, "iu", &conn, &into, &length) || length < sizeof(sf_peer))
        return sf_js_throw(env, "ERR_ARGUMENT", "localAddress(conn, into): into must have room for a peer record");
    sf__bound *b = data;
    sf_peer local;
    bool found = b->engine != NULL && sf_engine_local_address(b->engine, conn, &local) == SF_OK;
    if (found)
        memcpy(into, &local, sizeof(local));
    (void)napi_get_boolean(env, found, &result); /* NULL becomes undefined */
    return result;
}

static napi_value sf__js_close(napi_env env, napi_callback_info info)
{
    void *data;
    if (!sf_js_args(env, info, &data, ""))
        return sf_js_throw(env, "ERR_ARGUMENT", "close()");
    sf__bound_close(data);
    return NULL;
}

static bool sf__read_config(napi_env env, napi_value options, sf_engine_config *config, napi_ref *borrowed)
{
    void *data;
    size_t bytes;
    if (!sf__borrow(env, options, "memory", &borrowed[0], &data, &bytes))
        return false;
    config->memory = data;
    config->memory_bytes = bytes;
    if (!sf__int_property(env, options, "slabAt", &config->slab_at) ||
        !sf__int_property(env, options, "chunkCount", &config->chunk_count) ||
        !sf__int_property(env, options, "slotCount", &config->slot_count) ||
        !sf__int_property(env, options, "connectionsMax", &config->connections_max) || config->slot_count <= 0)
        return false;
    if (!sf__borrow(env, options, "control", &borrowed[1], &data, &bytes) ||
        bytes < ((size_t)config->slot_count + SF_CONTROL_WORDS) * sizeof(int32_t))
        return false;
    config->control = data;
    if (!sf__borrow(env, options, "peers", &borrowed[2], &data, &bytes) ||
        bytes < (size_t)config->slot_count * sizeof(sf_peer))
        return false;
    config->peers = data;
    if (!sf__borrow(env, options, "events", &borrowed[3], &data, &bytes))
        return false;
    config->events = data;
    config->event_count = (int32_t)(bytes / (SF_EVENT_WORDS * sizeof(int32_t)));
    if (!sf__borrow(env, options, "submissions", &borrowed[4], &data, &bytes))
        return false;
    config->submissions = data;
    config->submission_words = (int32_t)(bytes / sizeof(int32_t));
    return true;
}

/* Makes the engine and its inbox. Returns NULL with errno set. */
static sf_engine *sf__engine_start(const sf_engine_config *config)
{
    sf_engine *engine;
    int result = sf_engine_create(config, &engine);
    if (result != SF_OK) {
        errno = result == SF_E_INVALID ? EINVAL : result == SF_E_MEMORY ? ENOMEM : errno;
        return NULL;
    }
    sf_inbox *inbox = sf_inbox_open(config->connections_max);
    if (inbox == NULL) {
        sf_engine_destroy(engine);
        return NULL;
    }
    if (sf_engine_inbox_set(engine, inbox) != SF_OK) {
        int error = errno;
        sf_inbox_close(inbox);
        sf_inbox_release(inbox);
        sf_engine_destroy(engine);
        errno = error;
        return NULL;
    }
    return engine;
}

static bool sf__bound_tie(napi_env env, sf__bound *b, napi_value on_ready, napi_value *methods)
{
    napi_value name;
    uv_loop_t *loop;
    return napi_create_reference(env, on_ready, 1, &b->on_ready) == napi_ok &&
           napi_create_string_utf8(env, "sevenfold:engine", NAPI_AUTO_LENGTH, &name) == napi_ok &&
           napi_async_init(env, NULL, name, &b->async) == napi_ok && napi_get_uv_event_loop(env, &loop) == napi_ok &&
           napi_create_object(env, methods) == napi_ok && sf_js_method(env, *methods, "turn", sf__js_turn, b) &&
           sf_js_method(env, *methods, "submit", sf__js_submit, b) &&
           sf_js_method(env, *methods, "addressAdd", sf__js_address_add, b) &&
           sf_js_method(env, *methods, "addressRemove", sf__js_address_remove, b) &&
           sf_js_method(env, *methods, "listen", sf__js_listen, b) &&
           sf_js_method(env, *methods, "listenEnd", sf__js_listen_end, b) &&
           sf_js_method(env, *methods, "chunkTake", sf__js_chunk_take, b) &&
           sf_js_method(env, *methods, "runTake", sf__js_run_take, b) &&
           sf_js_method(env, *methods, "chunksOwed", sf__js_chunks_owed, b) &&
           sf_js_method(env, *methods, "localAddress", sf__js_local_address, b) &&
           sf_js_method(env, *methods, "progress", sf__js_progress, b) &&
           sf_js_method(env, *methods, "close", sf__js_close, b) &&
           uv_poll_init(loop, &b->poll, sf_engine_descriptor(b->engine)) == 0;
}

/* engineOpen(options, onReady): an engine on the calling thread; onReady runs whenever a turn is due. */
static napi_value sf__js_engine_open(napi_env env, napi_callback_info info)
{
    napi_value options, on_ready, methods;
    sf_engine_config config = { 0 };
    if (!sf_js_args(env, info, NULL, "vv", &options, &on_ready))
        return sf_js_throw(env, "ERR_ARGUMENT", "engineOpen(options, onReady)");
    sf__bound *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return sf_js_throw_errno(env, ENOMEM, "engineOpen");
    b->env = env;
    /* The few references of a failed start are left to the environment's end, as it ends with this error. */
    if (!sf__read_config(env, options, &config, b->borrowed)) {
        free(b);
        return sf_js_throw(env, "ERR_ARGUMENT", "engineOpen: an option is missing, of the wrong type, or too small");
    }
    b->engine = sf__engine_start(&config);
    if (b->engine == NULL) {
        free(b);
        return sf_js_throw_errno(env, errno, "engineOpen");
    }
    if (!sf__bound_tie(env, b, on_ready, &methods)) {
        sf_engine_destroy(b->engine);
        free(b);
        return sf_js_throw(env, "ERR_ENGINE", "engineOpen: Node refused a handle");
    }
    b->poll.data = b;
    if (napi_add_async_cleanup_hook(env, sf__bound_cleanup, b, &b->cleanup) != napi_ok ||
        uv_poll_start(&b->poll, UV_READABLE, sf__bound_ready) != 0) {
        sf__bound_close(b);
        return sf_js_throw(env, "ERR_ENGINE", "engineOpen: the loop refused the engine");
    }
    return methods;
}

/* pinThread(core): runs the calling thread on one core only. */
static napi_value sf__js_pin_thread(napi_env env, napi_callback_info info)
{
    int32_t core;
    if (!sf_js_args(env, info, NULL, "i", &core) || core < 0 || core >= CPU_SETSIZE)
        return sf_js_throw(env, "ERR_ARGUMENT", "pinThread(core)");
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return sf_js_throw_errno(env, errno, "pinThread");
    return NULL;
}

/* serviceNotify(path, text): tells the service manager, by its socket. */
static napi_value sf__js_service_notify(napi_env env, napi_callback_info info)
{
    char path[SF_JS_TEXT_ROOM], text[SF_JS_TEXT_ROOM];
    if (!sf_js_args(env, info, NULL, "ss", path, text))
        return sf_js_throw(env, "ERR_ARGUMENT", "serviceNotify(path, text)");
    int error = sf_service_notify(path, text);
    return error == 0 ? NULL : sf_js_throw_errno(env, error, path);
}

NAPI_MODULE_INIT()
{
    napi_value hash;
    if (napi_create_uint32(env, SF_LAYOUT_HASH, &hash) != napi_ok ||
        napi_set_named_property(env, exports, "layoutHash", hash) != napi_ok ||
        !sf_js_method(env, exports, "engineOpen", sf__js_engine_open, NULL) ||
        !sf_js_method(env, exports, "pinThread", sf__js_pin_thread, NULL) ||
        !sf_js_method(env, exports, "serviceNotify", sf__js_service_notify, NULL) || !sf_addon_listen(env, exports) ||
        !sf_addon_tls(env, exports) || !sf_addon_datagram(env, exports))
        return sf_js_throw(env, "ERR_ENGINE", "Node refused an export");
    return exports;
}
