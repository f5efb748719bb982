#include "addon_datagram.h"

#include "addon_values.h"
#include "datagram.h"

#include <errno.h>

/* datagramOpen(host, port): the descriptor. */
static napi_value sf__js_datagram_open(napi_env env, napi_callback_info info)
{
    char host[SF_JS_TEXT_ROOM];
    int32_t port;
    if (!sf_js_args(env, info, NULL, "si", host, &port))
        return sf_js_throw(env, "ERR_ARGUMENT", "datagramOpen(host, port)");
    int descriptor = sf_datagram_open(host, port);
    if (descriptor < 0)
        return sf_js_throw_errno(env, errno, host);
    return sf_js_number(env, descriptor);
}

/* datagramSend(descriptor, bytes, length): sends the first `length` bytes as one datagram. */
static napi_value sf__js_datagram_send(napi_env env, napi_callback_info info)
{
    int32_t descriptor, length;
    uint8_t *bytes;
    size_t room;
    if (!sf_js_args(env, info, NULL, "iui", &descriptor, &bytes, &room, &length) || length < 0 ||
        (size_t)length > room)
        return sf_js_throw(env, "ERR_ARGUMENT", "datagramSend(descriptor, bytes, length)");
    int error = sf_datagram_send(descriptor, bytes, (size_t)length);
    return error == 0 ? NULL : sf_js_throw_errno(env, error, "datagramSend");
}

static napi_value sf__js_datagram_close(napi_env env, napi_callback_info info)
{
    int32_t descriptor;
    if (!sf_js_args(env, info, NULL, "i", &descriptor) || descriptor < 0)
        return sf_js_throw(env, "ERR_ARGUMENT", "datagramClose(descriptor)");
    sf_datagram_close(descriptor);
    return NULL;
}

bool sf_addon_datagram(napi_env env, napi_value exports)
{
    return sf_js_method(env, exports, "datagramOpen", sf__js_datagram_open, NULL) &&
           sf_js_method(env, exports, "datagramSend", sf__js_datagram_send, NULL) &&
           sf_js_method(env, exports, "datagramClose", sf__js_datagram_close, NULL);
}
