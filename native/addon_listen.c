#include "addon_listen.h"

#include "handoff_acceptor.h"
#include "addon_values.h"
#include "listener.h"

#include <errno.h>
#include <stdlib.h>

typedef struct sf__accepting {
    sf_acceptor *acceptors[SF_LISTENERS_MAX]; /* by the place of their listener, which is closed with them */
    int stopping;
    bool ending;
    napi_async_cleanup_hook_handle cleanup;
} sf__accepting;

/* listenerOpen(host, port, backlog, v6Only): the listener's number. */
static napi_value sf__js_listener_open(napi_env env, napi_callback_info info)
{
    char host[SF_JS_TEXT_ROOM];
    int32_t port, backlog;
    bool v6_only;
    if (!sf_js_args(env, info, NULL, "siib", host, &port, &backlog, &v6_only))
        return sf_js_throw(env, "ERR_ARGUMENT", "listenerOpen(host, port, backlog, v6Only)");
    int32_t listener = sf_listener_open(host, port, backlog, v6_only);
    if (listener < 0)
        return sf_js_throw_errno(env, errno, host);
    return sf_js_number(env, listener);
}

static bool sf__listener_argument(napi_env env, napi_callback_info info, int32_t *listener, void **data)
{
    if (sf_js_args(env, info, data, "i", listener) && *listener >= 0)
        return true;
    (void)sf_js_throw(env, "ERR_ARGUMENT", "expected the number of a listener");
    return false;
}

static napi_value sf__js_listener_port(napi_env env, napi_callback_info info)
{
    int32_t listener;
    if (!sf__listener_argument(env, info, &listener, NULL))
        return NULL;
    return sf_js_number(env, sf_listener_port(listener));
}

/* listenerKeepAlive(listener, idleSeconds, intervalSeconds, probes): of the connections accepted from now on. */
static napi_value sf__js_listener_keep_alive(napi_env env, napi_callback_info info)
{
    int32_t listener;
    sf_keep_alive k;
    if (!sf_js_args(env, info, NULL, "iiii", &listener, &k.idle_seconds, &k.interval_seconds, &k.probes))
        return sf_js_throw(env, "ERR_ARGUMENT", "listenerKeepAlive(listener, idleSeconds, intervalSeconds, probes)");
    int error = sf_listener_keep_alive(listener, &k);
    return error == 0 ? NULL : sf_js_throw_errno(env, error, "listenerKeepAlive");
}

static void sf__acceptor_ended(void *context)
{
    sf__accepting *accepting = context;
    accepting->stopping--;
    if (accepting->ending && accepting->stopping == 0) {
        napi_async_cleanup_hook_handle cleanup = accepting->cleanup;
        free(accepting);
        (void)napi_remove_async_cleanup_hook(cleanup); /* valid until now */
    }
}

static void sf__acceptor_end(sf__accepting *accepting, int32_t place)
{
    sf_acceptor *acceptor = accepting->acceptors[place];
    if (acceptor == NULL)
        return;
    accepting->acceptors[place] = NULL;
    accepting->stopping++;
    sf_acceptor_stop(acceptor, sf__acceptor_ended, accepting);
}

/* The environment ends: its acceptors must let go of the loop first. */
static void sf__accepting_cleanup(napi_async_cleanup_hook_handle handle, void *data)
{
    sf__accepting *accepting = data;
    accepting->cleanup = handle;
    accepting->ending = true;
    accepting->stopping++; /* so that the last one to end is this call, or later */
    for (int32_t i = 0; i < SF_LISTENERS_MAX; i++)
        sf__acceptor_end(accepting, i);
    sf__acceptor_ended(accepting);
}

/* listenerInherit(fd): takes a listening socket that the process was started with; its place, in text. */
static napi_value sf__js_listener_inherit(napi_env env, napi_callback_info info)
{
    int32_t fd;
    char place[SF_LISTENER_PLACE_ROOM];
    napi_value text;
    if (!sf_js_args(env, info, NULL, "i", &fd))
        return sf_js_throw(env, "ERR_ARGUMENT", "listenerInherit(fd)");
    int error = sf_listener_inherit(fd, place);
    if (error != 0)
        return sf_js_throw_errno(env, error, "listenerInherit");
    return napi_create_string_utf8(env, place, NAPI_AUTO_LENGTH, &text) == napi_ok ? text : NULL;
}

/* listenerUnused(fd): whether an inherited socket waits for a listener of its place. */
static napi_value sf__js_listener_unused(napi_env env, napi_callback_info info)
{
    int32_t fd;
    napi_value unused;
    if (!sf_js_args(env, info, NULL, "i", &fd))
        return sf_js_throw(env, "ERR_ARGUMENT", "listenerUnused(fd)");
    return napi_get_boolean(env, sf_listener_unused(fd), &unused) == napi_ok ? unused : NULL;
}

/* listenerRetire(listener): no further connection comes to it; those that wait are handed over. */
static napi_value sf__js_listener_retire(napi_env env, napi_callback_info info)
{
    int32_t listener;
    if (!sf__listener_argument(env, info, &listener, NULL))
        return NULL;
    int fd = sf_listener_descriptor(listener);
    if (fd < 0)
        return NULL;
    sf_listener_retire(listener);
    sf_acceptor_sweep(fd, listener);
    return NULL;
}

/* listenerClose(listener): stops accepting here, hands over what waits, and closes it. */
static napi_value sf__js_listener_close(napi_env env, napi_callback_info info)
{
    int32_t listener;
    void *data;
    if (!sf__listener_argument(env, info, &listener, &data))
        return NULL;
    int fd = sf_listener_descriptor(listener);
    if (fd < 0)
        return NULL; /* closed already: its place may be that of another */
    sf__acceptor_end(data, sf_listener_place(listener));
    sf_listener_retire(listener);
    sf_acceptor_sweep(fd, listener);
    sf_listener_close(listener);
    return NULL;
}

/* acceptorStart(listener): accepts on this thread's loop and hands over. listenerClose stops it. */
static napi_value sf__js_acceptor_start(napi_env env, napi_callback_info info)
{
    int32_t listener;
    void *data;
    uv_loop_t *loop;
    if (!sf__listener_argument(env, info, &listener, &data))
        return NULL;
    sf__accepting *accepting = data;
    int32_t place = sf_listener_place(listener);
    if (accepting->acceptors[place] != NULL)
        return sf_js_throw(env, "ERR_ARGUMENT", "acceptorStart: this listener is being accepted from already");
    if (napi_get_uv_event_loop(env, &loop) != napi_ok)
        return sf_js_throw(env, "ERR_ENGINE", "acceptorStart: this environment has no loop");
    accepting->acceptors[place] = sf_acceptor_start(loop, listener);
    if (accepting->acceptors[place] == NULL)
        return sf_js_throw_errno(env, errno, "acceptorStart");
    return NULL;
}

bool sf_addon_listen(napi_env env, napi_value exports)
{
    sf__accepting *accepting = calloc(1, sizeof(*accepting));
    if (accepting == NULL)
        return false;
    if (napi_add_async_cleanup_hook(env, sf__accepting_cleanup, accepting, &accepting->cleanup) != napi_ok) {
        free(accepting);
        return false;
    }
    return sf_js_method(env, exports, "listenerOpen", sf__js_listener_open, NULL) &&
           sf_js_method(env, exports, "listenerPort", sf__js_listener_port, NULL) &&
           sf_js_method(env, exports, "listenerKeepAlive", sf__js_listener_keep_alive, NULL) &&
           sf_js_method(env, exports, "listenerInherit", sf__js_listener_inherit, NULL) &&
           sf_js_method(env, exports, "listenerUnused", sf__js_listener_unused, NULL) &&
           sf_js_method(env, exports, "listenerRetire", sf__js_listener_retire, NULL) &&
           sf_js_method(env, exports, "listenerClose", sf__js_listener_close, accepting) &&
           sf_js_method(env, exports, "acceptorStart", sf__js_acceptor_start, accepting);
}
