#include "tls_context.h"

#include "sessions.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Servers whose last session is kept, by a hash of their address: a collision costs a full handshake. */
#define SF__SESSIONS 64

struct sf__tls_backend {
    char *server_name; /* owned */
    bool server_name_is_address;
    pthread_mutex_t sessions_lock; /* its connections are on every thread */
    struct {
        uint64_t server;
        SSL_SESSION *session;
    } sessions[SF__SESSIONS];
};

static bool sf__trust_authorities(SSL_CTX *ctx, const uint8_t *pem, size_t bytes, sf_tls_reason *reason)
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


static SSL_CTX *sf__backend_ctx(const sf_tls *tls, const sf_tls_backend_options *options, sf_tls_reason *reason)
{
    SSL_CTX *ctx = sf__tls_ctx_new(tls, TLS_client_method(), reason);
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, sf_tls_on_session);
    SSL_CTX_set_verify(ctx, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (tls->alpn_bytes > 0 && SSL_CTX_set_alpn_protos(ctx, tls->alpn, (unsigned int)tls->alpn_bytes) != 0)
        (void)sf__tls_refuse(reason, "OpenSSL refuses the protocols");
    else if (!options->verify || sf__trust_authorities(ctx, options->authorities, options->authorities_bytes, reason))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static sf__tls_backend *sf__backend_new(const char *server_name)
{
    uint8_t address[16];
    sf__tls_backend *backend = calloc(1, sizeof(*backend));
    char *name = backend == NULL ? NULL : strdup(server_name);
    if (name == NULL) {
        free(backend);
        return NULL;
    }
    (void)pthread_mutex_init(&backend->sessions_lock, NULL); /* cannot fail on Linux */
    backend->server_name = name;
    backend->server_name_is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    return backend;
}

int32_t sf_tls_open_backend(const sf_tls_options *options, const sf_tls_backend_options *backend, sf_tls_reason *reason)
{
    ERR_clear_error();
    sf_tls *tls = sf__tls_new(options, reason);
    if (tls == NULL)
        return -1;
    tls->backend = sf__backend_new(backend->name);
    tls->identities = calloc(1, sizeof(SSL_CTX *));
    if (tls->backend == NULL || tls->identities == NULL) {
        (void)sf__tls_refuse(reason, "no memory");
        sf_tls_release(tls);
        return -1;
    }
    tls->identities[0] = sf__backend_ctx(tls, backend, reason);
    if (tls->identities[0] == NULL) {
        sf_tls_release(tls);
        return -1;
    }
    tls->identity_count = 1;
    return sf__tls_register(tls, reason);
}

void sf__tls_backend_free(sf__tls_backend *backend)
{
    if (backend == NULL)
        return;
    for (int i = 0; i < SF__SESSIONS; i++)
        SSL_SESSION_free(backend->sessions[i].session);
    (void)pthread_mutex_destroy(&backend->sessions_lock); /* unlocked: the last reference is gone */
    free(backend->server_name);
    free(backend);
}

bool sf_tls_is_backend(const sf_tls *tls)
{
    return tls->backend != NULL;
}

/* Asks for the server by its name, and expects a certificate for it. */
bool sf__tls_backend_begin(const sf_tls *tls, SSL *ssl)
{
    const sf__tls_backend *backend = tls->backend;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (backend->server_name_is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), backend->server_name) == 1;
    return SSL_set_tlsext_host_name(ssl, backend->server_name) == 1 && SSL_set1_host(ssl, backend->server_name) == 1;
}

void sf_tls_resume(sf_tls *tls, SSL *ssl, uint64_t server)
{
    sf__tls_backend *backend = tls->backend;
    pthread_mutex_lock(&backend->sessions_lock);
    int at = (int)(server % SF__SESSIONS);
    SSL_SESSION *session = backend->sessions[at].server == server ? backend->sessions[at].session : NULL;
    if (session != NULL && SSL_SESSION_is_resumable(session) && sf_session_good(session))
        (void)SSL_set_session(ssl, session); /* else a full handshake */
    pthread_mutex_unlock(&backend->sessions_lock);
}

void sf_tls_remember(sf_tls *tls, SSL_SESSION *session, uint64_t server)
{
    sf__tls_backend *backend = tls->backend;
    pthread_mutex_lock(&backend->sessions_lock);
    int at = (int)(server % SF__SESSIONS);
    SSL_SESSION *before = backend->sessions[at].session;
    backend->sessions[at].server = server;
    backend->sessions[at].session = session;
    pthread_mutex_unlock(&backend->sessions_lock);
    SSL_SESSION_free(before);
}
