// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes through MSHV_ROOT_HVCALL: registers, properties, interrupts, guest addresses. */
#include <errno.h>
#include <string.h>
#include "root-partition/libmshv/internal.h"
#include "root-partition/libmshv/mshv.h"

/* As many as fit into a page of input behind the header; output of GET is 16 bytes each. */
#define GET_REGISTERS_MAX (MSHV_HVCALL_BYTES_MAX / sizeof(union hv_register_value))
#define SET_REGISTERS_MAX 32u

int mshv_hypercall(int fd, struct mshv_hypercall *call)
{
	struct mshv_root_hvcall block = {
		.code = call->code,
		.reps = call->reps,
		.input_bytes = (uint16_t)call->input_bytes,
		.output_bytes = (uint16_t)call->output_bytes,
		.input = (uintptr_t)call->input,
		.output = (uintptr_t)call->output,
	};
	int result;

	if (call->input_bytes > MSHV_HVCALL_BYTES_MAX ||
	    call->output_bytes > MSHV_HVCALL_BYTES_MAX)
		return -EINVAL;
	result = mshv_ioctl(fd, MSHV_ROOT_HVCALL, &block);
	call->reps = block.reps;
	call->status = block.status;
	return result;
}

static int simple_call(int fd, uint16_t code, const void *input, size_t input_bytes,
                       void *output, size_t output_bytes)
{
	struct mshv_hypercall call = {
		.code = code,
		.input = input,
		.input_bytes = input_bytes,
		.output = output,
		.output_bytes = output_bytes,
	};

	return mshv_hypercall(fd, &call);
}

/* ---- Properties ---- */

static int get_property(int fd, uint32_t code, uint64_t *value)
{
	struct hv_input_get_partition_property input = { .code = code };
	struct hv_output_get_partition_property output;
	int result = simple_call(fd, HVCALL_GET_PARTITION_PROPERTY, &input, sizeof(input),
	                         &output, sizeof(output));

	if (result)
		return result;
	*value = output.value;
	return 0;
}

int mshv_get_property(const struct mshv_partition *partition, uint32_t code,
                      uint64_t *value)
{
	return get_property(partition->fd, code, value);
}

int mshv_get_root_property(int device, uint32_t code, uint64_t *value)
{
	return get_property(device, code, value);
}

int mshv_set_property(const struct mshv_partition *partition, uint32_t code,
                      uint64_t value)
{
	struct hv_input_set_partition_property input = { .code = code, .value = value };

	return simple_call(partition->fd, HVCALL_SET_PARTITION_PROPERTY, &input,
	                   sizeof(input), NULL, 0);
}

/* ---- Registers ---- */

static int get_some_registers(const struct mshv_vp *vp, const uint32_t *names,
                              union hv_register_value *values, size_t count)
{
	struct {
		struct hv_input_get_vp_registers header;
		uint32_t names[GET_REGISTERS_MAX];
	} input = { .header.vp_index = vp->index };
	struct mshv_hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = (uint16_t)count,
		.input = &input,
		.input_bytes = sizeof(input.header) + count * sizeof(names[0]),
		.output = values,
		.output_bytes = count * sizeof(values[0]),
	};

	memcpy(input.names, names, count * sizeof(names[0]));
	return mshv_hypercall(vp->fd, &call);
}

int mshv_get_registers(const struct mshv_vp *vp, const uint32_t *names,
                       union hv_register_value *values, size_t count)
{
	int result = 0;

	for (size_t at = 0; at < count && !result; at += GET_REGISTERS_MAX) {
		size_t some = count - at < GET_REGISTERS_MAX ? count - at :
		                                               GET_REGISTERS_MAX;

		result = get_some_registers(vp, names + at, values + at, some);
	}
	return result;
}

static int set_some_registers(const struct mshv_vp *vp,
                              const struct hv_register_assoc *registers, size_t count)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc registers[SET_REGISTERS_MAX];
	} input;
	struct mshv_hypercall call = {
		.code = HVCALL_SET_VP_REGISTERS,
		.reps = (uint16_t)count,
		.input = &input,
		.input_bytes = sizeof(input.header) + count * sizeof(registers[0]),
	};

	memset(&input.header, 0, sizeof(input.header));
	input.header.vp_index = vp->index;
	memcpy(input.registers, registers, count * sizeof(registers[0]));
	return mshv_hypercall(vp->fd, &call);
}

int mshv_set_registers(const struct mshv_vp *vp,
                       const struct hv_register_assoc *registers, size_t count)
{
	int result = 0;

	for (size_t at = 0; at < count && !result; at += SET_REGISTERS_MAX) {
		size_t some = count - at < SET_REGISTERS_MAX ? count - at :
		                                               SET_REGISTERS_MAX;

		result = set_some_registers(vp, registers + at, some);
	}
	return result;
}

int mshv_get_register(const struct mshv_vp *vp, uint32_t name, uint64_t *value)
{
	union hv_register_value whole;
	int result = get_some_registers(vp, &name, &whole, 1);

	if (!result)
		*value = whole.reg64;
	return result;
}

int mshv_set_register(const struct mshv_vp *vp, uint32_t name, uint64_t value)
{
	struct hv_register_assoc whole = { .name = name, .value.reg64 = value };

	return set_some_registers(vp, &whole, 1);
}

/* ---- Guest addresses ---- */

int mshv_translate_gva(const struct mshv_vp *vp, uint64_t gva, uint64_t flags,
                       enum hv_translate_code *code, uint64_t *gpa)
{
	struct hv_input_translate_va input = {
		.vp_index = vp->index,
		.flags = flags,
		.gva_page = gva >> PAGE_SHIFT_4K,
	};
	struct hv_output_translate_va output;
	int result = simple_call(vp->fd, HVCALL_TRANSLATE_VIRTUAL_ADDRESS, &input,
	                         sizeof(input), &output, sizeof(output));

	if (result)
		return result;
	*code = output.code;
	*gpa = output.gpa_page << PAGE_SHIFT_4K | (gva & (PAGE_4K - 1));
	return 0;
}

int mshv_read_gpa(const struct mshv_vp *vp, uint64_t gpa, void *data, size_t bytes)
{
	struct hv_input_read_gpa input = {
		.vp_index = vp->index,
		.byte_count = (uint32_t)bytes,
		.gpa = gpa,
	};
	struct hv_output_read_gpa output;
	int result;

	if (bytes > HV_GPA_ACCESS_MAX_BYTES)
		return -EINVAL;
	result = simple_call(vp->fd, HVCALL_READ_GPA, &input, sizeof(input), &output,
	                     sizeof(output));
	if (result)
		return result;
	if (output.access_result != HV_TRANSLATE_SUCCESS)
		return -EFAULT;
	memcpy(data, output.data, bytes);
	return 0;
}

int mshv_write_gpa(const struct mshv_vp *vp, uint64_t gpa, const void *data, size_t bytes)
{
	struct hv_input_write_gpa input = {
		.vp_index = vp->index,
		.byte_count = (uint32_t)bytes,
		.gpa = gpa,
	};
	struct hv_output_write_gpa output;
	int result;

	if (bytes > HV_GPA_ACCESS_MAX_BYTES)
		return -EINVAL;
	memcpy(input.data, data, bytes);
	result = simple_call(vp->fd, HVCALL_WRITE_GPA, &input, sizeof(input), &output,
	                     sizeof(output));
	if (result)
		return result;
	return output.access_result == HV_TRANSLATE_SUCCESS ? 0 : -EFAULT;
}

/* ---- Interrupts and intercepts ---- */

int mshv_assert_interrupt(const struct mshv_partition *partition,
                          const struct mshv_interrupt *interrupt)
{
	struct hv_input_assert_virtual_interrupt input = {
		.control = interrupt->type | (interrupt->level ? HV_INTERRUPT_LEVEL : 0) |
		           (interrupt->logical ? HV_INTERRUPT_LOGICAL : 0),
		.destination = interrupt->destination,
		.vector = interrupt->vector,
	};

	return simple_call(partition->fd, HVCALL_ASSERT_VIRTUAL_INTERRUPT, &input,
	                   sizeof(input), NULL, 0);
}

int mshv_register_cpuid_result(const struct mshv_partition *partition, uint32_t vp,
                               const struct mshv_cpuid_result *result)
{
	struct hv_input_register_intercept_result input = {
		.vp_index = vp,
		.type = HV_INTERCEPT_X64_CPUID,
		.eax = result->eax,
		.ecx = result->ecx,
		.subleaf_specific = result->subleaf_specific,
		.always_override = result->always_override,
	};

	for (size_t i = 0; i < ARRAY_COUNT(input.result); i++) {
		input.result[i].value = result->value[i];
		input.result[i].mask = result->mask[i];
	}
	return simple_call(partition->fd, HVCALL_REGISTER_INTERCEPT_RESULT, &input,
	                   sizeof(input), NULL, 0);
}

int mshv_install_intercept(const struct mshv_partition *partition, uint32_t type,
                           uint32_t access_mask, uint64_t parameter)
{
	struct hv_input_install_intercept input = {
		.access_mask = access_mask,
		.type = type,
		.parameter = parameter,
	};

	return simple_call(partition->fd, HVCALL_INSTALL_INTERCEPT, &input, sizeof(input),
	                   NULL, 0);
}
