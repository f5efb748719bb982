#include "addon_tls.h"

#include "addon_values.h"
#include "tls.h"

#include <stdlib.h>

/* Longer than any list of ciphers that makes sense. */
#define SF__TEXT_ROOM 4096

static bool sf__arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out)
{
    size_t given = count;
    return napi_get_cb_info(env, info, &given, out, NULL, NULL) == napi_ok && given == count;
}

/* False also for a text that does not fit. */
static bool sf__text_of(napi_env env, napi_value value, char *to, size_t room)
{
    size_t length, needed;
    return napi_get_value_string_utf8(env, value, NULL, 0, &needed) == napi_ok && needed < room &&
           napi_get_value_string_utf8(env, value, to, room, &length) == napi_ok;
}

static bool sf__bytes_of(napi_env env, napi_value value, const uint8_t **data, size_t *bytes)
{
    napi_typedarray_type type;
    void *found;
    bool typed = false;
    if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed ||
        napi_get_typedarray_info(env, value, &type, bytes, &found, NULL, NULL) != napi_ok || type != napi_uint8_array ||
        *bytes > INT32_MAX)
        return false;
    *data = found;
    return true;
}

/* tlsOpen(versionMin, ciphers, protocols, scope): the context's number. */
static napi_value sf__js_tls_open(napi_env env, napi_callback_info info)
{
    napi_value arguments[4], result = NULL;
    sf_tls_options options;
    sf_tls_reason reason;
    char ciphers[SF__TEXT_ROOM], scope[256];
    if (!sf__arguments(env, info, 4, arguments) || !sf_js_int(env, arguments[0], &options.version_min) ||
        !sf__text_of(env, arguments[1], ciphers, sizeof(ciphers)) ||
        !sf__bytes_of(env, arguments[2], &options.alpn, &options.alpn_bytes) ||
        !sf__text_of(env, arguments[3], scope, sizeof(scope)))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsOpen(versionMin, ciphers, protocols, scope)");
    options.ciphers = ciphers;
    options.scope = scope;
    int32_t tls = sf_tls_open(&options, &reason);
    if (tls < 0)
        return sf_js_throw(env, "ERR_TLS", reason.text);
    (void)napi_create_int32(env, tls, &result); /* NULL becomes undefined */
    return result;
}

/* tlsOpenClient(versionMin, ciphers, protocols, name, verify, authorities): the context's number. */
static napi_value sf__js_tls_open_client(napi_env env, napi_callback_info info)
{
    napi_value arguments[6], result = NULL;
    sf_tls_options options;
    sf_tls_client_options client;
    sf_tls_reason reason;
    char ciphers[SF__TEXT_ROOM], name[256];
    if (!sf__arguments(env, info, 6, arguments) || !sf_js_int(env, arguments[0], &options.version_min) ||
        !sf__text_of(env, arguments[1], ciphers, sizeof(ciphers)) ||
        !sf__bytes_of(env, arguments[2], &options.alpn, &options.alpn_bytes) ||
        !sf__text_of(env, arguments[3], name, sizeof(name)) ||
        napi_get_value_bool(env, arguments[4], &client.verify) != napi_ok ||
        !sf__bytes_of(env, arguments[5], &client.authorities, &client.authorities_bytes))
        return sf_js_throw(env, "ERR_ARGUMENT",
                          "tlsOpenClient(versionMin, ciphers, protocols, name, verify, authorities)");
    options.ciphers = ciphers;
    options.scope = "";
    client.name = name;
    int32_t tls = sf_tls_open_client(&options, &client, &reason);
    if (tls < 0)
        return sf_js_throw(env, "ERR_TLS", reason.text);
    (void)napi_create_int32(env, tls, &result); /* NULL becomes undefined */
    return result;
}

/* tlsVerifyClients(tls, required, authorities): PEM as bytes. */
static napi_value sf__js_tls_verify_clients(napi_env env, napi_callback_info info)
{
    napi_value arguments[3];
    int32_t tls;
    bool required;
    const uint8_t *authorities;
    size_t bytes;
    sf_tls_reason reason;
    if (!sf__arguments(env, info, 3, arguments) || !sf_js_int(env, arguments[0], &tls) ||
        napi_get_value_bool(env, arguments[1], &required) != napi_ok ||
        !sf__bytes_of(env, arguments[2], &authorities, &bytes))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsVerifyClients(tls, required, authorities)");
    if (!sf_tls_verify_clients(tls, required, authorities, bytes, &reason))
        return sf_js_throw(env, "ERR_TLS", reason.text);
    return NULL;
}

/* tlsCertificate(tls, identity, chain, key): PEM as bytes. */
static napi_value sf__js_tls_certificate(napi_env env, napi_callback_info info)
{
    napi_value arguments[4];
    int32_t tls, identity;
    const uint8_t *chain, *key;
    size_t chain_bytes, key_bytes;
    sf_tls_reason reason;
    if (!sf__arguments(env, info, 4, arguments) || !sf_js_int(env, arguments[0], &tls) ||
        !sf_js_int(env, arguments[1], &identity) || !sf__bytes_of(env, arguments[2], &chain, &chain_bytes) ||
        !sf__bytes_of(env, arguments[3], &key, &key_bytes))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsCertificate(tls, identity, chain, key)");
    if (!sf_tls_certificate(tls, identity, chain, chain_bytes, key, key_bytes, &reason))
        return sf_js_throw(env, "ERR_TLS", reason.text);
    return NULL;
}

/* tlsStaple(tls, identity, response, until): DER, and seconds since 1970. */
static napi_value sf__js_tls_staple(napi_env env, napi_callback_info info)
{
    napi_value arguments[4];
    int32_t tls, identity;
    const uint8_t *der;
    size_t bytes;
    int64_t until_s;
    if (!sf__arguments(env, info, 4, arguments) || !sf_js_int(env, arguments[0], &tls) ||
        !sf_js_int(env, arguments[1], &identity) || !sf__bytes_of(env, arguments[2], &der, &bytes) ||
        napi_get_value_int64(env, arguments[3], &until_s) != napi_ok)
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsStaple(tls, identity, response, until)");
    if (!sf_tls_staple(tls, identity, der, bytes, until_s))
        return sf_js_throw(env, "ERR_TLS", "the OCSP response cannot be stapled: no such identity, or no memory");
    return NULL;
}

/* tlsName(tls, name, identity) */
static napi_value sf__js_tls_name(napi_env env, napi_callback_info info)
{
    napi_value arguments[3];
    int32_t tls, identity;
    char name[256];
    if (!sf__arguments(env, info, 3, arguments) || !sf_js_int(env, arguments[0], &tls) ||
        !sf__text_of(env, arguments[1], name, sizeof(name)) || !sf_js_int(env, arguments[2], &identity))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsName(tls, name, identity)");
    if (!sf_tls_name(tls, name, identity))
        return sf_js_throw(env, "ERR_TLS", "the name is too long, or there is no such identity");
    return NULL;
}

/* tlsClose(tls) */
static napi_value sf__js_tls_close(napi_env env, napi_callback_info info)
{
    napi_value argument;
    int32_t tls;
    if (!sf__arguments(env, info, 1, &argument) || !sf_js_int(env, argument, &tls))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsClose(tls)");
    sf_tls_close(tls);
    return NULL;
}

/* tlsReplace(tls, by) */
static napi_value sf__js_tls_replace(napi_env env, napi_callback_info info)
{
    napi_value arguments[2];
    int32_t tls, by;
    if (!sf__arguments(env, info, 2, arguments) || !sf_js_int(env, arguments[0], &tls) ||
        !sf_js_int(env, arguments[1], &by))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsReplace(tls, by)");
    if (!sf_tls_replace(tls, by))
        return sf_js_throw(env, "ERR_TLS", "one of the two contexts is not open");
    return NULL;
}

/* tlsCount(): how many contexts there are. */
static napi_value sf__js_tls_count(napi_env env, napi_callback_info info)
{
    napi_value result = NULL;
    (void)info;
    (void)napi_create_int32(env, sf_tls_count(), &result); /* NULL becomes undefined */
    return result;
}

static bool sf__export(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
    napi_value function;
    return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok &&
           napi_set_named_property(env, exports, name, function) == napi_ok;
}

bool sf_addon_tls(napi_env env, napi_value exports)
{
    return sf__export(env, exports, "tlsOpen", sf__js_tls_open) &&
           sf__export(env, exports, "tlsOpenClient", sf__js_tls_open_client) &&
           sf__export(env, exports, "tlsVerifyClients", sf__js_tls_verify_clients) &&
           sf__export(env, exports, "tlsCertificate", sf__js_tls_certificate) &&
           sf__export(env, exports, "tlsStaple", sf__js_tls_staple) &&
           sf__export(env, exports, "tlsName", sf__js_tls_name) &&
           sf__export(env, exports, "tlsReplace", sf__js_tls_replace) &&
           sf__export(env, exports, "tlsCount", sf__js_tls_count) &&
           sf__export(env, exports, "tlsClose", sf__js_tls_close);
}
