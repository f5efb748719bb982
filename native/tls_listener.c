#include "tls_context.h"

#include "server_name.h"
#include "sessions.h"
#include "tickets.h"
#include "tls_clients.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define SF__NAME_BYTES_MAX 253

typedef struct sf__tls_name {
    char *name;
    int32_t identity;
} sf__tls_name;

struct sf__tls_listener {
    sf_session_scope scope;
    sf__tls_name *names; /* sorted */
    int32_t name_count;
    sf_tls_verifier *verifier; /* NULL: clients are asked for no certificate */
};

/* --- Names ---------------------------------------------------------------------------------------------------------- */

static int32_t sf__name_find(const sf__tls_listener *listener, const char *name)
{
    int32_t low = 0, high = listener->name_count - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = strcmp(name, listener->names[middle].name);
        if (order == 0)
            return listener->names[middle].identity;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

/* The identity for a name as a client sends it: its own, that of its wildcard, or the default. */
static int32_t sf__identity_of(const sf__tls_listener *listener, const char *asked)
{
    char name[SF_SERVER_NAME_BYTES_MAX + 1];
    if (sf_server_name_normal(asked, strlen(asked), name) == 0)
        return 0;
    int32_t identity = sf__name_find(listener, name);
    char *dot = strchr(name, '.');
    if (identity < 0 && dot != NULL && dot > name) {
        dot[-1] = '*';
        identity = sf__name_find(listener, dot - 1);
    }
    return identity < 0 ? 0 : identity;
}

static int sf__on_server_name(SSL *ssl, int *alert, void *context)
{
    const sf_tls *tls = context;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (asked == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    int32_t identity = sf__identity_of(tls->listener, asked);
    if (SSL_set_SSL_CTX(ssl, tls->identities[identity]) == NULL)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/* Adds `name` where it belongs. Returns false without memory. */
static bool sf__name_add(sf__tls_listener *listener, const char *name, int32_t identity)
{
    int32_t at = 0;
    while (at < listener->name_count && strcmp(listener->names[at].name, name) < 0)
        at++;
    if (at < listener->name_count && strcmp(listener->names[at].name, name) == 0)
        return true; /* taken already */
    sf__tls_name *names = realloc(listener->names, (size_t)(listener->name_count + 1) * sizeof(*names));
    if (names == NULL)
        return false;
    listener->names = names;
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    memmove(&names[at + 1], &names[at], (size_t)(listener->name_count - at) * sizeof(*names));
    names[at] = (sf__tls_name){ .name = copy, .identity = identity };
    listener->name_count++;
    return true;
}

bool sf_tls_name(int32_t number, const char *name, int32_t identity)
{
    sf_tls *tls = sf_tls_acquire(number);
    bool added = tls != NULL && tls->listener != NULL && identity >= 0 && identity < tls->identity_count &&
                 strlen(name) <= SF__NAME_BYTES_MAX && sf__name_add(tls->listener, name, identity);
    sf_tls_release(tls);
    return added;
}

/* --- Handshakes ----------------------------------------------------------------------------------------------------- */

/* A client that offers protocols, but none of ours, is refused (RFC 7301, 3.2). */
static int sf__on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes, const unsigned char *in,
                       unsigned int in_bytes, void *context)
{
    const sf_tls *tls = context;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_bytes, tls->alpn, (unsigned int)tls->alpn_bytes, in, in_bytes) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *sf__tls_listener_ctx(sf_tls *tls, sf_tls_reason *reason)
{
    const sf__tls_listener *listener = tls->listener;
    SSL_CTX *ctx = sf__tls_ctx_new(tls, TLS_server_method(), reason);
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* sessions live in tickets alone */
    sf_tickets_use(ctx);
    SSL_CTX_set_tlsext_servername_callback(ctx, sf__on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, tls);
    if (tls->alpn_bytes > 0)
        SSL_CTX_set_alpn_select_cb(ctx, sf__on_alpn, tls);
    /* The verifier for each identity alike: a client must not get around it by the name it asks for. */
    if (!sf_sessions_use(ctx, &listener->scope)) {
        (void)sf__tls_refuse(reason, "OpenSSL refuses the scope of sessions");
    } else if (listener->verifier != NULL && !sf_tls_verifier_use(listener->verifier, ctx)) {
        (void)sf__tls_refuse(reason, "OpenSSL has no memory for authorities");
    } else {
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

bool sf_tls_verify_clients(int32_t number, bool required, const uint8_t *authorities, size_t bytes, sf_tls_reason *reason)
{
    sf_tls *tls = sf_tls_acquire(number);
    bool good = tls != NULL && tls->listener != NULL && tls->identity_count == 0 && tls->listener->verifier == NULL;
    ERR_clear_error();
    if (!good) {
        (void)sf__tls_refuse(reason, "clients are verified from the first identity on");
    } else {
        tls->listener->verifier = sf_tls_verifier_new(required, authorities, bytes, reason);
        good = tls->listener->verifier != NULL;
    }
    sf_tls_release(tls);
    return good;
}

/* --- Life ----------------------------------------------------------------------------------------------------------- */

int32_t sf_tls_open(const sf_tls_options *options, sf_tls_reason *reason)
{
    sf_tls *tls = sf__tls_new(options, reason);
    if (tls == NULL)
        return -1;
    tls->listener = calloc(1, sizeof(*tls->listener));
    if (tls->listener == NULL) {
        sf_tls_release(tls);
        (void)sf__tls_refuse(reason, "no memory");
        return -1;
    }
    sf_session_scope *scope = &tls->listener->scope;
    size_t bytes = strlen(options->scope);
    scope->length = (unsigned int)(bytes < sizeof(scope->bytes) ? bytes : sizeof(scope->bytes));
    memcpy(scope->bytes, options->scope, scope->length);
    return sf__tls_register(tls, reason);
}

void sf__tls_listener_free(sf__tls_listener *listener)
{
    if (listener == NULL)
        return;
    for (int32_t i = 0; i < listener->name_count; i++)
        free(listener->names[i].name);
    sf_tls_verifier_free(listener->verifier);
    free(listener->names);
    free(listener);
}
