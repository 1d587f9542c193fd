// SPDX-License-Identifier: EUPL-1.2
//
// Packets of workers and notaries. What parses lies within the packet, and written again frame by frame is the same
// packet.
#include "wire/notary_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct slice part, struct slice whole)
{
	return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void try_packet(struct slice bytes, enum notary_sender sender)
{
	static uint8_t memory[NOTARY_PACKET_MAX];
	struct notary_packet packet;
	struct notary_reader reader;
	struct notary_frame frame;
	struct notary_writer writer;
	if (notary_packet_parse(bytes, sender, &packet, &reader) != OK) {
		return;
	}
	assert_always(within(packet.note, bytes) && within(packet.upper, bytes));
	// Hashes without a note are legal to read and never written.
	bool same_head = packet.note.size > 0 || (packet.upper.size == 0 && bytes.data[28] == 0);
	notary_writer_begin(&writer, memory, &packet);
	result code = OK;
	while ((code = notary_frame_next(&reader, &frame)) == OK) {
		assert_always(within(frame.body, bytes) && within(frame.attachment, bytes) &&
			      within(frame.path, bytes) && within(frame.report, bytes) && within(frame.origin, bytes) &&
			      within(frame.client, bytes) && within(frame.private_part, bytes) &&
			      within(frame.salt, bytes));
		assert_always(notary_writer_put(&writer, &frame) == OK);
	}
	struct slice again = notary_writer_end(&writer);
	if (code == ERR_NOT_FOUND && same_head && packet.frame_count > 0) {
		assert_always(slice_equal(again, bytes));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_packet(slice_of(data, size), NOTARY_FROM_WORKER);
	try_packet(slice_of(data, size), NOTARY_FROM_NOTARY);
	return 0;
}
