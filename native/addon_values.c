#include "addon_values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

napi_value sf_js_throw(napi_env env, const char *code, const char *message)
{
    napi_throw_error(env, code, message);
    return NULL;
}

napi_value sf_js_throw_errno(napi_env env, int error, const char *what)
{
    char code[16], message[256];
    switch (error) {
    case EADDRINUSE: strcpy(code, "EADDRINUSE"); break;
    case EACCES: strcpy(code, "EACCES"); break;
    case EADDRNOTAVAIL: strcpy(code, "EADDRNOTAVAIL"); break;
    case EMFILE: strcpy(code, "EMFILE"); break;
    case ENOENT: strcpy(code, "ENOENT"); break;
    case ENOTDIR: strcpy(code, "ENOTDIR"); break;
    case EROFS: strcpy(code, "EROFS"); break;
    case EINVAL: strcpy(code, "EINVAL"); break;
    default: snprintf(code, sizeof(code), "E%d", error); break;
    }
    snprintf(message, sizeof(message), "%s: %s", what, strerror(error));
    return sf_js_throw(env, code, message);
}

napi_value sf_js_number(napi_env env, int32_t value)
{
    napi_value result = NULL;
    (void)napi_create_int32(env, value, &result); /* NULL becomes undefined */
    return result;
}

bool sf_js_int(napi_env env, napi_value value, int32_t *out)
{
    return napi_get_value_int32(env, value, out) == napi_ok;
}

bool sf_js_method(napi_env env, napi_value object, const char *name, napi_callback callback, void *data)
{
    napi_value function;
    return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) == napi_ok &&
           napi_set_named_property(env, object, name, function) == napi_ok;
}
