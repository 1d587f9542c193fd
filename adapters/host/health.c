// SPDX-License-Identifier: EUPL-1.2
#include "adapters/host/health.h"

#include "base/text.h"

enum {
	SERVICE_TAG = 1 << 3 | 2, // string service = 1
	SERVICE_NAME_MAX = 127,   // so that its length is one byte
};

result health_parse_request(struct slice message, struct slice *ret_service)
{
	if (message.size == 0) {
		*ret_service = slice_text("");
		return OK;
	}
	bool well_formed = message.size >= 2 && message.data[0] == SERVICE_TAG && message.data[1] <= SERVICE_NAME_MAX &&
			   message.size == 2u + message.data[1];
	struct slice service = slice_skip(message, 2);
	if (!well_formed || !text_is_utf8(service)) {
		return ERR_FORMAT;
	}
	*ret_service = service;
	return OK;
}

struct slice health_response(bool serving)
{
	static const uint8_t answers[2][2] = { { 0x08, 2 }, { 0x08, 1 } }; // NOT_SERVING, SERVING
	return slice_of(answers[serving], sizeof answers[0]);
}
