// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of hypercalls that user space may make. Each begins with a partition id, which we
 * write ourselves; what the id's owner may then ask is the hypervisor's to check. Some are answered here.
 */
#include "abi.h"
#include "passthrough.h"

#include "access.h"
#include "intercept.h"
#include "partition.h"
#include "property.h"
#include "vp.h"
#include "vp_state.h"
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

/* Calls of upstream's list that our own code never makes. */
#define HVCALL_CLEAR_VIRTUAL_INTERRUPT   0x0056
#define HVCALL_GET_VP_CPUID_VALUES       0x00f4
#define HVCALL_GET_PARTITION_PROPERTY_EX 0x0101

/* Behind the partition id: the index in every block that names a vp, the code in one of a property. */
#define VP_INDEX_OFFSET      8
#define PROPERTY_CODE_OFFSET 8

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

/* What is called most often comes first. */
static const struct passthrough_rule rules[] = {
	{ HVCALL_SET_VP_REGISTERS, 16, 32, true, false },
	{ HVCALL_GET_VP_REGISTERS, 16, 4, true, false },
	{ HVCALL_ASSERT_VIRTUAL_INTERRUPT, 32, 0, false, false },
	{ HVCALL_GET_PARTITION_PROPERTY, 16, 0, false, true },
	{ HVCALL_GET_PARTITION_PROPERTY_EX, 24, 0, false, true },
	{ HVCALL_SET_PARTITION_PROPERTY, 24, 0, false, false },
	{ HVCALL_INSTALL_INTERCEPT, 24, 0, false, false, intercept_install },
	{ HVCALL_TRANSLATE_VIRTUAL_ADDRESS, 32, 0, true, false, access_translate },
	{ HVCALL_READ_GPA, 32, 0, true, false, access_read },
	{ HVCALL_WRITE_GPA, 48, 0, true, false, access_write },
	{ HVCALL_CLEAR_VIRTUAL_INTERRUPT, 8, 0, false, false },
	{ HVCALL_REGISTER_INTERCEPT_RESULT, 64, 0, false, false },
	{ HVCALL_UNREGISTER_INTERCEPT_RESULT, 32, 0, false, false },
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
	static const u8 none[sizeof(request->reserved)];

	if (copy_from_user(request, argument, sizeof(*request)))
		return -EFAULT;
	if (memcmp(request->reserved, none, sizeof(none)) || request->reps > 0xfff ||
	    request->input_bytes > MSHV_HVCALL_BYTES_MAX ||
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

	memset(output, 0, max_t(size_t, SMALL_BYTES, request->output_bytes));
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

/* Whose call it is. */
struct passthrough_caller {
	struct viridis_partition *partition; /* NULL: the device's, on the root */
	struct viridis_vp *vp;               /* NULL but on a vp descriptor */
	struct pool *pool;
	struct passthrough_buffer *buffer;
};

void passthrough_buffer_init(struct passthrough_buffer *buffer)
{
	mutex_init(&buffer->lock);
	buffer->pages = NULL;
}

void passthrough_buffer_free(struct passthrough_buffer *buffer)
{
	free_pages((unsigned long)buffer->pages, 1);
}

/* What the module knows better than the hypervisor. True: that was all of the call. */
static bool passthrough_answered_here(const struct passthrough_caller *caller,
                                      struct mshv_root_hvcall *request, u8 *input,
                                      u8 *output, int *result)
{
	u32 code;
	u64 value;

	if (request->code == HVCALL_SET_PARTITION_PROPERTY) {
		*result = property_prepare(caller->partition, input);
		return *result != 0;
	}
	if (request->code != HVCALL_GET_PARTITION_PROPERTY || request->output_bytes < 8)
		return false;
	memcpy(&code, input + PROPERTY_CODE_OFFSET, sizeof(code));
	if (!property_get(caller->partition, code, &value))
		return false;
	memset(output, 0, request->output_bytes);
	memcpy(output, &value, sizeof(value));
	request->status = HV_STATUS_SUCCESS;
	request->reps = 0;
	*result = 0;
	return true;
}

/* Its descriptor has the vp, or the block names it; NULL: there is none. It stays as long as the partition. */
static struct viridis_vp *passthrough_target(const struct passthrough_caller *caller,
                                             const u8 *input)
{
	u32 index;

	if (caller->vp)
		return caller->vp;
	memcpy(&index, input + VP_INDEX_OFFSET, sizeof(index));
	return index < MSHV_VP_MAX ? rcu_dereference_raw(caller->partition->vps[index]) :
	                             NULL;
}

/*
 * What may wait for RUN_VP. True: that was all of the call. Else *setting is the vp that others set no registers of
 * until the call is over, or NULL.
 */
static bool passthrough_kept(const struct passthrough_rule *rule,
                             const struct mshv_root_hvcall *request,
                             const struct passthrough_caller *caller, const u8 *input,
                             struct viridis_vp **setting)
{
	struct viridis_vp *vp;

	*setting = NULL;
	if (request->code != HVCALL_SET_VP_REGISTERS &&
	    request->code != HVCALL_GET_VP_REGISTERS)
		return false;
	vp = passthrough_target(caller, input);
	if (!vp)
		return false;
	if (request->code == HVCALL_GET_VP_REGISTERS) {
		vp_answer_settle(vp);
		return false;
	}
	if (request->reps && !request->output_bytes &&
	    vp_answer_keep(vp, (const void *)input,
	                   (const void *)(input + rule->header_bytes), request->reps))
		return true;
	vp_answer_begin_set(vp);
	*setting = vp;
	return false;
}

/* As many as were set, also of a list whose rest is refused. */
static void passthrough_registers_set(const struct viridis_vp *vp, const void *registers,
                                      unsigned int count)
{
	if (vp_state_ends_guest(registers, count))
		vp_state_clear_synthetic(vp, registers, count);
}

/*
 * With room for `input`, which is input_bytes long and zero where the caller's ends, and for the output. We write the id in
 * every block that we let through.
 */
static int passthrough_run(const struct passthrough_rule *rule,
                           struct mshv_root_hvcall *request,
                           const struct passthrough_caller *caller, u8 *input,
                           size_t input_bytes, u8 *output, void __user *argument)
{
	void __user *user = (void __user *)(unsigned long)request->input;
	const struct viridis_vp *vp = caller->vp;
	struct viridis_vp *setting;
	int result, answered;

	if (copy_from_user(input, user, request->input_bytes))
		return -EFAULT;
	memset(input + request->input_bytes, 0, input_bytes - request->input_bytes);
	memcpy(input, &caller->pool->partition_id, sizeof(caller->pool->partition_id));
	if (vp && rule->names_vp)
		memcpy(input + VP_INDEX_OFFSET, &vp->index, sizeof(vp->index));
	if (passthrough_kept(rule, request, caller, input, &setting)) {
		request->status = HV_STATUS_SUCCESS;
		return passthrough_answer(request, output, argument);
	}
	if (!passthrough_answered_here(caller, request, input, output, &result)) {
		result = passthrough_call(rule, request, input, input_bytes, output,
		                          caller->pool);
		if (setting)
			vp_answer_end_set(setting);
		if (request->code == HVCALL_SET_PARTITION_PROPERTY)
			property_done(caller->partition, input, result == 0);
		if (vp && request->code == HVCALL_SET_VP_REGISTERS)
			passthrough_registers_set(vp, input + rule->header_bytes,
			                          request->reps);
	}
	answered = passthrough_answer(request, output, argument);
	return answered ? answered : result;
}

/* noinline: the other way needs no such stack. */
static noinline int passthrough_small(const struct passthrough_rule *rule,
                                      struct mshv_root_hvcall *request,
                                      const struct passthrough_caller *caller,
                                      size_t input_bytes, void __user *argument)
{
	u8 input[SMALL_BYTES] __aligned(8);
	u8 output[SMALL_BYTES] __aligned(8);

	return passthrough_run(rule, request, caller, input, input_bytes, output,
	                       argument);
}

/* One at a time of a descriptor's. */
static int passthrough_large(const struct passthrough_rule *rule,
                             struct mshv_root_hvcall *request,
                             const struct passthrough_caller *caller, size_t input_bytes,
                             void __user *argument)
{
	struct passthrough_buffer *buffer = caller->buffer;
	int result = -ENOMEM;

	if (mutex_lock_killable(&buffer->lock))
		return -EINTR;
	if (!buffer->pages)
		buffer->pages = (u8 *)__get_free_pages(GFP_KERNEL_ACCOUNT, 1);
	if (buffer->pages)
		result = passthrough_run(rule, request, caller, buffer->pages,
		                         input_bytes, buffer->pages + PAGE_SIZE,
		                         argument);
	mutex_unlock(&buffer->lock);
	return result;
}

/*
 * A translation for a vp's own descriptor: what a VMM asks most often, for each element of a string that goes to a port.
 * Blocks of known sizes cost the copies less.
 */
static bool passthrough_is_translation(const struct passthrough_caller *caller,
                                       const struct mshv_root_hvcall *request)
{
	return request->code == HVCALL_TRANSLATE_VIRTUAL_ADDRESS && caller->vp &&
	       !request->reps &&
	       request->input_bytes == sizeof(struct hv_input_translate_va) &&
	       request->output_bytes == sizeof(struct hv_output_translate_va);
}

static int passthrough_translate(struct mshv_root_hvcall *request, struct viridis_vp *vp,
                                 void __user *argument)
{
	struct hv_output_translate_va output = { 0 };
	struct hv_input_translate_va input;

	if (copy_from_user(&input, u64_to_user_ptr(request->input), sizeof(input)))
		return -EFAULT;
	input.vp_index = vp->index;
	request->status = access_translate_again(vp, &input, &output);
	if (copy_to_user(argument, request, sizeof(*request)))
		return -EFAULT;
	if (request->status != HV_STATUS_SUCCESS)
		return hypercall_errno(request->status);
	return copy_to_user(u64_to_user_ptr(request->output), &output, sizeof(output)) ?
	               -EFAULT :
	               0;
}

/* What answers an access to a port: RIP and RAX. */
struct port_answer {
	struct hv_input_set_vp_registers header;
	struct hv_register_assoc registers[VP_ANSWER_PORT];
};

/* The first words of its request: code, reps, bytes of input and of output; status, which is not looked at, and zeros. */
#define PORT_ANSWER_HEAD                                       \
	(HVCALL_SET_VP_REGISTERS | (u64)VP_ANSWER_PORT << 16 | \
	 (u64)sizeof(struct port_answer) << 32)
#define PORT_ANSWER_ZEROS(word) ((word) >> 16)

static bool port_answer_asked(const struct mshv_root_hvcall __user *user, u64 *input)
{
	const u64 __user *words = (const void __user *)user;
	u64 head, status;

	if (!user_access_begin(words, sizeof(*user)))
		return false;
	unsafe_get_user(head, &words[0], fault);
	unsafe_get_user(status, &words[1], fault);
	unsafe_get_user(*input, &words[2], fault);
	user_access_end();
	return head == PORT_ANSWER_HEAD && !PORT_ANSWER_ZEROS(status);

fault:
	user_access_end();
	return false;
}

static bool port_answer_fetch(const struct port_answer __user *user, u64 *rip, u64 *rax)
{
	u32 vtl, first, second;
	u64 first_value, second_value;

	if (!user_access_begin(user, sizeof(*user)))
		return false;
	unsafe_get_user(vtl, &user->header.input_vtl, fault);
	unsafe_get_user(first, &user->registers[0].name, fault);
	unsafe_get_user(second, &user->registers[1].name, fault);
	unsafe_get_user(first_value, &user->registers[0].value.reg64, fault);
	unsafe_get_user(second_value, &user->registers[1].value.reg64, fault);
	user_access_end();
	if (first == HV_X64_REGISTER_RIP && second == HV_X64_REGISTER_RAX) {
		*rip = first_value;
		*rax = second_value;
		return !vtl;
	}
	*rip = second_value;
	*rax = first_value;
	return !vtl && first == HV_X64_REGISTER_RAX && second == HV_X64_REGISTER_RIP;

fault:
	user_access_end();
	return false;
}

/*
 * What a VMM calls for each access to a port, word by word: a copy of a block by a function of the kernel's costs more than
 * all else here. False: it is a call like others, and nothing was done.
 */
static bool port_answer_kept(struct viridis_vp *vp,
                             const struct mshv_root_hvcall __user *user)
{
	u64 input, rip, rax;

	return port_answer_asked(user, &input) &&
	       port_answer_fetch(u64_to_user_ptr(input), &rip, &rax) &&
	       vp_answer_keep_port(vp, rip, rax);
}

static long passthrough(const struct passthrough_caller *caller, void __user *argument)
{
	const struct passthrough_rule *rule;
	struct mshv_root_hvcall request;
	size_t input_bytes;
	int result = passthrough_fetch(&request, argument);

	if (result)
		return result;
	if (passthrough_is_translation(caller, &request))
		return passthrough_translate(&request, caller->vp, argument);
	rule = passthrough_rule(request.code);
	if (!rule || (!caller->partition && !rule->on_device))
		return -EOPNOTSUPP;
	input_bytes = passthrough_input_bytes(rule, &request);
	if (input_bytes > PAGE_SIZE)
		return -EINVAL;
	if (input_bytes <= SMALL_BYTES && request.output_bytes <= SMALL_BYTES)
		return passthrough_small(rule, &request, caller, input_bytes, argument);
	return passthrough_large(rule, &request, caller, input_bytes, argument);
}

/* Its calls are short. */
static struct passthrough_buffer device_buffer = {
	.lock = __MUTEX_INITIALIZER(device_buffer.lock),
};

void passthrough_exit(void)
{
	passthrough_buffer_free(&device_buffer);
}

long passthrough_device(void __user *argument)
{
	const struct passthrough_caller caller = { .pool = &pool_root,
		                                   .buffer = &device_buffer };

	return passthrough(&caller, argument);
}

long passthrough_partition(struct viridis_partition *partition, void __user *argument)
{
	const struct passthrough_caller caller = { .partition = partition,
		                                   .pool = &partition->pool,
		                                   .buffer = &partition->buffer };

	return passthrough(&caller, argument);
}

/* noinline: the way before it needs no such stack. */
static noinline long passthrough_vp_call(struct viridis_vp *vp, void __user *argument)
{
	const struct passthrough_caller caller = { .partition = vp->partition,
		                                   .vp = vp,
		                                   .pool = &vp->partition->pool,
		                                   .buffer = &vp->buffer };

	return passthrough(&caller, argument);
}

long passthrough_vp(struct viridis_vp *vp, void __user *argument)
{
	struct mshv_root_hvcall __user *user = argument;

	if (port_answer_kept(vp, user))
		return put_user((u16)HV_STATUS_SUCCESS, &user->status);
	return passthrough_vp_call(vp, argument);
}
