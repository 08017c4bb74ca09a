/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapping the child's RAM. A guest's ring is a list of scattered pages; mmap puts each run of
 * neighbours where the list wants it, so that ring code sees one contiguous piece. This is why
 * the memfd is made of 4 KiB pages (or transparent huge ones) and not of hugetlb pages, which
 * cannot be mapped in parts.
 */
#define _GNU_SOURCE /* F_GET_SEALS */
#include "vsp/lib/memory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW)

/* A file that can shrink would turn our next access into SIGBUS. */
static bool file_is_sealed(int fd, uint64_t *bytes)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;

	if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED ||
	    fstat(fd, &status) != 0)
		return false;
	*bytes = (uint64_t)status.st_size;
	return true;
}

bool vsp_guest_memory_init(struct vsp_guest_memory *memory, const struct vsp_map *map,
                           int fd)
{
	uint64_t bytes;
	void *base;

	if (!file_is_sealed(fd, &bytes) || !vsp_map_valid(map, bytes))
		return false;
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return false;
	*memory = (struct vsp_guest_memory){
		.map = *map,
		.fd = fd,
		.base = base,
		.bytes = bytes,
	};
	return true;
}

void *vsp_sealed_map(int fd, uint64_t bytes)
{
	uint64_t found;
	void *at;

	if (!file_is_sealed(fd, &found) || found != bytes)
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

void vsp_guest_memory_fini(struct vsp_guest_memory *memory)
{
	munmap(memory->base, memory->bytes);
	close(memory->fd);
	*memory = (struct vsp_guest_memory){ .fd = -1 };
}

void *vsp_guest_memory_at(const struct vsp_guest_memory *memory, uint64_t gpa,
                          uint64_t bytes)
{
	uint64_t offset;

	if (!vsp_map_find(&memory->map, gpa, bytes, &offset))
		return NULL;
	return memory->base + offset;
}

/* Pages from `first` on whose file offsets follow one another; *offset is the first one's. */
static uint32_t run_length(const struct vsp_map *map, const uint64_t *pfn, uint32_t count,
                           uint64_t *offset)
{
	uint64_t next;
	uint32_t run = 1;

	if (!vsp_map_find(map, pfn[0] << PAGE_SHIFT_4K, PAGE_4K, offset))
		return 0;
	while (run < count &&
	       vsp_map_find(map, pfn[run] << PAGE_SHIFT_4K, PAGE_4K, &next) &&
	       next == *offset + run * PAGE_4K)
		run++;
	return run;
}

static bool map_runs(const struct vsp_guest_memory *memory, const uint64_t *pfn,
                     uint32_t count, uint8_t *at)
{
	uint32_t run;

	for (uint32_t i = 0; i < count; i += run) {
		uint64_t offset;

		run = run_length(&memory->map, pfn + i, count - i, &offset);
		if (run == 0 ||
		    mmap(at + i * PAGE_4K, run * PAGE_4K, PROT_READ | PROT_WRITE,
		         MAP_SHARED | MAP_FIXED, memory->fd, (off_t)offset) == MAP_FAILED)
			return false;
	}
	return true;
}

uint8_t *vsp_pages_map(const struct vsp_guest_memory *memory, const uint64_t *pfn,
                       uint32_t count)
{
	size_t bytes = count * PAGE_4K;
	uint8_t *at;

	if (count == 0 || count > VMBUS_GPADL_PAGES_MAX ||
	    !vsp_map_pages_valid(&memory->map, pfn, count))
		return NULL;
	at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (!map_runs(memory, pfn, count, at)) {
		munmap(at, bytes);
		return NULL;
	}
	return at;
}

void vsp_pages_unmap(uint8_t *pages, uint64_t bytes)
{
	munmap(pages, bytes);
}

bool vsp_ring_map(const struct vsp_guest_memory *memory, const uint64_t *pfn,
                  uint32_t count, struct ring_memory *ring)
{
	uint8_t *at = count >= 2 ? vsp_pages_map(memory, pfn, count) : NULL;

	if (!at)
		return false;
	ring->control = (struct vmbus_ring_control *)at;
	ring->data = at + PAGE_4K;
	ring->data_bytes = (uint32_t)((count - 1) * PAGE_4K);
	return true;
}

void vsp_ring_unmap(struct ring_memory *ring)
{
	vsp_pages_unmap((uint8_t *)ring->control, ring->data_bytes + PAGE_4K);
	*ring = (struct ring_memory){ 0 };
}
