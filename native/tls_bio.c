/*
 * What OpenSSL takes for the socket of a connection. Reading receives straight into OpenSSL's buffer, through io.h.
 * Writing fills the engine's stage. OpenSSL never learns that a socket is full: what the kernel does not take waits in
 * `out`.
 */
#include "tls_conn.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

bool sf__tls_in_keep(sf_tls_conn *t, const uint8_t *from, size_t bytes)
{
    t->in = malloc(bytes);
    if (t->in == NULL) {
        t->error = SF_ENGINE_ERROR_NO_MEMORY;
        return false;
    }
    memcpy(t->in, from, bytes);
    t->in_at = 0;
    t->in_bytes = (uint32_t)bytes;
    return true;
}

/* Takes from the bytes that are kept; while there are any the socket is not asked. */
static int sf__in_take(sf_tls_conn *t, char *to, int room)
{
    uint32_t part = (uint32_t)room < t->in_bytes ? (uint32_t)room : t->in_bytes;
    memcpy(to, t->in + t->in_at, part);
    t->in_at += part;
    t->in_bytes -= part;
    if (t->in_bytes == 0) {
        free(t->in);
        t->in = NULL;
    }
    return (int)part;
}

/*
 * Receives for a handshake, with one call what OpenSSL asks for in many: since 3.2 its read-ahead begins with the
 * application's data, and until then it reads the header of each record and its body by themselves.
 */
static sf_io_result sf__read_ahead(sf_tls_conn *t, char *to, size_t room)
{
    uint8_t *record = t->engine->tls_stage->record; /* holds something only inside sf__tls_write */
    sf_io_result got = sf__io_read(t->conn, record, SF__RECORD_BYTES);
    if (got.bytes <= 0)
        return got;
    size_t part = (size_t)got.bytes < room ? (size_t)got.bytes : room;
    memcpy(to, record, part);
    if ((size_t)got.bytes > part && !sf__tls_in_keep(t, record + part, (size_t)got.bytes - part))
        return (sf_io_result){ .bytes = SF__IO_FAILED, .error = t->error };
    return (sf_io_result){ .bytes = (int32_t)part };
}

static int sf__bio_read(BIO *bio, char *to, int room)
{
    sf_tls_conn *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (room <= 0 || t->ended || t->error != 0)
        return 0;
    if (t->in != NULL)
        return sf__in_take(t, to, room);
    bool ahead = (t->conn->flags & SF__HANDSHAKING) != 0 && room < SF__RECORD_BYTES;
    sf_io_result got = ahead ? sf__read_ahead(t, to, (size_t)room) : sf__io_read(t->conn, to, (size_t)room);
    if (got.bytes > 0) {
        t->partial += (uint32_t)got.bytes;
        return got.bytes;
    }
    if (got.bytes == SF__IO_LATER) {
        t->wants_input = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    t->ended = got.bytes == SF__IO_END;
    t->error = got.error;
    return 0;
}

bool sf__tls_out_keep(sf_tls_conn *t, const uint8_t *from, size_t bytes)
{
    uint8_t *out = malloc(t->out_bytes + bytes);
    if (out == NULL) {
        t->error = SF_ENGINE_ERROR_NO_MEMORY;
        return false;
    }
    if (t->out_bytes > 0)
        memcpy(out, t->out + t->out_at, t->out_bytes);
    memcpy(out + t->out_bytes, from, bytes);
    free(t->out);
    t->out = out;
    t->out_at = 0;
    t->out_bytes += (uint32_t)bytes;
    t->engine->config.control[SF_CONTROL_QUEUED_BYTES] += (int32_t)bytes;
    return true;
}

ssize_t sf__tls_hand_over(sf_tls_conn *t, const uint8_t *from, size_t bytes)
{
    if (t->conn->flags & SF__WRITE_FAILED)
        return (ssize_t)bytes;
    sf_io_result sent = sf__io_write(t->conn, from, bytes);
    if (sent.bytes != SF__IO_FAILED)
        return sent.bytes > 0 ? sent.bytes : 0;
    if (!(t->conn->flags & SF__HANDSHAKING)) {
        sf__conn_write_failed(t->engine, t->conn, sent.error);
        return (ssize_t)bytes;
    }
    t->error = sent.error;
    return -1;
}

bool sf__tls_stage_flush(sf_tls_conn *t)
{
    sf_tls_stage *stage = t->engine->tls_stage;
    size_t bytes = stage->used;
    ssize_t taken = 0;
    stage->used = 0;
    if (bytes == 0)
        return t->error == 0;
    if (t->out == NULL) {
        taken = sf__tls_hand_over(t, stage->bytes, bytes);
        if (taken < 0)
            return false;
    }
    return (size_t)taken == bytes || sf__tls_out_keep(t, stage->bytes + taken, bytes - (size_t)taken);
}

static int sf__bio_write(BIO *bio, const char *from, int bytes)
{
    sf_tls_conn *t = BIO_get_data(bio);
    sf_tls_stage *stage = t->engine->tls_stage;
    BIO_clear_retry_flags(bio);
    for (int at = 0; at < bytes;) {
        if (stage->used == SF__STAGE_BYTES && !sf__tls_stage_flush(t))
            return -1;
        uint32_t room = SF__STAGE_BYTES - stage->used;
        uint32_t part = (uint32_t)(bytes - at) < room ? (uint32_t)(bytes - at) : room;
        memcpy(stage->bytes + stage->used, from + at, part);
        stage->used += part;
        at += (int)part;
    }
    return bytes;
}

static long sf__bio_control(BIO *bio, int command, long number, void *pointer)
{
    sf_tls_conn *t = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return t != NULL && t->ended;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *bio_method;

static void sf__bio_method_make(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sevenfold socket");
    if (bio_method != NULL && (BIO_meth_set_read(bio_method, sf__bio_read) != 1 ||
                               BIO_meth_set_write(bio_method, sf__bio_write) != 1 ||
                               BIO_meth_set_ctrl(bio_method, sf__bio_control) != 1)) {
        BIO_meth_free(bio_method);
        bio_method = NULL;
    }
}

BIO *sf__tls_bio_new(sf_tls_conn *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, sf__bio_method_make); /* fails only for a bad argument */
    BIO *bio = bio_method == NULL ? NULL : BIO_new(bio_method);
    if (bio != NULL) {
        BIO_set_data(bio, t);
        BIO_set_init(bio, 1);
    }
    return bio;
}
