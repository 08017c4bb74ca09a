/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC: modes, registers, priorities and addressing. */
#include "hypervisor/core/vlapic.h"
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define MASKED     0x10000u
#define ON         0x1ffu
#define BASE_XAPIC (VLAPIC_GPA | VLAPIC_BASE_ENABLE)
#define BASE_X2    (BASE_XAPIC | VLAPIC_BASE_X2APIC)
#define BASE_WRONG (BASE_XAPIC & ~VLAPIC_BASE_ENABLE) | VLAPIC_BASE_X2APIC

static struct vlapic v;
static struct vlapic_action action;

static void create(uint32_t apic_id)
{
	const struct vlapic_config config = {
		.apic_id = apic_id,
		.clock_per_tick = 5,
		.bootstrap = apic_id == 0,
	};

	v.config = config;
	vlapic_reset(&v);
}

static void write32(uint32_t offset, uint32_t value)
{
	ck_assert(vlapic_write(&v, VLAPIC_PAGE, offset, value, 0, &action));
}

static uint32_t read32(uint32_t offset)
{
	return vlapic_read(&v, offset, 0);
}

static void create_on(uint32_t apic_id)
{
	create(apic_id);
	write32(VLAPIC_SVR, ON);
}

static void create_x2apic(uint32_t apic_id)
{
	create_on(apic_id);
	ck_assert(vlapic_set_base(&v, BASE_X2));
}

static bool write_msr(uint32_t offset, uint64_t value)
{
	return vlapic_write(&v, VLAPIC_MSR, offset, value, 0, &action);
}

/* By the TLFS's MSR. */
static bool write_icr(uint64_t value)
{
	return vlapic_write(&v, VLAPIC_SYNTHETIC, VLAPIC_ICR, value, 0, &action);
}

START_TEST(reset_leaves_what_the_manual_says)
{
	create(3);
	ck_assert_uint_eq(v.base, BASE_XAPIC);
	ck_assert_uint_eq(read32(VLAPIC_ID), 3u << 24);
	ck_assert_uint_eq(read32(VLAPIC_VERSION_REGISTER), 0x50014);
	ck_assert_uint_eq(read32(VLAPIC_DFR), 0xffffffff);
	ck_assert_uint_eq(read32(VLAPIC_SVR), 0xff);
	for (uint32_t lvt = 0x320; lvt <= 0x370; lvt += 16)
		ck_assert_uint_eq(read32(lvt), MASKED);
	create(0);
	ck_assert_uint_eq(v.base, BASE_XAPIC | VLAPIC_BASE_BOOTSTRAP);
}
END_TEST

START_TEST(init_keeps_mode_and_id_and_clears_the_rest)
{
	create_x2apic(0x25);
	ck_assert(vlapic_accept(&v, 0x31, false));
	vlapic_init_signal(&v);
	ck_assert_int_eq(vlapic_mode(&v), VLAPIC_X2APIC);
	ck_assert_int_eq(vlapic_pending(&v), VLAPIC_NO_VECTOR);
	ck_assert_uint_eq(v.svr, 0xff);
	vlapic_reset(&v);
	ck_assert_int_eq(vlapic_mode(&v), VLAPIC_XAPIC);
}
END_TEST

/* From (row) disabled, xAPIC, x2APIC to (column) the same and EXTD without EN. SDM3 11.12.5 */
START_TEST(apic_base_changes_mode_only_as_the_manual_draws_it)
{
	static const uint64_t bases[] = { VLAPIC_GPA, BASE_XAPIC, BASE_X2, BASE_WRONG };
	static const bool legal[3][4] = {
		{ true, true, false, false },
		{ true, true, true, false },
		{ true, false, true, false },
	};
	int from = _i / 4, to = _i % 4;

	create(1);
	if (from == VLAPIC_DISABLED)
		ck_assert(vlapic_set_base(&v, VLAPIC_GPA));
	if (from == VLAPIC_X2APIC)
		ck_assert(vlapic_set_base(&v, BASE_X2));
	ck_assert_int_eq(vlapic_set_base(&v, bases[to]), legal[from][to]);
	ck_assert_int_eq((int)vlapic_mode(&v), legal[from][to] ? to : from);
}
END_TEST

START_TEST(apic_base_refuses_reserved_bits_and_another_page)
{
	create(1);
	ck_assert(!vlapic_set_base(&v, BASE_XAPIC | 1));
	ck_assert(!vlapic_set_base(&v, BASE_XAPIC | BIT64(52)));
	ck_assert(!vlapic_set_base(&v, BASE_XAPIC + 0x1000));
	ck_assert(vlapic_set_base(&v, BASE_XAPIC | VLAPIC_BASE_BOOTSTRAP));
	ck_assert_uint_eq(v.base, BASE_XAPIC);
}
END_TEST

START_TEST(disabling_forgets_everything)
{
	create_on(1);
	ck_assert(vlapic_accept(&v, 0x31, true));
	ck_assert(vlapic_set_base(&v, VLAPIC_GPA));
	ck_assert_int_eq(vlapic_pending(&v), VLAPIC_NO_VECTOR);
	ck_assert(!vlapic_accept(&v, 0x31, false));
	ck_assert_uint_eq(read32(VLAPIC_VERSION_REGISTER), 0xffffffff);
	ck_assert(vlapic_set_base(&v, BASE_XAPIC));
	ck_assert_uint_eq(read32(VLAPIC_SVR), 0xff);
}
END_TEST

START_TEST(a_switched_off_apic_accepts_nothing_and_masks_its_sources)
{
	create_on(1);
	write32(0x350, 0x700);
	ck_assert_uint_eq(read32(0x350), 0x700);
	ck_assert(vlapic_accept(&v, 0x31, false));
	write32(VLAPIC_SVR, 0xff);
	ck_assert_uint_eq(read32(0x350), 0x700 | MASKED);
	write32(0x350, 0x400);
	ck_assert_uint_eq(read32(0x350), 0x400 | MASKED);
	ck_assert(!vlapic_accept(&v, 0x41, false));
	ck_assert_int_eq(vlapic_pending(&v), 0x31);
}
END_TEST

START_TEST(a_vector_is_deliverable_if_its_class_is_above_the_ppr)
{
	create_on(1);
	for (unsigned int vector = 16; vector < 256; vector++) {
		for (unsigned int tpr = 0; tpr < 256; tpr += 8) {
			memset(v.irr, 0, sizeof(v.irr));
			write32(VLAPIC_TPR, tpr);
			ck_assert(vlapic_accept(&v, (uint8_t)vector, false));
			ck_assert_int_eq(vlapic_pending(&v), vector >> 4 > tpr >> 4 ?
			                                             (int)vector :
			                                             VLAPIC_NO_VECTOR);
			ck_assert(vlapic_requests(&v));
		}
	}
}
END_TEST

START_TEST(nested_interrupts_end_in_order)
{
	create_on(1);
	ck_assert(vlapic_accept(&v, 0x35, true));
	vlapic_deliver(&v, 0x35);
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0x30);
	ck_assert(vlapic_accept(&v, 0x3f, false));
	ck_assert_int_eq(vlapic_pending(&v), VLAPIC_NO_VECTOR);
	ck_assert(vlapic_accept(&v, 0x80, false));
	ck_assert_int_eq(vlapic_pending(&v), 0x80);
	vlapic_deliver(&v, 0x80);
	write32(VLAPIC_EOI, 0);
	ck_assert(action.ended && !action.ended_level);
	ck_assert_uint_eq(action.ended_vector, 0x80);
	write32(VLAPIC_EOI, 0);
	ck_assert(action.ended && action.ended_level);
	ck_assert_uint_eq(action.ended_vector, 0x35);
	memset(&action, 0xff, sizeof(action));
	vlapic_eoi(&v, &action);
	ck_assert(!action.ended && !action.sends_ipi);
	ck_assert_int_eq(vlapic_pending(&v), 0x3f);
}
END_TEST

START_TEST(a_level_interrupt_can_be_shown_as_edge_and_ends_as_level)
{
	create_on(1);
	ck_assert(vlapic_accept(&v, 0x35, true));
	ck_assert_uint_eq(read32(VLAPIC_TMR + 0x10), BIT32(0x35 % 32));
	v.config.level_as_edge = true;
	for (uint32_t offset = VLAPIC_TMR; offset < VLAPIC_IRR; offset += 0x10)
		ck_assert_uint_eq(read32(offset), 0);
	ck_assert_uint_eq(read32(VLAPIC_IRR + 0x10), BIT32(0x35 % 32));
	vlapic_deliver(&v, 0x35);
	ck_assert_uint_eq(read32(VLAPIC_ISR + 0x10), BIT32(0x35 % 32));
	write32(VLAPIC_EOI, 0);
	ck_assert(action.ended && action.ended_level);
}
END_TEST

START_TEST(the_ppr_keeps_the_low_bits_of_a_ruling_tpr)
{
	create_on(1);
	write32(VLAPIC_TPR, 0x3a);
	ck_assert(vlapic_accept(&v, 0x31, false));
	vlapic_deliver(&v, 0x31);
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0x3a);
	write32(VLAPIC_TPR, 0x2a);
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0x30);
}
END_TEST

START_TEST(delivering_what_was_not_requested_changes_nothing)
{
	create_on(1);
	vlapic_deliver(&v, 0x44);
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0);
}
END_TEST

START_TEST(what_ends_by_its_number_was_in_service)
{
	create_on(1);
	ck_assert(vlapic_accept(&v, 0x31, false));
	ck_assert(!vlapic_end(&v, 0x31)); /* requested only */
	vlapic_deliver(&v, 0x31);
	ck_assert(!vlapic_end(&v, 0x71) && !vlapic_end(&v, 0x32));
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0x30);
	ck_assert(vlapic_end(&v, 0x31));
	ck_assert_uint_eq(read32(VLAPIC_PPR), 0);
	ck_assert(!vlapic_end(&v, 0x31));
}
END_TEST

START_TEST(cr8_is_the_tprs_class)
{
	create_on(1);
	ck_assert(vlapic_set_cr8(&v, 9));
	ck_assert_uint_eq(read32(VLAPIC_TPR), 0x90);
	write32(VLAPIC_TPR, 0x7f);
	ck_assert_uint_eq(vlapic_cr8(&v), 7);
	ck_assert(!vlapic_set_cr8(&v, 16));
	ck_assert_uint_eq(read32(VLAPIC_TPR), 0x7f);
}
END_TEST

START_TEST(posted_vectors_are_merged_with_their_trigger)
{
	uint64_t posted = BIT64(33) | BIT64(34), level = BIT64(34) | BIT64(37);

	create_on(1);
	ck_assert(vlapic_accept(&v, 0x21, true));
	ck_assert(vlapic_merge(&v, 0, posted, level));
	ck_assert(vlapic_merge(&v, 3, BIT64(63), 0));
	ck_assert_uint_eq(v.irr[0], posted);
	ck_assert_uint_eq(v.tmr[0], BIT64(34));
	ck_assert_int_eq(vlapic_pending(&v), 0xff);
	ck_assert(!vlapic_merge(&v, 0, posted | 0xffff, level));
	ck_assert_uint_eq(v.irr[0] & 0xffff, 0);
	write32(VLAPIC_ESR, 0);
	ck_assert_uint_eq(read32(VLAPIC_ESR), BIT32(6));
	write32(VLAPIC_SVR, 0xff);
	ck_assert(!vlapic_merge(&v, 0, posted, level));
}
END_TEST

START_TEST(a_lone_vector_has_none_beside_it)
{
	create_on(1);
	ck_assert(vlapic_accept(&v, 0x31, false));
	ck_assert(vlapic_is_lone(&v, 0x31));
	ck_assert(vlapic_accept(&v, 0x71, false)); /* the same bit of another word */
	ck_assert(!vlapic_is_lone(&v, 0x31) && !vlapic_is_lone(&v, 0x71));
	vlapic_deliver(&v, 0x71);
	ck_assert(!vlapic_is_lone(&v, 0x31));
	vlapic_eoi(&v, &action);
	ck_assert(vlapic_is_lone(&v, 0x31));
	ck_assert(vlapic_accept(&v, 0x31, true));
	ck_assert(!vlapic_is_lone(&v, 0x31));
}
END_TEST

START_TEST(a_vector_is_lone_beside_none_of_the_others)
{
	for (unsigned int other = 16; other < 256; other++) {
		create_on(1);
		ck_assert(vlapic_accept(&v, 0x31, false));
		ck_assert(vlapic_accept(&v, (uint8_t)other, false));
		ck_assert_int_eq(vlapic_is_lone(&v, 0x31), other == 0x31);
	}
}
END_TEST

START_TEST(an_error_interrupts_once_until_esr_is_written)
{
	create_on(1);
	write32(0x370, 0xfe);
	ck_assert(!vlapic_accept(&v, 3, false));
	ck_assert_int_eq(vlapic_pending(&v), 0xfe);
	ck_assert_uint_eq(read32(VLAPIC_ESR), 0);
	memset(v.irr, 0, sizeof(v.irr));
	ck_assert(!vlapic_accept(&v, 3, false));
	ck_assert_int_eq(vlapic_pending(&v), VLAPIC_NO_VECTOR);
	write32(VLAPIC_ESR, 0x55);
	ck_assert_uint_eq(read32(VLAPIC_ESR), BIT32(6));
	write32(VLAPIC_ESR, 0);
	ck_assert_uint_eq(read32(VLAPIC_ESR), 0);
	write32(0x370, 5);
	ck_assert(!vlapic_accept(&v, 3, false)); /* its own vector is illegal too */
	ck_assert(!vlapic_requests(&v));
}
END_TEST

START_TEST(an_xapic_register_that_is_not_there_is_an_error_not_a_fault)
{
	create_on(1);
	ck_assert_uint_eq(read32(0x400), 0);
	write32(VLAPIC_ESR, 0);
	ck_assert_uint_eq(read32(VLAPIC_ESR), BIT32(7));
	write32(VLAPIC_ESR, 0);
	write32(VLAPIC_SELF_IPI, 0x31);
	ck_assert(!action.sends_ipi);
	write32(VLAPIC_ID, 0xff000000);
	ck_assert_uint_eq(read32(VLAPIC_ID), BIT32(24));
	ck_assert_uint_eq(read32(VLAPIC_TPR + 4), 0);
}
END_TEST

START_TEST(the_two_halves_of_the_icr_send_an_ipi)
{
	create_on(7);
	write32(VLAPIC_ICR_HIGH, 0x05ffffff);
	ck_assert(!action.sends_ipi);
	write32(VLAPIC_ICR, 0x4831);
	ck_assert(action.sends_ipi);
	ck_assert_int_eq(action.ipi.delivery, VLAPIC_FIXED);
	ck_assert_uint_eq(action.ipi.destination, 5);
	ck_assert_uint_eq(action.ipi.vector, 0x31);
	ck_assert_uint_eq(action.ipi.sender, 7);
	ck_assert(action.ipi.logical && !action.ipi.wide && !action.ipi.level);
	ck_assert_uint_eq(read32(VLAPIC_ICR), 0x4831);
	write32(VLAPIC_ICR, 0xc500); /* INIT, level, assert */
	ck_assert_int_eq(action.ipi.delivery, VLAPIC_INIT);
	write32(VLAPIC_ICR, 0x8500); /* de-assert */
	ck_assert(!action.sends_ipi);
	write32(VLAPIC_ICR, 0x4608);
	ck_assert_int_eq(action.ipi.delivery, VLAPIC_STARTUP);
	ck_assert_uint_eq(action.ipi.vector, 8);
}
END_TEST

START_TEST(an_ipi_that_the_manual_forbids_is_not_sent)
{
	static const uint32_t low[] = {
		0x00000, 0x0000f, 0x00105, /* illegal vectors */
		0x00300, 0x00731,          /* reserved delivery modes */
		0x40400, 0x40500, 0x40131, /* to itself: NMI, INIT, lowest priority */
		0x80400, 0x80500, 0x80608, 0x80200, /* to all with itself */
	};

	create_on(1);
	write32(VLAPIC_ICR, low[_i]);
	ck_assert(!action.sends_ipi);
	write32(VLAPIC_ESR, 0);
	ck_assert_uint_eq(read32(VLAPIC_ESR), _i < 3 ? BIT32(5) : 0);
}
END_TEST

START_TEST(both_halves_of_the_icr_go_in_one_write)
{
	create_on(1);
	ck_assert(write_icr(0x0300000000004032));
	ck_assert_uint_eq(action.ipi.destination, 3);
	ck_assert_uint_eq(read32(VLAPIC_ICR_HIGH), 0x03000000);
	create_x2apic(1);
	ck_assert(write_icr(0x0300000000004032));
	ck_assert_uint_eq(action.ipi.destination, 0x03000000);
	ck_assert(action.ipi.wide);
	ck_assert(!write_icr(BIT64(13) | 0x32));
	ck_assert(!write_icr(BIT64(20) | 0x32));
	create(1);
	ck_assert(vlapic_set_base(&v, VLAPIC_GPA));
	ck_assert(!write_icr(0x32));
}
END_TEST

/* offset: r readable, w writable, of every x2APIC register. SDM3 table 11-6 */
static bool x2apic_readable(uint32_t offset)
{
	return offset == 0x20 || offset == 0x30 || offset == 0x80 || offset == 0xa0 ||
	       offset == 0xd0 || offset == 0xf0 || (offset >= 0x100 && offset <= 0x280) ||
	       offset == 0x300 || (offset >= 0x320 && offset <= 0x390) || offset == 0x3e0;
}

static bool x2apic_writable(uint32_t offset)
{
	return offset == 0x80 || offset == 0xb0 || offset == 0xf0 || offset == 0x280 ||
	       offset == 0x300 || (offset >= 0x320 && offset <= 0x380) ||
	       offset == 0x3e0 || offset == 0x3f0;
}

START_TEST(x2apic_registers_that_are_not_there_fault)
{
	create_x2apic(1);
	for (uint32_t offset = 0; offset < 0x1000; offset += 16) {
		uint32_t msr = VLAPIC_MSR_FIRST + offset / 16;
		uint64_t value;

		ck_assert_int_eq(vlapic_msr_read(&v, msr, 0, &value),
		                 x2apic_readable(offset));
		ck_assert_int_eq(write_msr(offset, 0), x2apic_writable(offset));
	}
}
END_TEST

START_TEST(x2apic_reserved_bits_fault)
{
	static const struct {
		uint32_t offset;
		uint64_t legal;
	} registers[] = {
		{ 0x80, 0xff },     { 0xb0, 0 },           { 0xf0, 0x3ff },
		{ 0x280, 0 },       { 0x320, 0x350ff },    { 0x330, 0x157ff },
		{ 0x340, 0x157ff }, { 0x350, 0x1f7ff },    { 0x360, 0x1f7ff },
		{ 0x370, 0x150ff }, { 0x380, 0xffffffff }, { 0x3e0, 0xb },
		{ 0x3f0, 0xff },
	};

	for (unsigned int bit = 0; bit < 64; bit++) {
		create_x2apic(1);
		ck_assert_int_eq(write_msr(registers[_i].offset, BIT64(bit)),
		                 registers[_i].legal >> bit & 1);
	}
}
END_TEST

START_TEST(x2apic_msrs_fault_in_another_mode)
{
	uint64_t value;

	create_on(1);
	ck_assert(!vlapic_msr_read(&v, 0x802, 0, &value));
	ck_assert(!write_msr(VLAPIC_TPR, 0));
	create_x2apic(1);
	ck_assert(!vlapic_msr_read(&v, 0x7ff, 0, &value));
	ck_assert(!vlapic_msr_read(&v, 0x900, 0, &value));
	write32(VLAPIC_TPR, 0x50);
	ck_assert_uint_eq(v.tpr, 0);
}
END_TEST

START_TEST(x2apic_ids_are_whole_and_the_ldr_follows)
{
	uint64_t value;

	create_x2apic(0x12345);
	ck_assert(vlapic_msr_read(&v, 0x802, 0, &value));
	ck_assert_uint_eq(value, 0x12345);
	ck_assert(vlapic_msr_read(&v, 0x80d, 0, &value));
	ck_assert_uint_eq(value, 0x12340020);
	ck_assert(write_msr(VLAPIC_ICR, 0x1234500004041));
	ck_assert(vlapic_msr_read(&v, 0x830, 0, &value));
	ck_assert_uint_eq(value, 0x1234500004041);
	ck_assert(write_msr(VLAPIC_SELF_IPI, 0x42));
	ck_assert_int_eq(action.ipi.shorthand, VLAPIC_TO_SELF);
	ck_assert_uint_eq(action.ipi.vector, 0x42);
}
END_TEST

static bool reaches(bool logical, bool wide, uint32_t destination)
{
	const struct vlapic_ipi ipi = { .logical = logical,
		                        .wide = wide,
		                        .destination = destination };

	return vlapic_ipi_matches(&v, &ipi);
}

START_TEST(physical_destinations_match_the_id)
{
	create_on(5);
	ck_assert(reaches(false, false, 5));
	ck_assert(!reaches(false, false, 4));
	ck_assert(reaches(false, false, 0xff));
	ck_assert(!reaches(false, true, 0xff));
	ck_assert(reaches(false, true, 0xffffffff));
	create_x2apic(0x105);
	ck_assert(reaches(false, true, 0x105));
	ck_assert(!reaches(false, false, 5));
	ck_assert(reaches(false, false, 0xff));
	ck_assert(vlapic_set_base(&v, VLAPIC_GPA));
	ck_assert(!reaches(false, true, 0xffffffff));
}
END_TEST

START_TEST(logical_destinations_match_flat_cluster_and_x2apic)
{
	create_on(1);
	write32(VLAPIC_LDR, 0x02ffffff);
	ck_assert_uint_eq(read32(VLAPIC_LDR), 0x02000000);
	ck_assert(reaches(true, false, 0x06));
	ck_assert(!reaches(true, false, 0x05));
	ck_assert(!reaches(true, true, 0x202));
	write32(VLAPIC_DFR, 0x0fffffff); /* cluster */
	write32(VLAPIC_LDR, 0x32000000);
	ck_assert(reaches(true, false, 0x36));
	ck_assert(!reaches(true, false, 0x26));
	ck_assert(!reaches(true, false, 0x35));
	ck_assert(reaches(true, false, 0xf2));
	write32(VLAPIC_DFR, 0x50000000); /* no such model */
	ck_assert(!reaches(true, false, 0x36));
	create_x2apic(0x25);
	ck_assert(reaches(true, true, 0x00020020));
	ck_assert(!reaches(true, true, 0x00030020));
	ck_assert(!reaches(true, true, 0x00020010));
}
END_TEST

START_TEST(shorthands_know_the_sender)
{
	struct vlapic_ipi ipi = { .shorthand = VLAPIC_TO_SELF,
		                  .sender = 5,
		                  .destination = 9 };

	create_on(5);
	ck_assert(vlapic_ipi_matches(&v, &ipi));
	ipi.shorthand = VLAPIC_TO_OTHERS;
	ck_assert(!vlapic_ipi_matches(&v, &ipi));
	create_on(6);
	ck_assert(vlapic_ipi_matches(&v, &ipi));
	ipi.shorthand = VLAPIC_TO_ALL;
	ck_assert(vlapic_ipi_matches(&v, &ipi));
	ipi.shorthand = VLAPIC_TO_SELF;
	ck_assert(!vlapic_ipi_matches(&v, &ipi));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vlapic");
	TCase *tc = tcase_create("vlapic");

	tcase_add_test(tc, reset_leaves_what_the_manual_says);
	tcase_add_test(tc, init_keeps_mode_and_id_and_clears_the_rest);
	tcase_add_loop_test(tc, apic_base_changes_mode_only_as_the_manual_draws_it, 0,
	                    12);
	tcase_add_test(tc, apic_base_refuses_reserved_bits_and_another_page);
	tcase_add_test(tc, disabling_forgets_everything);
	tcase_add_test(tc, a_switched_off_apic_accepts_nothing_and_masks_its_sources);
	tcase_add_test(tc, a_vector_is_deliverable_if_its_class_is_above_the_ppr);
	tcase_add_test(tc, nested_interrupts_end_in_order);
	tcase_add_test(tc, a_level_interrupt_can_be_shown_as_edge_and_ends_as_level);
	tcase_add_test(tc, the_ppr_keeps_the_low_bits_of_a_ruling_tpr);
	tcase_add_test(tc, delivering_what_was_not_requested_changes_nothing);
	tcase_add_test(tc, what_ends_by_its_number_was_in_service);
	tcase_add_test(tc, cr8_is_the_tprs_class);
	tcase_add_test(tc, posted_vectors_are_merged_with_their_trigger);
	tcase_add_test(tc, a_lone_vector_has_none_beside_it);
	tcase_add_test(tc, a_vector_is_lone_beside_none_of_the_others);
	tcase_add_test(tc, an_error_interrupts_once_until_esr_is_written);
	tcase_add_test(tc, an_xapic_register_that_is_not_there_is_an_error_not_a_fault);
	tcase_add_test(tc, the_two_halves_of_the_icr_send_an_ipi);
	tcase_add_loop_test(tc, an_ipi_that_the_manual_forbids_is_not_sent, 0, 12);
	tcase_add_test(tc, both_halves_of_the_icr_go_in_one_write);
	tcase_add_test(tc, x2apic_registers_that_are_not_there_fault);
	tcase_add_loop_test(tc, x2apic_reserved_bits_fault, 0, 13);
	tcase_add_test(tc, x2apic_msrs_fault_in_another_mode);
	tcase_add_test(tc, x2apic_ids_are_whole_and_the_ldr_follows);
	tcase_add_test(tc, physical_destinations_match_the_id);
	tcase_add_test(tc, logical_destinations_match_flat_cluster_and_x2apic);
	tcase_add_test(tc, shorthands_know_the_sender);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
