#include "tls_context.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mozilla's intermediate profile, without finite-field Diffie-Hellman: it costs a server more than a client. */
#define SF__CIPHERS                                                                      \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                         \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                         \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SF__GROUPS "X25519:prime256v1:secp384r1"

/* A number is `generation << SF__PLACE_BITS | place`. The generation changes whenever a context leaves its place. */
#define SF__PLACE_BITS 12
#define SF__GENERATION_MASK (INT32_MAX >> SF__PLACE_BITS)
_Static_assert(SF_TLS_CONTEXTS_MAX == 1 << SF__PLACE_BITS, "every place fits into a number");

static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    sf_tls *tls; /* one reference; NULL when the place is free */
    int32_t generation;
} contexts[SF_TLS_CONTEXTS_MAX];
static atomic_int context_count;

/* The place of an open context, or -1. The lock is held. */
static int32_t sf__place_of(int32_t number)
{
    int32_t place = number & (SF_TLS_CONTEXTS_MAX - 1);
    if (number < 0 || contexts[place].tls == NULL || contexts[place].generation != number >> SF__PLACE_BITS)
        return -1;
    return place;
}

/* Frees a place, so that its number means nothing any more, and returns what was there. The lock is held. */
static sf_tls *sf__place_free(int32_t place)
{
    sf_tls *tls = contexts[place].tls;
    contexts[place].tls = NULL;
    contexts[place].generation = (contexts[place].generation + 1) & SF__GENERATION_MASK;
    return tls;
}

bool sf__tls_refuse(sf_tls_reason *reason, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *why = error == 0 ? NULL : ERR_reason_error_string(error);
    snprintf(reason->text, sizeof(reason->text), why == NULL ? "%s" : "%s (%s)", what, why);
    ERR_clear_error();
    return false;
}

/* --- What both roles have ------------------------------------------------------------------------------------------- */

sf_tls *sf__tls_new(const sf_tls_options *options, sf_tls_reason *reason)
{
    if (options->alpn_bytes > SF_TLS_ALPN_BYTES_MAX) {
        (void)sf__tls_refuse(reason, "too many protocols");
        return NULL;
    }
    sf_tls *tls = calloc(1, sizeof(*tls));
    char *ciphers = strdup(options->ciphers[0] == '\0' ? SF__CIPHERS : options->ciphers);
    if (tls == NULL || ciphers == NULL) {
        free(tls);
        free(ciphers);
        (void)sf__tls_refuse(reason, "no memory");
        return NULL;
    }
    atomic_init(&tls->references, 1);
    atomic_fetch_add_explicit(&context_count, 1, memory_order_relaxed);
    tls->version_min = options->version_min;
    tls->ciphers = ciphers;
    if (options->alpn_bytes > 0) /* else it may point nowhere */
        memcpy(tls->alpn, options->alpn, options->alpn_bytes);
    tls->alpn_bytes = options->alpn_bytes;
    return tls;
}

SSL_CTX *sf__tls_ctx_new(const sf_tls *tls, const SSL_METHOD *method, sf_tls_reason *reason)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL) {
        (void)sf__tls_refuse(reason, "OpenSSL has no memory for a context");
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* Without AUTO_RETRY one call never reads more than one record: the loop over records is the engine's. */
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (SSL_CTX_set_min_proto_version(ctx, tls->version_min) == 1 && SSL_CTX_set1_groups_list(ctx, SF__GROUPS) == 1 &&
        SSL_CTX_set_cipher_list(ctx, tls->ciphers) == 1)
        return ctx;
    (void)sf__tls_refuse(reason, "OpenSSL refuses the version or the ciphers");
    SSL_CTX_free(ctx);
    return NULL;
}

SSL *sf_tls_begin(sf_tls *tls)
{
    SSL *ssl = tls->identity_count == 0 ? NULL : SSL_new(tls->identities[0]);
    if (ssl == NULL)
        return NULL;
    if (tls->listener != NULL) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    if (sf__tls_backend_begin(tls, ssl))
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* --- The registry --------------------------------------------------------------------------------------------------- */

int32_t sf__tls_register(sf_tls *tls, sf_tls_reason *reason)
{
    int32_t number = -1;
    pthread_mutex_lock(&contexts_lock);
    for (int32_t place = 0; place < SF_TLS_CONTEXTS_MAX && number < 0; place++) {
        if (contexts[place].tls != NULL)
            continue;
        contexts[place].tls = tls;
        number = contexts[place].generation << SF__PLACE_BITS | place;
    }
    pthread_mutex_unlock(&contexts_lock);
    if (number < 0) {
        sf_tls_release(tls);
        (void)sf__tls_refuse(reason, "too many TLS contexts");
    }
    return number;
}

sf_tls *sf_tls_acquire(int32_t number)
{
    pthread_mutex_lock(&contexts_lock);
    int32_t place = sf__place_of(number);
    sf_tls *tls = place < 0 ? NULL : contexts[place].tls;
    if (tls != NULL)
        atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&contexts_lock);
    return tls;
}


void sf_tls_release(sf_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) > 1)
        return;
    for (int32_t i = 0; i < tls->identity_count; i++)
        SSL_CTX_free(tls->identities[i]);
    sf__tls_listener_free(tls->listener);
    sf__tls_backend_free(tls->backend);
    free(tls->identities);
    free(tls->ciphers);
    free(tls);
    atomic_fetch_sub_explicit(&context_count, 1, memory_order_relaxed);
}

int32_t sf_tls_count(void)
{
    return atomic_load_explicit(&context_count, memory_order_relaxed);
}

void sf_tls_close(int32_t number)
{
    pthread_mutex_lock(&contexts_lock);
    int32_t place = sf__place_of(number);
    sf_tls *tls = place < 0 ? NULL : sf__place_free(place);
    pthread_mutex_unlock(&contexts_lock);
    sf_tls_release(tls);
}

bool sf_tls_replace(int32_t number, int32_t by)
{
    sf_tls *before = NULL;
    pthread_mutex_lock(&contexts_lock);
    int32_t place = sf__place_of(number), from = sf__place_of(by);
    if (place >= 0 && from >= 0 && place != from) {
        before = contexts[place].tls;
        contexts[place].tls = sf__place_free(from);
    }
    pthread_mutex_unlock(&contexts_lock);
    sf_tls_release(before);
    return before != NULL;
}
