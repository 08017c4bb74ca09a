// SPDX-License-Identifier: GPL-2.0-or-later
/* Attachments: who may have one, what it may do, two of them, and how they end; descriptors closed in any order. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>

#define CONNECTION 0x2001u
#define SINT       2u

/* mov $0x42, %al; 2: out %al, $0x80; jmp 2b */
static const uint8_t code_out[] = { 0xb0, 0x42, 0xe6, 0x80, 0xeb, 0xfc };

static int call(int fd, uint32_t request, void *block)
{
	int result = ioctl(fd, request, block);

	return result < 0 ? -errno : result;
}

static int attach(const struct guest *guest, struct mshv_partition *attachment)
{
	return mshv_attach(guest->device, guest->partition.id, 0, attachment);
}

/* In a process of its own, whose status says which step went wrong. */
static void check_in_child(int (*steps)(const struct guest *guest),
                           const struct guest *guest)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(steps(guest));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* ---- Who may ---- */

START_TEST(a_partition_that_is_not_meant_is_not_attached)
{
	struct viridis_attach odd = { .reserved = 1 };
	struct mshv_partition attachment, other;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(mshv_attach(guest.device, 0, 0, &attachment), -EINVAL);
	ck_assert_int_eq(mshv_attach(guest.device, guest.partition.id, (uint32_t)getpid(),
	                             &attachment),
	                 -EINVAL);
	odd.partition_id = guest.partition.id;
	ck_assert_int_eq(call(guest.device, VIRIDIS_ATTACH, &odd), -EINVAL);
	ck_assert_int_eq(call(guest.device, VIRIDIS_ATTACH, (void *)8), -EFAULT);
	ck_assert_int_eq(mshv_attach(guest.device, UINT64_MAX, 0, &attachment), -ESRCH);
	ck_assert_int_eq(mshv_attach(guest.device, 1, 0, &attachment), -ESRCH);
	ck_assert_int_eq(mshv_attach(guest.device, 0, 1, &attachment), -ESRCH);
	ck_assert_int_eq(mshv_attach(guest.device, 0, UINT32_MAX, &attachment), -ESRCH);
	/* Of a process, which must have made one alone. */
	ck_assert_int_eq(mshv_attach(guest.device, 0, (uint32_t)getpid(), &attachment),
	                 0);
	ck_assert_uint_eq(attachment.id, guest.partition.id);
	mshv_close_partition(&attachment);
	ck_assert_int_eq(mshv_create_partition(guest.device, 0, NULL, 0, &other), 0);
	ck_assert_int_eq(mshv_attach(guest.device, 0, (uint32_t)getpid(), &attachment),
	                 -ENOTUNIQ);
	mshv_close_partition(&other);
	guest_end(&guest);
}
END_TEST

/* Another user, who may open the device: not root's partition, but one of his own. */
static int be_another_user(const struct guest *guest)
{
	struct mshv_partition attachment, own;

	if (!become_member(NOBODY))
		return 1;
	if (attach(guest, &attachment) != -EPERM)
		return 2;
	if (mshv_attach(guest->device, 0, (uint32_t)getppid(), &attachment) != -EPERM)
		return 3;
	if (mshv_create_partition(guest->device, 0, NULL, 0, &own))
		return 4;
	if (mshv_attach(guest->device, own.id, 0, &attachment))
		return 5;
	mshv_close_partition(&own);
	return 0;
}

START_TEST(anothers_partition_is_not_attached)
{
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	check_in_child(be_another_user, &guest);
	guest_end(&guest);
}
END_TEST

/* ---- What it may ---- */

START_TEST(an_attachment_does_nothing_that_is_its_owners)
{
	static const uint32_t owners[] = {
		MSHV_INITIALIZE_PARTITION,
		MSHV_CREATE_VP,
		MSHV_SET_GUEST_MEMORY,
		MSHV_IRQFD,
		MSHV_IOEVENTFD,
		MSHV_SET_MSI_ROUTING,
		MSHV_GET_GPAP_ACCESS_BITMAP,
		MSHV_ROOT_HVCALL,
		MSHV_RUN_VP,
		MSHV_GET_VP_STATE,
		MSHV_SET_VP_STATE,
		MSHV_CREATE_PARTITION,
		VIRIDIS_INFO,
		VIRIDIS_READ_LOG,
		VIRIDIS_READ_TRACE,
		VIRIDIS_ATTACH,
	};
	struct mshv_partition attachment;
	uint64_t block[64] = { 0 };
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	for (size_t i = 0; i < ARRAY_COUNT(owners); i++)
		ck_assert_int_eq(call(attachment.fd, owners[i], block), -ENOTTY);
	ck_assert_ptr_eq(mmap(NULL, PAGE_4K, PROT_READ, MAP_SHARED, attachment.fd, 0),
	                 MAP_FAILED);
	mshv_close_partition(&attachment);
	guest_end(&guest);
}
END_TEST

START_TEST(its_memory_is_the_file_that_the_child_runs_from)
{
	struct viridis_attached_memory request = { .capacity = 1 };
	struct viridis_memory_range range;
	struct mshv_partition attachment;
	uint32_t count = 1;
	struct guest guest;
	uint8_t *seen;
	int fd;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	fd = mshv_attached_memory(&attachment, &range, &count);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(range.gpa, 0);
	ck_assert_uint_eq(range.bytes, GUEST_BYTES);
	seen = mmap(NULL, GUEST_BYTES, PROT_READ, MAP_SHARED, fd, (off_t)range.offset);
	ck_assert_ptr_ne(seen, MAP_FAILED);
	ck_assert_mem_eq(seen + GUEST_CODE_GPA, code_out, sizeof(code_out));
	close(fd);
	/* The array is not there; then no room for anything. */
	request.ranges = 8;
	ck_assert_int_eq(call(attachment.fd, VIRIDIS_ATTACHED_MEMORY, &request), -EFAULT);
	request.capacity = 0;
	fd = call(attachment.fd, VIRIDIS_ATTACHED_MEMORY, &request);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(request.count, 1);
	close(fd);
	ck_assert_int_eq(mshv_unmap_memory(&guest.partition, 0, GUEST_BYTES), 0);
	ck_assert_int_eq(mshv_attached_memory(&attachment, &range, &count), -ENODATA);
	munmap(seen, GUEST_BYTES);
	mshv_close_partition(&attachment);
	guest_end(&guest);
}
END_TEST

/* ---- Two of them, and the end ---- */

START_TEST(of_two_attachments_neither_takes_what_the_other_has)
{
	int fd = eventfd(0, EFD_CLOEXEC), other = eventfd(0, EFD_CLOEXEC), messages;
	struct mshv_partition one, two;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(attach(&guest, &one), 0);
	ck_assert_int_eq(attach(&guest, &two), 0);
	messages = mshv_message_fd(&one, CONNECTION);
	ck_assert_int_ge(messages, 0);
	ck_assert_int_eq(mshv_signal_eventfd(&one, CONNECTION + 1, fd), 0);
	ck_assert_int_eq(mshv_eventfd_assign(&one, other, 0, SINT, 1), 0);

	ck_assert_int_eq(mshv_message_fd(&two, CONNECTION), -EEXIST);
	ck_assert_int_eq(mshv_signal_eventfd(&two, CONNECTION + 1, fd), -EEXIST);
	ck_assert_int_eq(mshv_signal_eventfd(&two, CONNECTION + 1, -1), -ENOENT);
	ck_assert_int_lt(mshv_eventfd_assign(&two, other, 0, SINT, 1), 0);
	ck_assert_int_lt(mshv_eventfd_retarget(&two, other, 0, SINT, 2), 0);
	ck_assert_int_lt(mshv_eventfd_deassign(&two, other), 0);

	/* What one made goes with it, and no sooner. */
	mshv_close_partition(&one);
	ck_assert_int_eq(mshv_signal_eventfd(&two, CONNECTION + 1, fd), 0);
	ck_assert_int_eq(mshv_eventfd_assign(&two, other, 0, SINT, 1), 0);
	close(messages);
	messages = mshv_message_fd(&two, CONNECTION);
	ck_assert_int_ge(messages, 0);
	close(messages);
	mshv_close_partition(&two);
	guest_end(&guest);
	close(fd);
	close(other);
}
END_TEST

/* What an attachment writes is in no bitmap: who wants one (to move the machine elsewhere) has none. */
START_TEST(writes_are_tracked_or_there_are_attachments)
{
	const uint32_t track = HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING;
	struct mshv_partition attachment;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	ck_assert_int_eq(mshv_set_property(&guest.partition, track, 1), -EBUSY);
	ck_assert_int_eq(mshv_set_property(&guest.partition, track, 0), 0);
	mshv_close_partition(&attachment);
	ck_assert_int_lt(mshv_set_property(&guest.partition, track, 2), 0);
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	mshv_close_partition(&attachment);
	ck_assert_int_eq(mshv_set_property(&guest.partition, track, 1), 0);
	ck_assert_int_eq(attach(&guest, &attachment), -EBUSY);
	ck_assert_int_eq(mshv_set_property(&guest.partition, track, 0), 0);
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	mshv_close_partition(&attachment);
	guest_end(&guest);
}
END_TEST

/* The call has no repetitions: the hypervisor refuses one that has. */
static int set_tracking_wrongly(const struct guest *guest, uint64_t value)
{
	struct hv_input_set_partition_property input = {
		.code = HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
		.value = value,
	};
	struct mshv_hypercall call = {
		.code = HVCALL_SET_PARTITION_PROPERTY,
		.reps = 1,
		.input = &input,
		.input_bytes = sizeof(input),
	};

	return mshv_hypercall(guest->partition.fd, &call);
}

START_TEST(a_call_that_fails_leaves_tracking_as_it_was)
{
	const uint32_t track = HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING;
	struct mshv_partition attachment;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(set_tracking_wrongly(&guest, 1), -EINVAL);
	ck_assert_int_eq(attach(&guest, &attachment), 0);
	mshv_close_partition(&attachment);
	ck_assert_int_eq(mshv_set_property(&guest.partition, track, 1), 0);
	ck_assert_int_eq(set_tracking_wrongly(&guest, 0), -EINVAL);
	ck_assert_int_eq(attach(&guest, &attachment), -EBUSY);
	guest_end(&guest);
}
END_TEST

static void check_is_over(const struct mshv_partition *attachment, int messages)
{
	struct pollfd polled = { .fd = attachment->fd, .events = POLLIN };
	struct hv_message message;
	uint64_t id;

	ck_assert_int_eq(poll(&polled, 1, 10000), 1);
	ck_assert_int_eq(polled.revents, POLLHUP);
	ck_assert_int_eq(call(attachment->fd, VIRIDIS_PARTITION_ID, &id), -ESHUTDOWN);
	ck_assert_int_eq(mshv_message_fd(attachment, CONNECTION + 1), -ESHUTDOWN);
	ck_assert_int_eq(read(messages, &message, sizeof(message)), 0);
}

/* Though its VP is there yet. */
START_TEST(an_attachment_ends_with_its_owners_descriptor)
{
	struct mshv_partition one, two, late;
	int messages_one, messages_two;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(attach(&guest, &one), 0);
	ck_assert_int_eq(attach(&guest, &two), 0);
	messages_one = mshv_message_fd(&one, CONNECTION);
	messages_two = mshv_message_fd(&two, CONNECTION + 2);
	ck_assert_int_ge(messages_one, 0);
	ck_assert_int_ge(messages_two, 0);
	mshv_close_partition(&guest.partition);
	check_is_over(&one, messages_one);
	check_is_over(&two, messages_two);
	ck_assert_int_eq(mshv_attach(guest.device, 0, (uint32_t)getpid(), &late), -ESRCH);
	close(messages_one);
	close(messages_two);
	mshv_close_partition(&one);
	mshv_close_partition(&two);
	guest_end(&guest);
}
END_TEST

/* ---- Any order ---- */

enum { PARTITION, VP, PAGE, MESSAGES, ATTACHMENT, ENDS };

static void end_one(struct guest *guest, struct mshv_partition *attachment, int messages,
                    int which)
{
	switch (which) {
	case PARTITION:
		mshv_close_partition(&guest->partition);
		break;
	case VP:
		close(guest->vp.fd);
		break;
	case PAGE:
		munmap(guest->vp.registers, PAGE_4K);
		break;
	case MESSAGES:
		close(messages);
		break;
	case ATTACHMENT:
		mshv_close_partition(attachment);
		break;
	}
}

/* Each n below 120 is another order: its digits in the factorial system say which of those left comes next. */
static void nth_order(int n, int order[ENDS])
{
	int left[ENDS], count = ENDS;

	for (int i = 0; i < ENDS; i++)
		left[i] = i;
	for (int i = 0; i < ENDS; i++) {
		int at = n % count;

		n /= count;
		order[i] = left[at];
		left[at] = left[--count];
	}
}

START_TEST(descriptors_are_closed_in_any_order)
{
	for (int n = 0; n < 120; n++) {
		struct mshv_partition attachment;
		int order[ENDS], messages;
		struct guest guest;

		guest_start(&guest, code_out, sizeof(code_out));
		ck_assert_int_eq(attach(&guest, &attachment), 0);
		messages = mshv_message_fd(&attachment, CONNECTION);
		ck_assert_int_ge(messages, 0);
		nth_order(n, order);
		for (int i = 0; i < ENDS; i++)
			end_one(&guest, &attachment, messages, order[i]);
		munmap(guest.memory, GUEST_BYTES);
		check_nothing_is_left(guest.device);
		close(guest.device);
	}
}
END_TEST

/* ---- Fork ---- */

/* Descriptors are of the file, and pages of who mapped them: whoever has the VP's may run it. */
static int run_the_parents(const struct guest *guest)
{
	struct hv_message message;
	struct mshv_partition attachment;

	for (int i = 0; i < 3; i++) {
		if (mshv_run_vp(&guest->vp, &message) ||
		    message.type != HV_MESSAGE_X64_IO_PORT)
			return 1;
	}
	/* Its partition's creator is the parent, not whoever has the descriptor. */
	if (mshv_attach(guest->device, 0, (uint32_t)getpid(), &attachment) != -ESRCH)
		return 2;
	return 0;
}

START_TEST(a_process_that_forked_shares_its_vp)
{
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	check_in_child(run_the_parents, &guest);
	ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	guest_end(&guest);
}
END_TEST

START_TEST(who_forked_and_closed_all_leaves_it_to_the_child)
{
	struct viridis_info totals;
	int ends[2], status;
	uint32_t count = 0;
	struct guest guest;
	pid_t pid;
	char byte;

	guest_start(&guest, code_out, sizeof(code_out));
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(ends[1]);
		(void)!read(ends[0], &byte, 1); /* until the parent has closed all */
		_exit(run_the_parents(&guest));
	}
	close(ends[0]);
	mshv_close_vp(&guest.vp);
	mshv_close_partition(&guest.partition);
	munmap(guest.memory, GUEST_BYTES);
	ck_assert_int_eq(mshv_info(guest.device, NULL, &count, &totals), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(totals.pinned_pages, GUEST_BYTES / PAGE_4K);
	close(ends[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	check_nothing_is_left(guest.device);
	close(guest.device);
}
END_TEST

Suite *mshv_attach_suite(void)
{
	Suite *suite = suite_create("attach");
	TCase *tcase = tcase_create("attach");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_partition_that_is_not_meant_is_not_attached);
	tcase_add_test(tcase, anothers_partition_is_not_attached);
	tcase_add_test(tcase, an_attachment_does_nothing_that_is_its_owners);
	tcase_add_test(tcase, its_memory_is_the_file_that_the_child_runs_from);
	tcase_add_test(tcase, of_two_attachments_neither_takes_what_the_other_has);
	tcase_add_test(tcase, writes_are_tracked_or_there_are_attachments);
	tcase_add_test(tcase, a_call_that_fails_leaves_tracking_as_it_was);
	tcase_add_test(tcase, an_attachment_ends_with_its_owners_descriptor);
	tcase_add_test(tcase, descriptors_are_closed_in_any_order);
	tcase_add_test(tcase, a_process_that_forked_shares_its_vp);
	tcase_add_test(tcase, who_forked_and_closed_all_leaves_it_to_the_child);
	suite_add_tcase(suite, tcase);
	return suite;
}
