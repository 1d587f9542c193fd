# SPDX-License-Identifier: EUPL-1.2
#
# Descriptor sets that the tests of gateway/contract load. Data, the same for every kind of build, so they lie in build/:
# the tests name them there. The imports (google/protobuf/*.proto) come with libprotobuf-dev.

CONTRACT_VECTORS := $(patsubst tests/vectors/contract/%.proto,build/vectors/contract/%.binpb,\
        $(sort $(wildcard tests/vectors/contract/*.proto)))
CONTRACT_TESTS := $(filter $(BUILD)/tests/unit/contract/%,$(UNIT_TESTS))

$(CONTRACT_TESTS): | $(CONTRACT_VECTORS)

build/vectors/contract/%.binpb: tests/vectors/contract/%.proto $(wildcard tests/vectors/contract/*.proto)
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -Itests/vectors/contract --include_imports --descriptor_set_out=$@ $<

build-fuzz/bin/fuzz_json build-fuzz/bin/fuzz_prescan: | $(CONTRACT_VECTORS)
