/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A provider that somebody else has taken over: it makes whatever system call it is told to, as
 * "NUMBER ARGUMENT...", and tells "RESULT ERRNO". An argument that begins with a slash is a path, @ram is the
 * guest's memory. "deaf" makes it hear nobody any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vsp/lib/vsp.h"

#define ARGUMENTS 6

static bool configure(struct vsp *vsp, const char *json, char *error, size_t error_bytes)
{
	(void)vsp;
	(void)json;
	(void)error;
	(void)error_bytes;
	return true;
}

static bool refuse(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	return false;
}

static long argument(const struct vsp *vsp, const char *word)
{
	struct vsp_ram ram;

	if (word[0] == '/')
		return (long)word;
	if (strcmp(word, "@ram") == 0)
		return vsp_ram_around(vsp, 0, &ram) ? (long)ram.at : 0;
	return strtol(word, NULL, 0);
}

static void go_deaf(void)
{
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
}

static void command(struct vsp *vsp, uint32_t tag, const char *text)
{
	long arguments[ARGUMENTS] = { 0 };
	char *words = strdup(text);
	char *rest = words;
	const char *number = strsep(&rest, " ");
	char answer[64];
	long result;

	if (strcmp(number, "deaf") == 0)
		go_deaf();
	for (int i = 0; i < ARGUMENTS && rest; i++)
		arguments[i] = argument(vsp, strsep(&rest, " "));
	errno = 0;
	result = syscall(strtol(number, NULL, 10), arguments[0], arguments[1],
	                 arguments[2], arguments[3], arguments[4], arguments[5]);
	snprintf(answer, sizeof(answer), "%ld %d", result, result == -1 ? errno : 0);
	free(words);
	vsp_event(vsp, tag, answer);
}

int main(void)
{
	static const struct vsp_provider provider = {
		.name = "hostile",
		.configure = configure,
		.open = refuse,
		.command = command,
	};

	return vsp_main(&provider, NULL);
}
