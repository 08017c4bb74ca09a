/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis info, freeze and thaw as programs, with a worker that the test plays: what a guest tells, and is told. */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_image.h"
#include "root-partition/config/file_lock.h"

static char *folder;
static char *output; /* of the last expect() */
static pid_t worker;

/* The line's output has these words, and its status is this. */
static void expect(const char *line, int status, const char *words)
{
	const char *const argv[] = { "bash", "-c", line, NULL };
	g_autofree char *printed = NULL;
	g_autofree char *errors = NULL;
	int wait_status;

	ck_assert(g_spawn_sync(folder, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
	                       NULL, &printed, &errors, &wait_status, NULL));
	g_free(output);
	output = g_strconcat(printed, errors, NULL);
	ck_assert_msg(WEXITSTATUS(wait_status) == status && strstr(output, words),
	              "'%s': status %d, without '%s': %s", line, WEXITSTATUS(wait_status),
	              words, output);
}

/* ---- The worker ---- */

/* What is answered to a request that has this in it; the first that fits. */
struct answer {
	const char *request;
	const char *line;
};

static int listen_there(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/web.sock", folder);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 4) != 0)
		_exit(1);
	return fd;
}

static void answer(int fd, const struct answer *answers)
{
	FILE *stream = fdopen(fd, "r+");
	char request[4096];

	while (fgets(request, sizeof(request), stream)) {
		const struct answer *at = answers;

		while (at->request && !strstr(request, at->request))
			at++;
		if (write(fd, at->line, strlen(at->line)) < 0)
			break;
	}
	fclose(stream);
}

/* Holds the VM's lock, and answers. */
static void run_worker(const struct answer *answers)
{
	g_autofree char *lock = g_build_filename(folder, "web.lock", NULL);
	int ends[2], listener;
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	worker = fork();
	if (worker == 0) {
		if (file_lock(lock) < 0)
			_exit(1);
		listener = listen_there();
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			answer(accept(listener, NULL, NULL), answers);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
}

static void setup(void)
{
	g_autofree char *kernel = NULL;
	uint8_t image[KERNEL_IMAGE_BYTES];

	worker = 0;
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	kernel = g_build_filename(folder, "kernel", NULL);
	kernel_image_fill(image);
	ck_assert(g_file_set_contents(kernel, (const char *)image, sizeof(image), NULL));
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	g_setenv("VIRIDIS_RUN_DIR", folder, TRUE);
	g_setenv("V", PROGRAM, TRUE);
	g_setenv("LC_ALL", "C.UTF-8", TRUE);
	expect("truncate -s 1M disk; $V create web --memory 8M --kernel kernel"
	       " --disk disk,serial=data-1,cache=host,iops=200,bps=10M",
	       0, "");
}

static void teardown(void)
{
	if (worker > 0) {
		kill(worker, SIGKILL);
		ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
	}
	expect("rm -r \"$PWD\"/*", 0, "");
	g_rmdir(folder);
	g_clear_pointer(&output, g_free);
	g_free(folder);
}

/* ---- What is shown ---- */

#define RUNS                                                         \
	{                                                            \
		"status", "{\"ok\": true, \"state\": \"running\"}\n" \
	}

static const struct answer telling[] = {
	RUNS,
	{ "guest",
	  "{\"ok\":true,\"heartbeat\":{\"state\":\"ready\",\"alive\":true},"
	  "\"vss\":{\"frozen\":true},\"names\":{\"OSName\":\"Debian GNU/Linux\","
	  "\"OSMajorVersion\":\"12\",\"OSBuildNumber\":\"6.1\\nstate off\"},"
	  "\"items\":{\"backup\":\"do\\u001bne\\nheartbeat  lost\"},"
	  "\"adapters\":[{\"mac\":\"52:54:00:00:00:0a\",\"dhcp\":true,"
	  "\"addresses\":[\"10.0.2.15/24\",\"fe80::1/64\"]},{\"mac\":\"x\"},7]}\n" },
	{ NULL, "" },
};

START_TEST(what_a_guest_tells_is_shown_and_forges_no_line)
{
	run_worker(telling);
	expect("$V info web", 0, "\nheartbeat  alive\n");
	ck_assert_ptr_nonnull(strstr(
		output, "\nguest      Debian GNU/Linux 12, kernel 6.1 state off\n"));
	ck_assert_ptr_nonnull(
		strstr(output, "\naddress    10.0.2.15/24 (52:54:00:00:00:0a, DHCP)\n"
	                       "address    fe80::1/64 (52:54:00:00:00:0a, DHCP)\n"));
	ck_assert_ptr_nonnull(
		strstr(output, "\nitem       backup: do?ne heartbeat  lost\n"));
	ck_assert_ptr_nonnull(strstr(output, "\nfrozen     "));
	expect("$V info web --json", 0, "\"OSName\": \"Debian GNU/Linux\"");
	ck_assert_ptr_nonnull(strstr(output, "\"guest\": {"));
}
END_TEST

START_TEST(a_guest_that_tells_nothing_or_nonsense_is_shown_without)
{
	static const char *const lines[] = {
		"{\"ok\":false,\"error\":\"it is mute\"}\n",
		"{\"ok\":true}\n",
		"{\"ok\":true,\"heartbeat\":7,\"names\":[],\"items\":\"x\",\"adapters\":{},"
		"\"vss\":null}\n",
		"{\"ok\":true,\"names\":{\"OSName\":7},\"items\":{\"a\":{}},"
		"\"adapters\":[{\"mac\":7,\"addresses\":[\"x\"]},"
		"{\"mac\":\"m\",\"addresses\":[7]}]}\n",
	};
	const struct answer answers[] = {
		RUNS,
		{ "guest", lines[_i] },
		{ NULL, "" },
	};

	run_worker(answers);
	expect("$V info web", 0, "\nstate      running\n");
	ck_assert_ptr_null(strstr(output, "guest "));
	ck_assert_ptr_null(strstr(output, "address "));
	ck_assert_ptr_null(strstr(output, "item "));
	expect("$V info web --json", 0, "\"state\": \"running\"");
}
END_TEST

START_TEST(the_options_of_a_disk_are_shown)
{
	expect("$V info web", 0, ", serial data-1, cache host, 200 requests/s, 10M/s)\n");
	expect("$V disk remove web 0; $V disk add web disk,ro; $V info web", 0,
	       ", read-only)\n");
	ck_assert_ptr_null(strstr(output, "serial data"));
	ck_assert_ptr_null(strstr(output, "cache"));
}
END_TEST

/* ---- Disks of servers ---- */

/* Nobody asks the server before the VM runs. The first disk is a file. */
START_TEST(a_disk_of_a_server_is_named_by_its_uri)
{
	expect("$V disk add web nbd://10.0.0.1/a%2Cb,ro,timeout=0,serial=s1", 0, "");
	expect("$V disk add web 'nbd+unix:///x?socket=/run/x.sock,timeout=5'", 0, "");
	expect("$V info web", 0, "nbd://10.0.0.1/a%2Cb (LUN 1, by-id wwn-0x3");
	ck_assert_ptr_nonnull(strstr(output, "?socket=/run/x.sock (LUN 2"));
	ck_assert_ptr_nonnull(strstr(output, ", timeout 5 s)"));
	expect("tr -d ' \n' <web.json", 0, "\"serial\":\"s1\",\"timeout\":0}");
	expect("$V disk add web nbd+unix:///x?socket=/run/x.sock", 1, "the same as disk");
	expect("$V disk add web nbd://h", 1, "disk 'nbd://h': a '/' is needed");
	expect("$V disk add web nbds://h/x", 1, "for TLS (nbds) have a tunnel");
	expect("$V disk add web nbd://h/x,cache=host", 1, "for files");
	expect("$V disk add web nbd://h/x,timeout=-1", 1, "timeout '-1': not a number");
	expect("$V disk add web disk,timeout=1", 1, "only an NBD server");
	expect("$V resize web --lun 1 --size 1G", 1, "its server's affair");
	expect("$V resize web --size much", 1, "--size 'much': not a size");
	expect("$V disk remove web nbd+unix:///x?socket=/run/x.sock", 0, "");
	expect("$V disk remove web nbd://10.0.0.1/a%2Cb && ! grep nbd: web.json", 0, "");
}
END_TEST

/* By LUN, of those that the VM has and that are a server's. */
START_TEST(a_server_that_is_waited_for_is_shown)
{
	static const struct answer answers[] = {
		{ "status", "{\"ok\":true,\"state\":\"running\",\"lost-disks\":[0,1,3,"
		            "\"x\",-1]}\n" },
		{ "guest", "{\"ok\":true}\n" },
		{ NULL, "" },
	};

	expect("$V disk add web nbd://h/x", 0, "");
	run_worker(answers);
	expect("$V info web", 0,
	       "\nlost       nbd://h/x (LUN 1): its server is waited for\n");
	ck_assert_ptr_null(strstr(strstr(output, "lost ") + 1, "lost "));
	expect("$V info web --json", 0, "\"lost-disks\"");
}
END_TEST

/* ---- Freezing ---- */

/* The answer and what follows it may come in one piece. */
START_TEST(events_are_printed_until_the_vm_has_ended)
{
	static const struct answer answers[] = {
		{ "events",
		  "{\"ok\":true,\"sequence\":3}\n"
		  "{\"event\":\"reset\",\"sequence\":4,\"source\":\"guest\",\"reason\":\"triple fault\"}\n"
		  "{\"event\":\"device-added\",\"sequence\":5,\"source\":\"request\",\"reason\":\"disk\",\"lun\":2}\n" },
		{ NULL, "" },
	};

	run_worker(answers);
	expect("timeout 3 $V events web", 124,
	       "reset: triple fault\ndevice-added: disk 2\n");
}
END_TEST

START_TEST(events_that_are_refused_are_an_error)
{
	static const struct answer answers[] = {
		{ "events",
		  "{\"ok\":false,\"code\":\"unsupported\",\"error\":\"none here\"}\n" },
		{ NULL, "" },
	};

	run_worker(answers);
	expect("timeout 10 $V events web", 5, "none here");
}
END_TEST

START_TEST(an_order_to_freeze_says_for_how_long)
{
	static const struct answer answers[] = {
		{ "\"freeze\",\"seconds\":60}", "{\"ok\":true}\n" },
		{ "\"freeze\",\"seconds\":7}",
		  "{\"ok\":false,\"code\":\"refused\",\"error\":\"no hands\"}\n" },
		{ "\"thaw\"}",
		  "{\"ok\":false,\"code\":\"busy\",\"error\":\"its time was over\"}\n" },
		{ NULL, "" },
	};

	run_worker(answers);
	expect("$V freeze web", 0, "web is frozen, for 60 seconds at most");
	expect("$V freeze web --json", 0, "\"ok\"");
	expect("$V freeze web --timeout 7", 5, "no hands");
	expect("$V thaw web", 5, "its time was over");
	expect("$V thaw web --json", 5, "\"code\": \"busy\"");
	expect("$V freeze web --timeout 0", 2, "from 1 to 3600");
	expect("$V freeze web --timeout 3601", 2, "from 1 to 3600");
}
END_TEST

START_TEST(an_item_is_told_or_removed)
{
	static const struct answer answers[] = {
		{ "\"item\",\"key\":\"role\",\"value\":\"a=b\"}", "{\"ok\":true}\n" },
		{ "\"item\",\"key\":\"role\",\"value\":\"\"}",
		  "{\"ok\":false,\"error\":\"no hands\"}\n" },
		{ "\"item\",\"key\":\"a=b\"}", "{\"ok\":true}\n" },
		{ NULL, "" },
	};

	run_worker(answers);
	expect("$V item set web role=a=b", 0, "web keeps it");
	expect("$V item set web role=", 1, "no hands");
	expect("$V item remove web a=b", 0, "web has forgotten it");
	expect("$V item set web role", 2, "KEY=VALUE, not 'role'");
	expect("$V item set web =x", 2, "a key has 1 to 255 bytes");
	expect("$V item set web $'k=\\xff'", 2, "not UTF-8");
	expect("$V item remove web $'\\xff'", 2, "not UTF-8");
	expect("$V item set web k=$(printf '%01024d' 0)", 2, "a value 1023 at most");
	expect("$V item put web k=v", 2, "'set' or 'remove', not 'put'");
}
END_TEST

/* Pieces of 3000 bytes, of a file of 7000: each is taken when it is the next one's turn. */
START_TEST(a_file_goes_into_the_guest_piece_by_piece)
{
	static const struct answer answers[] = {
		{ "\"copy\",\"path\":\"/a/b\",\"size\":7000}", "{\"ok\":true}\n" },
		{ "\"copy\",\"path\":\"/a/b\",\"size\":7000,\"overwrite\":true}",
		  "{\"ok\":false,\"code\":\"refused\",\"error\":\"no hands\"}\n" },
		{ "\"copy\",\"path\":\"/empty\",\"size\":0}", "{\"ok\":true}\n" },
		{ "\"copy\",\"path\":\"/full\",", "{\"ok\":true}\n" },
		{ "\"copy\",\"path\":\"/short\",", "{\"ok\":true}\n" },
		{ "\"copy-data\",\"data\":\"YWFh", "{\"ok\":true}\n" },
		{ "\"copy-data\",\"data\":\"YmJi", "{\"ok\":true}\n" },
		{ "\"copy-data\",\"data\":\"Y2Nj", "{\"ok\":true}\n" },
		{ "\"copy-data\"",
		  "{\"ok\":false,\"code\":\"refused\",\"error\":\"it is full\"}\n" },
		{ "\"copy-end\"", "{\"ok\":true}\n" },
		{ NULL, "{\"ok\":false,\"error\":\"what?\"}\n" },
	};

	run_worker(answers);
	expect("for c in a b c; do head -c 3000 /dev/zero | tr '\\0' $c; done | head -c 7000 >f;"
	       " $V copy f web:/a/b",
	       0, "web has /a/b\n");
	expect("$V copy f web:/a/b --json", 0, "{\"ok\": true}");
	expect("$V copy f web:/a/b --force", 5, "no hands");
	expect(": >empty; $V copy empty web:/empty", 0, "web has /empty");
	expect("echo dd >d; $V copy d web:/full", 5, "it is full");
	expect("$V copy d web:/full --json", 5, "\"code\": \"refused\"");
	/* It says that it has a page, and has some bytes. */
	expect("$V copy /sys/kernel/fscaps web:/short", 1, "it has become shorter");
}
END_TEST

START_TEST(what_cannot_be_copied_is_not_begun)
{
	static const struct {
		const char *line;
		int status;
		const char *words;
	} cases[] = {
		{ "$V copy f web:b", 2, "'web:b': NAME:/PATH is needed" },
		{ "$V copy f web", 2, "NAME:/PATH is needed" },
		{ "$V copy f web:", 2, "NAME:/PATH is needed" },
		{ "$V copy f web:/a/", 2, "not its folder alone" },
		{ "$V copy f web:/", 2, "not its folder alone" },
		{ "$V copy f web:/$'\\xff'", 2, "not UTF-8" },
		{ "$V copy f web:/$(printf %0260d 0)", 2, "259 bytes each" },
		{ "$V copy f web:/$(printf %0260d 0)/x", 2, "259 bytes each" },
		{ "$V copy f", 2, "too few arguments" },
		{ "$V copy none web:/x", 1, "none: No such file" },
		{ "$V copy . web:/x", 1, ".: not a regular file" },
		{ "mkfifo pipe; $V copy pipe web:/x", 1, "pipe: not a regular file" },
		{ "$V copy f web:/$(printf %0259d 0)", 5, "web does not run" },
		{ "$V copy f nobody:/x", 4, "no VM is named 'nobody'" },
	};

	expect("echo x >f", 0, "");
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(cases[i].line, cases[i].status, cases[i].words);
}
END_TEST

START_TEST(who_does_not_run_is_not_frozen)
{
	expect("$V freeze web", 5, "web does not run");
	expect("$V thaw web", 5, "web does not run");
	expect("$V freeze nobody", 4, "no VM is named 'nobody'");
}
END_TEST

/* ---- Definitions ---- */

START_TEST(a_definition_that_is_shown_can_be_defined)
{
	expect("$V info web --definition >shown; $V define shown", 0,
	       "in the place of the one before");
	expect("$V info web --definition | cmp - shown && echo same", 0, "same");
	expect("sed -e s/web/two/ -e /uuid/d shown | $V define -", 0, "two is defined\n");
	expect("$V info two --definition", 0, "\"serial\": \"data-1\"");
	expect("sed s/8M/16M/ shown | grep -v uuid | $V define -", 0, "before");
	expect("$V info web --definition | grep -e uuid -e memory", 0, "16M");
	expect("$V info web --definition | grep -c \"$(grep uuid shown)\"", 0, "1\n");
	expect("$V autostart web; grep autostart web.json", 0, "true");
	expect("$V autostart web --disable; grep -c autostart web.json", 1, "0\n");
	expect("$V --version", 0, "viridis 0.1.0\n");
}
END_TEST

START_TEST(what_is_no_definition_is_refused_and_changes_nothing)
{
	static const struct {
		const char *line;
		int status;
		const char *words;
	} cases[] = {
		{ "echo '{' | $V define -", 1, "-: definition: " },
		{ "echo '{}' | $V define -", 1, "name" },
		{ "head -c 400000 /dev/zero | $V define -", 1, "not JSON" },
		{ "timeout 10 $V define /dev/zero", 1,
		  "/dev/zero: definition: not JSON" },
		{ "$V define nothing", 1, "nothing: No such file" },
		{ "$V define .", 1, ".: Is a directory" },
		{ "$V define - <.", 1, "-: Is a directory" },
		{ "sed 's/\"vps\": 1/\"vps\": 0/' shown | $V define -", 1, "vps 0" },
		{ "sed 's/\"vps\"/\"colour\": 1, \"vps\"/' shown | $V define -", 1,
		  "colour" },
		{ "sed 's/\"uuid\": \"./\"uuid\": \"g/' shown | $V define -", 1, "uuid" },
		{ "sed 's/\"uuid\": \"[^\"]*/\"uuid\": "
		  "\"0f9a60a8-1111-2222-3333-444444444444/' shown | $V define -",
		  1, "has the UUID" },
		{ "sed s/disk\\\"/none\\\"/ shown | $V define -", 1, "none" },
		{ "$V autostart nobody", 4, "nobody" },
	};

	expect("$V info web --definition >shown", 0, "");
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(cases[i].line, cases[i].status, cases[i].words);
	expect("$V info web --definition | cmp - shown && echo same", 0, "same");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_guest");
	TCase *tcase = tcase_create("guest");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_a_guest_tells_is_shown_and_forges_no_line);
	tcase_add_loop_test(
		tcase, a_guest_that_tells_nothing_or_nonsense_is_shown_without, 0, 4);
	tcase_add_test(tcase, the_options_of_a_disk_are_shown);
	tcase_add_test(tcase, a_disk_of_a_server_is_named_by_its_uri);
	tcase_add_test(tcase, a_server_that_is_waited_for_is_shown);
	tcase_add_test(tcase, events_are_printed_until_the_vm_has_ended);
	tcase_add_test(tcase, events_that_are_refused_are_an_error);
	tcase_add_test(tcase, an_order_to_freeze_says_for_how_long);
	tcase_add_test(tcase, an_item_is_told_or_removed);
	tcase_add_test(tcase, a_file_goes_into_the_guest_piece_by_piece);
	tcase_add_test(tcase, what_cannot_be_copied_is_not_begun);
	tcase_add_test(tcase, who_does_not_run_is_not_frozen);
	tcase_add_test(tcase, a_definition_that_is_shown_can_be_defined);
	tcase_add_test(tcase, what_is_no_definition_is_refused_and_changes_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
