// SPDX-License-Identifier: EUPL-1.2
//
// The table of sentences. Words of a failure that only the engine knows stay English and follow in
// brackets: they are for the technician, the sentence is for the reader.
#include "cli/messages.h"

#include <stdlib.h>
#include <string.h>

struct sentence {
	const char *check; // whole name, or ".inclusion" for that check of every side
	enum evidence_mark mark;
	const char *why; // of EVIDENCE_ABSENT; NULL: any
	const char *text[LANGUAGE_COUNT];
};

// clang-format off
static const struct sentence sentences[] = {
	{ "file", EVIDENCE_OK, NULL, {
		"The file is whole ({size} bytes)",
		"Skedari është i plotë ({size} bajt)",
		"Datoteka je cela ({size} bajtova)" } },
	{ "file", EVIDENCE_FAILED, NULL, {
		"The file is not evidence in its one legal form",
		"Skedari nuk është dëshmi në formën e vetme të lejuar",
		"Datoteka nije dokaz u jedinom dozvoljenom obliku" } },
	{ "certificates", EVIDENCE_OK, NULL, {
		"All {count} certificates in the file lead to the trust root",
		"Të gjitha {count} certifikatat në skedar çojnë te rrënja e besimit",
		"Svih {count} sertifikata u datoteci vode do korena poverenja" } },
	{ "certificates", EVIDENCE_FAILED, NULL, {
		"The certificates in the file do not lead to the trust root",
		"Certifikatat në skedar nuk çojnë te rrënja e besimit",
		"Sertifikati u datoteci ne vode do korena poverenja" } },

	{ "request.statement", EVIDENCE_OK, NULL, {
		"{client} asked {provider} for {service}/{method} at {time}[, purpose: {purpose}][, legal basis: {legal_basis}] (exchange {exchange})",
		"{client} i kërkoi {provider} {service}/{method} më {time}[, qëllimi: {purpose}][, baza ligjore: {legal_basis}] (shkëmbimi {exchange})",
		"{client} je od {provider} tražio {service}/{method} u {time}[, svrha: {purpose}][, pravni osnov: {legal_basis}] (razmena {exchange})" } },
	{ "response.statement", EVIDENCE_OK, NULL, {
		"{provider} gave its outcome at {time}: {outcome}, {status}[, reason {reason}][, by grant {grant}][, {withheld} fields withheld]",
		"{provider} dha përfundimin më {time}: {outcome}, {status}[, arsyeja {reason}][, sipas lejes {grant}][, {withheld} fusha të mbajtura]",
		"{provider} je dao ishod u {time}: {outcome}, {status}[, razlog {reason}][, po dozvoli {grant}][, uskraćenih polja: {withheld}]" } },
	{ "unanswered.statement", EVIDENCE_OK, NULL, {
		"{client} noted at {time} that no valid answer had come: {status}[, reason {reason}]",
		"{client} shënoi më {time} se nuk kishte ardhur përgjigje e vlefshme: {status}[, arsyeja {reason}]",
		"{client} je u {time} zabeležio da nije stigao važeći odgovor: {status}[, razlog {reason}]" } },
	{ "edition.statement", EVIDENCE_OK, NULL, {
		"Directory edition {version} of {instance}, issued {issued}, valid until {valid_until}",
		"Botimi {version} i direktorisë së {instance}, lëshuar më {issued}, i vlefshëm deri më {valid_until}",
		"Izdanje {version} imenika {instance}, izdato {issued}, važi do {valid_until}" } },
	{ ".statement", EVIDENCE_FAILED, NULL, {
		"The statement breaks the strict format",
		"Deklarata e shkel formatin e rreptë",
		"Izjava krši strogi format" } },

	{ ".inclusion", EVIDENCE_OK, NULL, {
		"The statement is leaf {index} of a tree of {size} in the ledger {origin}",
		"Deklarata është fleta {index} e një peme me {size} fletë në librin {origin}",
		"Izjava je list {index} stabla od {size} listova u knjizi {origin}" } },
	{ ".inclusion", EVIDENCE_FAILED, NULL, {
		"The seal does not place the statement in the ledger",
		"Vula nuk e vendos deklaratën në libër",
		"Pečat ne smešta izjavu u knjigu" } },
	{ ".signature", EVIDENCE_OK, NULL, {
		"The head of the ledger is signed with the seal certificate {subject} (SHA-256 {fingerprint})",
		"Kreu i librit është nënshkruar me certifikatën e vulës {subject} (SHA-256 {fingerprint})",
		"Stanje knjige je potpisano sertifikatom pečata {subject} (SHA-256 {fingerprint})" } },
	{ ".signature", EVIDENCE_FAILED, NULL, {
		"The signature under the head of the ledger is not the ledger's",
		"Nënshkrimi nën kreun e librit nuk është i librit",
		"Potpis ispod stanja knjige nije potpis te knjige" } },
	{ ".certificate", EVIDENCE_OK, NULL, {
		"The seal certificate leads to the root {root}, was valid then and names this ledger ({uri})",
		"Certifikata e vulës çon te rrënja {root}, ishte e vlefshme atëherë dhe emërton këtë libër ({uri})",
		"Sertifikat pečata vodi do korena {root}, važio je tada i imenuje ovu knjigu ({uri})" } },
	{ ".certificate", EVIDENCE_FAILED, NULL, {
		"The seal certificate is not to be trusted for this",
		"Certifikatës së vulës nuk mund t'i besohet për këtë",
		"Sertifikatu pečata se za ovo ne može verovati" } },
	{ ".member", EVIDENCE_OK, NULL, {
		"Statement, ledger and certificate speak for the same member, {member}",
		"Deklarata, libri dhe certifikata flasin për të njëjtin anëtar, {member}",
		"Izjava, knjiga i sertifikat govore u ime istog člana, {member}" } },
	{ ".member", EVIDENCE_FAILED, NULL, {
		"A member speaks for another",
		"Një anëtar flet në emër të një tjetri",
		"Jedan član govori u ime drugog" } },
	{ ".directory", EVIDENCE_OK, NULL, {
		"The directory lists the ledger {origin} with this certificate[ and the subsystem {subsystem}]",
		"Direktoria e përmban librin {origin} me këtë certifikatë[ dhe nënsistemin {subsystem}]",
		"Imenik sadrži knjigu {origin} sa ovim sertifikatom[ i podsistem {subsystem}]" } },
	{ ".directory", EVIDENCE_FAILED, NULL, {
		"The directory does not confirm this ledger",
		"Direktoria nuk e konfirmon këtë libër",
		"Imenik ne potvrđuje ovu knjigu" } },
	{ ".directory", EVIDENCE_ABSENT, "no_directory", {
		"Not compared with the directory: none was given (--directory)",
		"Nuk u krahasua me direktorinë: nuk u dha asnjë (--directory)",
		"Nije upoređeno sa imenikom: nije dat (--directory)" } },

	{ ".private", EVIDENCE_OK, NULL, {
		"The private part is genuine[; user: {user}][; on behalf of: {represented_party}][; case: {issue}]",
		"Pjesa private është e vërtetë[; përdoruesi: {user}][; në emër të: {represented_party}][; lënda: {issue}]",
		"Privatni deo je istinit[; korisnik: {user}][; u ime: {represented_party}][; predmet: {issue}]" } },
	{ ".private", EVIDENCE_FAILED, NULL, {
		"The private part is not the one that was sealed",
		"Pjesa private nuk është ajo që u vulos",
		"Privatni deo nije onaj koji je zapečaćen" } },
	{ ".private", EVIDENCE_ABSENT, "none", {
		"There never was a private part",
		"Nuk ka pasur kurrë pjesë private",
		"Privatnog dela nikada nije bilo" } },
	{ ".private", EVIDENCE_ABSENT, "erased", {
		"The private part is erased or not kept; the proof stands",
		"Pjesa private është fshirë ose nuk është ruajtur; prova mbetet",
		"Privatni deo je obrisan ili nije sačuvan; dokaz ostaje" } },
	{ ".payload", EVIDENCE_OK, NULL, {
		"The message ({size} bytes) is the one that was sealed",
		"Mesazhi ({size} bajt) është ai që u vulos",
		"Poruka ({size} bajtova) je ona koja je zapečaćena" } },
	{ ".payload", EVIDENCE_FAILED, NULL, {
		"The message is not the one that was sealed",
		"Mesazhi nuk është ai që u vulos",
		"Poruka nije ona koja je zapečaćena" } },
	{ ".payload", EVIDENCE_ABSENT, "none", {
		"There is no message",
		"Nuk ka mesazh",
		"Nema poruke" } },
	{ ".payload", EVIDENCE_ABSENT, "erased", {
		"The message ({size} bytes) is erased or not kept; the proof stands",
		"Mesazhi ({size} bajt) është fshirë ose nuk është ruajtur; prova mbetet",
		"Poruka ({size} bajtova) je obrisana ili nije sačuvana; dokaz ostaje" } },
	{ ".metadata", EVIDENCE_OK, NULL, {
		"The metadata are those that were sealed",
		"Metadatat janë ato që u vulosën",
		"Metapodaci su oni koji su zapečaćeni" } },
	{ ".metadata", EVIDENCE_FAILED, NULL, {
		"The metadata are not those that were sealed",
		"Metadatat nuk janë ato që u vulosën",
		"Metapodaci nisu oni koji su zapečaćeni" } },
	{ ".metadata", EVIDENCE_ABSENT, "none", {
		"There are no metadata",
		"Nuk ka metadata",
		"Nema metapodataka" } },
	{ ".metadata", EVIDENCE_ABSENT, "erased", {
		"The metadata are erased or not kept; the proof stands",
		"Metadatat janë fshirë ose nuk janë ruajtur; prova mbetet",
		"Metapodaci su obrisani ili nisu sačuvani; dokaz ostaje" } },

	{ "exchange.match", EVIDENCE_OK, NULL, {
		"The answer belongs to this request",
		"Përgjigjja i përket kësaj kërkese",
		"Odgovor pripada ovom zahtevu" } },
	{ "exchange.match", EVIDENCE_FAILED, NULL, {
		"The answer belongs to another request",
		"Përgjigjja i përket një kërkese tjetër",
		"Odgovor pripada drugom zahtevu" } },
	{ "exchange.addressee", EVIDENCE_OK, NULL, {
		"It comes from the subsystem and the ledger that were asked",
		"Ajo vjen nga nënsistemi dhe libri të cilëve u është kërkuar",
		"Dolazi od podsistema i iz knjige kojima je zahtev upućen" } },
	{ "exchange.addressee", EVIDENCE_FAILED, NULL, {
		"It does not come from whom was asked",
		"Ajo nuk vjen nga ai të cilit i është kërkuar",
		"Ne dolazi od onoga kome je zahtev upućen" } },
	{ "exchange.unanswered", EVIDENCE_OK, NULL, {
		"The note that no answer came belongs to this request and its client",
		"Shënimi se nuk erdhi përgjigje i përket kësaj kërkese dhe klientit të saj",
		"Beleška da odgovor nije stigao pripada ovom zahtevu i njegovom klijentu" } },
	{ "exchange.unanswered", EVIDENCE_FAILED, NULL, {
		"The note that no answer came does not belong to this request",
		"Shënimi se nuk erdhi përgjigje nuk i përket kësaj kërkese",
		"Beleška da odgovor nije stigao ne pripada ovom zahtevu" } },
	{ "exchange.", EVIDENCE_ABSENT, "no_answer", {
		"There is no answer in the file to compare",
		"Në skedar nuk ka përgjigje për krahasim",
		"U datoteci nema odgovora za poređenje" } },
	{ "exchange.time", EVIDENCE_OK, NULL, {
		"The times are in order: issued {issued}, sealed {asked}[, answered {answered}], deadline {deadline}",
		"Kohët janë në rregull: lëshuar {issued}, vulosur {asked}[, përgjigjur {answered}], afati {deadline}",
		"Vremena su u redu: izdato {issued}, zapečaćeno {asked}[, odgovoreno {answered}], rok {deadline}" } },
	{ "exchange.time", EVIDENCE_FAILED, NULL, {
		"The times are not in order",
		"Kohët nuk janë në rregull",
		"Vremena nisu u redu" } },

	{ "edition.reference", EVIDENCE_OK, NULL, {
		"The request went by this edition of the directory ({version})",
		"Kërkesa u mbështet në këtë botim të direktorisë ({version})",
		"Zahtev se oslanjao na ovo izdanje imenika ({version})" } },
	{ "edition.reference", EVIDENCE_FAILED, NULL, {
		"The request went by another edition of the directory",
		"Kërkesa u mbështet në një botim tjetër të direktorisë",
		"Zahtev se oslanjao na drugo izdanje imenika" } },
	{ "edition.reference", EVIDENCE_ABSENT, "no_edition", {
		"The file does not carry the directory edition that the request went by",
		"Skedari nuk e përmban botimin e direktorisë në të cilin u mbështet kërkesa",
		"Datoteka ne sadrži izdanje imenika na koje se zahtev oslanjao" } },
	{ "received", EVIDENCE_ABSENT, "unsealed", {
		"{member} noted taking the answer as leaf {index}, at {time}; this file carries no seal for it",
		"{member} e shënoi marrjen e përgjigjes si fletën {index}, më {time}; ky skedar nuk mban vulë për të",
		"{member} je zabeležio prijem odgovora kao list {index}, u {time}; ova datoteka nema pečat za to" } },
	{ "received", EVIDENCE_ABSENT, "none", {
		"The file does not say when the answer was taken",
		"Skedari nuk thotë kur u mor përgjigjja",
		"Datoteka ne kaže kada je odgovor primljen" } },
	{ "received", EVIDENCE_FAILED, NULL, {
		"The note about taking the answer does not fit",
		"Shënimi për marrjen e përgjigjes nuk përputhet",
		"Beleška o prijemu odgovora se ne podudara" } },
	{ "", EVIDENCE_ABSENT, "blocked", {
		"Not checked, because what it builds on does not hold",
		"Nuk u kontrollua, sepse ajo ku mbështetet nuk qëndron",
		"Nije provereno, jer ono na šta se oslanja ne stoji" } },
};

static const char *const marks[][LANGUAGE_COUNT] = {
	[EVIDENCE_OK] = { "ok", "në rregull", "u redu" },
	[EVIDENCE_FAILED] = { "FAILED", "DËSHTOI", "NE STOJI" },
	[EVIDENCE_ABSENT] = { "absent", "mungon", "nema" },
};

static const char *const verdict_answered[LANGUAGE_COUNT] = {
	"Proven: the request and its answer stand in the ledgers of both members.",
	"E provuar: kërkesa dhe përgjigjja qëndrojnë në librat e të dy anëtarëve.",
	"Dokazano: zahtev i odgovor stoje u knjigama oba člana.",
};
static const char *const verdict_unanswered[LANGUAGE_COUNT] = {
	"Proven: the request stands in the client's ledger, and the client's note that no answer came. The provider's word is "
	"not in this file.",
	"E provuar: kërkesa qëndron në librin e klientit, bashkë me shënimin e tij se nuk erdhi përgjigje. Fjala e ofruesit nuk "
	"është në këtë skedar.",
	"Dokazano: zahtev stoji u knjizi klijenta, kao i njegova beleška da odgovor nije stigao. Reč pružaoca nije u ovoj "
	"datoteci.",
};
static const char *const verdict_request[LANGUAGE_COUNT] = {
	"Proven: the request stands in the client's ledger. The file holds no outcome.",
	"E provuar: kërkesa qëndron në librin e klientit. Skedari nuk përmban përfundim.",
	"Dokazano: zahtev stoji u knjizi klijenta. Datoteka ne sadrži ishod.",
};
static const char *const verdict_failed[LANGUAGE_COUNT] = {
	"NOT proven: this check failed first: ",
	"NUK është provuar: ky kontroll dështoi i pari: ",
	"NIJE dokazano: ova provera je prva pala: ",
};
// clang-format on

// Facts whose values are words of ours: said in the reader's language. Names of gRPC statuses and reason codes stay.
static const struct {
	const char *value;
	const char *text[LANGUAGE_COUNT];
} outcomes[] = {
	{ "answered", { "answered", "u përgjigj", "odgovoreno" } },
	{ "refused", { "refused", "u refuzua", "odbijeno" } },
	{ "failed", { "failed", "dështoi", "nije uspelo" } },
	{ "interrupted", { "interrupted", "u ndërpre", "prekinuto" } },
};

bool messages_language(const char *text, enum language *ret_language)
{
	static const char codes[LANGUAGE_COUNT][3] = { "en", "sq", "sr" };
	for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
		if (strncmp(text, codes[i], 2) == 0 && (text[2] == '\0' || strchr("_.@-", text[2]))) {
			*ret_language = (enum language)i;
			return true;
		}
	}
	return false;
}

enum language messages_environment_language(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	enum language language = LANGUAGE_EN;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		if (value && *value) {
			return messages_language(value, &language) ? language : LANGUAGE_EN;
		}
	}
	return LANGUAGE_EN;
}

static const char *translate(enum language language, const struct evidence_fact *fact)
{
	for (size_t i = 0; strcmp(fact->key, "outcome") == 0 && i < sizeof outcomes / sizeof outcomes[0]; i++) {
		if (strcmp(fact->value, outcomes[i].value) == 0) {
			return outcomes[i].text[language];
		}
	}
	return fact->value;
}

// The value for the place "{key}" at `open`; *ret_end is set behind the brace.
static const char *value_at(const char *open, enum language language, const struct evidence_check *check,
			    const char **ret_end)
{
	const char *close = strchr(open, '}');
	assert_always(close != NULL); // templates are constants of this file
	*ret_end = close + 1;
	size_t size = (size_t)(close - open - 1);
	for (size_t i = 0; i < check->fact_count; i++) {
		if (strlen(check->facts[i].key) == size && memcmp(check->facts[i].key, open + 1, size) == 0) {
			return translate(language, &check->facts[i]);
		}
	}
	return NULL;
}

// Whether every place of the bracketed part that begins at `open` has its fact.
static bool part_is_complete(const char *open, enum language language, const struct evidence_check *check)
{
	for (const char *c = open; *c && *c != ']';) {
		if (*c != '{') {
			c++;
		} else if (!value_at(c, language, check, &c)) {
			return false;
		}
	}
	return true;
}

void messages_fill(struct buffer *text, enum language language, const char *template,
		   const struct evidence_check *check)
{
	for (const char *c = template; *c;) {
		if (*c == '{') {
			const char *value = value_at(c, language, check, &c);
			buffer_append_text(text, value ? value : "-");
		} else if (*c == '[' && !part_is_complete(c, language, check)) {
			c = strchr(c, ']') + 1;
		} else {
			if (*c != '[' && *c != ']') {
				buffer_append_byte(text, (uint8_t)*c);
			}
			c++;
		}
	}
}

static bool names_check(const char *pattern, const char *name)
{
	size_t size = strlen(pattern);
	if (pattern[0] == '.') {
		const char *dot = strchr(name, '.');
		return dot && strcmp(dot, pattern) == 0;
	}
	bool is_prefix = size == 0 || pattern[size - 1] == '.';
	return is_prefix ? strncmp(name, pattern, size) == 0 : strcmp(name, pattern) == 0;
}

void messages_check(struct buffer *text, enum language language, const struct evidence_check *check)
{
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
		const struct sentence *sentence = &sentences[i];
		if (sentence->mark == check->mark && names_check(sentence->check, check->name) &&
		    (!sentence->why || (check->why && strcmp(sentence->why, check->why) == 0))) {
			messages_fill(text, language, sentence->text[language], check);
			if (check->text) {
				buffer_append_format(text, " (%s)", check->text);
			}
			buffer_append_byte(text, '.');
			return;
		}
	}
	buffer_append_text(text, check->text ? check->text : check->name);
	buffer_append_byte(text, '.');
}

const char *messages_mark(enum language language, enum evidence_mark mark)
{
	return marks[mark][language];
}

void messages_verdict(struct buffer *text, enum language language, const struct evidence_report *report)
{
	if (!report->proven) {
		buffer_append_text(text, verdict_failed[language]);
		buffer_append_text(text, report->failed ? report->failed : "request.certificate");
		buffer_append_byte(text, '.');
	} else if (report->has_response) {
		buffer_append_text(text, verdict_answered[language]);
	} else if (report->has_unanswered) {
		buffer_append_text(text, verdict_unanswered[language]);
	} else {
		buffer_append_text(text, verdict_request[language]);
	}
}

const char *messages_sentence(size_t i, enum language language)
{
	return i < sizeof sentences / sizeof sentences[0] ? sentences[i].text[language] : NULL;
}
