#include "addon_values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SF__ARGUMENTS_MAX 8

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
    case EAGAIN: strcpy(code, "EAGAIN"); break;
    case ENOBUFS: strcpy(code, "ENOBUFS"); break;
    case EMSGSIZE: strcpy(code, "EMSGSIZE"); break;
    case ECONNREFUSED: strcpy(code, "ECONNREFUSED"); break;
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

/* False also for a text that does not fit. */
static bool sf__text(napi_env env, napi_value value, char *to)
{
    size_t length, needed;
    return napi_get_value_string_utf8(env, value, NULL, 0, &needed) == napi_ok && needed < SF_JS_TEXT_ROOM &&
           napi_get_value_string_utf8(env, value, to, SF_JS_TEXT_ROOM, &length) == napi_ok;
}

static bool sf__array(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length)
{
    napi_typedarray_type type;
    bool typed = false;
    return napi_is_typedarray(env, value, &typed) == napi_ok && typed &&
           napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted &&
           *length <= INT32_MAX;
}

bool sf_js_args(napi_env env, napi_callback_info info, void **data, const char *format, ...)
{
    napi_value values[SF__ARGUMENTS_MAX];
    size_t count = strlen(format), given = count; /* becomes how many there were */
    if (count > SF__ARGUMENTS_MAX || napi_get_cb_info(env, info, &given, values, NULL, data) != napi_ok || given != count)
        return false;
    bool good = true;
    va_list out;
    va_start(out, format);
    for (size_t i = 0; good && i < count; i++) {
        void *to = va_arg(out, void *);
        switch (format[i]) {
        case 'i': good = sf_js_int(env, values[i], to); break;
        case 'l': good = napi_get_value_int64(env, values[i], to) == napi_ok; break;
        case 'b': good = napi_get_value_bool(env, values[i], to) == napi_ok; break;
        case 's': good = sf__text(env, values[i], to); break;
        case 'u': good = sf__array(env, values[i], napi_uint8_array, to, va_arg(out, size_t *)); break;
        case 'w': good = sf__array(env, values[i], napi_int32_array, to, va_arg(out, size_t *)); break;
        case 'd': good = sf__array(env, values[i], napi_float64_array, to, va_arg(out, size_t *)); break;
        case 'v': *(napi_value *)to = values[i]; break;
        default: good = false; break;
        }
    }
    va_end(out);
    return good;
}

bool sf_js_method(napi_env env, napi_value object, const char *name, napi_callback callback, void *data)
{
    napi_value function;
    return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) == napi_ok &&
           napi_set_named_property(env, object, name, function) == napi_ok;
}
