#include "tls_clients.h"

#include "layout.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* Certificates between that of the client and an authority of ours. */
#define SF__INTERMEDIATES_MAX 4
/* The longest Certificate message that is read: five certificates with large keys fit. */
#define SF__CERTIFICATES_BYTES_MAX 65536

struct sf_tls_verifier {
    int mode;
    X509_STORE *store;
    STACK_OF(X509_NAME) *names; /* sent to clients, so that they know which certificate is meant */
};

/* A text that is being written, in a room that is not its own. */
typedef struct sf__text {
    uint8_t *at;
    size_t bytes, room;
    bool whole; /* everything fitted so far */
} sf__text;

/* --- Text ----------------------------------------------------------------------------------------------------------- */

static void sf__put(sf__text *text, const void *from, size_t bytes)
{
    if (!text->whole || bytes > text->room - text->bytes) {
        text->whole = false;
        return;
    }
    memcpy(text->at + text->bytes, from, bytes);
    text->bytes += bytes;
}

/* Appends a name of a certificate, with `\` and two hex digits for whatever could end or split it where it is shown. */
static void sf__put_escaped(sf__text *text, const uint8_t *from, size_t bytes, bool lower)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = lower && from[i] >= 'A' && from[i] <= 'Z' ? (uint8_t)(from[i] | 0x20) : from[i];
        if (byte <= ' ' || byte >= 0x7f || strchr(",;\"\\", byte) != NULL) {
            char escape[3] = { '\\', digits[byte >> 4], digits[byte & 15] };
            sf__put(text, escape, sizeof(escape));
        } else {
            sf__put(text, &byte, 1);
        }
    }
}

/* RFC 4514: the last part first, control characters and all that is not ASCII as `\` and two hex digits. */
static bool sf__put_subject(sf__text *text, const X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool printed = bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0;
    char *data = NULL;
    long bytes = printed ? BIO_get_mem_data(bio, &data) : 0;
    for (long i = 0; printed && i < bytes; i++)
        printed = data[i] >= ' ' && data[i] < 0x7f;
    if (printed && bytes > 0)
        sf__put(text, data, (size_t)bytes);
    BIO_free(bio);
    return printed && text->whole;
}

static bool sf__put_address(sf__text *text, const ASN1_OCTET_STRING *address)
{
    char written[INET6_ADDRSTRLEN];
    int bytes = ASN1_STRING_length(address);
    int family = bytes == 4 ? AF_INET : AF_INET6;
    if ((bytes != 4 && bytes != 16) ||
        inet_ntop(family, ASN1_STRING_get0_data(address), written, sizeof(written)) == NULL)
        return false;
    sf__put(text, written, strlen(written));
    return true;
}

/* One name and a line feed before it; kinds that are not routed by are left out. Returns false for one that is broken. */
static bool sf__put_name(sf__text *text, const GENERAL_NAME *name)
{
    static const struct {
        int type;
        const char *prefix;
    } kinds[] = { { GEN_DNS, "DNS:" }, { GEN_URI, "URI:" }, { GEN_EMAIL, "email:" }, { GEN_IPADD, "IP:" } };
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type != type)
            continue;
        if (text->bytes > 0)
            sf__put(text, "\n", 1);
        sf__put(text, kinds[i].prefix, strlen(kinds[i].prefix));
        if (type == GEN_IPADD)
            return sf__put_address(text, value);
        sf__put_escaped(text, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), type == GEN_DNS);
    }
    return true;
}

static bool sf__put_names(sf__text *text, const X509 *certificate)
{
    int found = -1;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (names == NULL)
        return found == -1; /* there are none; anything else is broken, or there twice */
    bool good = true;
    for (int i = 0; good && i < sk_GENERAL_NAME_num(names); i++)
        good = sf__put_name(text, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    return good && text->whole;
}

/* --- Verifying ------------------------------------------------------------------------------------------------------ */

/* Called by OpenSSL for each certificate of the chain: the client's own must be one that can be told whole. */
static int sf__on_verified(int good, X509_STORE_CTX *context)
{
    uint8_t scratch[SF_TLS_NAMES_BYTES_MAX > SF_TLS_SUBJECT_BYTES_MAX ? SF_TLS_NAMES_BYTES_MAX : SF_TLS_SUBJECT_BYTES_MAX];
    const X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    if (good != 1 || X509_STORE_CTX_get_error_depth(context) != 0 || certificate == NULL)
        return good;
    sf__text subject = { .at = scratch, .room = SF_TLS_SUBJECT_BYTES_MAX, .whole = true };
    sf__text names = { .at = scratch, .room = SF_TLS_NAMES_BYTES_MAX, .whole = true };
    if (sf__put_subject(&subject, certificate) && sf__put_names(&names, certificate))
        return 1;
    X509_STORE_CTX_set_error(context, X509_V_ERR_INVALID_EXTENSION);
    return 0;
}

static bool sf__authority_add(sf_tls_verifier *verifier, X509 *authority)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(authority));
    if (name == NULL || X509_STORE_add_cert(verifier->store, authority) != 1 ||
        sk_X509_NAME_push(verifier->names, name) <= 0) {
        X509_NAME_free(name);
        return false;
    }
    return true;
}

sf_tls_verifier *sf_tls_verifier_new(bool required, const uint8_t *pem, size_t bytes, sf_tls_reason *reason)
{
    static const char none[] = "there is no certificate of an authority for clients";
    sf_tls_verifier *verifier = calloc(1, sizeof(*verifier));
    BIO *bio = verifier == NULL || bytes > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)bytes);
    bool good = bio != NULL;
    if (good) {
        verifier->mode = SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
        verifier->store = X509_STORE_new();
        verifier->names = sk_X509_NAME_new_null();
        /* What the file names is believed by itself, also one that another one signed. */
        good = verifier->store != NULL && verifier->names != NULL &&
               X509_STORE_set_flags(verifier->store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    }
    X509 *authority = NULL;
    while (good && (authority = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        good = sf__authority_add(verifier, authority);
        X509_free(authority);
    }
    BIO_free(bio);
    good = good && sk_X509_NAME_num(verifier->names) > 0;
    ERR_clear_error(); /* the end of the file */
    if (good)
        return verifier;
    sf_tls_verifier_free(verifier);
    memcpy(reason->text, none, sizeof(none));
    return NULL;
}

bool sf_tls_verifier_use(const sf_tls_verifier *verifier, SSL_CTX *ctx)
{
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(verifier->names);
    if (names == NULL)
        return false;
    SSL_CTX_set_client_CA_list(ctx, names); /* takes them */
    SSL_CTX_set1_cert_store(ctx, verifier->store);
    SSL_CTX_set_verify(ctx, verifier->mode, sf__on_verified);
    SSL_CTX_set_verify_depth(ctx, SF__INTERMEDIATES_MAX);
    SSL_CTX_set_max_cert_list(ctx, SF__CERTIFICATES_BYTES_MAX);
    return true;
}

void sf_tls_verifier_free(sf_tls_verifier *verifier)
{
    if (verifier == NULL)
        return;
    X509_STORE_free(verifier->store);
    sk_X509_NAME_pop_free(verifier->names, X509_NAME_free);
    free(verifier);
}

/* --- What is shown -------------------------------------------------------------------------------------------------- */

uint16_t sf_tls_client_error(const SSL *ssl)
{
    if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
        return SF_ENGINE_ERROR_TLS;
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return SF_ENGINE_ERROR_CERTIFICATE_MISSING;
    switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK:
        return SF_ENGINE_ERROR_TLS;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return SF_ENGINE_ERROR_CERTIFICATE_EXPIRED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return SF_ENGINE_ERROR_CERTIFICATE_UNKNOWN;
    default:
        return SF_ENGINE_ERROR_CERTIFICATE_INVALID;
    }
}

static void sf__word_put(uint8_t *high, size_t value)
{
    high[0] = (uint8_t)(value >> 8);
    high[1] = (uint8_t)value;
}

int32_t sf_tls_client_facts(const SSL *ssl, uint8_t *to, uint8_t *text)
{
    const X509 *certificate =
        SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE || SSL_get_verify_result(ssl) != X509_V_OK ? NULL
                                                                                               : SSL_get0_peer_certificate(ssl);
    unsigned int digest_bytes = 0;
    if (certificate == NULL)
        return 0;
    if (X509_digest(certificate, EVP_sha256(), text, &digest_bytes) != 1 || digest_bytes != SF_FINGERPRINT_BYTES)
        return -1;
    sf__text subject = { .at = text + SF_FINGERPRINT_BYTES, .room = SF_TLS_SUBJECT_BYTES_MAX, .whole = true };
    if (!sf__put_subject(&subject, certificate))
        return -1;
    sf__text names = { .at = subject.at + subject.bytes, .room = SF_TLS_NAMES_BYTES_MAX, .whole = true };
    if (!sf__put_names(&names, certificate))
        return -1;
    to[SF_TLS_INFO_CERTIFICATE] = 1;
    sf__word_put(to + SF_TLS_INFO_SUBJECT_BYTES_HIGH, subject.bytes);
    sf__word_put(to + SF_TLS_INFO_NAMES_BYTES_HIGH, names.bytes);
    return (int32_t)(SF_FINGERPRINT_BYTES + subject.bytes + names.bytes);
}
