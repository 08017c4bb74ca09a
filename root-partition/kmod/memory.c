// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pinning and mapping. A region is cut into spans, each one rep hypercall: a run of whole, aligned
 * and contiguous 2 MiB pieces, or a run of 4 KiB pages. The cut depends on nothing but the frames,
 * so that unmapping makes the same one and never splits a large page.
 */
#include "abi.h"
#include "memory.h"

#include "partition.h"
#include <linux/highmem.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define REGION_MAX  512
#define LARGE_PAGES 512ul
#define GPFN_LIMIT  BIT64(40) /* 52 bits of guest physical address */
#define SPAN_REPS   ((PAGE_SIZE - sizeof(struct hv_input_map_gpa_pages)) / sizeof(u64))
#define PIN_STEP    1024ul

/* In the partition's list, under its lock. */
struct region {
	struct list_head node;
	u64 gpfn;
	unsigned long count;
	u32 map_flags;
	struct page **pages;
	/* The file that its pages are those of, from file_offset on, for others to share; or NULL. */
	struct file *file;
	u64 file_offset;
};

struct span {
	unsigned long first; /* page of the region */
	unsigned long reps;
	unsigned long pages_per_rep;
};

/* ---- Spans ---- */

static bool region_large_at(const struct region *region, unsigned long at)
{
	unsigned long pfn, i;

	if (region->count - at < LARGE_PAGES || (region->gpfn + at) % LARGE_PAGES)
		return false;
	pfn = page_to_pfn(region->pages[at]);
	if (pfn % LARGE_PAGES)
		return false;
	for (i = 1; i < LARGE_PAGES; i++) {
		if (page_to_pfn(region->pages[at + i]) != pfn + i)
			return false;
	}
	return true;
}

/* Only where the child's address is aligned can a large page begin. */
static struct span region_span(const struct region *region, unsigned long at)
{
	bool large = region_large_at(region, at);
	struct span span = { at, 0, large ? LARGE_PAGES : 1 };

	do {
		at += span.pages_per_rep;
		span.reps++;
	} while (at < region->count && span.reps < SPAN_REPS &&
	         region_large_at(region, at) == large);
	return span;
}

static int region_map_span(struct viridis_partition *partition,
                           const struct region *region, const struct span *span,
                           u64 *pfns, unsigned long *done)
{
	struct hv_input_map_gpa_pages header = {
		.partition_id = partition->id,
		.gpfn_base = region->gpfn + span->first,
		.flags = region->map_flags |
		         (span->pages_per_rep > 1 ? HV_MAP_GPA_LARGE_PAGE : 0),
	};
	struct hypercall call = {
		.code = HVCALL_MAP_GPA_PAGES,
		.reps = span->reps,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = pfns,
		.list_bytes = span->reps * sizeof(*pfns),
	};
	enum hv_status status;
	unsigned long i;

	for (i = 0; i < span->reps; i++)
		pfns[i] =
			page_to_pfn(region->pages[span->first + i * span->pages_per_rep]);
	status = pool_call(&partition->pool, &call);
	*done = call.done;
	return hypercall_errno(status);
}

static enum hv_status region_unmap_span(struct viridis_partition *partition,
                                        const struct region *region,
                                        const struct span *span)
{
	struct hv_input_unmap_gpa_pages header = {
		.partition_id = partition->id,
		.gpfn_base = region->gpfn + span->first,
		.flags = span->pages_per_rep > 1 ? HV_UNMAP_GPA_LARGE_PAGE : 0,
	};
	struct hypercall call = {
		.code = HVCALL_UNMAP_GPA_PAGES,
		.reps = span->reps,
		.header = &header,
		.header_bytes = sizeof(header),
	};

	return pool_call(&partition->pool, &call);
}

/* Unmaps the first `end` pages, which are mapped. */
static int region_unmap(struct viridis_partition *partition, const struct region *region,
                        unsigned long end)
{
	enum hv_status status;
	unsigned long at = 0;
	struct span span;

	while (at < end) {
		span = region_span(region, at);
		span.reps = min(span.reps, (end - at) / span.pages_per_rep);
		status = region_unmap_span(partition, region, &span);
		if (status != HV_STATUS_SUCCESS) {
			pr_err("p%llu memory: unmapping frame %#llx: status %#x\n",
			       partition->id, region->gpfn + at, status);
			return hypercall_errno(status);
		}
		at += span.reps * span.pages_per_rep;
		cond_resched();
	}
	return 0;
}

/* *mapped: how many pages of the region are mapped on return. */
static int region_map(struct viridis_partition *partition, const struct region *region,
                      unsigned long *mapped)
{
	u64 *pfns = kmalloc_array(SPAN_REPS, sizeof(*pfns), GFP_KERNEL);
	unsigned long at = 0;
	struct span span;
	int result = pfns ? 0 : -ENOMEM;

	while (!result && at < region->count) {
		unsigned long done;

		span = region_span(region, at);
		result = region_map_span(partition, region, &span, pfns, &done);
		at += done * span.pages_per_rep;
		if (!result && fatal_signal_pending(current))
			result = -EINTR;
		cond_resched();
	}
	kfree(pfns);
	*mapped = at;
	return result;
}

/* ---- Regions ---- */

static int region_pin(struct region *region, unsigned long address)
{
	unsigned long at = 0;
	long got;

	while (at < region->count) {
		got = pin_user_pages_fast(address + at * PAGE_SIZE,
		                          min(region->count - at, PIN_STEP),
		                          FOLL_WRITE | FOLL_LONGTERM, region->pages + at);
		if (got <= 0) {
			unpin_user_pages(region->pages, at);
			return got ? got : -EFAULT;
		}
		at += got;
		if (fatal_signal_pending(current)) {
			unpin_user_pages(region->pages, at);
			return -EINTR;
		}
		cond_resched();
	}
	return 0;
}

/* For attachments: what the region shows, if it is all one shared mapping of a file. */
static void region_note_file(struct region *region, unsigned long address)
{
	struct vm_area_struct *area;

	mmap_read_lock(current->mm);
	area = find_vma(current->mm, address);
	if (area && area->vm_start <= address && area->vm_file &&
	    area->vm_flags & VM_SHARED &&
	    region->count <= (area->vm_end - address) / PAGE_SIZE) {
		region->file = get_file(area->vm_file);
		region->file_offset =
			(u64)area->vm_pgoff * PAGE_SIZE + address - area->vm_start;
	}
	mmap_read_unlock(current->mm);
}

static void region_free(struct viridis_partition *partition, struct region *region)
{
	if (region->file)
		fput(region->file);
	unpin_user_pages_dirty_lock(region->pages, region->count, true);
	partition_account_pinned(partition, -(long)region->count);
	kvfree(region->pages);
	kfree(region);
}

static struct region *region_create(struct viridis_partition *partition,
                                    const struct mshv_user_mem_region *request)
{
	struct region *region = kzalloc(sizeof(*region), GFP_KERNEL);
	int result = -ENOMEM;

	if (!region)
		return ERR_PTR(-ENOMEM);
	region->gpfn = request->guest_pfn;
	region->count = request->bytes / PAGE_SIZE;
	region->map_flags = HV_MAP_GPA_READABLE;
	if (request->flags & MSHV_MEMORY_WRITABLE)
		region->map_flags |= HV_MAP_GPA_WRITABLE;
	if (request->flags & MSHV_MEMORY_EXECUTABLE)
		region->map_flags |= HV_MAP_GPA_KERNEL_EXECUTABLE |
		                     HV_MAP_GPA_USER_EXECUTABLE;

	/* No list is made of more pages than the machine has. */
	if (region->count <= totalram_pages())
		region->pages = kvmalloc_array(region->count, sizeof(*region->pages),
		                               GFP_KERNEL_ACCOUNT);
	if (!region->pages)
		goto free_region;
	result = region_pin(region, request->user_address);
	if (result)
		goto free_pages;
	partition_account_pinned(partition, region->count);
	region_note_file(region, request->user_address);
	return region;

free_pages:
	kvfree(region->pages);
free_region:
	kfree(region);
	return ERR_PTR(result);
}

static bool region_overlaps_locked(struct viridis_partition *partition, u64 gpfn,
                                   u64 count)
{
	struct region *region;

	list_for_each_entry(region, &partition->regions, node) {
		if (gpfn < region->gpfn + region->count && region->gpfn < gpfn + count)
			return true;
	}
	return false;
}

/* PARTITION-2 A region that cannot be unmapped again stays in the list, pinned. */
static int memory_map_locked(struct viridis_partition *partition,
                             const struct mshv_user_mem_region *request)
{
	struct region *region;
	unsigned long mapped;
	int result;

	if (region_overlaps_locked(partition, request->guest_pfn,
	                           request->bytes / PAGE_SIZE))
		return -EEXIST;
	if (partition->region_count == REGION_MAX)
		return -ENOSPC;
	region = region_create(partition, request);
	if (IS_ERR(region))
		return PTR_ERR(region);
	result = region_map(partition, region, &mapped);
	if (result && !region_unmap(partition, region, mapped)) {
		region_free(partition, region);
		return result;
	}
	list_add_tail(&region->node, &partition->regions);
	partition->region_count++;
	return result;
}

/* What is not mapped need not be unmapped: VMMs that change their map end some of it twice. */
static int memory_unmap_locked(struct viridis_partition *partition,
                               const struct mshv_user_mem_region *request)
{
	struct region *region;
	int result;

	list_for_each_entry(region, &partition->regions, node) {
		if (region->gpfn != request->guest_pfn ||
		    region->count != request->bytes / PAGE_SIZE)
			continue;
		result = region_unmap(partition, region, region->count);
		if (result)
			return result;
		list_del(&region->node);
		partition->region_count--;
		region_free(partition, region);
		return 0;
	}
	return region_overlaps_locked(partition, request->guest_pfn,
	                              request->bytes / PAGE_SIZE) ?
	               -ENOENT :
	               0;
}

static bool request_valid(const struct mshv_user_mem_region *request)
{
	const u8 known = MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE |
	                 MSHV_MEMORY_UNMAP;
	u64 count = request->bytes / PAGE_SIZE;

	if (request->flags & ~known || memchr_inv(request->reserved, 0, 7))
		return false;
	if (!count || request->bytes % PAGE_SIZE ||
	    count > INT_MAX / sizeof(struct page *))
		return false;
	if (request->guest_pfn >= GPFN_LIMIT || count > GPFN_LIMIT - request->guest_pfn)
		return false;
	if (request->flags & MSHV_MEMORY_UNMAP)
		return true;
	return request->user_address % PAGE_SIZE == 0 &&
	       access_ok((void __user *)request->user_address, request->bytes);
}

long memory_set(struct viridis_partition *partition, const void __user *argument)
{
	struct mshv_user_mem_region request;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (!request_valid(&request))
		return -EINVAL;
	if (mutex_lock_killable(&partition->lock))
		return -EINTR;
	if (request.flags & MSHV_MEMORY_UNMAP)
		result = memory_unmap_locked(partition, &request);
	else
		result = memory_map_locked(partition, &request);
	mutex_unlock(&partition->lock);
	return result;
}

/* ---- Its content ---- */

static enum hv_translate_code memory_page_locked(struct viridis_partition *partition,
                                                 u64 gpa, bool write, struct page **page)
{
	u64 gpfn = gpa >> PAGE_SHIFT;
	struct region *region;

	lockdep_assert_held(&partition->lock);
	list_for_each_entry(region, &partition->regions, node) {
		if (gpfn - region->gpfn >= region->count)
			continue;
		*page = region->pages[gpfn - region->gpfn];
		return write && !(region->map_flags & HV_MAP_GPA_WRITABLE) ?
		               HV_TRANSLATE_GPA_NO_WRITE :
		               HV_TRANSLATE_SUCCESS;
	}
	return HV_TRANSLATE_GPA_UNMAPPED;
}

bool memory_is_locked(struct viridis_partition *partition, u64 gpa)
{
	struct page *page;

	return memory_page_locked(partition, gpa, false, &page) == HV_TRANSLATE_SUCCESS;
}

static void memory_copy_page(struct page *page, size_t offset, void *ours, size_t bytes,
                             bool write)
{
	if (write)
		memcpy_to_page(page, offset, ours, bytes);
	else
		memcpy_from_page(ours, page, offset, bytes);
}

enum hv_translate_code memory_copy_locked(struct viridis_partition *partition, u64 gpa,
                                          void *ours, size_t bytes, bool write)
{
	size_t first = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(gpa));
	struct page *page, *next;
	enum hv_translate_code code = memory_page_locked(partition, gpa, write, &page);

	if (!code && first < bytes)
		code = memory_page_locked(partition, gpa + first, write, &next);
	if (code)
		return code;
	memory_copy_page(page, offset_in_page(gpa), ours, first, write);
	if (first < bytes)
		memory_copy_page(next, 0, ours + first, bytes - first, write);
	return HV_TRANSLATE_SUCCESS;
}

/* ---- For an attachment ---- */

/* Of all regions that show a file, the one of the largest. */
static struct file *memory_file_locked(struct viridis_partition *partition)
{
	struct region *region, *best = NULL;

	list_for_each_entry(region, &partition->regions, node) {
		if (region->file && (!best || region->count > best->count))
			best = region;
	}
	return best ? get_file(best->file) : NULL;
}

static int memory_tell_locked(struct viridis_partition *partition,
                              const struct file *memory,
                              struct viridis_attached_memory *request)
{
	struct viridis_memory_range __user *to = u64_to_user_ptr(request->ranges);
	u32 capacity = request->capacity;
	struct region *region;

	request->count = 0;
	list_for_each_entry(region, &partition->regions, node) {
		struct viridis_memory_range range = {
			.gpa = region->gpfn * PAGE_SIZE,
			.bytes = (u64)region->count * PAGE_SIZE,
			.offset = region->file_offset,
		};

		if (region->file != memory || !(region->map_flags & HV_MAP_GPA_WRITABLE))
			continue;
		if (request->count < capacity &&
		    copy_to_user(&to[request->count], &range, sizeof(range)))
			return -EFAULT;
		request->count++;
	}
	return 0;
}

long memory_show(struct viridis_partition *partition, void __user *argument)
{
	struct viridis_attached_memory request;
	struct file *file;
	long result;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (mutex_lock_killable(&partition->lock))
		return -EINTR;
	file = memory_file_locked(partition);
	result = file ? memory_tell_locked(partition, file, &request) : -ENODATA;
	mutex_unlock(&partition->lock);
	if (!result && copy_to_user(argument, &request, sizeof(request)))
		result = -EFAULT;
	if (!result)
		result = get_unused_fd_flags(O_CLOEXEC);
	if (result >= 0)
		fd_install(result, file);
	else if (file)
		fput(file);
	return result;
}

/* ---- The end ---- */

void memory_unmap_all(struct viridis_partition *partition)
{
	struct region *region, *next;

	list_for_each_entry_safe(region, next, &partition->regions, node) {
		if (region_unmap(partition, region, region->count))
			continue;
		list_del(&region->node);
		region_free(partition, region);
	}
}

void memory_release_all(struct viridis_partition *partition)
{
	struct region *region, *next;

	list_for_each_entry_safe(region, next, &partition->regions, node) {
		list_del(&region->node);
		region_free(partition, region);
	}
}
