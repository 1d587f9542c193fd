// SPDX-License-Identifier: EUPL-1.2
//
// OpenSSL keeps a queue of errors per thread, and TLS reads it: every failure here empties the queue, so that a
// bad signature is never taken for a broken connection.
#include "crypto/key.h"

#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/key_evp.h"

#include <stdlib.h>
#include <sys/stat.h>

// For P-256 the message is hashed by digest.h and a context set up once signs or verifies the hash: OpenSSL's joint
// call would look up its algorithms again for each message. Ed25519 has only the joint call.
struct key_public {
	unsigned holders;
	enum key_type type;
	EVP_PKEY *object;
	EVP_PKEY_CTX *verifier; // P-256
	EVP_MD_CTX *joint;      // Ed25519
	uint8_t spki[KEY_SPKI_MAX];
	size_t spki_size;
	uint8_t raw[KEY_ED25519_SIZE]; // Ed25519
};

struct key_private {
	EVP_PKEY *object;
	EVP_PKEY_CTX *signer; // P-256
	EVP_MD_CTX *joint;    // Ed25519
	struct key_public *public_key;
};

// Returns the code with OpenSSL's queue of errors emptied.
static result failed(result code)
{
	ERR_clear_error();
	return code;
}

// ERR_UNSUPPORTED if the object is no key of ours.
static result type_of(const EVP_PKEY *object, enum key_type *ret_type)
{
	if (EVP_PKEY_get_base_id(object) == EVP_PKEY_ED25519) {
		*ret_type = KEY_ED25519;
		return OK;
	}
	char group[32];
	size_t size;
	if (EVP_PKEY_get_base_id(object) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(object, group, sizeof group, &size) == 1 &&
	    (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0)) {
		*ret_type = KEY_P256;
		return OK;
	}
	return failed(ERR_UNSUPPORTED);
}

// ---- public keys ----

static result set_up_verifier(struct key_public *key)
{
	if (key->type == KEY_ED25519) {
		size_t size = sizeof key->raw;
		key->joint = EVP_MD_CTX_new();
		bool raw = EVP_PKEY_get_raw_public_key(key->object, key->raw, &size) == 1;
		return key->joint && raw && size == sizeof key->raw ? OK : ERR_CRYPTO;
	}
	key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, key->object, NULL);
	return key->verifier && EVP_PKEY_verify_init(key->verifier) == 1 ? OK : ERR_CRYPTO;
}

static result encode_spki(struct key_public *key)
{
	uint8_t *der = NULL;
	int size = i2d_PUBKEY(key->object, &der);
	if (size <= 0) {
		return ERR_CRYPTO;
	}
	// A compressed point is shorter, explicit curve parameters are longer: one spelling of a key only.
	bool usual = key->type == KEY_ED25519 ? (size_t)size <= sizeof key->spki : size == KEY_SPKI_MAX;
	if (usual) {
		memcpy(key->spki, der, (size_t)size);
		key->spki_size = (size_t)size;
	}
	OPENSSL_free(der);
	return usual ? OK : ERR_UNSUPPORTED;
}

result key_public_from_evp(EVP_PKEY *object, struct key_public **ret_key)
{
	enum key_type type;
	result code = type_of(object, &type);
	if (code != OK) {
		return code;
	}
	struct key_public *key = calloc(1, sizeof *key);
	if (!key) {
		return ERR_MEMORY;
	}
	key->holders = 1;
	key->type = type;
	EVP_PKEY_up_ref(object);
	key->object = object;
	code = encode_spki(key);
	if (code == OK) {
		code = set_up_verifier(key);
	}
	if (code != OK) {
		key_public_free(key);
		return failed(code);
	}
	*ret_key = key;
	return OK;
}

result key_public_from_spki(struct slice spki, struct key_public **ret_key)
{
	if (spki.size == 0 || spki.size > KEY_FILE_MAX) {
		return ERR_FORMAT;
	}
	const uint8_t *at = spki.data;
	EVP_PKEY *object = d2i_PUBKEY(NULL, &at, (long)spki.size);
	if (!object) {
		return failed(ERR_FORMAT);
	}
	struct key_public *key = NULL;
	result code = key_public_from_evp(object, &key);
	EVP_PKEY_free(object);
	// What is encoded again must be what came: nothing after it, no second spelling.
	if (code == OK && !slice_equal(key_public_spki(key), spki)) {
		code = ERR_FORMAT;
	}
	if (code != OK) {
		key_public_free(key);
		return failed(code);
	}
	*ret_key = key;
	return OK;
}

result key_public_from_ed25519(struct slice raw, struct key_public **ret_key)
{
	if (raw.size != KEY_ED25519_SIZE) {
		return ERR_FORMAT;
	}
	EVP_PKEY *object = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.data, raw.size);
	if (!object) {
		return failed(ERR_FORMAT);
	}
	result code = key_public_from_evp(object, ret_key);
	EVP_PKEY_free(object);
	return code;
}

struct key_public *key_public_hold(struct key_public *key)
{
	key->holders++;
	return key;
}

void key_public_free(struct key_public *key)
{
	if (!key || --key->holders > 0) {
		return;
	}
	EVP_PKEY_CTX_free(key->verifier);
	EVP_MD_CTX_free(key->joint);
	EVP_PKEY_free(key->object);
	free(key);
}

EVP_PKEY *key_public_evp(const struct key_public *key)
{
	return key->object;
}

enum key_type key_public_type(const struct key_public *key)
{
	return key->type;
}

struct slice key_public_spki(const struct key_public *key)
{
	return slice_of(key->spki, key->spki_size);
}

struct slice key_public_ed25519(const struct key_public *key)
{
	return slice_of(key->raw, key->type == KEY_ED25519 ? sizeof key->raw : 0);
}

bool key_public_equal(const struct key_public *a, const struct key_public *b)
{
	return slice_equal(key_public_spki(a), key_public_spki(b));
}

result key_verify(struct key_public *key, struct slice message, struct slice signature)
{
	int verdict;
	if (key->type == KEY_P256) {
		uint8_t hash[DIGEST_SIZE];
		digest_sha256(message, hash);
		verdict = EVP_PKEY_verify(key->verifier, signature.data, signature.size, hash, sizeof hash);
	} else {
		if (EVP_DigestVerifyInit(key->joint, NULL, NULL, NULL, key->object) != 1) {
			return failed(ERR_CRYPTO);
		}
		verdict = EVP_DigestVerify(key->joint, signature.data, signature.size, message.data, message.size);
	}
	// A malformed signature is reported as a failure (negative), a wrong one as 0: for the caller both are wrong.
	return verdict == 1 ? OK : failed(ERR_SIGNATURE_INVALID);
}

// ---- private keys ----

static result set_up_signer(struct key_private *key)
{
	if (key->public_key->type == KEY_ED25519) {
		key->joint = EVP_MD_CTX_new();
		return key->joint ? OK : ERR_MEMORY;
	}
	key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, key->object, NULL);
	return key->signer && EVP_PKEY_sign_init(key->signer) == 1 ? OK : ERR_CRYPTO;
}

// A private key around an object, which is taken over even on failure.
static result wrap(EVP_PKEY *object, struct key_private **ret_key)
{
	struct key_private *key = calloc(1, sizeof *key);
	if (!key) {
		EVP_PKEY_free(object);
		return ERR_MEMORY;
	}
	key->object = object;
	result code = key_public_from_evp(object, &key->public_key);
	if (code == OK) {
		code = set_up_signer(key);
	}
	if (code != OK) {
		key_private_free(key);
		return failed(code);
	}
	*ret_key = key;
	return OK;
}

result key_generate(enum key_type type, struct key_private **ret_key)
{
	EVP_PKEY *object =
	    type == KEY_P256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return object ? wrap(object, ret_key) : failed(ERR_CRYPTO);
}

// Stands in for OpenSSL's default, which would ask for a password on the terminal.
static int no_password(char *text, int size, int writing, void *context) // NOLINT(readability-non-const-parameter)
{
	(void)text, (void)size, (void)writing, (void)context;
	return -1;
}

// Group-readable is allowed: a key that root owns and the notary's group reads. Anything wider is a mistake.
static result check_mode(const char *path, struct fault *fault)
{
	struct stat status;
	if (stat(path, &status) != 0) {
		return OK; // reading it says why
	}
	if (status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) {
		return fault_set(fault, ERR_PERMISSION, "the key file %s is open to others (mode %04o, at most 0640)",
				 path, status.st_mode & 07777);
	}
	return OK;
}

result key_load(const char *path, struct key_private **ret_key, struct fault *fault)
{
	struct buffer pem;
	buffer_init(&pem, KEY_FILE_MAX);
	BIO *reader = NULL;
	EVP_PKEY *object = NULL;
	result code = check_mode(path, fault);
	if (code == OK) {
		code = file_read(path, &pem, fault);
	}
	if (code != OK) {
		goto out;
	}
	reader = BIO_new_mem_buf(pem.data, (int)pem.size);
	object = reader ? PEM_read_bio_PrivateKey(reader, NULL, no_password, NULL) : NULL;
	if (!object) {
		code = fault_set(fault, failed(ERR_FORMAT), "%s holds no unencrypted private key in PEM form", path);
		goto out;
	}
	code = wrap(object, ret_key);
	if (code != OK) {
		code = fault_set(fault, code, "the key in %s is neither P-256 nor Ed25519, or cannot be used", path);
	}
out:
	BIO_free(reader);
	if (pem.data) {
		digest_wipe(pem.data, pem.capacity);
	}
	buffer_release(&pem);
	return code;
}

result key_save(const struct key_private *key, const char *path, struct fault *fault)
{
	// Secure memory: wiped when freed.
	BIO *writer = BIO_new(BIO_s_secmem());
	if (!writer || PEM_write_bio_PKCS8PrivateKey(writer, key->object, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(writer);
		return fault_set(fault, failed(ERR_CRYPTO), "the key for %s cannot be encoded", path);
	}
	char *pem;
	long size = BIO_get_mem_data(writer, &pem);
	result code = file_replace(path, slice_of(pem, (size_t)size), 0600, fault);
	BIO_free(writer);
	return code;
}

void key_private_free(struct key_private *key)
{
	if (!key) {
		return;
	}
	EVP_PKEY_CTX_free(key->signer);
	EVP_MD_CTX_free(key->joint);
	EVP_PKEY_free(key->object);
	key_public_free(key->public_key);
	free(key);
}

EVP_PKEY *key_private_evp(const struct key_private *key)
{
	return key->object;
}

struct key_public *key_public_of(struct key_private *key)
{
	return key->public_key;
}

result key_sign(struct key_private *key, struct slice message, uint8_t signature[KEY_SIGNATURE_MAX], size_t *ret_size)
{
	size_t size = KEY_SIGNATURE_MAX;
	int done;
	if (key->public_key->type == KEY_P256) {
		uint8_t hash[DIGEST_SIZE];
		digest_sha256(message, hash);
		done = EVP_PKEY_sign(key->signer, signature, &size, hash, sizeof hash);
	} else {
		done = EVP_DigestSignInit(key->joint, NULL, NULL, NULL, key->object);
		done = done == 1 ? EVP_DigestSign(key->joint, signature, &size, message.data, message.size) : done;
	}
	if (done != 1) {
		return failed(ERR_CRYPTO);
	}
	*ret_size = size;
	return OK;
}
