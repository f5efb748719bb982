#include "tls.h"

#include "server_name.h"
#include "sessions.h"
#include "staple.h"
#include "tickets.h"
#include "tls_clients.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mozilla's intermediate profile, without finite-field Diffie-Hellman: it costs a server more than a client. */
#define SF__CIPHERS                                                                      \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                         \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                         \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SF__GROUPS "X25519:prime256v1:secp384r1"
#define SF__NAME_BYTES_MAX 253
/* Servers whose last session is kept, by a hash of their address: a collision costs a full handshake. */
#define SF__SESSIONS 64

typedef struct sf__tls_name {
    char *name;
    int32_t identity;
} sf__tls_name;

struct sf_tls {
    atomic_int references;
    int32_t version_min;
    char *ciphers;
    uint8_t alpn[SF_TLS_ALPN_BYTES_MAX];
    size_t alpn_bytes;
    sf_session_scope scope;
    SSL_CTX **identities;
    int32_t identity_count;
    sf__tls_name *names; /* sorted */
    int32_t name_count;
    sf_tls_verifier *verifier; /* of clients; NULL when none is asked for a certificate */
    bool client;
    char *server_name;
    bool server_name_is_address;
    pthread_mutex_t sessions_lock; /* of a client: its connections are on every thread */
    struct {
        uint64_t server;
        SSL_SESSION *session;
    } sessions[SF__SESSIONS];
};

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

static bool sf__tls_refuse(sf_tls_reason *reason, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *why = error == 0 ? NULL : ERR_reason_error_string(error);
    snprintf(reason->text, sizeof(reason->text), why == NULL ? "%s" : "%s (%s)", what, why);
    ERR_clear_error();
    return false;
}

/* --- Names ---------------------------------------------------------------------------------------------------------- */

static int sf__name_find(const sf_tls *tls, const char *name)
{
    int32_t low = 0, high = tls->name_count - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = strcmp(name, tls->names[middle].name);
        if (order == 0)
            return tls->names[middle].identity;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

/* The identity for a name as a client sends it: its own, that of its wildcard, or the default. */
static int32_t sf__identity_of(const sf_tls *tls, const char *asked)
{
    char name[SF_SERVER_NAME_BYTES_MAX + 1];
    if (sf_server_name_normal(asked, strlen(asked), name) == 0)
        return 0;
    int32_t identity = sf__name_find(tls, name);
    char *dot = strchr(name, '.');
    if (identity < 0 && dot != NULL && dot > name) {
        dot[-1] = '*';
        identity = sf__name_find(tls, dot - 1);
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
    int32_t identity = sf__identity_of(tls, asked);
    if (SSL_set_SSL_CTX(ssl, tls->identities[identity]) == NULL)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

bool sf_tls_name(int32_t index, const char *name, int32_t identity)
{
    sf_tls *tls = sf_tls_acquire(index);
    bool added = false;
    if (tls != NULL && identity >= 0 && identity < tls->identity_count && strlen(name) <= SF__NAME_BYTES_MAX) {
        int32_t at = 0;
        while (at < tls->name_count && strcmp(tls->names[at].name, name) < 0)
            at++;
        if (at < tls->name_count && strcmp(tls->names[at].name, name) == 0) {
            added = true; /* taken already */
        } else {
            sf__tls_name *names = realloc(tls->names, (size_t)(tls->name_count + 1) * sizeof(*names));
            char *copy = names == NULL ? NULL : strdup(name);
            if (names != NULL)
                tls->names = names;
            if (copy != NULL) {
                memmove(&names[at + 1], &names[at], (size_t)(tls->name_count - at) * sizeof(*names));
                names[at] = (sf__tls_name){ .name = copy, .identity = identity };
                tls->name_count++;
                added = true;
            }
        }
    }
    sf_tls_release(tls);
    return added;
}

/* --- Identities ----------------------------------------------------------------------------------------------------- */

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

static SSL_CTX *sf__identity_new(sf_tls *tls, sf_tls_reason *reason)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        (void)sf__tls_refuse(reason, "OpenSSL has no memory for a context");
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* Without AUTO_RETRY one call never reads more than one record: the loop over records is the engine's. */
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* sessions live in tickets alone */
    sf_tickets_use(ctx);
    SSL_CTX_set_tlsext_servername_callback(ctx, sf__on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, tls);
    if (tls->alpn_bytes > 0)
        SSL_CTX_set_alpn_select_cb(ctx, sf__on_alpn, tls);
    if (SSL_CTX_set_min_proto_version(ctx, tls->version_min) != 1 ||
        !sf_sessions_use(ctx, &tls->scope) ||
        SSL_CTX_set1_groups_list(ctx, SF__GROUPS) != 1 || SSL_CTX_set_cipher_list(ctx, tls->ciphers) != 1) {
        (void)sf__tls_refuse(reason, "OpenSSL refuses the version or the ciphers");
        SSL_CTX_free(ctx);
        return NULL;
    }
    /* Each identity alike: a client must not get around it by the name it asks for. */
    if (tls->verifier != NULL && !sf_tls_verifier_use(tls->verifier, ctx)) {
        (void)sf__tls_refuse(reason, "OpenSSL has no memory for authorities");
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

bool sf_tls_verify_clients(int32_t index, bool required, const uint8_t *authorities, size_t bytes, sf_tls_reason *reason)
{
    sf_tls *tls = sf_tls_acquire(index);
    bool good = tls != NULL && tls->identity_count == 0 && tls->verifier == NULL;
    ERR_clear_error();
    if (!good) {
        (void)sf__tls_refuse(reason, "clients are verified from the first identity on");
    } else {
        tls->verifier = sf_tls_verifier_new(required, authorities, bytes, reason);
        good = tls->verifier != NULL;
    }
    sf_tls_release(tls);
    return good;
}

static bool sf__believe(SSL_CTX *ctx, const uint8_t *pem, size_t bytes, sf_tls_reason *reason)
{
    if (bytes == 0)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 || sf__tls_refuse(reason, "no authorities on this machine");
    BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509 *authority;
    int count = 0;
    while (bio != NULL && (authority = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(store, authority);
        X509_free(authority);
    }
    BIO_free(bio);
    if (count == 0)
        return sf__tls_refuse(reason, "there is no certificate of an authority");
    ERR_clear_error(); /* the end of the file */
    return true;
}

static SSL_CTX *sf__client_new(const sf_tls *tls, const sf_tls_client_options *options, sf_tls_reason *reason)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        (void)sf__tls_refuse(reason, "OpenSSL has no memory for a context");
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, sf_tls_on_session);
    SSL_CTX_set_verify(ctx, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, tls->version_min) != 1 || SSL_CTX_set1_groups_list(ctx, SF__GROUPS) != 1 ||
        SSL_CTX_set_cipher_list(ctx, tls->ciphers) != 1 ||
        (tls->alpn_bytes > 0 && SSL_CTX_set_alpn_protos(ctx, tls->alpn, (unsigned int)tls->alpn_bytes) != 0)) {
        (void)sf__tls_refuse(reason, "OpenSSL refuses the version or the ciphers");
    } else if (!options->verify || sf__believe(ctx, options->authorities, options->authorities_bytes, reason)) {
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

/* Never asks for a pass phrase: a server starts without a person in front of it. */
static int sf__no_phrase(char *buffer, int bytes, int writing, void *context)
{
    (void)buffer;
    (void)bytes;
    (void)writing;
    (void)context;
    return 0;
}

static bool sf__chain_read(SSL_CTX *ctx, const uint8_t *pem, size_t bytes, sf_tls_reason *reason)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
    if (bio == NULL)
        return sf__tls_refuse(reason, "OpenSSL has no memory for a certificate");
    X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, sf__no_phrase, NULL);
    bool read = certificate != NULL && SSL_CTX_use_certificate(ctx, certificate) == 1;
    X509_free(certificate);
    if (!read) {
        BIO_free(bio);
        return sf__tls_refuse(reason, "the certificate cannot be used");
    }
    (void)SSL_CTX_clear_chain_certs(ctx); /* of the certificate that was just set: it has none yet */
    while (read && (certificate = PEM_read_bio_X509(bio, NULL, sf__no_phrase, NULL)) != NULL) {
        read = SSL_CTX_add1_chain_cert(ctx, certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(bio);
    if (!read)
        return sf__tls_refuse(reason, "a certificate of the chain cannot be used");
    unsigned long error = ERR_peek_last_error();
    if (error != 0 && ERR_GET_REASON(error) != PEM_R_NO_START_LINE) /* that is the end of the file */
        return sf__tls_refuse(reason, "a certificate of the chain cannot be read");
    ERR_clear_error();
    return true;
}

static bool sf__key_read(SSL_CTX *ctx, const uint8_t *pem, size_t bytes, sf_tls_reason *reason)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, sf__no_phrase, NULL);
    BIO_free(bio);
    bool fits = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    bool read = key != NULL;
    EVP_PKEY_free(key);
    return fits || sf__tls_refuse(reason, read ? "the key does not belong to the certificate" : "the key cannot be read");
}

bool sf_tls_certificate(int32_t index, int32_t identity, const uint8_t *chain, size_t chain_bytes, const uint8_t *key,
                        size_t key_bytes, sf_tls_reason *reason)
{
    sf_tls *tls = sf_tls_acquire(index);
    bool added = false;
    ERR_clear_error();
    if (tls == NULL || identity < 0 || identity > tls->identity_count) {
        (void)sf__tls_refuse(reason, "there is no such context or identity");
        sf_tls_release(tls);
        return false;
    }
    if (identity == tls->identity_count) {
        SSL_CTX **identities = realloc(tls->identities, (size_t)(identity + 1) * sizeof(*identities));
        if (identities != NULL) {
            tls->identities = identities;
            identities[identity] = sf__identity_new(tls, reason);
            if (identities[identity] != NULL)
                tls->identity_count++;
        } else {
            (void)sf__tls_refuse(reason, "no memory");
        }
    }
    if (identity < tls->identity_count)
        added = sf__chain_read(tls->identities[identity], chain, chain_bytes, reason) &&
                sf__key_read(tls->identities[identity], key, key_bytes, reason);
    sf_tls_release(tls);
    return added;
}

bool sf_tls_staple(int32_t index, int32_t identity, const uint8_t *der, size_t bytes, int64_t until_s)
{
    sf_tls *tls = sf_tls_acquire(index);
    bool stapled = tls != NULL && identity >= 0 && identity < tls->identity_count &&
                   sf_staple_attach(tls->identities[identity], der, bytes, until_s);
    sf_tls_release(tls);
    return stapled;
}

/* --- Life ----------------------------------------------------------------------------------------------------------- */

int32_t sf_tls_open(const sf_tls_options *options, sf_tls_reason *reason)
{
    if (options->alpn_bytes > SF_TLS_ALPN_BYTES_MAX) {
        (void)sf__tls_refuse(reason, "too many protocols");
        return -1;
    }
    sf_tls *tls = calloc(1, sizeof(*tls));
    char *ciphers = strdup(options->ciphers[0] == '\0' ? SF__CIPHERS : options->ciphers);
    if (tls == NULL || ciphers == NULL) {
        free(tls);
        free(ciphers);
        (void)sf__tls_refuse(reason, "no memory");
        return -1;
    }
    atomic_init(&tls->references, 1);
    atomic_fetch_add_explicit(&context_count, 1, memory_order_relaxed);
    (void)pthread_mutex_init(&tls->sessions_lock, NULL); /* cannot fail on Linux */
    tls->version_min = options->version_min;
    tls->ciphers = ciphers;
    if (options->alpn_bytes > 0) /* else it may point nowhere */
        memcpy(tls->alpn, options->alpn, options->alpn_bytes);
    tls->alpn_bytes = options->alpn_bytes;
    size_t scope_bytes = strlen(options->scope), scope_room = sizeof(tls->scope.bytes);
    tls->scope.length = (unsigned int)(scope_bytes < scope_room ? scope_bytes : scope_room);
    memcpy(tls->scope.bytes, options->scope, tls->scope.length);

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
    for (int32_t i = 0; i < tls->name_count; i++)
        free(tls->names[i].name);
    for (int i = 0; i < SF__SESSIONS; i++)
        SSL_SESSION_free(tls->sessions[i].session);
    (void)pthread_mutex_destroy(&tls->sessions_lock); /* nobody holds it: the last reference is gone */
    sf_tls_verifier_free(tls->verifier);
    free(tls->server_name);
    free(tls->identities);
    free(tls->names);
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

int32_t sf_tls_open_client(const sf_tls_options *options, const sf_tls_client_options *client, sf_tls_reason *reason)
{
    int32_t index = sf_tls_open(options, reason);
    sf_tls *tls = sf_tls_acquire(index);
    if (tls == NULL)
        return -1;
    uint8_t address[16];
    ERR_clear_error();
    tls->client = true;
    tls->server_name = strdup(client->name);
    tls->server_name_is_address =
        inet_pton(AF_INET, client->name, address) == 1 || inet_pton(AF_INET6, client->name, address) == 1;
    tls->identities = calloc(1, sizeof(SSL_CTX *));
    if (tls->server_name == NULL || tls->identities == NULL) {
        (void)sf__tls_refuse(reason, "no memory");
    } else {
        tls->identities[0] = sf__client_new(tls, client, reason);
        tls->identity_count = tls->identities[0] != NULL;
    }
    bool opened = tls->identity_count == 1;
    sf_tls_release(tls);
    if (opened)
        return index;
    sf_tls_close(index);
    return -1;
}

bool sf_tls_is_client(const sf_tls *tls)
{
    return tls->client;
}

/* Asks for the server by its name, and expects a certificate for it. */
static bool sf__expect(const sf_tls *tls, SSL *ssl)
{
    if (tls->server_name_is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->server_name) == 1;
    return SSL_set_tlsext_host_name(ssl, tls->server_name) == 1 && SSL_set1_host(ssl, tls->server_name) == 1;
}

SSL *sf_tls_begin(sf_tls *tls)
{
    SSL *ssl = tls->identity_count == 0 ? NULL : SSL_new(tls->identities[0]);
    if (ssl == NULL)
        return NULL;
    if (!tls->client) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (sf__expect(tls, ssl))
        return ssl;
    SSL_free(ssl);
    return NULL;
}

void sf_tls_resume(sf_tls *tls, SSL *ssl, uint64_t server)
{
    pthread_mutex_lock(&tls->sessions_lock);
    int at = (int)(server % SF__SESSIONS);
    SSL_SESSION *session = tls->sessions[at].server == server ? tls->sessions[at].session : NULL;
    if (session != NULL && SSL_SESSION_is_resumable(session) && sf_session_good(session))
        (void)SSL_set_session(ssl, session); /* else a full handshake */
    pthread_mutex_unlock(&tls->sessions_lock);
}

void sf_tls_remember(sf_tls *tls, SSL_SESSION *session, uint64_t server)
{
    pthread_mutex_lock(&tls->sessions_lock);
    int at = (int)(server % SF__SESSIONS);
    SSL_SESSION *before = tls->sessions[at].session;
    tls->sessions[at].server = server;
    tls->sessions[at].session = session;
    pthread_mutex_unlock(&tls->sessions_lock);
    SSL_SESSION_free(before);
}
