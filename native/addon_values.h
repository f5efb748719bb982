/* Small conversions between JavaScript values and C, shared by the files of the addon. They own nothing. */
#ifndef SF_ADDON_VALUES_H
#define SF_ADDON_VALUES_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

/* Throws an Error with a code, and returns NULL, which a callback may return at once. */
napi_value sf_js_throw(napi_env env, const char *code, const char *message);

/* The same for an errno value; `what` stands before the system's text. */
napi_value sf_js_throw_errno(napi_env env, int error, const char *what);

/* A number, or NULL (undefined) when Node refuses one. */
napi_value sf_js_number(napi_env env, int32_t value);

/* False when the value is no number. */
bool sf_js_int(napi_env env, napi_value value, int32_t *out);

/* Adds a function to an object; `data` reaches the callback. Returns false when Node refuses. */
bool sf_js_method(napi_env env, napi_value object, const char *name, napi_callback callback, void *data);

#endif
