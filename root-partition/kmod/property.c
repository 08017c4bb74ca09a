// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Partition properties: property.h. The banks of processor features say by Microsoft's numbers what CPUID
 * says; the root's CPUID shows what guests may have, so that they are read from it.
 */
#include "abi.h"
#include "property.h"

#include "attach.h"
#include "compat.h"
#include "hypercall.h"
#include "partition.h"
#include <asm/processor.h>
#include <linux/kernel.h>
#include <linux/string.h>

enum cpuid_output { EAX, EBX, ECX, EDX };

/* TLFS, "Virtualization Host", HV_PARTITION_PROCESSOR_FEATURES; the leaves' subleaf is 0. APM3 E */
static const struct feature {
	u8 bank, bit;
	u8 output, output_bit;
	u32 leaf;
} features[] = {
	{ 0, 0, ECX, 0, 1 },            /* SSE3 */
	{ 0, 1, ECX, 0, 0x80000001 },   /* LAHF, SAHF */
	{ 0, 2, ECX, 9, 1 },            /* SSSE3 */
	{ 0, 3, ECX, 19, 1 },           /* SSE4.1 */
	{ 0, 4, ECX, 20, 1 },           /* SSE4.2 */
	{ 0, 5, ECX, 6, 0x80000001 },   /* SSE4A */
	{ 0, 6, ECX, 11, 0x80000001 },  /* XOP */
	{ 0, 7, ECX, 23, 1 },           /* POPCNT */
	{ 0, 8, ECX, 13, 1 },           /* CMPXCHG16B */
	{ 0, 9, ECX, 4, 0x80000001 },   /* LOCK MOV CR0 is MOV CR8 */
	{ 0, 10, ECX, 5, 0x80000001 },  /* LZCNT */
	{ 0, 11, ECX, 7, 0x80000001 },  /* misaligned SSE */
	{ 0, 12, EDX, 22, 0x80000001 }, /* extended MMX */
	{ 0, 13, EDX, 31, 0x80000001 }, /* 3DNow! */
	{ 0, 14, EDX, 30, 0x80000001 }, /* extended 3DNow! */
	{ 0, 15, EDX, 26, 0x80000001 }, /* pages of 1 GiB */
	{ 0, 16, ECX, 25, 1 },          /* AES */
	{ 0, 17, ECX, 1, 1 },           /* PCLMULQDQ */
	{ 0, 18, ECX, 17, 1 },          /* PCID */
	{ 0, 19, ECX, 16, 0x80000001 }, /* FMA4 */
	{ 0, 20, ECX, 29, 1 },          /* F16C */
	{ 0, 21, ECX, 30, 1 },          /* RDRAND */
	{ 0, 22, EBX, 0, 7 },           /* RDFSBASE and its like */
	{ 0, 23, EBX, 7, 7 },           /* SMEP */
	{ 0, 24, EBX, 9, 7 },           /* fast strings */
	{ 0, 25, EBX, 3, 7 },           /* BMI1 */
	{ 0, 26, EBX, 8, 7 },           /* BMI2 */
	{ 0, 29, ECX, 22, 1 },          /* MOVBE */
	{ 0, 31, EBX, 13, 7 },          /* no x87 CS and DS */
	{ 0, 32, EBX, 18, 7 },          /* RDSEED */
	{ 0, 33, EBX, 19, 7 },          /* ADX */
	{ 0, 34, ECX, 8, 0x80000001 },  /* PREFETCHW */
	{ 0, 35, EBX, 20, 7 },          /* SMAP */
	{ 0, 38, EDX, 27, 0x80000001 }, /* RDTSCP */
	{ 0, 39, EBX, 23, 7 },          /* CLFLUSHOPT */
	{ 0, 40, EBX, 24, 7 },          /* CLWB */
	{ 0, 41, EBX, 29, 7 },          /* SHA */
	{ 0, 42, EBX, 2, 0x80000008 },  /* XSAVEERPTR */
	{ 0, 43, EBX, 10, 7 },          /* INVPCID */
	{ 0, 44, EBX, 14, 0x80000008 }, /* IBRS */
	{ 0, 45, EBX, 15, 0x80000008 }, /* STIBP */
	{ 0, 46, EBX, 12, 0x80000008 }, /* IBPB */
	{ 0, 49, EDX, 4, 7 },           /* fast short REP MOVSB */
	{ 0, 57, ECX, 22, 7 },          /* RDPID */
	{ 0, 58, ECX, 2, 7 },           /* UMIP */
	{ 1, 1, EDX, 8, 0x80000007 },   /* invariant TSC */
	{ 1, 2, EBX, 0, 0x80000008 },   /* CLZERO */
	{ 1, 3, EBX, 4, 0x80000008 },   /* RDPRU */
	{ 1, 4, ECX, 16, 7 },           /* LA57 */
	{ 1, 7, EBX, 28, 0x80000008 },  /* PSFD */
};

bool property_get(const struct viridis_partition *partition, u32 code, u64 *value)
{
	unsigned int bank = code - HV_PROPERTY_PROCESSOR_FEATURES0;
	unsigned int i;
	u32 output[4];

	if (bank > 1)
		return false;
	*value = 0;
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *feature = &features[i];

		if (feature->bank != bank)
			continue;
		cpuid_count(feature->leaf, 0, &output[EAX], &output[EBX], &output[ECX],
		            &output[EDX]);
		if (output[feature->output] & BIT32(feature->output_bit))
			*value |= BIT64(feature->bit);
	}
	if (partition)
		*value &= ~partition->disabled_features[bank];
	return true;
}

/* VP_RUNTIME to VP_INDEX are the privileges of the same order; REFERENCE_TSC and FREQUENCY_MSRS have the same bits. */
#define FEATURES_IN_ORDER 0x1fcu
#define FEATURES_SAME     (HV_PRIVILEGE_REFERENCE_TSC | HV_PRIVILEGE_FREQUENCY_MSRS)
#define PRIVILEGES_NAMED  (FEATURES_IN_ORDER >> 2 | FEATURES_SAME)

static int property_get_privileges(const struct viridis_partition *partition, u64 *value)
{
	struct hv_input_get_partition_property header = {
		.partition_id = partition->id,
		.code = HV_PROPERTY_PRIVILEGE_FLAGS,
	};
	struct hypercall call = {
		.code = HVCALL_GET_PARTITION_PROPERTY,
		.header = &header,
		.header_bytes = sizeof(header),
		.output = value,
		.output_bytes = sizeof(*value),
	};

	return hypercall_errno(hypercall(&call));
}

/* What they have no number for stays as it was. The rest asks for calls and hints that there are not. */
static int property_to_privileges(const struct viridis_partition *partition,
                                  struct hv_input_set_partition_property *block)
{
	u64 privileges;
	int result = property_get_privileges(partition, &privileges);

	block->code = HV_PROPERTY_PRIVILEGE_FLAGS;
	block->value = (privileges & ~(u64)PRIVILEGES_NAMED) |
	               (block->value & FEATURES_IN_ORDER) >> 2 |
	               (block->value & FEATURES_SAME);
	return result;
}

static bool property_tracks_writes(const struct hv_input_set_partition_property *block)
{
	return block->code == HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING && block->value <= 1;
}

int property_prepare(struct viridis_partition *partition, u8 *input)
{
	struct hv_input_set_partition_property block;
	int result = 0;

	memcpy(&block, input, sizeof(block));
	if (property_tracks_writes(&block))
		return attach_track_begin(partition, block.value);
	if (block.code != HV_PROPERTY_SYNTHETIC_FEATURES)
		return 0;
	result = property_to_privileges(partition, &block);
	if (!result)
		memcpy(input, &block, sizeof(block));
	return result;
}

void property_done(struct viridis_partition *partition, const u8 *input, bool done)
{
	struct hv_input_set_partition_property block;

	memcpy(&block, input, sizeof(block));
	if (property_tracks_writes(&block))
		attach_track_end(partition, block.value, done);
}
