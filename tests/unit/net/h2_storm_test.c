// SPDX-License-Identifier: EUPL-1.2
//
// HTTP/2 under a storm of random resets and losses.
#include "h2_testing.h"

#include "base/random.h"

static void count_release(void *context)
{
	(*(unsigned *)context)++;
}

// Streams of random size, reset at random by either side, connections aborted at random: every stream ends exactly
// once, every chunk is released exactly once, and everything is given back.
enum { STORM = 600, STORM_BODY = 40000 };

static unsigned dice(unsigned sides)
{
	unsigned value = 0;
	random_bytes(&value, sizeof value);
	return value % sides;
}

static unsigned storm_served, storm_server_ends, storm_server_resets;

static void storm_on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	if (dice(40) == 0) {
		storm_server_resets++;
		h2_stream_reset(stream, H2_CANCEL);
		free(user);
		return;
	}
	assert_int_equal(h2_stream_write_copy(stream, bytes), OK);
	h2_stream_consume(stream, dice(4) ? bytes.size : 0);
}

static void storm_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream, (void)close;
	storm_server_ends++;
	free(user);
}

static const struct h2_stream_handlers STORM_HANDLERS = {
	.on_data = storm_on_data,
	.on_end = echo_on_end,
	.on_close = storm_on_close,
};

static void serve_storm(struct world *world, struct h2_stream *stream)
{
	storm_served++;
	h2_stream_attach(stream, &STORM_HANDLERS, malloc(1));
	assert_int_equal(h2_stream_respond(stream, 200, NULL, 0, false), OK);
	if (dice(150) == 0) {
		h2_connection_abort(world->connection, H2_INTERNAL_ERROR);
	}
}

static bool storm_is_over(void *context)
{
	struct exchange *exchanges = context;
	for (int i = 0; i < STORM; i++) {
		if (exchanges[i].stream) {
			return false;
		}
	}
	return true;
}

static void storm_of_resets_and_losses_leaks_nothing(void **state)
{
	struct world world = { .serve = serve_storm, .server_settings = { .streams_max = 30, .resets_burst = 100000 } };
	world_open(&world, *(bool *)*state);
	static struct exchange exchanges[STORM];
	static uint8_t body[STORM_BODY];
	memset(exchanges, 0, sizeof exchanges);
	unsigned started = 0, released = 0, chunks = 0, cancelled = 0;
	storm_served = storm_server_ends = storm_server_resets = 0;
	for (int i = 0; i < STORM; i++) {
		struct exchange *exchange = &exchanges[i];
		while (exchange_start(&world, exchange, "/", false) != OK) {
			exchange->stream = NULL;
			spin_ms(world.loop, 10);
		}
		started++;
		for (unsigned parts = dice(3); parts > 0; parts--) {
			struct h2_chunk chunk = { slice_of(body, dice(STORM_BODY)), count_release, &released };
			chunks++;
			assert_int_equal(h2_stream_write(exchange->stream, &chunk, 1), OK);
		}
		assert_int_equal(h2_stream_end(exchange->stream, NULL, 0), OK);
		if (dice(4) == 0) {
			spin_ms(world.loop, dice(2));
		}
		struct exchange *victim = &exchanges[dice((unsigned)i + 1)];
		if (victim->stream && dice(4) == 0) {
			h2_stream_reset(victim->stream, H2_CANCEL);
			victim->stream = NULL;
			cancelled++;
		}
	}
	// Streams whose server does not consume everything are ended here, with all the rest.
	(void)spin_for(world.loop, storm_is_over, exchanges, 2000);
	world_close(&world);
	unsigned closes = 0;
	for (int i = 0; i < STORM; i++) {
		assert_true(exchanges[i].closes <= 1);
		closes += exchanges[i].closes;
	}
	assert_int_equal(closes + cancelled, started);
	assert_int_equal(released, chunks);
	assert_int_equal(storm_server_ends + storm_server_resets, storm_served);
}

static bool plain = false, secure = true;

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(storm_of_resets_and_losses_leaks_nothing, &plain),
		cmocka_unit_test_prestate(storm_of_resets_and_losses_leaks_nothing, &secure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
