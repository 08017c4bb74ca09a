/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process: what changes a definition. */
#include "unit.h"

#include "cli_program.h"

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
	expect("cat $S/web.json", 0, "\"disks\" : []");
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

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_change");
	TCase *tcase = tcase_create("definitions");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_test(tcase, disks_come_and_go_in_the_definition);
	tcase_add_test(tcase, network_adapters_come_and_go_in_the_definition);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
