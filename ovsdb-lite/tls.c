/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/tls.h"

#include <string.h>

#include "ovsdb-lite/openssl.h"

enum { MAX_DEPTH = 6, SECURITY_LEVEL = 2 };

static int load(SSL_CTX *context, const struct ovsdb_tls_files *files, struct err *err);
static int show_ca(SSL_CTX *context, const char *path, struct err *err);
static int set_protocols(SSL_CTX *context, const char *text, struct err *err);
static int fail(struct err *err, const char *what, const char *file);
static bool is_given(const char *text);

struct ssl_ctx_st *ovsdb_tls_context_create(const struct ovsdb_tls_files *files, struct err *err)
{
	if (!is_given(files->private_key) || !is_given(files->certificate) ||
	    !is_given(files->ca_cert)) {
		err_set(err, ERR_PARAMS, "TLS needs a private key, a certificate and a CA");
		err_hint(err, "--private-key, --certificate and --ca-cert");
		return NULL;
	}
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	if (context == NULL) {
		fail(err, "OpenSSL gives no context for", files->certificate);
		return NULL;
	}
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(context, MAX_DEPTH);
	if (set_protocols(context, files->protocols, err) != 0 || load(context, files, err) != 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

void ovsdb_tls_context_destroy(struct ssl_ctx_st *context)
{
	SSL_CTX_free(context);
}

struct ssl_st *ovsdb_tls_start(struct ssl_ctx_st *context, int fd, bool is_server)
{
	SSL *tls = SSL_new(context);
	if (tls == NULL || SSL_set_fd(tls, fd) != 1) {
		SSL_free(tls);
		return NULL;
	}
	if (is_server)
		SSL_set_accept_state(tls);
	else
		SSL_set_connect_state(tls);
	return tls;
}

static int load(SSL_CTX *context, const struct ovsdb_tls_files *files, struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return fail(err, "no certificate in", files->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, files->private_key, SSL_FILETYPE_PEM) != 1)
		return fail(err, "no private key of the certificate in", files->private_key);
	if (SSL_CTX_load_verify_locations(context, files->ca_cert, NULL) != 1)
		return fail(err, "no CA certificate in", files->ca_cert);
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->ca_cert);
	if (names == NULL)
		return fail(err, "no CA certificate in", files->ca_cert);
	SSL_CTX_set_client_CA_list(context, names); // takes them
	if (is_given(files->ciphers) && SSL_CTX_set_cipher_list(context, files->ciphers) != 1)
		return fail(err, "no cipher in", files->ciphers);
	return is_given(files->peer_ca_cert) ? show_ca(context, files->peer_ca_cert, err) : 0;
}

static int show_ca(SSL_CTX *context, const char *path, struct err *err)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *cert = file != NULL ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	BIO_free(file);
	if (cert == NULL)
		return fail(err, "no CA certificate in", path);
	if (SSL_CTX_add_extra_chain_cert(context, cert) == 1)
		return 0; // it has been taken
	X509_free(cert);
	return fail(err, "cannot show", path);
}

/* A list of names with commas or spaces between them. */
static int set_protocols(SSL_CTX *context, const char *text, struct err *err)
{
	static const struct {
		const char *name;
		int version;
	} known[] = {{"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
	int lowest = 0, highest = 0;
	for (const char *p = is_given(text) ? text : "TLSv1.2,TLSv1.3"; *p != '\0';) {
		size_t len = strcspn(p, ", ");
		for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
			if (strlen(known[i].name) != len || strncmp(p, known[i].name, len) != 0)
				continue;
			lowest = lowest == 0 ? known[i].version : MIN_OF(lowest, known[i].version);
			highest = MAX_OF(highest, known[i].version);
		}
		p += len + strspn(p + len, ", ");
	}
	if (lowest == 0) {
		err_set(err, ERR_PARAMS, "TLS: no protocol that is served in \"%.64s\"", text);
		return err_hint(err, "TLSv1.2, TLSv1.3");
	}
	SSL_CTX_set_min_proto_version(context, lowest);
	SSL_CTX_set_max_proto_version(context, highest);
	return 0;
}

static int fail(struct err *err, const char *what, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	err_set(err, ERR_PARAMS, "TLS: %s %s: %s", what, file, reason != NULL ? reason : "?");
	return err_hint(err, "PEM files are wanted, readable by the server");
}

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}
