// SPDX-License-Identifier: EUPL-1.2
//
// Names as people type them: "Skender" means Skënder, "petrovic" Petrović. Folding takes both sides of a comparison to
// plain lower-case letters; the register holds a folded column, the parameter is folded with `fold: true`.
#ifndef BESA_ADAPTERS_SQL_SQL_FOLD_H
#define BESA_ADAPTERS_SQL_SQL_FOLD_H

#include "base/arena.h"

// A copy of well-formed UTF-8 text: A-Z in lower case, Latin letters with marks (U+00C0 to U+017F) without them and in
// lower case (ë e, ç c, ş s, đ d, ß ss), everything else as it is. Never longer than the text. NULL data when the arena
// is exhausted.
struct slice sql_fold(struct slice text, struct arena *arena);

#endif
