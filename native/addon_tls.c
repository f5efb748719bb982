#include "addon_tls.h"

#include "addon_values.h"
#include "tls.h"

/* tlsOpen(versionMin, ciphers, protocols, scope): the context's number. */
static napi_value sf__js_tls_open(napi_env env, napi_callback_info info)
{
    sf_tls_options options;
    sf_tls_reason reason;
    char ciphers[SF_JS_TEXT_ROOM], scope[SF_JS_TEXT_ROOM];
    if (!sf_js_args(env, info, NULL, "isus", &options.version_min, ciphers, &options.alpn, &options.alpn_bytes, scope))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsOpen(versionMin, ciphers, protocols, scope)");
    options.ciphers = ciphers;
    options.scope = scope;
    int32_t tls = sf_tls_open(&options, &reason);
    return tls < 0 ? sf_js_throw(env, "ERR_TLS", reason.text) : sf_js_number(env, tls);
}

/* tlsOpenBackend(versionMin, ciphers, protocols, name, verify, authorities): the context's number. */
static napi_value sf__js_tls_open_backend(napi_env env, napi_callback_info info)
{
    sf_tls_options options;
    sf_tls_backend_options backend;
    sf_tls_reason reason;
    char ciphers[SF_JS_TEXT_ROOM], name[SF_JS_TEXT_ROOM];
    if (!sf_js_args(env, info, NULL, "isusbu", &options.version_min, ciphers, &options.alpn, &options.alpn_bytes, name,
                    &backend.verify, &backend.authorities, &backend.authorities_bytes))
        return sf_js_throw(env, "ERR_ARGUMENT",
                          "tlsOpenBackend(versionMin, ciphers, protocols, name, verify, authorities)");
    options.ciphers = ciphers;
    options.scope = "";
    backend.name = name;
    int32_t tls = sf_tls_open_backend(&options, &backend, &reason);
    return tls < 0 ? sf_js_throw(env, "ERR_TLS", reason.text) : sf_js_number(env, tls);
}

/* tlsVerifyClients(tls, required, authorities): PEM as bytes. */
static napi_value sf__js_tls_verify_clients(napi_env env, napi_callback_info info)
{
    int32_t tls;
    bool required;
    const uint8_t *authorities;
    size_t bytes;
    sf_tls_reason reason;
    if (!sf_js_args(env, info, NULL, "ibu", &tls, &required, &authorities, &bytes))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsVerifyClients(tls, required, authorities)");
    if (!sf_tls_verify_clients(tls, required, authorities, bytes, &reason))
        return sf_js_throw(env, "ERR_TLS", reason.text);
    return NULL;
}

/* tlsCertificate(tls, identity, chain, key): PEM as bytes. */
static napi_value sf__js_tls_certificate(napi_env env, napi_callback_info info)
{
    int32_t tls, identity;
    const uint8_t *chain, *key;
    size_t chain_bytes, key_bytes;
    sf_tls_reason reason;
    if (!sf_js_args(env, info, NULL, "iiuu", &tls, &identity, &chain, &chain_bytes, &key, &key_bytes))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsCertificate(tls, identity, chain, key)");
    if (!sf_tls_certificate(tls, identity, chain, chain_bytes, key, key_bytes, &reason))
        return sf_js_throw(env, "ERR_TLS", reason.text);
    return NULL;
}

/* tlsStaple(tls, identity, response, until): DER, and seconds since 1970. */
static napi_value sf__js_tls_staple(napi_env env, napi_callback_info info)
{
    int32_t tls, identity;
    const uint8_t *der;
    size_t bytes;
    int64_t until_s;
    if (!sf_js_args(env, info, NULL, "iiul", &tls, &identity, &der, &bytes, &until_s))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsStaple(tls, identity, response, until)");
    if (!sf_tls_staple(tls, identity, der, bytes, until_s))
        return sf_js_throw(env, "ERR_TLS", "the OCSP response cannot be stapled: no such identity, or no memory");
    return NULL;
}

/* tlsName(tls, name, identity) */
static napi_value sf__js_tls_name(napi_env env, napi_callback_info info)
{
    int32_t tls, identity;
    char name[SF_JS_TEXT_ROOM];
    if (!sf_js_args(env, info, NULL, "isi", &tls, name, &identity))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsName(tls, name, identity)");
    if (!sf_tls_name(tls, name, identity))
        return sf_js_throw(env, "ERR_TLS", "the name is too long, or there is no such identity");
    return NULL;
}

/* tlsClose(tls) */
static napi_value sf__js_tls_close(napi_env env, napi_callback_info info)
{
    int32_t tls;
    if (!sf_js_args(env, info, NULL, "i", &tls))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsClose(tls)");
    sf_tls_close(tls);
    return NULL;
}

/* tlsReplace(tls, by) */
static napi_value sf__js_tls_replace(napi_env env, napi_callback_info info)
{
    int32_t tls, by;
    if (!sf_js_args(env, info, NULL, "ii", &tls, &by))
        return sf_js_throw(env, "ERR_ARGUMENT", "tlsReplace(tls, by)");
    if (!sf_tls_replace(tls, by))
        return sf_js_throw(env, "ERR_TLS", "one of the two contexts is not open");
    return NULL;
}

/* tlsCount(): how many contexts there are. */
static napi_value sf__js_tls_count(napi_env env, napi_callback_info info)
{
    (void)info;
    return sf_js_number(env, sf_tls_count());
}

bool sf_addon_tls(napi_env env, napi_value exports)
{
    return sf_js_method(env, exports, "tlsOpen", sf__js_tls_open, NULL) &&
           sf_js_method(env, exports, "tlsOpenBackend", sf__js_tls_open_backend, NULL) &&
           sf_js_method(env, exports, "tlsVerifyClients", sf__js_tls_verify_clients, NULL) &&
           sf_js_method(env, exports, "tlsCertificate", sf__js_tls_certificate, NULL) &&
           sf_js_method(env, exports, "tlsStaple", sf__js_tls_staple, NULL) &&
           sf_js_method(env, exports, "tlsName", sf__js_tls_name, NULL) &&
           sf_js_method(env, exports, "tlsReplace", sf__js_tls_replace, NULL) &&
           sf_js_method(env, exports, "tlsCount", sf__js_tls_count, NULL) &&
           sf_js_method(env, exports, "tlsClose", sf__js_tls_close, NULL);
}
