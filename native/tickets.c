#include "tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* The one in use, and those whose tickets may still be good. */
#define SF__KEYS 3
#define SF__NAME_BYTES 16 /* OpenSSL's size of a key's name in a ticket */

typedef struct sf__ticket_key {
    unsigned char name[SF__NAME_BYTES], cipher[32], mac[32];
} sf__ticket_key;

static pthread_mutex_t keys_lock = PTHREAD_MUTEX_INITIALIZER;
static sf__ticket_key keys[SF__KEYS]; /* the newest first */
static int key_count;
static time_t newest_since;

static time_t sf__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail: the clock exists */
    return now.tv_sec;
}

/* A key to make tickets with, new when the last one has served its time. Returns false without randomness. */
static bool sf__key_newest(sf__ticket_key *out)
{
    bool found = true;
    pthread_mutex_lock(&keys_lock);
    if (key_count == 0 || sf__seconds() - newest_since >= SF_TICKETS_ROTATE_S) {
        sf__ticket_key made;
        found = RAND_bytes((unsigned char *)&made, sizeof(made)) == 1;
        if (found) {
            memmove(&keys[1], &keys[0], (SF__KEYS - 1) * sizeof(keys[0]));
            keys[0] = made;
            newest_since = sf__seconds();
            if (key_count < SF__KEYS)
                key_count++;
        }
        OPENSSL_cleanse(&made, sizeof(made));
    }
    *out = keys[0];
    pthread_mutex_unlock(&keys_lock);
    return found;
}

/* The key a ticket names. Returns its age in rotations, or -1. */
static int sf__key_named(const unsigned char *name, sf__ticket_key *out)
{
    int age = -1;
    pthread_mutex_lock(&keys_lock);
    for (int i = 0; i < key_count && age < 0; i++) {
        if (memcmp(keys[i].name, name, SF__NAME_BYTES) != 0)
            continue;
        *out = keys[i];
        age = i;
    }
    pthread_mutex_unlock(&keys_lock);
    return age;
}

static bool sf__ticket_init(const sf__ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                            int encrypt)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* OpenSSL's contract: 1 go on, 2 go on and give a new ticket, 0 no such key (a full handshake follows), -1 failure. */
static int sf__on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                         int encrypt)
{
    sf__ticket_key key;
    int result;
    if (encrypt) {
        result = sf__key_newest(&key) && RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 ? 1 : -1;
        if (result == 1)
            memcpy(name, key.name, SF__NAME_BYTES);
    } else {
        int age = sf__key_named(name, &key);
        if (age < 0)
            return 0;
        /* A ticket of TLS 1.3 is to be used once (RFC 8446, C.4): who comes with one gets the next. */
        result = age == 0 && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
    }
    if (result > 0 && !sf__ticket_init(&key, iv, cipher, mac, encrypt))
        result = -1;
    OPENSSL_cleanse(&key, sizeof(key));
    return result;
}

void sf_tickets_use(SSL_CTX *ctx)
{
    SSL_CTX_set_timeout(ctx, SF_TICKETS_ROTATE_S);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, sf__on_ticket);
}
