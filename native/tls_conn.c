/*
 * TLS of one connection: what its socket carries is encrypted here, and nothing above can tell.
 *
 *   HANDSHAKING ──done──► OPEN ──SSL_shutdown──► CLOSE SENT
 *        │ cut              │ bad record, or an end without close_notify
 *        ├───────► DEAD ◄───┘        (the states of connection.c)
 *        └─ refused, of a client ──► without TLS: see sf__tls_over
 *
 * Reading decrypts straight into a chunk of the slab. Writing gathers spans into records, and the records of one send
 * into one call of the kernel. OpenSSL is never told that a socket is full: what the kernel does not take waits in
 * `out`, at most one stage of it, and nothing is encrypted before it has left.
 */
#include "tls_conn.h"

#include "sessions.h"
#include "tls_clients.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* What others left in the thread's queue of errors must not be taken for ours. Mostly there is nothing, and looking is
 * cheaper than emptying. */
static void sf__errors_drop(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* --- Sessions of a backend ------------------------------------------------------------------------------------------ */

/* Stands for the server at the other end: FNV-1a of its address, 0 when the socket has none. */
static uint64_t sf__server_of(const sf_tls_conn *t)
{
    struct sockaddr_storage storage = { 0 };
    socklen_t bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    if (!sf__io_peer_address(t->conn, &storage, &bytes))
        return 0;
    for (socklen_t i = 0; i < bytes && i < sizeof(storage); i++)
        hash = (hash ^ ((const uint8_t *)&storage)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

int sf_tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    sf_tls_conn *t = BIO_get_data(SSL_get_rbio(ssl));
    if (!sf_session_note(ssl, session))
        return 0;
    sf_tls_remember(t->tls, session, sf__server_of(t));
    return 1; /* the reference is taken */
}

/* --- Life ----------------------------------------------------------------------------------------------------------- */

/* The connection's TLS under `tls`, whose reference it takes also on failure. */
static sf_tls_conn *sf__tls_conn_new(sf_engine *e, sf_conn *c, sf_tls *tls)
{
    if (e->tls_stage == NULL)
        e->tls_stage = calloc(1, sizeof(*e->tls_stage));
    sf_tls_conn *t = e->tls_stage == NULL ? NULL : calloc(1, sizeof(*t));
    if (t == NULL) {
        sf_tls_release(tls);
        return NULL;
    }
    *t = (sf_tls_conn){ .engine = e, .conn = c, .tls = tls, .ssl = sf_tls_begin(tls) };
    BIO *bio = t->ssl == NULL ? NULL : sf__tls_bio_new(t);
    if (bio == NULL) {
        SSL_free(t->ssl);
        sf_tls_release(tls);
        free(t);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(t->ssl, bio, bio);
    return t;
}

/* Puts plain bytes in front of the handshake: what a client has sent already, or what goes to a server first. */
static bool sf__tls_front(sf_tls_conn *t, sf_span front)
{
    if (front.bytes == 0)
        return true;
    const uint8_t *from = t->engine->config.memory + front.at;
    if (sf_tls_is_backend(t->tls))
        return sf__tls_out_keep(t, from, (size_t)front.bytes);
    t->looked = true;
    return sf__tls_in_keep(t, from, (size_t)front.bytes);
}

int sf__tls_begin(sf_engine *e, sf_handle handle, int32_t context, sf_span front)
{
    sf_conn *c = sf__conn_find(e, handle);
    if (c == NULL)
        return SF_E_STALE;
    if (front.bytes < 0 || (front.bytes > 0 && !sf__chunk_valid(e, front.at, front.bytes)))
        return SF_E_INVALID;
    if (c->error != 0 || (c->flags & SF__DEAD))
        return SF_OK;
    if (c->tls != NULL || c->queue != NULL)
        return SF_E_INVALID;
    sf_tls *tls = sf_tls_acquire(context);
    c->tls = tls == NULL ? NULL : sf__tls_conn_new(e, c, tls);
    if (c->tls == NULL) {
        sf__conn_fail(e, c, tls == NULL ? SF_ENGINE_ERROR_NO_SUCH_CONTEXT : SF_ENGINE_ERROR_NO_MEMORY);
        return SF_OK;
    }
    e->config.control[SF_CONTROL_SECURED]++;
    c->flags |= SF__HANDSHAKING;
    if (!sf__tls_front(c->tls, front))
        sf__conn_fail(e, c, SF_ENGINE_ERROR_NO_MEMORY);
    /* Bytes that are here already make no edge. */
    if ((c->flags & SF__READABLE) || c->tls->in != NULL)
        sf__ready_add(e, c);
    return SF_OK;
}

void sf__tls_free(sf_conn *c, bool polite)
{
    sf_tls_conn *t = c->tls;
    sf__tls_settle(t->engine);
    if (polite && t->error == 0 && !t->close_sent && t->out == NULL && !(c->flags & (SF__HANDSHAKING | SF__DEAD))) {
        (void)SSL_shutdown(t->ssl); /* one try: a socket that is full goes without */
        (void)sf__tls_stage_flush(t);
    }
    t->engine->config.control[SF_CONTROL_SECURED]--;
    t->engine->config.control[SF_CONTROL_QUEUED_BYTES] -= (int32_t)t->out_bytes;
    c->tls = NULL;
    SSL_free(t->ssl);
    sf_tls_release(t->tls);
    free(t->out);
    free(t->in);
    free(t);
    ERR_clear_error();
}

/* Why OpenSSL went no further: an SF_ENGINE_ERROR. */
static uint16_t sf__tls_error(const sf_tls_conn *t)
{
    if (t->error != 0)
        return t->error;
    if (t->ended)
        return SF_ENGINE_ERROR_TRUNCATED;
    return sf_tls_is_backend(t->tls) ? SF_ENGINE_ERROR_TLS : sf_tls_client_error(t->ssl);
}

/* Fails the connection after OpenSSL did; its alert, if it wrote one, is sent. */
static void sf__tls_fail(sf_engine *e, sf_conn *c)
{
    sf_tls_conn *t = c->tls;
    uint16_t error = sf__tls_error(t);
    (void)sf__tls_stage_flush(t);
    ERR_clear_error(); /* the queue is the thread's: Node's own calls must not find ours in it */
    sf__conn_fail(e, c, error);
}

/*
 * A client's handshake has failed, and its socket has not: TLS ends here, and the connection goes on in the clear. Its
 * owner shuts it down and reads on: closed with unread bytes, it would be reset, and the reset can overtake the alert.
 */
static void sf__tls_over(sf_engine *e, sf_conn *c, uint16_t error)
{
    sf__tls_free(c, false);
    c->flags = (c->flags & ~SF__HANDSHAKING) | SF__READABLE; /* bytes that are here already make no edge */
    sf__event(e, SF_EVENT_KIND_TLS_FAILED, c->handle, error, 0);
    if (c->flags & SF__SHUT_WANTED)
        sf__conn_flush(e, c);
    sf__conn_yield(e, c);
}

/* Fails the handshake after OpenSSL did. Nothing that was meant to be encrypted may follow in the clear. */
static void sf__handshake_fail(sf_engine *e, sf_conn *c)
{
    sf_tls_conn *t = c->tls;
    uint16_t error = sf__tls_error(t);
    bool told = sf__tls_stage_flush(t) && t->out == NULL;
    ERR_clear_error();
    if (!told || t->ended || sf_tls_is_backend(t->tls) || c->queue != NULL)
        sf__conn_fail(e, c, error);
    else
        sf__tls_over(e, c, error);
}

/* Whether a client's first byte is a letter: no record of TLS begins so, every request does. False until it is there. */
static bool sf__plain_text(sf_tls_conn *t)
{
    uint8_t first;
    if (t->looked || sf_tls_is_backend(t->tls) || !sf__io_may_receive(t->conn))
        return false;
    t->looked = sf__io_peek(t->conn, &first).bytes == 1;
    return t->looked && first >= 'A' && first <= 'Z';
}

/* OpenSSL wants more than it got. Goes on at the next edge, or at the next turn when the kernel still has bytes. */
static void sf__tls_wait(sf_engine *e, sf_conn *c)
{
    if (c->tls->wants_input)
        c->flags &= ~SF__READABLE;
    else
        sf__conn_yield(e, c);
}

/* --- Handshake ------------------------------------------------------------------------------------------------------ */

bool sf__tls_handshake(sf_engine *e, sf_conn *c)
{
    sf_tls_conn *t = c->tls;
    if (e->handshakes_left == 0) {
        sf__conn_yield(e, c);
        return false;
    }
    if (t->out != NULL && !sf__tls_flush(e, c))
        return false;
    if (sf__plain_text(t)) {
        sf__tls_over(e, c, SF_ENGINE_ERROR_PLAIN_TEXT);
        return false;
    }
    if (sf_tls_is_backend(t->tls) && SSL_in_before(t->ssl))
        sf_tls_resume(t->tls, t->ssl, sf__server_of(t));
    e->handshakes_left--;
    ERR_clear_error();
    t->wants_input = false;
    int result = SSL_do_handshake(t->ssl);
    int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, result);
    if ((result != 1 && error != SSL_ERROR_WANT_READ) || !sf__tls_stage_flush(t)) {
        sf__handshake_fail(e, c);
        return false;
    }
    if (result != 1) {
        sf__tls_wait(e, c);
        return false;
    }
    c->flags = (c->flags & ~SF__HANDSHAKING) | SF__READABLE;
    if (!sf_tls_is_backend(t->tls))
        c->due |= SF__DUE_TLS_READY; /* a backend's owner hears `connected` */
    if (t->out != NULL)
        sf__conn_blocked(e, c);
    return true;
}

static uint8_t sf__text_put(uint8_t *to, const void *from, size_t bytes)
{
    if (from == NULL || bytes > UINT8_MAX)
        return 0;
    memcpy(to, from, bytes);
    return (uint8_t)bytes;
}

int32_t sf__tls_info(const sf_conn *c, uint8_t *to)
{
    const SSL *ssl = c->tls->ssl;
    const unsigned char *alpn = NULL;
    unsigned int alpn_bytes = 0;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const char *cipher_name = cipher == NULL ? NULL : SSL_CIPHER_standard_name(cipher);
    int version = SSL_version(ssl);
    uint8_t *text = to + SF_TLS_INFO_WORDS;
    to[SF_TLS_INFO_VERSION_MAJOR] = (uint8_t)(version >> 8);
    to[SF_TLS_INFO_VERSION_MINOR] = (uint8_t)version;
    to[SF_TLS_INFO_RESUMED] = SSL_session_reused(ssl) == 1;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
    text += to[SF_TLS_INFO_PROTOCOL_BYTES] = sf__text_put(text, alpn, alpn_bytes);
    text += to[SF_TLS_INFO_CIPHER_BYTES] = sf__text_put(text, cipher_name, cipher_name == NULL ? 0 : strlen(cipher_name));
    text += to[SF_TLS_INFO_NAME_BYTES] = sf__text_put(text, name, name == NULL ? 0 : strlen(name));
    memset(to + SF_TLS_INFO_CERTIFICATE, 0, SF_TLS_INFO_WORDS - SF_TLS_INFO_CERTIFICATE);
    int32_t certificate_bytes = sf_tls_client_facts(ssl, to, text);
    ERR_clear_error();
    return certificate_bytes < 0 ? -1 : (int32_t)(text - to) + certificate_bytes;
}

/* --- Bytes ---------------------------------------------------------------------------------------------------------- */

void sf__tls_receive(sf_engine *e, sf_conn *c, int32_t chunk)
{
    sf_tls_conn *t = c->tls;
    int32_t at = chunk + c->receive_offset;
    sf__errors_drop();
    t->wants_input = false;
    int got = SSL_read(t->ssl, e->config.memory + at, SF_CHUNK_BYTES - c->receive_offset);
    int error = got > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, got);
    bool sent = sf__tls_stage_flush(t); /* reading may answer: a new key, an alert */
    if (got > 0) {
        t->partial = 0;
        if (!sf__io_may_receive(c) && t->in == NULL && SSL_has_pending(t->ssl) == 0)
            c->flags &= ~SF__READABLE;
        else
            sf__ready_add(e, c);
        c->receive_offset = 0;
        sf__event(e, SF_EVENT_KIND_DATA, c->handle, at, got);
        if (!sent)
            sf__conn_fail(e, c, sf__tls_error(t));
        return;
    }
    sf__chunk_drop(e, chunk);
    if (error == SSL_ERROR_WANT_READ && sent && t->wants_input && (c->flags & SF__WRITE_FAILED)) {
        sf__conn_fail(e, c, c->write_error); /* all there was has been read, and no more comes */
    } else if (error == SSL_ERROR_WANT_READ && sent) {
        sf__tls_wait(e, c);
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        c->flags = (c->flags & ~(SF__READING | SF__READABLE)) | SF__ENDED;
        sf__event(e, SF_EVENT_KIND_EOF, c->handle, 0, 0);
        if (c->flags & SF__WRITE_FAILED)
            sf__conn_fail(e, c, c->write_error);
    } else {
        sf__tls_fail(e, c);
    }
}

/*
 * Hands over what the sends of one batch left in the stage. Pieces of a long body come as a send each: put off until
 * all are encrypted, they leave with one call of the kernel.
 */
void sf__tls_settle(sf_engine *e)
{
    sf_tls_stage *stage = e->tls_stage;
    sf_tls_conn *t = stage == NULL ? NULL : stage->owner;
    if (t == NULL)
        return;
    stage->owner = NULL;
    if (!sf__tls_stage_flush(t))
        sf__conn_fail(e, t->conn, t->error);
    else if (t->out != NULL)
        sf__conn_blocked(e, t->conn);
}

/* The next record's worth of bytes from `*index` and `*sent` on, in one piece: in the slab, or copied side by side. */
static size_t sf__gather(sf_engine *e, const sf_span *spans, int32_t count, int32_t *index, int32_t *sent,
                         const uint8_t **out)
{
    uint8_t *record = e->tls_stage->record;
    size_t bytes = 0;
    while (*index < count && bytes < SF__RECORD_BYTES) {
        const sf_span *span = &spans[*index];
        const uint8_t *from = e->config.memory + span->at + *sent;
        size_t left = (size_t)(span->bytes - *sent);
        size_t part = left < SF__RECORD_BYTES - bytes ? left : SF__RECORD_BYTES - bytes;
        bool whole = part == left;
        bool alone = bytes == 0 && (part == SF__RECORD_BYTES || *index == count - 1);
        if (!alone)
            memcpy(record + bytes, from, part);
        bytes += part;
        *sent = whole ? 0 : *sent + (int32_t)part;
        *index += whole;
        if (alone) {
            *out = from;
            return bytes;
        }
    }
    *out = record;
    return bytes;
}

sf_io_result sf__tls_write(sf_engine *e, sf_conn *c, const sf_span *spans, int32_t count)
{
    sf_tls_conn *t = c->tls;
    sf_tls_stage *stage = e->tls_stage;
    int32_t index = 0, sent = 0;
    int32_t taken = 0;
    bool written = true;
    if (stage->owner != t)
        sf__tls_settle(e);
    sf__errors_drop();
    /* A write that fails gives up the queue, and the spans may lie in it. */
    while (index < count && t->out == NULL && written && c->error == 0 && !(c->flags & SF__WRITE_FAILED)) {
        const uint8_t *from;
        size_t bytes = sf__gather(e, spans, count, &index, &sent, &from);
        written = SSL_write(t->ssl, from, (int)bytes) == (int)bytes;
        taken += (int32_t)bytes;
        if (stage->used > SF__STAGE_BYTES - SF__RECORD_ROOM)
            written = sf__tls_stage_flush(t) && written;
    }
    stage->owner = NULL;
    if (!written || (t->out != NULL && !sf__tls_stage_flush(t))) {
        (void)sf__tls_stage_flush(t); /* an alert, if there is one */
        ERR_clear_error();
        return (sf_io_result){ .bytes = SF__IO_FAILED, .error = t->error != 0 ? t->error : SF_ENGINE_ERROR_TLS };
    }
    if (t->out != NULL)
        sf__conn_blocked(e, c);
    else if (stage->used > 0)
        stage->owner = t;
    return (sf_io_result){ .bytes = taken > 0 ? taken : SF__IO_LATER };
}

bool sf__tls_flush(sf_engine *e, sf_conn *c)
{
    sf_tls_conn *t = c->tls;
    if (t->out == NULL)
        return true;
    ssize_t taken = sf__tls_hand_over(t, t->out + t->out_at, t->out_bytes);
    if (taken < 0) {
        sf__conn_fail(e, c, sf__tls_error(t));
        return false;
    }
    t->out_at += (uint32_t)taken;
    t->out_bytes -= (uint32_t)taken;
    e->config.control[SF_CONTROL_QUEUED_BYTES] -= (int32_t)taken;
    if (t->out_bytes > 0)
        return false;
    free(t->out);
    t->out = NULL;
    return true;
}

uint32_t sf__tls_partial(sf_conn *c)
{
    uint32_t bytes = c->tls->partial;
    c->tls->partial = 0;
    return bytes;
}

int32_t sf__tls_waiting(const sf_conn *c)
{
    return (int32_t)c->tls->out_bytes;
}

bool sf__tls_shut(sf_engine *e, sf_conn *c)
{
    sf_tls_conn *t = c->tls;
    sf__tls_settle(e);
    if (t->error != 0)
        return false;
    if (!t->close_sent) {
        t->close_sent = true;
        ERR_clear_error();
        if (SSL_shutdown(t->ssl) < 0 || !sf__tls_stage_flush(t)) {
            sf__tls_fail(e, c);
            return false;
        }
    }
    return t->out == NULL;
}
