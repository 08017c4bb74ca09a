/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process: what changes a definition, and a VM that is run at once. */
#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "cli_program.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/file_lock.h"

START_TEST(disks_come_and_go_in_the_definition)
{
	expect_done("head -c 4096 /dev/zero >a; head -c 4096 /dev/zero >b,c");
	expect_done("$V disk add web a,serial=data-1,iops=200,bps=10M,cache=host");
	expect_done("$V disk add web b,c,ro,lun=9");
	expect("$V info web", 0, "/a (LUN 0");
	expect("$V info web", 0, "/b,c (LUN 9");
	expect("tr -d ' \n' <$S/web.json", 0,
	       "\"serial\":\"data-1\",\"cache\":\"host\",\"iops\":200,\"bps\":\"10M\"");
	expect("$V disk add web a", 1, "the same as disk");
	expect("$V disk add web none", 1, "No such file");
	expect("$V disk add web a,lun=64", 1, "from 0 to 63");
	expect("$V disk add web b,c,ro,lun=0", 1, "LUN 0 is another disk's too");
	expect("$V disk add web a,cache=much", 1, "'direct', 'host' or 'through'");
	expect("$V disk add web a,serial=", 1, "1 to 16 characters");
	expect("$V disk add web a,serial=a/b", 1, "only letters");
	expect("$V disk add web a,iops=x", 1, "not a number");
	expect("$V disk add web a,bps=1", 1, "64K at least");
	expect("$V disk add none a", 4, "no VM is named 'none'");
	expect("$V disk remove web 5", 1, "web has no disk 5");
	expect("$V disk remove web ./other", 1, "web has no disk ./other");
	expect("$V disk", 2, "usage: viridis disk add NAME");
	expect("$V disk eject web a", 2, "'add' or 'remove'");
	expect_done("$V disk remove web 9; $V disk remove web a");
	expect("$V disk remove web a", 1, "web has no disk");
	expect("cat $S/web.json", 0, "\"disks\": []");
}
END_TEST

/* By whatever name, and as it runs, whatever its next start is to have; two that only read it may. */
START_TEST(a_disk_that_a_running_vm_has_is_refused_with_its_name)
{
	g_autofree char *lock = g_strdup_printf("%s/web.lock", g_getenv("R"));
	int running;

	make_worker("exec </dev/null >/dev/null 2>/dev/null\nprintf ready >&$2");
	expect_done("head -c 4096 /dev/zero >d; ln -s d e; cp d r; cp d later"
	            " && $V disk add web d && $V disk add web r,ro"
	            " && cp $S/web.json $R/web.running && $V disk add web later");
	expect_done("for n in db idle reader; do $V create $n --memory 8M --kernel $K"
	            " || exit 1; done");
	expect_done("$V disk add db e && $V disk add reader r,ro && $V start db");
	running = file_lock(lock);
	ck_assert_int_ge(running, 0);
	expect("$V start db", 1, "/e: the VM 'web' is using it");
	expect("$V disk add idle e", 1, "/e: the VM 'web' is using it");
	expect("$V disk add idle e,ro", 1, "/e: the VM 'web' is using it");
	expect("$V disk add idle r", 1, "/r: the VM 'web' is using it");
	expect_done("cp d own && $V disk add db own"); /* whoever uses e */
	expect("$V run new --memory 8M --kernel $K --disk e </dev/null", 1,
	       "/e: the VM 'web' is using it");
	expect("$V info new", 4, "no VM is named");
	expect_done("$V start reader && $V disk add idle later && $V start idle");
	expect_done("rm $R/web.running");
	expect("$V start idle", 1, "/later: the VM 'web' is using it");
	close(running);
	expect_done("$V disk add idle e && $V start idle");
}
END_TEST

/* A service of systemd runs the worker itself, without the command: it says the same, and leaves nothing. */
START_TEST(a_worker_of_a_service_names_who_has_its_disk_or_address)
{
	g_autofree char *lock = g_strdup_printf("%s/web.lock", g_getenv("R"));
	int running;

	expect_done("mkdir -p $R; head -c 4096 /dev/zero >d; $V disk add web d &&"
	            " $V create db --memory 8M --kernel $K --disk d");
	running = file_lock(lock);
	ck_assert_int_ge(running, 0);
	expect(WORKER " db", 1, "viridis-vm: disk ");
	ck_assert_ptr_nonnull(strstr(output, "/d: the VM 'web' is using it\n"));
	expect_done("[ ! -e $R/db.lock ] && [ ! -e $R/db.sock ]");
	close(running);
	expect("[ -e /dev/mshv ] || " WORKER " db", 1, "/dev/mshv");
	expect_done(
		"for n in one two; do printf '{\"name\":\"%s\",\"memory\":\"8M\",\"vps\":1,"
		"\"kernel\":\"%s\",\"nets\":[{\"bridge\":\"br0\",\"mac\":"
		"\"02:00:5e:10:00:07\"}]}' $n $K >$S/$n.json; done");
	expect(WORKER " two", 1, "02:00:5e:10:00:07 is an adapter's of the VM 'one' too");
}
END_TEST

START_TEST(network_adapters_come_and_go_in_the_definition)
{
	expect_done("mkdir bin; printf '#!/bin/sh\n' >bin/passt; chmod +x bin/passt");
	g_setenv("WITH_PASST", "PATH=$PWD/bin:$PATH;", TRUE);
	expect_done("eval \"$WITH_PASST\"; $V net add web user,hostfwd=tcp:8080:80"
	            " && $V net add web user,mac=02:00:5e:10:00:01");
	expect("tr -d ' \n' <$S/web.json", 0,
	       "\"mac\":\"02:00:5e:10:00:01\",\"mtu\":1500,\"queues\":1,\"slot\":1");
	/* Whatever goes, what stays is the same device of the guest; the next one takes its place. */
	expect_done("$V net remove web 0");
	expect("tr -d ' \n' <$S/web.json", 0, "\"nets\":[{\"user\":true,");
	expect("$V info web", 0, "slot 1");
	expect_done("eval \"$WITH_PASST\"; $V net add web user");
	expect("$V info web", 0, "slot 0");
	expect_done("$V net remove web 02:00:5E:10:00:01");
	expect("$V net remove web 1", 1, "web has no network adapter 1");
	expect("$V net remove web 02:00:5e:10:00:01", 1, "web has no network adapter");
	expect("$V net add web bridge=none0", 1, "none0: there is no such");
	expect("$V net add web user,slot=8", 1, "slot 8: from 0 to 7");
	expect("$V net add web user,slot=0", 1, "slot 0 is another adapter's too");
	expect("$V net add web br0", 1, "write user, tap=NAME or bridge=NAME");
	expect("$V net add none user", 4, "no VM is named 'none'");
	expect("$V net", 2, "usage: viridis net add NAME");
	expect("$V net eject web 0", 2, "net: 'add' or 'remove'");
}
END_TEST

/* Of several members all are changed or none; and what is wrong is named. */
START_TEST(members_of_a_definition_are_set)
{
	expect("$V set web memory=16M vps=2 'cmdline=console=ttyS0 a=b' on-crash=stop"
	       " autostart=true title=Shop",
	       0, "web is changed\n");
	expect("tr -d ' \n' <$S/web.json", 0, "\"memory\":\"16M\",\"vps\":2,");
	expect("cat $S/web.json", 0, "\"cmdline\": \"console=ttyS0 a=b\"");
	expect("cat $S/web.json", 0, "\"autostart\": true");
	expect("cat $S/web.json", 0, "\"title\": \"Shop\"");
	expect_done("cp $S/web.json before; cp $K k2");
	expect("$V set web vps=3 memory=1M", 1, "memory");
	expect("$V set web vps=3 vps=x", 1, "vps 'x': not a number");
	expect("$V set web vps=65", 1, "vps 65");
	expect("$V set web autostart=maybe", 1, "'true' or 'false'");
	expect("$V set web colour=red", 1, "one of memory, vps, kernel");
	expect("$V set web disks=a", 1, "commands of their own");
	expect("$V set web vps", 1, "'vps': write KEY=VALUE");
	expect("$V set web kernel=none", 1, "/none");
	expect("$V set web on-crash=explode", 1, "explode");
	expect("$V set web kernel=", 1, "kernel");
	expect("$V set web $'title=\\xff'", 1, "title: its value is no UTF-8");
	expect("$V set web vps=$'\\xff'", 1, "vps '");
	expect_done("mkdir $'d\\xff' && cp $K $'d\\xff/k3'");
	expect("cd $'d\\xff' && $V set web kernel=k3", 1,
	       "kernel: its value is no UTF-8");
	expect("$V set web", 2, "usage: viridis set NAME KEY=VALUE");
	expect("$V set nobody vps=1", 4, "no VM is named 'nobody'");
	expect_done("cmp before $S/web.json");
	expect_done("$V set web kernel=k2 title= autostart=off");
	expect("grep -c 'title\\|autostart' $S/web.json; cat $S/web.json", 0, "0\n");
	ck_assert_ptr_nonnull(strstr(output, "/k2\""));
}
END_TEST

/* As somebody wrote it by hand: what is told of it, and what it becomes with what was left out, is longer. */
START_TEST(the_largest_definition_is_told_and_changed_no_further)
{
	const char *metadata = "x";
	g_autofree char *line = NULL;
	g_autoptr(json_t) info = NULL;

	line = g_strdup_printf("printf '{\"name\":\"web\",\"memory\":\"8M\",\"vps\":1,"
	                       "\"kernel\":\"%%s\",\"metadata\":\"%%0*d\"}' $K"
	                       " $((%u - 64 - ${#K})) 0 >$S/web.json",
	                       DEFINITION_JSON_BYTES);
	expect_done(line);
	info = json_of("$V info web --json", 0);
	ck_assert(json_is_true(json_object_get(info, "ok")));
	ck_assert(json_text_get_string(json_object_get(info, "metadata"), &metadata));
	ck_assert_uint_gt(strlen(metadata), DEFINITION_JSON_BYTES - 1000);
	expect("$V set web vps=2", 1, "too long");
	expect("sed s/web/new/ $S/web.json >new; $V define new", 1,
	       "at most are possible");
	expect("$V info new", 4, "no VM is named 'new'");
}
END_TEST

/* As it was written by hand, or before there were UUIDs: that stays the VM's file, which gets one. */
START_TEST(a_definition_without_a_uuid_is_changed_like_others)
{
	static const char *const lines[] = {
		"$V set web vps=2",
		"EDITOR=\"sed -i '/vps/s/1/2/'\" $V edit web",
		"sed 's/\"vps\": 1/\"vps\": 2/' $S/web.json >new; $V define new",
	};

	expect_done("sed -i '/\"uuid\"/d' $S/web.json; ! grep uuid $S/web.json");
	expect_done(lines[_i]);
	expect("$V info web", 0, "vps        2");
	expect("$V info web", 0, "uuid       ");
}
END_TEST

START_TEST(a_definition_is_edited_or_stays_as_it_was)
{
	expect_done("cp $S/web.json before");
	expect("EDITOR=true $V edit web", 0, "web stays as it was");
	expect("VISUAL=\"sed -i s/8M/16M/\" EDITOR=false $V edit web", 0,
	       "web is changed");
	expect("$V info web", 0, "memory     16M");
	expect("EDITOR=\"sed -i s/16M/8M/\" $V edit web", 0, "web is changed");
	expect_done("cmp before $S/web.json");
	/* What was written is kept for who wrote it. */
	expect("EDITOR=\"sed -i s/8M/1M/\" TMPDIR=. $V edit web </dev/null", 1,
	       "web stays as it was, what was written is in ./viridis-");
	expect("EDITOR=\"sed -i s/vps/vp/\" TMPDIR=. $V edit web </dev/null", 1, "'vp'");
	expect("EDITOR=\"sed -i s/web/other/\" TMPDIR=. $V edit web </dev/null", 1,
	       "a VM keeps its name");
	expect("rm viridis-*.json; EDITOR=false TMPDIR=. $V edit web", 1,
	       "the editor (false) failed");
	expect_done("[ -z \"$(ls viridis-*.json 2>/dev/null)\" ]");
	expect("EDITOR='sh -c \"sed -i s/8M/16M/ \\$0; false\"' TMPDIR=. $V edit web", 1,
	       "web stays as it was, what was written is in ./viridis-");
	expect("cat viridis-*.json", 0, "16M");
	expect_done("rm viridis-*.json");
	/* What others may not read in its place, they do not read meanwhile. */
	expect("EDITOR='stat -c mode:%a' TMPDIR=. $V edit web", 0, "mode:600");
	expect("EDITOR=\"$V set web vps=2; sed -i s/8M/16M/\" TMPDIR=. $V edit web </dev/null",
	       5, "changed by somebody else");
	expect("EDITOR= PATH=/nonexistent $V edit web", 1, "$EDITOR");
	expect("$V edit nobody", 4, "no VM is named 'nobody'");
	expect("tr -d ' \n' <$S/web.json", 0, "\"memory\":\"8M\",\"vps\":2");
}
END_TEST

/* At a terminal it is asked for again, with the text as it was left. */
START_TEST(what_is_wrong_is_edited_again)
{
	expect_done("printf '#!/bin/sh\n[ -e once ] && sed -i s/1M/32M/ \"$1\" ||"
	            " sed -i s/8M/1M/ \"$1\"; touch once\n' >ed; chmod +x ed");
	expect("(sleep 1; printf 'y\\n'; sleep 1) | EDITOR=$PWD/ed script -qec"
	       " \"$V edit web\" /dev/null",
	       0, "Edit again? [Y/n]");
	expect("$V info web", 0, "memory     32M");
}
END_TEST

/* ---- Folders ---- */

/* Of the caller's too: the worker gets its whole path. Without it they are beside the definitions. */
START_TEST(logs_have_a_folder_of_their_own)
{
	expect_done("mkdir logs");
	make_worker("exec </dev/null >/dev/null 2>/dev/null\n"
	            "echo ran >$VIRIDIS_LOG_DIR/web.log; printf ready >&$2");
	expect_done("VIRIDIS_LOG_DIR=logs $V start web");
	expect_done("[ \"$(VIRIDIS_LOG_DIR=logs $V log web)\" = ran ]");
	expect_done("[ \"$(ls -A logs)\" = web.log ] && [ ! -e $S/web.log ]");
	expect_done("VIRIDIS_LOG_DIR=logs $V delete web; [ -z \"$(ls -A logs)\" ]");
}
END_TEST

/* ---- run ---- */

#define RUN "--memory 8M --kernel $K"

/* Bash that waits, for a while. */
#define UNTIL(line) \
	"for i in $(seq 200); do " line " 2>/dev/null && break; sleep 0.1; done"

/* Ctrl-] once the console is there, on a terminal that stays until it is done. */
#define DETACH                                                        \
	"(" UNTIL("grep -q Attached told") "; printf '\\x1d';" UNTIL( \
		"grep -q two.is.off told || grep -q runs.on told") ")"

static void make_playing_worker(void)
{
	make_worker("exec python3 " FAKE_WORKER " \"$@\"");
}

START_TEST(a_vm_is_run_to_its_end_with_its_console)
{
	make_playing_worker();
	/* What is typed comes back in capitals (fake_worker.py). */
	expect("(echo hello; " UNTIL(
		       "grep -q HELLO out") "; $V stop two >&2) |"
	                                    " $V run two " RUN
	                                    " --rm >out; s=$?; cat out; exit $s",
	       0, "HELLO");
	ck_assert_ptr_nonnull(strstr(output, "two is off and deleted"));
	expect("$V info two", 4, "no VM is named");
	/* Without --rm it stays defined; and one of that name is not run over. */
	expect("(" UNTIL("$V info two | grep -q '^state *running'") "; $V stop two >&2) |"
	                                                            " $V run two " RUN,
	       0, "two is off\n");
	expect("$V info two", 0, "state      off");
	expect("$V run two " RUN " </dev/null", 1, "two");
	expect("$V run three " RUN " --serial /tmp/file", 2, "a file is not");
	expect("$V info three", 4, "no VM is named");
}
END_TEST

START_TEST(a_vm_that_does_not_start_is_not_left)
{
	make_playing_worker();
	expect("$V run two " RUN " --cmdline refuse </dev/null", 1,
	       "kernel module is not loaded");
	expect("$V info two", 4, "no VM is named");
}
END_TEST

START_TEST(who_detaches_leaves_it_or_ends_it)
{
	make_playing_worker();
	expect(DETACH " | script -qefc \"$V run two " RUN "\" told", 0, "two runs on");
	expect("$V stop two", 0, "two is off");
	expect_done("$V delete two; rm told");
	expect(DETACH " | script -qefc \"$V run two " RUN " --rm\" told", 0,
	       "two is off and deleted");
	expect("$V info two", 4, "no VM is named");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_change");
	TCase *tcase = tcase_create("definitions");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_test(tcase, disks_come_and_go_in_the_definition);
	tcase_add_test(tcase, a_disk_that_a_running_vm_has_is_refused_with_its_name);
	tcase_add_test(tcase, a_worker_of_a_service_names_who_has_its_disk_or_address);
	tcase_add_test(tcase, network_adapters_come_and_go_in_the_definition);
	tcase_add_test(tcase, members_of_a_definition_are_set);
	tcase_add_test(tcase, the_largest_definition_is_told_and_changed_no_further);
	tcase_add_loop_test(tcase, a_definition_without_a_uuid_is_changed_like_others, 0,
	                    3);
	tcase_add_test(tcase, a_definition_is_edited_or_stays_as_it_was);
	tcase_add_test(tcase, what_is_wrong_is_edited_again);
	tcase_add_test(tcase, logs_have_a_folder_of_their_own);
	tcase_add_test(tcase, a_vm_is_run_to_its_end_with_its_console);
	tcase_add_test(tcase, a_vm_that_does_not_start_is_not_left);
	tcase_add_test(tcase, who_detaches_leaves_it_or_ends_it);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
