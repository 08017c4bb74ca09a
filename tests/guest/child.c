/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent group's child: its memory, tables and registers, its beginning and its end. */
#include "tests/guest/parent.h"

#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_intercept.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/partition.h"
#include "vsc/lib/tap.h"

#define REGISTER_RSP   (HV_X64_REGISTER_RAX + 4) /* rax rcx rdx rbx rsp */
#define CHILD_DEPOSIT  128u
#define MAP_STEP       256u
#define CR0_LONG_MODE  UINT64_C(0x80000011) /* PG, ET, PE */
#define CR4_PAE        UINT64_C(0x20)
#define EFER_LONG_MODE UINT64_C(0x500) /* LMA, LME */
#define SEGMENT_CODE64 0xa09b
#define SEGMENT_DATA   0xc093
#define TABLE_ENTRY    0x3u
#define LARGE_ENTRY    0x83u

extern const uint8_t child_start[], child_end[];

uint8_t *child_memory(const struct child *child, uint64_t gpa)
{
	return child->memory + gpa;
}

/* GVA = GPA for the first GiB. */
static void write_child_tables(struct child *child)
{
	uint64_t *tables = (uint64_t *)child_memory(child, CHILD_TABLES);

	tables[0] = (CHILD_TABLES + PAGE_4K) | TABLE_ENTRY;
	tables[512] = (CHILD_TABLES + 2 * PAGE_4K) | TABLE_ENTRY;
	for (uint64_t i = 0; i < 512; i++)
		tables[1024 + i] = i * PAGE_2M | LARGE_ENTRY;
}

static void write_child_memory(struct child *child)
{
	struct hv_input_post_message *post = (void *)child_memory(child, CHILD_MESSAGE);

	memset(child->memory, 0, CHILD_PAGES * PAGE_4K);
	write_child_tables(child);
	memcpy(child_memory(child, CHILD_CODE), child_start,
	       (size_t)(child_end - child_start));
	post->connection_id = CHILD_MESSAGE_CONNECTION;
	post->message_type = 1;
	post->payload_size = sizeof(uint32_t);
	memcpy(post->payload, &(uint32_t){ CHILD_MESSAGE_VALUE }, sizeof(uint32_t));
}

static bool set_segment(const struct child *child, uint32_t name, uint16_t selector,
                        uint16_t attributes)
{
	union hv_register_value value = { .segment = { .limit = 0xffffffff,
		                                       .selector = selector,
		                                       .attributes = attributes } };

	return vp_set_register(child->id, 0, name, value) == HV_STATUS_SUCCESS;
}

bool child_set_registers(const struct child *child)
{
	static const struct {
		uint32_t name;
		uint64_t value;
	} registers[] = {
		{ HV_X64_REGISTER_CR3, CHILD_TABLES },
		{ HV_X64_REGISTER_CR4, CR4_PAE },
		{ HV_X64_REGISTER_EFER, EFER_LONG_MODE },
		{ HV_X64_REGISTER_CR0, CR0_LONG_MODE },
		{ HV_X64_REGISTER_RIP, CHILD_CODE },
		{ HV_X64_REGISTER_RFLAGS, 2 },
		{ REGISTER_RSP, CHILD_STACK_TOP },
	};
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_COUNT(registers); i++)
		good &= vp_set_register64(child->id, 0, registers[i].name,
		                          registers[i].value) == HV_STATUS_SUCCESS;
	good &= set_segment(child, HV_X64_REGISTER_CS, 0x10, SEGMENT_CODE64);
	good &= set_segment(child, HV_X64_REGISTER_DS, 0x18, SEGMENT_DATA);
	good &= set_segment(child, HV_X64_REGISTER_ES, 0x18, SEGMENT_DATA);
	good &= set_segment(child, HV_X64_REGISTER_SS, 0x18, SEGMENT_DATA);
	return good;
}

static bool map_memory(struct child *child)
{
	uint64_t first = (uint64_t)child->memory >> PAGE_SHIFT_4K;

	for (unsigned int page = 0; page < CHILD_PAGES; page += MAP_STEP) {
		uint64_t pfns[MAP_STEP];
		unsigned int done;

		for (unsigned int i = 0; i < MAP_STEP; i++)
			pfns[i] = first + page + i;
		if (memory_map(child->id, page, MAP_ALL, pfns, MAP_STEP, &done) !=
		            HV_STATUS_SUCCESS ||
		    done != MAP_STEP)
			return false;
	}
	return true;
}

bool child_make(struct child *child)
{
	write_child_memory(child);
	return child_make_over(child);
}

bool child_make_over(struct child *child)
{
	volatile struct viridis_intercept_page *page;
	uint64_t pfn = 0;

	if (!ok_equal(partition_create(&child->id), HV_STATUS_SUCCESS,
	              "a partition is created"))
		return false;
	stock_deposit(child->id, CHILD_DEPOSIT);
	if (!ok_equal(partition_initialize(child->id), HV_STATUS_SUCCESS,
	              "it is initialized") ||
	    !ok(map_memory(child), "4 MiB of our RAM are mapped for it") ||
	    !ok_equal(vp_create(child->id, 0), HV_STATUS_SUCCESS, "it gets a VP") ||
	    !ok_equal(vp_map_intercept_page(child->id, 0, &pfn), HV_STATUS_SUCCESS,
	              "the VP's intercept page is mapped for us") ||
	    !ok(child_set_registers(child), "its registers are set"))
		return false;
	page = (volatile struct viridis_intercept_page *)(pfn << PAGE_SHIFT_4K);
	child->intercept = &page->message;
	child->watched = &page->watched;
	return true;
}

void child_take_down(struct child *child)
{
	struct balance balance = { 1, 1 };
	unsigned int count;

	ok(partition_delete(child->id) != HV_STATUS_SUCCESS,
	   "a partition that is not finalized is not deleted");
	ok_equal(partition_finalize(child->id), HV_STATUS_SUCCESS, "it is finalized");
	ok_equal(partition_balance(child->id, &balance), HV_STATUS_SUCCESS,
	         "its balance is told");
	ok_equal(balance.in_use, 0, "none of its pages is in use any more");
	ok(stock_withdraw(child->id, &count), "every page withdrawn is zeros");
	ok_equal(count, CHILD_DEPOSIT, "every page deposited came back");
	ok_equal(partition_delete(child->id), HV_STATUS_SUCCESS, "it is deleted");
	ok(partition_balance(child->id, &balance) != HV_STATUS_SUCCESS, "its id is dead");
}
