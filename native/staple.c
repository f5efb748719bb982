#include "staple.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct sf__staple {
    int64_t until_s;
    size_t bytes;
    uint8_t der[];
} sf__staple;

static int place = -1; /* of a staple among what a certificate may carry */

static void sf__staple_free(void *certificate, void *staple, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
    (void)certificate;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    free(staple);
}

static void sf__place_make(void)
{
    place = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509, 0, NULL, NULL, NULL, sf__staple_free);
}

/* OpenSSL has chosen a certificate, and the client asked for its status. */
static int sf__on_status(SSL *ssl, void *context)
{
    X509 *certificate = SSL_get_certificate(ssl);
    const sf__staple *staple = certificate == NULL ? NULL : X509_get_ex_data(certificate, place);
    (void)context;
    /* A session that goes on shows no certificate, so there is nothing to staple to. */
    if (staple == NULL || SSL_session_reused(ssl) == 1 || time(NULL) >= staple->until_s)
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(staple->der, staple->bytes);
    if (copy == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->bytes) != 1) {
        OPENSSL_free(copy);
        return SSL_TLSEXT_ERR_NOACK;
    }
    return SSL_TLSEXT_ERR_OK; /* the copy is OpenSSL's */
}

bool sf_staple_attach(SSL_CTX *ctx, const uint8_t *der, size_t bytes, int64_t until_s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, sf__place_make); /* fails only for a bad argument */
    X509 *certificate = SSL_CTX_get0_certificate(ctx);
    if (place < 0 || certificate == NULL || SSL_CTX_set_tlsext_status_cb(ctx, sf__on_status) != 1)
        return false;
    sf__staple *staple = malloc(sizeof(*staple) + bytes);
    if (staple == NULL)
        return false;
    staple->until_s = until_s;
    staple->bytes = bytes;
    memcpy(staple->der, der, bytes);
    sf__staple *before = X509_get_ex_data(certificate, place);
    if (X509_set_ex_data(certificate, place, staple) != 1) {
        free(staple);
        return false;
    }
    free(before);
    return true;
}
