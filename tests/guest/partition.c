/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent's hypercalls, typed. */
#include "tests/guest/partition.h"

#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

#define CREATE_ATTEMPTS       16u
#define DEPOSIT_STEP          4u
#define FINALIZE_ATTEMPTS     100000u
#define COMPATIBILITY_VERSION 0x609u
#define SWEEP_MS              2000
#define LIST_PAGES_MAX        256u

/* A header and a list of page numbers behind it. */
struct list_call {
	uint64_t words[3 + LIST_PAGES_MAX];
};

static enum hv_status simple(uint32_t code, const void *input, size_t bytes)
{
	return hv_status_of(hv_call(code, 0, input, bytes, NULL, 0));
}

enum hv_status partition_call(uint32_t code, uint64_t id)
{
	return simple(code, &id, sizeof(id));
}

static enum hv_status create_once(uint64_t *id)
{
	struct hv_input_create_partition in = {
		.flags = HV_CREATE_FLAG_LAPIC_ENABLED | HV_CREATE_FLAG_X2APIC_CAPABLE |
		         HV_CREATE_FLAG_INTERCEPT_MESSAGE_PAGE,
		.compatibility_version = COMPATIBILITY_VERSION,
	};

	return hv_status_of(
		hv_call(HVCALL_CREATE_PARTITION, 0, &in, sizeof(in), id, sizeof(*id)));
}

enum hv_status partition_create(uint64_t *id)
{
	enum hv_status status = create_once(id);

	for (unsigned int i = 0;
	     status == HV_STATUS_INSUFFICIENT_MEMORY && i < CREATE_ATTEMPTS; i++) {
		stock_deposit(HV_PARTITION_ID_SELF, DEPOSIT_STEP);
		status = create_once(id);
	}
	return status;
}

enum hv_status partition_initialize(uint64_t id)
{
	return partition_call(HVCALL_INITIALIZE_PARTITION, id);
}

enum hv_status partition_finalize(uint64_t id)
{
	enum hv_status status = HV_STATUS_TIME_OUT;

	for (unsigned int i = 0; status == HV_STATUS_TIME_OUT && i < FINALIZE_ATTEMPTS;
	     i++)
		status = partition_call(HVCALL_FINALIZE_PARTITION, id);
	return status;
}

enum hv_status partition_delete(uint64_t id)
{
	return partition_call(HVCALL_DELETE_PARTITION, id);
}

enum hv_status partition_get_id(uint64_t *id)
{
	return hv_status_of(
		hv_call(HVCALL_GET_PARTITION_ID, 0, NULL, 0, id, sizeof(*id)));
}

enum hv_status partition_balance(uint64_t id, struct balance *balance)
{
	uint64_t in[2] = { id, 0 };

	return hv_status_of(hv_call(HVCALL_GET_MEMORY_BALANCE, 0, in, sizeof(in), balance,
	                            sizeof(*balance)));
}

enum hv_status partition_set_property(uint64_t id, uint32_t code, uint64_t value)
{
	struct hv_input_set_partition_property in = {
		.partition_id = id,
		.code = code,
		.value = value,
	};

	return simple(HVCALL_SET_PARTITION_PROPERTY, &in, sizeof(in));
}

enum hv_status stats_get(uint64_t id, enum viridis_stats_object object, uint32_t index,
                         struct viridis_output_get_stats *stats)
{
	struct viridis_input_get_stats in = {
		.partition_id = id,
		.object = object,
		.index = index,
	};

	return hv_status_of(hv_call(HVCALL_VIRIDIS_GET_STATS, 0, &in, sizeof(in), stats,
	                            sizeof(*stats)));
}

static enum hv_status list_in(uint32_t code, struct list_call *call,
                              unsigned int header_words, const uint64_t *pfns,
                              unsigned int count, unsigned int *done)
{
	uint64_t result;

	memcpy(&call->words[header_words], pfns, count * sizeof(*pfns));
	result = hv_call(code, count, call, (header_words + count) * sizeof(*pfns), NULL,
	                 0);
	*done = hv_reps_of(result);
	return hv_status_of(result);
}

enum hv_status memory_deposit(uint64_t id, const uint64_t *pfns, unsigned int count,
                              unsigned int *done)
{
	struct list_call call = { .words = { id } };

	return list_in(HVCALL_DEPOSIT_MEMORY, &call, 1, pfns, count, done);
}

enum hv_status memory_withdraw(uint64_t id, uint64_t *pfns, unsigned int count,
                               unsigned int *done)
{
	struct hv_input_withdraw_memory in = { .partition_id = id };
	uint64_t result = hv_call(HVCALL_WITHDRAW_MEMORY, count, &in, sizeof(in), pfns,
	                          count * sizeof(*pfns));

	*done = hv_reps_of(result);
	return hv_status_of(result);
}

enum hv_status memory_map(uint64_t id, uint64_t gpfn, uint32_t flags,
                          const uint64_t *pfns, unsigned int count, unsigned int *done)
{
	struct list_call call = { .words = { id, gpfn, flags } };

	return list_in(HVCALL_MAP_GPA_PAGES, &call, 3, pfns, count, done);
}

enum hv_status memory_unmap(uint64_t id, uint64_t gpfn, unsigned int count)
{
	struct hv_input_unmap_gpa_pages in = { .partition_id = id, .gpfn_base = gpfn };

	return hv_status_of(
		hv_call(HVCALL_UNMAP_GPA_PAGES, count, &in, sizeof(in), NULL, 0));
}

enum hv_status vp_create(uint64_t id, uint32_t vp)
{
	struct hv_input_create_vp in = { .partition_id = id, .vp_index = vp };

	return simple(HVCALL_CREATE_VP, &in, sizeof(in));
}

enum hv_status vp_delete(uint64_t id, uint32_t vp)
{
	struct hv_input_delete_vp in = { .partition_id = id, .vp_index = vp };

	return simple(HVCALL_DELETE_VP, &in, sizeof(in));
}

enum hv_status vp_set_register(uint64_t id, uint32_t vp, uint32_t name,
                               union hv_register_value value)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc assoc;
	} in = {
		.header = { .partition_id = id, .vp_index = vp },
		.assoc = { .name = name, .value = value },
	};

	return hv_status_of(
		hv_call(HVCALL_SET_VP_REGISTERS, 1, &in, sizeof(in), NULL, 0));
}

enum hv_status vp_set_register64(uint64_t id, uint32_t vp, uint32_t name, uint64_t value)
{
	union hv_register_value wide = { .reg128 = { value, 0 } };

	return vp_set_register(id, vp, name, wide);
}

enum hv_status vp_get_register(uint64_t id, uint32_t vp, uint32_t name,
                               union hv_register_value *value)
{
	struct {
		struct hv_input_get_vp_registers header;
		uint32_t name;
		uint32_t padding;
	} in = { .header = { .partition_id = id, .vp_index = vp }, .name = name };

	return hv_status_of(hv_call(HVCALL_GET_VP_REGISTERS, 1, &in, sizeof(in), value,
	                            sizeof(*value)));
}

enum hv_status vp_get_register64(uint64_t id, uint32_t vp, uint32_t name, uint64_t *value)
{
	union hv_register_value wide;
	enum hv_status status = vp_get_register(id, vp, name, &wide);

	*value = wide.reg64;
	return status;
}

static enum hv_status vp_state(uint32_t code, const struct hv_input_vp_state *in,
                               unsigned int qwords, const uint64_t *behind)
{
	struct {
		struct hv_input_vp_state header;
		uint64_t behind[VP_STATE_QWORDS_MAX];
	} block = { .header = *in };

	memcpy(block.behind, behind, qwords * sizeof(uint64_t));
	return hv_status_of(
		hv_call_variable(code, qwords, &block, sizeof(block), NULL, 0));
}

enum hv_status vp_get_state(const struct hv_input_vp_state *in, unsigned int qwords,
                            const uint64_t *behind)
{
	return vp_state(HVCALL_GET_VP_STATE, in, qwords, behind);
}

enum hv_status vp_set_state(const struct hv_input_vp_state *in, unsigned int qwords,
                            const uint64_t *behind)
{
	return vp_state(HVCALL_SET_VP_STATE, in, qwords, behind);
}

enum hv_status vp_map_intercept_page(uint64_t id, uint32_t vp, uint64_t *pfn)
{
	struct hv_input_vp_state_page in = {
		.partition_id = id,
		.vp_index = vp,
		.type = HV_VP_STATE_PAGE_INTERCEPT_MESSAGE,
	};

	return hv_status_of(
		hv_call(HVCALL_MAP_VP_STATE_PAGE, 0, &in, sizeof(in), pfn, sizeof(*pfn)));
}

enum hv_status port_create(uint64_t port_partition, uint32_t port_id, uint64_t connector,
                           const struct hv_port_info *info)
{
	struct hv_input_create_port in = {
		.port_partition = port_partition,
		.port_id = port_id,
		.connection_partition = connector,
		.info = *info,
	};

	return simple(HVCALL_CREATE_PORT, &in, sizeof(in));
}

enum hv_status port_delete(uint64_t port_partition, uint32_t port_id)
{
	struct hv_input_delete_port in = { .port_partition = port_partition,
		                           .port_id = port_id };

	return simple(HVCALL_DELETE_PORT, &in, sizeof(in));
}

enum hv_status port_connect(uint64_t connector, uint32_t connection_id,
                            uint64_t port_partition, uint32_t port_id, uint32_t type)
{
	struct hv_input_connect_port in = {
		.connection_partition = connector,
		.connection_id = connection_id,
		.port_partition = port_partition,
		.port_id = port_id,
		.info = { .type = type },
	};

	return simple(HVCALL_CONNECT_PORT, &in, sizeof(in));
}

enum hv_status port_disconnect(uint64_t connector, uint32_t connection_id)
{
	struct hv_input_disconnect_port in = {
		.connection_partition = connector,
		.connection_id = connection_id,
	};

	return simple(HVCALL_DISCONNECT_PORT, &in, sizeof(in));
}

enum hv_status message_post(uint32_t connection_id, uint32_t type, const void *payload,
                            uint32_t bytes)
{
	struct hv_input_post_message in = {
		.connection_id = connection_id,
		.message_type = type,
		.payload_size = bytes,
	};

	if (bytes > sizeof(in.payload))
		bail_out("a message of %u bytes", bytes);
	memcpy(in.payload, payload, bytes);
	return simple(HVCALL_POST_MESSAGE, &in, sizeof(in));
}

enum hv_status event_signal(uint32_t connection_id, uint16_t flag)
{
	return hv_status_of(hv_call_fast(HVCALL_SIGNAL_EVENT,
	                                 connection_id | (uint64_t)flag << 32, 0));
}

bool own_pages_in_use(uint64_t pages)
{
	uint64_t deadline = clock_deadline(SWEEP_MS);
	struct balance balance;

	do {
		if (partition_balance(HV_PARTITION_ID_SELF, &balance) !=
		    HV_STATUS_SUCCESS)
			return false;
		if (balance.in_use == pages)
			return true;
		clock_wait_ms(1);
	} while (!clock_passed(deadline));
	note("%lu pages in use, expected %lu", balance.in_use, pages);
	return false;
}
