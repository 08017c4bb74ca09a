/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges as the kernel module tells them, to a map that providers can use. */
#include "root-partition/keeper/attached.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGES_MAX     512u
#define WAIT_LIMIT_US  (20 * G_USEC_PER_SEC)
#define WAIT_PERIOD_US 50000

static bool fail(GError **error, int number, const char *what)
{
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(number),
	            "the machine's memory: %s", what);
	return false;
}

/* All of the file but the hole is mapped. */
static bool is_whole(const struct vsp_map *map, int fd)
{
	uint64_t bytes = VSP_PC_HOLE_END - VSP_PC_HOLE;
	struct stat status;

	for (uint32_t i = 0; i < map->count; i++)
		bytes += map->range[i].bytes;
	return fstat(fd, &status) == 0 && bytes >= (uint64_t)status.st_size;
}

/* The memory's descriptor, or a negative errno; -EAGAIN: it is not whole. */
static int take_memory(const struct mshv_partition *partition, struct vsp_map *map)
{
	g_autofree struct viridis_memory_range *told =
		g_new0(struct viridis_memory_range, RANGES_MAX);
	g_autofree struct vsp_range *ranges = g_new0(struct vsp_range, RANGES_MAX);
	uint32_t count = RANGES_MAX;
	int fd = mshv_attached_memory(partition, told, &count);

	if (fd < 0)
		return fd == -ENODATA ? -EAGAIN : fd;
	count = MIN(count, RANGES_MAX);
	for (uint32_t i = 0; i < count; i++)
		ranges[i] =
			(struct vsp_range){ told[i].gpa, told[i].bytes, told[i].offset };
	if (vsp_map_for_pc(map, ranges, count) && is_whole(map, fd))
		return fd;
	close(fd);
	return -EAGAIN;
}

bool attached_memory(const struct mshv_partition *partition,
                     struct vsp_guest_memory *memory, GError **error)
{
	gint64 end = g_get_monotonic_time() + WAIT_LIMIT_US;
	struct vsp_map map;
	int fd;

	while ((fd = take_memory(partition, &map)) == -EAGAIN &&
	       g_get_monotonic_time() < end)
		g_usleep(WAIT_PERIOD_US);
	if (fd == -EAGAIN)
		return fail(error, ENODATA,
		            "it is not one shared file; give its VMM what "
		            "'viridis qemu-args' prints");
	if (fd < 0)
		return fail(error, -fd, g_strerror(-fd));
	if (vsp_guest_memory_init(memory, &map, fd))
		return true;
	close(fd);
	return fail(error, EINVAL, "its file is not sealed against changes of its size");
}
