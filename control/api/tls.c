/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/tls.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "control/api/openssl.h"

#define LOG_MODULE "tls"
#include "datapath/base/log.h"

enum { MAX_DEPTH = 4, SECURITY_LEVEL = 2 };

static int load(SSL_CTX *context, const struct tls_files *files, struct err *err);
static int fail(struct err *err, const char *what, const char *file);
static void warn_of_open_key(const char *path);
static bool add_name(const GENERAL_NAME *name, char ret[ROLE_NAME_SIZE]);

struct ssl_ctx_st *tls_context_create(const struct tls_files *files, struct err *err)
{
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (context == NULL) {
		fail(err, "OpenSSL gives no context for", files->cert);
		return NULL;
	}
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(context, MAX_DEPTH);
	if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
	    load(context, files, err) != 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

void tls_context_destroy(struct ssl_ctx_st *context)
{
	SSL_CTX_free(context);
}

size_t tls_peer_names(const struct ssl_st *tls, char names[TLS_MAX_NAMES][ROLE_NAME_SIZE])
{
	X509 *cert = SSL_get0_peer_certificate(tls);
	if (cert == NULL)
		return 0;
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t n = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(all) && n < TLS_MAX_NAMES; i++)
		n += add_name(sk_GENERAL_NAME_value(all, i), names[n]);
	GENERAL_NAMES_free(all);
	return n;
}

int64_t tls_peer_expiry_s(const struct ssl_st *tls)
{
	struct tm tm;
	X509 *cert = SSL_get0_peer_certificate(tls);
	if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return 0;
	return timegm(&tm);
}

const char *tls_reason(const struct ssl_st *tls)
{
	unsigned long code = ERR_peek_error();
	long verify = SSL_get_verify_result(tls);
	if (verify != X509_V_OK)
		return X509_verify_cert_error_string(verify);
	const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
	return text != NULL ? text : "the connection was closed";
}

static int load(SSL_CTX *context, const struct tls_files *files, struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
		return fail(err, "no certificate in", files->cert);
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
		return fail(err, "no private key of the certificate in", files->key);
	if (SSL_CTX_load_verify_locations(context, files->ca, NULL) != 1)
		return fail(err, "no CA certificate in", files->ca);
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->ca);
	if (names == NULL)
		return fail(err, "no CA certificate in", files->ca);
	SSL_CTX_set_client_CA_list(context, names); // takes them
	warn_of_open_key(files->key);
	return 0;
}

static int fail(struct err *err, const char *what, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	err_set(err, ERR_PARAMS, "TLS: %s %s: %s", what, file, reason != NULL ? reason : "?");
	return err_hint(err, "PEM files are wanted, readable by sluiced");
}

static void warn_of_open_key(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		log_warn("the private key %s is open to everybody: chmod o= it", path);
}

/* A name with a NUL in it would compare equal to its beginning. */
static bool add_name(const GENERAL_NAME *name, char ret[ROLE_NAME_SIZE])
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	const char *kind = type == GEN_DNS ? "DNS" : type == GEN_URI ? "URI" : "email";
	if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL)
		return false;
	const char *text = (const char *)ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	if (len == 0 || memchr(text, '\0', len) != NULL)
		return false;
	int n = snprintf(ret, ROLE_NAME_SIZE, "%s:%.*s", kind, (int)len, text);
	return n < ROLE_NAME_SIZE;
}
