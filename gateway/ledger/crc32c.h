// SPDX-License-Identifier: EUPL-1.2
//
// CRC-32C (Castagnoli; RFC 3720 appendix B.4): finds what a disk did to the journal. It stops no attacker: that is what
// the tree and its signed head are for.
#ifndef BESA_LEDGER_CRC32C_H
#define BESA_LEDGER_CRC32C_H

#include "base/slice.h"

// The CRC of bytes that follow others whose CRC is `crc` (0: of the bytes alone).
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif
