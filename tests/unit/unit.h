/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every unit test needs: check, and a main() that runs one suite. TAP goes to the file
 * named by CK_TAP_LOG_FILE_NAME, where `./dev test` counts it.
 */
#ifndef VIRIDIS_TESTS_UNIT_H
#define VIRIDIS_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* make_suite: Suite *make_suite(void) */
#define UNIT_MAIN(make_suite)                  \
	int main(void)                         \
	{                                      \
		return unit_run(make_suite()); \
	}

#endif
