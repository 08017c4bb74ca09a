/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent's calls that must be refused: wrong ids, wrong states, pages that are not its own. */
#include "tests/guest/parent.h"

#include <viridis/base/bits.h>
#include "tests/guest/child.h"
#include "tests/guest/partition.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/try.h"

#define BAD_ID     UINT64_C(0x123456789)
#define DEPOSIT    32u
#define MMIO_PFN   (UINT64_C(0xfec00000) >> PAGE_SHIFT_4K)
#define BEYOND_PFN (UINT64_C(1) << 40)
#define NOWHERE    UINT64_C(0xfee10000) /* in the root's tables there is nothing */
#define MANY       200u

static void refused(enum hv_status status, const char *what)
{
	ok(status != HV_STATUS_SUCCESS, "%s is refused (status %x)", what, status);
}

static void dead_ids(void)
{
	struct balance balance;
	uint64_t pfn = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K, value;
	unsigned int done;

	ok_equal(partition_initialize(BAD_ID), HV_STATUS_INVALID_PARTITION_ID,
	         "INITIALIZE of no partition: status d");
	ok_equal(partition_call(HVCALL_FINALIZE_PARTITION, BAD_ID),
	         HV_STATUS_INVALID_PARTITION_ID, "FINALIZE of no partition: status d");
	ok_equal(partition_delete(BAD_ID), HV_STATUS_INVALID_PARTITION_ID,
	         "DELETE of no partition: status d");
	ok_equal(partition_balance(BAD_ID, &balance), HV_STATUS_INVALID_PARTITION_ID,
	         "the balance of no partition: status d");
	ok_equal(memory_deposit(BAD_ID, &pfn, 1, &done), HV_STATUS_INVALID_PARTITION_ID,
	         "a deposit for no partition: status d");
	ok_equal(memory_map(BAD_ID, 0, MAP_ALL, &pfn, 1, &done),
	         HV_STATUS_INVALID_PARTITION_ID, "MAP for no partition: status d");
	ok_equal(vp_create(BAD_ID, 0), HV_STATUS_INVALID_PARTITION_ID,
	         "a VP for no partition: status d");
	ok_equal(vp_get_register64(BAD_ID, 0, HV_X64_REGISTER_RIP, &value),
	         HV_STATUS_INVALID_PARTITION_ID, "a register of no partition: status d");
}

static void ourselves(void)
{
	const uint64_t self = HV_PARTITION_ID_SELF;
	uint64_t value;

	refused(partition_initialize(self), "to initialize ourselves");
	refused(partition_call(HVCALL_FINALIZE_PARTITION, self), "to finalize ourselves");
	refused(partition_delete(self), "to delete ourselves");
	refused(vp_delete(self, 0), "to delete our own VP");
	refused(vp_get_register64(self, 0, HV_X64_REGISTER_CR3, &value),
	        "a register of our own VP");
	refused(vp_set_register64(self, 0, HV_X64_REGISTER_CR3, 0),
	        "to set one of our own");
}

static void wrong_states(uint64_t id)
{
	uint64_t value;

	refused(vp_create(id, 0), "a VP before INITIALIZE");
	refused(partition_delete(id), "DELETE before FINALIZE");
	ok_equal(partition_initialize(id), HV_STATUS_SUCCESS, "it is initialized");
	ok_equal(partition_initialize(id), HV_STATUS_INVALID_PARTITION_STATE,
	         "INITIALIZE twice: status 7");
	ok_equal(vp_create(id, 0), HV_STATUS_SUCCESS, "it gets VP 0");
	refused(vp_create(id, 0), "VP 0 twice");
	refused(vp_create(id, 0x10000), "a VP index beyond every limit");
	ok_equal(vp_get_register64(id, 1, HV_X64_REGISTER_RIP, &value),
	         HV_STATUS_INVALID_VP_INDEX,
	         "a register of a VP that is not there: status e");
	refused(vp_get_register64(id, 0, 0x7fffffff, &value),
	        "a register that does not exist");
	refused(vp_set_register64(id, 0, HV_X64_REGISTER_CR0, ~UINT64_C(0)),
	        "CR0 of all ones");
	refused(vp_set_register64(id, 0, HV_X64_REGISTER_EFER, ~UINT64_C(0)),
	        "EFER of all ones");
}

static void impossible_segments(uint64_t id)
{
	const union hv_register_value
		both_widths = { .segment = { .limit = 0xffffffff,
		                             .attributes = 0xe09b } },
		canonical = { .segment = { .base = UINT64_C(0xffff800000000000),
		                           .limit = 0xffffffff,
		                           .attributes = 0xc093 } },
		not_canonical = { .segment = { .base = UINT64_C(0x0000800000000000),
		                               .limit = 0xffffffff,
		                               .attributes = 0xc093 } };

	refused(vp_set_register(id, 0, HV_X64_REGISTER_CS, both_widths),
	        "a code segment of 64 and of 32 bits");
	refused(vp_set_register(id, 0, HV_X64_REGISTER_GS, not_canonical),
	        "a segment that begins at no canonical address");
	ok_equal(vp_set_register(id, 0, HV_X64_REGISTER_GS, canonical), HV_STATUS_SUCCESS,
	         "one that begins high is taken");
}

static void foreign_pages(uint64_t id, uint64_t own_pfn)
{
	uint64_t start = 0, end, pfn = MMIO_PFN, free_pfn;
	unsigned int done;

	refused(memory_deposit(id, &pfn, 1, &done), "a deposit of MMIO");
	refused(memory_map(id, 0, MAP_ALL, &pfn, 1, &done), "MAP of MMIO");
	pfn = BEYOND_PFN;
	refused(memory_deposit(id, &pfn, 1, &done), "a deposit from beyond all memory");
	refused(memory_map(id, 0, MAP_ALL, &pfn, 1, &done), "MAP from beyond all memory");
	if (guest_option_range("hv", &start, &end)) {
		pfn = start >> PAGE_SHIFT_4K;
		refused(memory_deposit(id, &pfn, 1, &done),
		        "a deposit of the hypervisor's memory");
		refused(memory_map(id, 0, MAP_ALL, &pfn, 1, &done),
		        "MAP of the hypervisor's memory");
	}
	refused(memory_map(id, BEYOND_PFN, MAP_ALL, &own_pfn, 1, &done),
	        "MAP at an address beyond the child's");
	refused(memory_map(id, 0, 0x7f000000, &own_pfn, 1, &done),
	        "MAP with unknown flags");

	ok_equal(memory_map(id, 0, MAP_ALL, &own_pfn, 1, &done), HV_STATUS_SUCCESS,
	         "a page of our own is mapped");
	refused(memory_deposit(id, &own_pfn, 1, &done),
	        "a deposit of a page that is mapped");
	ok_equal(memory_unmap(id, 0, 1), HV_STATUS_SUCCESS, "it is unmapped");

	free_pfn = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	ok_equal(memory_deposit(id, &free_pfn, 1, &done), HV_STATUS_SUCCESS,
	         "a page is deposited");
	refused(memory_deposit(id, &free_pfn, 1, &done), "a deposit of a deposited page");
	refused(memory_map(id, 0, MAP_ALL, &free_pfn, 1, &done),
	        "MAP of a deposited page");
}

/* Reps before the bad one count, the bad one does nothing. */
static void a_list_half_bad(uint64_t id, uint64_t own_pfn)
{
	uint64_t pfns[3] = { own_pfn, own_pfn + 1, MMIO_PFN };
	unsigned int done;

	refused(memory_map(id, 16, MAP_ALL, pfns, 3, &done),
	        "a list with a bad last page");
	ok_equal(done, 2, "the two good pages before it count as done");
	ok_equal(memory_unmap(id, 16, 2), HV_STATUS_SUCCESS, "they are unmapped");
}

/* DELETE has looked into the pool: what came there now would be lost. */
static void no_deposit_after_finalize(uint64_t id)
{
	uint64_t page = (uint64_t)pages_take(1), pfn = page >> PAGE_SHIFT_4K;
	unsigned int done;

	ok_equal(memory_deposit(id, &pfn, 1, &done), HV_STATUS_INVALID_PARTITION_STATE,
	         "a deposit after FINALIZE: status 7");
	ok_equal(try_store32(page, 1).vector, NO_FAULT, "the page is still ours");
}

/* The pages that nobody could be told of stay where they are. */
static void withdrawn_to_nowhere(uint64_t id)
{
	struct hv_input_withdraw_memory *in = pages_take(1);
	struct balance before = { 0, 0 }, after = { 0, 0 };
	uint64_t result;

	in->partition_id = id;
	ok(!partition_balance(id, &before) && before.available >= 4,
	   "four pages can be withdrawn");
	result = hv_call_raw(HVCALL_WITHDRAW_MEMORY | UINT64_C(4) << 32, (uint64_t)in,
	                     NOWHERE);
	ok_equal(hv_status_of(result), HV_STATUS_INVALID_PARAMETER,
	         "where their numbers cannot be written: status 5");
	ok_equal(hv_reps_of(result), 0, "none is done");
	ok(!partition_balance(id, &after), "the balance is told");
	ok_equal(after.available, before.available, "and as it was");
}

/* A partition whose id nobody could be told is not made. */
static void created_for_nobody(void)
{
	struct hv_input_create_partition *in = pages_take(1);
	struct balance before = { 0, 0 };
	uint64_t result;

	(void)partition_balance(HV_PARTITION_ID_SELF, &before); /* compared below */
	result = hv_call_raw(HVCALL_CREATE_PARTITION, (uint64_t)in, NOWHERE);
	ok_equal(hv_status_of(result), HV_STATUS_INVALID_PARAMETER,
	         "a partition whose id cannot be written: status 5");
	ok(own_pages_in_use(before.in_use), "it was not made");
}

void hostile_parent(struct child *child)
{
	uint64_t own_pfn = (uint64_t)child->memory >> PAGE_SHIFT_4K, id;
	unsigned int count;

	dead_ids();
	ourselves();
	if (!ok_equal(partition_create(&id), HV_STATUS_SUCCESS, "a partition is created"))
		return;
	ok_equal(vp_create(id, 0) == HV_STATUS_SUCCESS, false,
	         "without deposits it gets no VP");
	created_for_nobody();
	stock_deposit(id, DEPOSIT);
	wrong_states(id);
	impossible_segments(id);
	foreign_pages(id, own_pfn);
	a_list_half_bad(id, own_pfn);
	ok_equal(partition_finalize(id), HV_STATUS_SUCCESS, "it is finalized");
	refused(vp_create(id, 1), "a VP after FINALIZE");
	refused(partition_initialize(id), "INITIALIZE after FINALIZE");
	no_deposit_after_finalize(id);
	withdrawn_to_nowhere(id);
	ok(stock_withdraw(id, &count), "every page withdrawn is zeros");
	ok_equal(count, DEPOSIT + 1, "every page deposited came back");
	ok_equal(partition_delete(id), HV_STATUS_SUCCESS, "it is deleted");
	refused(partition_delete(id), "DELETE twice");
}

static bool one_life(void)
{
	unsigned int count;
	uint64_t id;

	if (partition_create(&id) != HV_STATUS_SUCCESS)
		return false;
	stock_deposit(id, DEPOSIT);
	return partition_initialize(id) == HV_STATUS_SUCCESS &&
	       vp_create(id, 0) == HV_STATUS_SUCCESS &&
	       partition_finalize(id) == HV_STATUS_SUCCESS &&
	       stock_withdraw(id, &count) && count == DEPOSIT &&
	       partition_delete(id) == HV_STATUS_SUCCESS;
}

void many_children(void)
{
	struct balance before = { 0, 0 };
	unsigned int lives = 0;

	ok(one_life(),
	   "a child lives once more"); /* what is kept for good is there now */
	(void)partition_balance(HV_PARTITION_ID_SELF, &before); /* compared below */
	while (lives < MANY && one_life())
		lives++;
	ok_equal(lives, MANY, "%u children in a row", MANY);
	ok(own_pages_in_use(before.in_use), "cost not one page of our pool");
}
