// SPDX-License-Identifier: EUPL-1.2
//
// The development PKI of `besa central init`: a root, an issuing CA below it, and one key pair and certificate per use,
// written as files. Profiles and reasons: certs/README.md.
#ifndef BESA_CLI_PKI_H
#define BESA_CLI_PKI_H

#include "base/arena.h"
#include "crypto/certificate.h"

enum {
	PKI_PATH_MAX = 4096,
	PKI_ISSUED_MAX = 100000, // certificates of one run
};

// A certificate that was issued, for the public record in the central ledger and for the table.
struct pki_issued {
	enum certificate_profile profile;
	struct certificate *certificate; // owned
	const char *subject;             // what it speaks for: "besa/XK/GOV/ARC/gw1", a subsystem, a CA's name
	const char *path;                // of the PEM file, below the output directory
};

struct pki {
	const char *directory; // borrowed
	struct arena arena;
	int64_t not_before_us;
	struct key_private *root_key, *issuing_key;
	struct certificate *root, *issuing; // owned by `issued`
	struct pki_issued *issued;
	size_t issued_count, issued_capacity;
};

// An empty PKI that writes below `directory`; its certificates are valid from `not_before_us`. Release in any case.
void pki_init(struct pki *pki, const char *directory, int64_t not_before_us);
void pki_release(struct pki *pki);

// Makes root and issuing CA: offline/root.{key,pem}, central/issuing.{key,pem}.
result pki_make_authorities(struct pki *pki, const char *instance, const char *organisation, int64_t root_us,
			    int64_t issuing_us, struct fault *fault);

// Makes a key pair and a certificate of the issuing CA as <folder>/<name>.key (0600) and <folder>/<name>.pem
// (certificate, then issuing CA). The order's key, times and, for the folder, its directory are set here. The
// certificate stays owned by the PKI.
result pki_issue(struct pki *pki, const char *folder, const char *name, struct certificate_order *order,
		 const char *subject, int64_t validity_us, const struct certificate **ret_certificate,
		 struct fault *fault);

// Makes an Ed25519 key pair as <folder>/ed25519.key and gives its public half.
result pki_make_ed25519(struct pki *pki, const char *folder, uint8_t public_key[KEY_ED25519_SIZE], struct fault *fault);

// Writes a file below the directory, its folder made if need be.
result pki_write(struct pki *pki, const char *path, struct slice content, unsigned mode, struct fault *fault);

// "<directory>/<path>" in the arena; NULL if out of memory.
const char *pki_path(struct pki *pki, const char *path);

// A printf into the arena; NULL if out of memory or longer than PKI_PATH_MAX.
const char *pki_format(struct pki *pki, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
