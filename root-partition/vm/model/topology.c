/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child's topology as results of CPUID: topology.h */
#include "root-partition/vm/model/topology.h"

#include <viridis/base/bits.h>

#define LEAF1_EDX_MTRR BIT32(12)
#define LEAF1_EDX_HTT  BIT32(28)

#define LEVEL_THREADS (1u << 8) /* of leaf 0xb, ECX 15:8 */
#define LEVEL_CORES   (2u << 8)

#define CACHE_TYPE(eax)  ((eax)&0x1f)
#define CACHE_LEVEL(eax) ((eax) >> 5 & 7)
#define CACHE_SHARED     (0xfffu << 14)

struct list {
	struct hv_input_register_intercept_result *next;
	uint32_t vp;
};

/* Of a leaf, or with a subleaf of that alone. */
static struct hv_input_register_intercept_result *add_result(struct list *list,
                                                             uint32_t leaf)
{
	*list->next = (struct hv_input_register_intercept_result){
		.vp_index = list->vp,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = leaf,
	};
	return list->next++;
}

static struct hv_input_register_intercept_result *
add_subleaf(struct list *list, uint32_t leaf, uint32_t subleaf)
{
	struct hv_input_register_intercept_result *result = add_result(list, leaf);

	result->ecx = subleaf;
	result->subleaf_specific = 1;
	return result;
}

/* EAX to EDX are 0 to 3; bits of value count where the mask says. */
static void set_output(struct hv_input_register_intercept_result *result,
                       unsigned int output, uint32_t value, uint32_t mask)
{
	result->result[output].value = value;
	result->result[output].mask = mask;
}

/* Levels of leaf 0xb: ECX 7:0 is the subleaf, as the processor says. */
static void add_level(struct hv_input_register_intercept_result *result, uint32_t shift,
                      uint32_t below, uint32_t type)
{
	set_output(result, 0, shift, UINT32_MAX);
	set_output(result, 1, below, UINT32_MAX);
	set_output(result, 2, type, 0xff00);
}

unsigned int topology_of(uint32_t vp, uint32_t cores,
                         const uint32_t caches[TOPOLOGY_CACHES],
                         struct hv_input_register_intercept_result *results)
{
	uint32_t id_bits = cores > 1 ? 32 - (uint32_t)__builtin_clz(cores - 1) : 0;
	struct hv_input_register_intercept_result *result;
	struct list list = { results, vp };

	result = add_result(&list, 1);
	set_output(result, 1, cores << 16, 0xff0000);
	set_output(result, 3, LEAF1_EDX_HTT, LEAF1_EDX_HTT | LEAF1_EDX_MTRR);
	add_level(add_result(&list, 0xb), 0, 0, 0);
	add_level(add_subleaf(&list, 0xb, 0), 0, 1, LEVEL_THREADS);
	add_level(add_subleaf(&list, 0xb, 1), id_bits, cores, LEVEL_CORES);
	set_output(add_result(&list, 0x80000008), 2, id_bits << 12 | (cores - 1),
	           UINT32_MAX);
	result = add_result(&list, 0x8000001e);
	set_output(result, 1, vp, UINT32_MAX);
	set_output(result, 2, 0, UINT32_MAX);
	for (uint32_t i = 0; i < TOPOLOGY_CACHES && CACHE_TYPE(caches[i]); i++)
		set_output(add_subleaf(&list, 0x8000001d, i), 0,
		           CACHE_LEVEL(caches[i]) >= 3 ? (cores - 1) << 14 : 0,
		           CACHE_SHARED);
	return (unsigned int)(list.next - results);
}
