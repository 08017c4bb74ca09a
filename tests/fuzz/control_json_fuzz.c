/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a request or a definition: an answer or an error, never more. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/definition_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	struct control_request request;

	if (!control_request_parse((const char *)data, size, &request, &error)) {
		g_autofree char *answer =
			error ? control_refusal_to_json(&request, error) : NULL;

		/* The end of the line is its only one, whatever is quoted in it. */
		if (!answer || strchr(answer, '\n') != answer + strlen(answer) - 1)
			__builtin_trap();
	}
	g_clear_error(&error);
	definition = definition_parse((const char *)data, size, &error);
	if (!definition == !error)
		__builtin_trap();
	return 0;
}
