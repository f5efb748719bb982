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

/* The longest text argument, its ending zero included: longer than any path or list of ciphers that makes sense. */
#define SF_JS_TEXT_ROOM 4096

/*
 * Reads the arguments of a callback, each into what `format` says of it:
 *
 *   i  a number             int32_t *
 *   l  a number             int64_t *
 *   b  a boolean            bool *
 *   s  a text, which fits   char * with SF_JS_TEXT_ROOM bytes
 *   u  a Uint8Array         uint8_t **, size_t * (its bytes, at most INT32_MAX)
 *   w  an Int32Array        int32_t **, size_t * (its words)
 *   d  a Float64Array       double **, size_t * (its numbers)
 *   v  any value            napi_value *
 *
 * data  receives what the function was made with (sf_js_method); NULL when that is of no interest. Arrays are borrowed
 *       until the callback returns.
 *
 * Returns false when their number or one of their types differs; Node has no exception pending then, so the caller throws.
 */
bool sf_js_args(napi_env env, napi_callback_info info, void **data, const char *format, ...);

/* Adds a function to an object; `data` reaches the callback. Returns false when Node refuses. */
bool sf_js_method(napi_env env, napi_value object, const char *name, napi_callback callback, void *data);

#endif
