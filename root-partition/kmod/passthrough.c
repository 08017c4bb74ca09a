// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of hypercalls that user space may make. Each begins with a partition id, which we
 * write ourselves; what the id's owner may then ask is the hypervisor's to check. Some are answered here.
 */
#include "abi.h"
#include "passthrough.h"

#include "access.h"
#include "partition.h"
#include "vp.h"
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

/* Calls of upstream's list that our own code never makes. */
#define HVCALL_CLEAR_VIRTUAL_INTERRUPT     0x0056
#define HVCALL_GET_GPA_PAGES_ACCESS_STATES 0x00c9
#define HVCALL_GET_VP_CPUID_VALUES         0x00f4
#define HVCALL_GET_PARTITION_PROPERTY_EX   0x0101

/* Every block that names a vp has its index right behind the partition id. */
#define VP_INDEX_OFFSET 8

/* What the calls of a running VM need lies on the stack. */
#define SMALL_BYTES 256

struct passthrough_rule {
	u16 code;
	u16 header_bytes;
	u16 element_bytes; /* input per rep; 0 also for calls without reps */
	bool names_vp;     /* a vp descriptor writes its own index */
	bool on_device;
	/* NULL: the hypervisor answers */
	enum hv_status (*answer)(struct viridis_partition *partition, const void *input,
	                         void *output);
};

static const struct passthrough_rule rules[] = {
	{ HVCALL_GET_PARTITION_PROPERTY, 16, 0, false, true },
	{ HVCALL_GET_PARTITION_PROPERTY_EX, 24, 0, false, true },
	{ HVCALL_SET_PARTITION_PROPERTY, 24, 0, false, false },
	{ HVCALL_INSTALL_INTERCEPT, 24, 0, false, false },
	{ HVCALL_GET_VP_REGISTERS, 16, 4, true, false },
	{ HVCALL_SET_VP_REGISTERS, 16, 32, true, false },
	{ HVCALL_TRANSLATE_VIRTUAL_ADDRESS, 32, 0, true, false, access_translate },
	{ HVCALL_READ_GPA, 32, 0, true, false, access_read },
	{ HVCALL_WRITE_GPA, 48, 0, true, false, access_write },
	{ HVCALL_CLEAR_VIRTUAL_INTERRUPT, 8, 0, false, false },
	{ HVCALL_REGISTER_INTERCEPT_RESULT, 64, 0, false, false },
	{ HVCALL_UNREGISTER_INTERCEPT_RESULT, 32, 0, false, false },
	{ HVCALL_ASSERT_VIRTUAL_INTERRUPT, 32, 0, false, false },
	{ HVCALL_GET_GPA_PAGES_ACCESS_STATES, 24, 0, false, false },
	{ HVCALL_SIGNAL_EVENT_DIRECT, 16, 0, false, false },
	{ HVCALL_POST_MESSAGE_DIRECT, 280, 0, false, false },
	{ HVCALL_GET_VP_CPUID_VALUES, 24, 24, true, false },
};

static const struct passthrough_rule *passthrough_rule(u16 code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].code == code)
			return &rules[i];
	}
	return NULL;
}

static int passthrough_fetch(struct mshv_root_hvcall *request, void __user *argument)
{
	if (copy_from_user(request, argument, sizeof(*request)))
		return -EFAULT;
	if (memchr_inv(request->reserved, 0, sizeof(request->reserved)) ||
	    request->reps > 0xfff || request->input_bytes > MSHV_HVCALL_BYTES_MAX ||
	    request->output_bytes > MSHV_HVCALL_BYTES_MAX)
		return -EINVAL;
	request->status = HV_STATUS_INVALID_HYPERCALL_INPUT;
	return 0;
}

/*
 * The hypervisor reads no further than header and reps, which is as far as we hand over: nothing left over
 * from another's call can be seen.
 */
static size_t passthrough_input_bytes(const struct passthrough_rule *rule,
                                      const struct mshv_root_hvcall *request)
{
	size_t needed = rule->header_bytes + (size_t)request->reps * rule->element_bytes;

	return max_t(size_t, needed, request->input_bytes);
}

/* No such call has reps, and none is on the device: the pool is a partition's. */
static enum hv_status passthrough_own(const struct passthrough_rule *rule,
                                      const struct mshv_root_hvcall *request,
                                      const u8 *input, u8 *output, struct pool *pool)
{
	struct viridis_partition *partition =
		container_of(pool, struct viridis_partition, pool);

	memset(output, 0, SMALL_BYTES);
	return request->reps ? HV_STATUS_INVALID_HYPERCALL_INPUT :
	                       rule->answer(partition, input, output);
}

static int passthrough_call(const struct passthrough_rule *rule,
                            struct mshv_root_hvcall *request, const u8 *input,
                            size_t input_bytes, u8 *output, struct pool *pool)
{
	struct hypercall call = {
		.code = request->code,
		.reps = request->reps,
		.header = input,
		.header_bytes = input_bytes,
		.output = output,
		.output_bytes = request->output_bytes,
	};

	if (rule->answer)
		request->status = passthrough_own(rule, request, input, output, pool);
	else
		request->status = pool_call(pool, &call);
	request->reps = call.done;
	return hypercall_errno(request->status);
}

static int passthrough_answer(const struct mshv_root_hvcall *request, const u8 *output,
                              void __user *argument)
{
	void __user *user = (void __user *)(unsigned long)request->output;

	if (copy_to_user(argument, request, sizeof(*request)))
		return -EFAULT;
	if (request->status == HV_STATUS_SUCCESS && request->output_bytes &&
	    copy_to_user(user, output, request->output_bytes))
		return -EFAULT;
	return 0;
}

/*
 * With `input`, zeroed and input_bytes long, and room for the output. We write the id in every block that we
 * let through; vp: NULL but on a vp descriptor.
 */
static int passthrough_run(const struct passthrough_rule *rule,
                           struct mshv_root_hvcall *request, struct pool *pool,
                           const struct viridis_vp *vp, u8 *input, size_t input_bytes,
                           u8 *output, void __user *argument)
{
	void __user *user = (void __user *)(unsigned long)request->input;
	int result, answered;

	if (copy_from_user(input, user, request->input_bytes))
		return -EFAULT;
	memcpy(input, &pool->partition_id, sizeof(pool->partition_id));
	if (vp && rule->names_vp)
		memcpy(input + VP_INDEX_OFFSET, &vp->index, sizeof(vp->index));
	result = passthrough_call(rule, request, input, input_bytes, output, pool);
	answered = passthrough_answer(request, output, argument);
	return answered ? answered : result;
}

/* noinline: the other way needs no such stack. */
static noinline int passthrough_small(const struct passthrough_rule *rule,
                                      struct mshv_root_hvcall *request, struct pool *pool,
                                      const struct viridis_vp *vp, size_t input_bytes,
                                      void __user *argument)
{
	u8 input[SMALL_BYTES] __aligned(8) = { 0 };
	u8 output[SMALL_BYTES] __aligned(8);

	return passthrough_run(rule, request, pool, vp, input, input_bytes, output,
	                       argument);
}

static int passthrough_large(const struct passthrough_rule *rule,
                             struct mshv_root_hvcall *request, struct pool *pool,
                             const struct viridis_vp *vp, size_t input_bytes,
                             void __user *argument)
{
	u8 *pages = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	int result;

	if (!pages)
		return -ENOMEM;
	result = passthrough_run(rule, request, pool, vp, pages, input_bytes,
	                         pages + PAGE_SIZE, argument);
	free_pages((unsigned long)pages, 1);
	return result;
}

static long passthrough(struct pool *pool, const struct viridis_vp *vp, bool device,
                        void __user *argument)
{
	const struct passthrough_rule *rule;
	struct mshv_root_hvcall request;
	size_t input_bytes;
	int result = passthrough_fetch(&request, argument);

	if (result)
		return result;
	rule = passthrough_rule(request.code);
	if (!rule || (device && !rule->on_device))
		return -EOPNOTSUPP;
	input_bytes = passthrough_input_bytes(rule, &request);
	if (input_bytes > PAGE_SIZE)
		return -EINVAL;
	if (input_bytes <= SMALL_BYTES && request.output_bytes <= SMALL_BYTES)
		return passthrough_small(rule, &request, pool, vp, input_bytes, argument);
	return passthrough_large(rule, &request, pool, vp, input_bytes, argument);
}

long passthrough_device(void __user *argument)
{
	return passthrough(&pool_root, NULL, true, argument);
}

long passthrough_partition(struct viridis_partition *partition, void __user *argument)
{
	return passthrough(&partition->pool, NULL, false, argument);
}

long passthrough_vp(struct viridis_vp *vp, void __user *argument)
{
	return passthrough(&vp->partition->pool, vp, false, argument);
}
