#include "tls_context.h"

#include "staple.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* Never asks for a pass phrase: a server starts without a person in front of it. */
static int sf__no_passphrase_cb(char *buffer, int bytes, int writing, void *context)
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
    X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, sf__no_passphrase_cb, NULL);
    bool read = certificate != NULL && SSL_CTX_use_certificate(ctx, certificate) == 1;
    X509_free(certificate);
    if (!read) {
        BIO_free(bio);
        return sf__tls_refuse(reason, "the certificate cannot be used");
    }
    (void)SSL_CTX_clear_chain_certs(ctx); /* of the certificate that was just set: it has none yet */
    while (read && (certificate = PEM_read_bio_X509(bio, NULL, sf__no_passphrase_cb, NULL)) != NULL) {
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
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, sf__no_passphrase_cb, NULL);
    BIO_free(bio);
    bool fits = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    bool read = key != NULL;
    EVP_PKEY_free(key);
    return fits || sf__tls_refuse(reason, read ? "the key does not belong to the certificate" : "the key cannot be read");
}

/* Begins one more identity of a listener. Returns false with `reason` set. */
static bool sf__identity_add(sf_tls *tls, sf_tls_reason *reason)
{
    SSL_CTX **identities = realloc(tls->identities, (size_t)(tls->identity_count + 1) * sizeof(*identities));
    if (identities == NULL)
        return sf__tls_refuse(reason, "no memory");
    tls->identities = identities;
    SSL_CTX *ctx = sf__tls_listener_ctx(tls, reason);
    if (ctx == NULL)
        return false;
    identities[tls->identity_count++] = ctx;
    return true;
}

bool sf_tls_certificate(int32_t number, int32_t identity, const uint8_t *chain, size_t chain_bytes, const uint8_t *key,
                        size_t key_bytes, sf_tls_reason *reason)
{
    sf_tls *tls = sf_tls_acquire(number);
    ERR_clear_error();
    /* A backend has its one identity from the start. */
    int32_t last = tls == NULL ? -1 : tls->listener != NULL ? tls->identity_count : 0;
    if (identity < 0 || identity > last) {
        (void)sf__tls_refuse(reason, "there is no such context or identity");
        sf_tls_release(tls);
        return false;
    }
    bool added = (identity < tls->identity_count || sf__identity_add(tls, reason)) &&
                 sf__chain_read(tls->identities[identity], chain, chain_bytes, reason) &&
                 sf__key_read(tls->identities[identity], key, key_bytes, reason);
    sf_tls_release(tls);
    return added;
}

bool sf_tls_staple(int32_t number, int32_t identity, const uint8_t *der, size_t bytes, int64_t until_s)
{
    sf_tls *tls = sf_tls_acquire(number);
    bool stapled = tls != NULL && identity >= 0 && identity < tls->identity_count &&
                   sf_staple_attach(tls->identities[identity], der, bytes, until_s);
    sf_tls_release(tls);
    return stapled;
}
