// SPDX-License-Identifier: EUPL-1.2
//
// OpenSSL's headers for .c files. OpenSSL has a type named ERR_STATE, which is a result code of ours
// (base/result.h): it gets another name while its headers are read. Include this instead of <openssl/…>.
#ifndef BESA_CRYPTO_OPENSSL_H
#define BESA_CRYPTO_OPENSSL_H

#include "base/result.h"

#define ERR_STATE openssl_error_state
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
