// SPDX-License-Identifier: EUPL-1.2
//
// Text forms of google.protobuf.Timestamp (RFC 3339), Duration and FieldMask, and the type names of Any.
#include "contract/json_parts.h"

enum {
	NANOS = 1000000000,
	DAY = 86400,
	YEAR_MAX = 9999,
};

static const int64_t TIMESTAMP_MIN = -62135596800; // 0001-01-01T00:00:00Z
static const int64_t TIMESTAMP_MAX = 253402300799; // 9999-12-31T23:59:59Z
static const int64_t DURATION_MAX = 315576000000;  // ten thousand years, either way

// Days since 1970-01-01 of a Gregorian date. Years are counted from March, so that the leap day is a year's last.
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400; // years here are never negative
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	days += 719468;
	int64_t era = days / 146097; // of the year 1 and later: not negative
	int64_t of_era = days - era * 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t from_march = (5 * of_year + 2) / 153;
	*day = of_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t days_in(int64_t year, int64_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

// Takes `count` digits off the front.
static bool take_digits(struct slice *text, size_t count, int64_t *ret_value)
{
	if (text->size < count) {
		return false;
	}
	int64_t value = 0;
	for (size_t i = 0; i < count; i++) {
		if (text->data[i] < '0' || text->data[i] > '9') {
			return false;
		}
		value = value * 10 + (text->data[i] - '0');
	}
	*text = slice_skip(*text, count);
	*ret_value = value;
	return true;
}

static bool take_char(struct slice *text, char wanted)
{
	if (text->size == 0 || text->data[0] != (uint8_t)wanted) {
		return false;
	}
	*text = slice_skip(*text, 1);
	return true;
}

// ".123" with one to nine digits, if there is a point.
static bool take_fraction(struct slice *text, int32_t *ret_nanos)
{
	*ret_nanos = 0;
	if (!take_char(text, '.')) {
		return true;
	}
	int32_t unit = NANOS;
	int64_t digit;
	while (unit > 1 && take_digits(text, 1, &digit)) {
		unit /= 10;
		*ret_nanos += (int32_t)digit * unit;
	}
	bool more = text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9';
	return unit < NANOS && !more;
}

static bool take_offset(struct slice *text, int64_t *ret_seconds)
{
	*ret_seconds = 0;
	if (take_char(text, 'Z')) {
		return true;
	}
	int64_t sign = take_char(text, '+') ? 1 : take_char(text, '-') ? -1 : 0;
	int64_t hours;
	int64_t minutes;
	if (sign == 0 || !take_digits(text, 2, &hours) || !take_char(text, ':') || !take_digits(text, 2, &minutes) ||
	    hours > 23 || minutes > 59) {
		return false;
	}
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

result json_known_read_timestamp(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos)
{
	int64_t year;
	int64_t month;
	int64_t day;
	int64_t hour;
	int64_t minute;
	int64_t second;
	int64_t offset;
	int32_t nanos;
	bool formed = take_digits(&text, 4, &year) && take_char(&text, '-') && take_digits(&text, 2, &month) &&
		      take_char(&text, '-') && take_digits(&text, 2, &day) && take_char(&text, 'T') &&
		      take_digits(&text, 2, &hour) && take_char(&text, ':') && take_digits(&text, 2, &minute) &&
		      take_char(&text, ':') && take_digits(&text, 2, &second) && take_fraction(&text, &nanos) &&
		      take_offset(&text, &offset) && text.size == 0;
	if (!formed || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) {
		return ERR_FORMAT;
	}
	if (year < 1) {
		return ERR_LIMIT;
	}
	if (day > days_in(year, month)) {
		return ERR_FORMAT;
	}
	int64_t seconds = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
	if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX) {
		return ERR_LIMIT;
	}
	*ret_seconds = seconds;
	*ret_nanos = nanos;
	return OK;
}

// Three, six or nine digits, or none.
static void append_fraction(struct buffer *buffer, int32_t nanos)
{
	if (nanos == 0) {
		return;
	}
	if (nanos % 1000000 == 0) {
		buffer_append_format(buffer, ".%03d", nanos / 1000000);
	} else if (nanos % 1000 == 0) {
		buffer_append_format(buffer, ".%06d", nanos / 1000);
	} else {
		buffer_append_format(buffer, ".%09d", nanos);
	}
}

result json_known_write_timestamp(struct buffer *buffer, int64_t seconds, int32_t nanos)
{
	if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX || nanos < 0 || nanos >= NANOS) {
		return ERR_FORMAT;
	}
	int64_t days = (seconds - TIMESTAMP_MIN) / DAY; // since the year 1: not negative
	int64_t rest = (seconds - TIMESTAMP_MIN) % DAY;
	int64_t year;
	int64_t month;
	int64_t day;
	date_of(days + TIMESTAMP_MIN / DAY, &year, &month, &day);
	buffer_append_format(buffer, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, (int)month, (int)day,
			     (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	append_fraction(buffer, nanos);
	buffer_append_byte(buffer, 'Z');
	return OK;
}

result json_known_read_duration(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos)
{
	bool negative = take_char(&text, '-');
	int64_t seconds = 0;
	int64_t digit;
	bool any = false;
	while (take_digits(&text, 1, &digit)) {
		any = true;
		seconds = seconds * 10 + digit;
		if (seconds > DURATION_MAX) {
			return ERR_LIMIT;
		}
	}
	int32_t nanos;
	if (!any || !take_fraction(&text, &nanos) || !take_char(&text, 's') || text.size != 0) {
		return ERR_FORMAT;
	}
	if (seconds == DURATION_MAX && nanos != 0) {
		return ERR_LIMIT;
	}
	*ret_seconds = negative ? -seconds : seconds;
	*ret_nanos = negative ? -nanos : nanos;
	return OK;
}

result json_known_write_duration(struct buffer *buffer, int64_t seconds, int32_t nanos)
{
	bool mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
	if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos <= -NANOS || nanos >= NANOS || mixed) {
		return ERR_FORMAT;
	}
	bool negative = seconds < 0 || nanos < 0;
	buffer_append_format(buffer, "%s%lld", negative ? "-" : "", (long long)(negative ? -seconds : seconds));
	append_fraction(buffer, negative ? -nanos : nanos);
	buffer_append_byte(buffer, 's');
	return OK;
}

result json_known_write_path(struct buffer *buffer, struct slice path)
{
	for (size_t i = 0; i < path.size; i++) {
		uint8_t c = path.data[i];
		if (c == '_') {
			c = i + 1 < path.size ? path.data[++i] : 0;
			if (c < 'a' || c > 'z') {
				return ERR_FORMAT; // "a__b", "a_1", "a_": the way back would not find them
			}
			c = (uint8_t)(c - 'a' + 'A');
		} else if ((c >= 'A' && c <= 'Z') || c == ',' || c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
			return ERR_FORMAT;
		}
		buffer_append_byte(buffer, c);
	}
	return path.size > 0 ? OK : ERR_FORMAT;
}

result json_known_read_path(struct slice path, struct arena *arena, char **ret_path)
{
	char *snake = arena_alloc(arena, 2 * path.size + 1);
	if (!snake) {
		return ERR_LIMIT;
	}
	size_t size = 0;
	for (size_t i = 0; i < path.size; i++) {
		uint8_t c = path.data[i];
		if (c == '_' || c < 0x21 || c > 0x7e) {
			return ERR_FORMAT;
		}
		if (c >= 'A' && c <= 'Z') {
			snake[size++] = '_';
			c = (uint8_t)(c - 'A' + 'a');
		}
		snake[size++] = (char)c;
	}
	snake[size] = '\0';
	*ret_path = snake;
	return size > 0 ? OK : ERR_FORMAT;
}

const ProtobufCMessageDescriptor *json_known_any_type(const struct contract *contract, struct slice url)
{
	const uint8_t *stroke = url.size ? memrchr(url.data, '/', url.size) : NULL;
	if (!stroke) {
		return NULL;
	}
	return contract_find_message(contract, slice_skip(url, (size_t)(stroke - url.data) + 1));
}

bool json_known_has_own_form(const ProtobufCMessageDescriptor *descriptor)
{
	enum contract_known_type type = contract_message_of(descriptor)->known_type;
	return type != CONTRACT_ORDINARY && type != CONTRACT_EMPTY;
}
