/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kind of error it is, in one word for programs: "code" of the control socket's answers and of the command's, and
 * by it the command's exit status.
 *
 *   word                  status  what it means
 *   invalid               1       the text of a definition, or a value, is wrong
 *   failed                1       this machine cannot, or something broke
 *   exists                1       another has that name
 *   usage                 2       the command's own arguments
 *   timed-out             3       it did not come in time
 *   unknown-vm            4       no VM of that name
 *   wrong-state           5       not as the VM is now: it does not run, it is paused, it has panicked
 *   refused               5       the guest, or who serves it, says no
 *   busy                  5       the same is under way already
 *   unsupported           5       this VM cannot: another VMM runs it
 *   malformed             1       a request that is no JSON object, or too long
 *   unknown-command       1       a request
 *   unknown-member        1       of a request; "member" is its name
 *   unsupported-version   1       of the protocol
 */
#ifndef VIRIDIS_CONFIG_ERROR_CODE_H
#define VIRIDIS_CONFIG_ERROR_CODE_H

#include <glib.h>

#define DEFINITION_ERROR definition_error_quark()
GQuark definition_error_quark(void);
enum definition_error {
	DEFINITION_ERROR_INVALID, /* the text or a value is wrong */
	DEFINITION_ERROR_HOST,    /* a file, or memory, that this machine has not */
	DEFINITION_ERROR_TIME,    /* it did not come in time */
	DEFINITION_ERROR_EXISTS,
	DEFINITION_ERROR_UNKNOWN, /* no VM of that name */
	DEFINITION_ERROR_STATE,   /* the VM runs, or does not, or is paused */
	DEFINITION_ERROR_REFUSED, /* by its guest, or by who serves it */
	DEFINITION_ERROR_BUSY,    /* the same is under way */
	DEFINITION_ERROR_UNSUPPORTED,
	/* Of requests: control_json.h. */
	DEFINITION_ERROR_MALFORMED,
	DEFINITION_ERROR_COMMAND,
	DEFINITION_ERROR_MEMBER,
	DEFINITION_ERROR_VERSION,
};

/* FALSE, and an error of what is wrong with a value. */
gboolean definition_invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

const char *error_code_word(enum definition_error code);

/* Errors of other domains are "failed", but for those of options, which are "usage". */
const char *error_code_of(const GError *error);

/* DEFINITION_ERROR_HOST for a word that is none of ours. */
enum definition_error error_code_parse(const char *word);

/* 1 to 5. */
int error_code_status(const GError *error);

#endif
