#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""tests/support/run_tap hides no failure: a broken runner would make every other test worthless."""

import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNNER = os.path.join(ROOT, "tests/support/run_tap")

PROGRAM = r"""
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
static void good(void **state) { (void)state; puts("words of the program"); assert_int_equal(1, 1); }
static void bad(void **state) { (void)state; assert_int_equal(1, 2); }
static void none(void **state) { (void)state; skip(); }
static int broken(void **state) { (void)state; return -1; }
int main(int count, char **arguments)
{
    const struct CMUnitTest two[] = { cmocka_unit_test(good), cmocka_unit_test(none) };
    const struct CMUnitTest one[] = { cmocka_unit_test(bad) };
    char mode = count > 1 ? arguments[1][0] : 'g';
    int failed = 0;
    if (mode == 'e')
        return 0;
    failed += cmocka_run_group_tests(two, NULL, NULL);
    failed += cmocka_run_group_tests(two, mode == 's' ? broken : NULL, NULL);
    if (mode == 'b')
        failed += cmocka_run_group_tests(one, NULL, NULL);
    if (mode == 'c')
        abort();
    if (mode == 'h')
        for (;;)
            pause();
    return failed;
}
"""

# mode → (passes, number of results, a line that must be there, meaning)
CASES = {
    "good": (True, 5, "ok 5 - the program ended well", "two groups are numbered through and pass"),
    "bad": (False, 6, "not ok 5 - bad", "a failed assertion in the last group fails"),
    "setup": (False, None, "not ok 3", "a group whose setup fails, fails"),
    "crash": (False, 5, "ended by SIGABRT", "a crash after the last test fails"),
    "empty": (False, 2, "not ok 1 - the program ran at least one test", "a program without a test fails"),
    "hang": (False, 5, "ended within 2 s", "a program that hangs is ended and fails"),
}


def main():
    """Every case, then the same through prove."""
    number = 0
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "program")
        with open(program + ".c", "w", encoding="ascii") as stream:
            stream.write(PROGRAM)
        subprocess.run(["cc", "-o", program, program + ".c", "-lcmocka"], check=True)
        for mode, (passes, results, line, meaning) in CASES.items():
            done = subprocess.run([RUNNER, program, mode], capture_output=True, text=True, check=False,
                                  env=dict(os.environ, TEST_TIMEOUT="2" if mode == "hang" else "60"))
            good = (done.returncode == 0) == passes and line in done.stdout
            good = good and (results is None or done.stdout.rstrip().endswith(f"1..{results}"))
            good = good and (not passes or "not ok" not in done.stdout)
            number += 1
            print(f"{'ok' if good else 'not ok'} {number} - {meaning}")
            if not good:
                print("# " + done.stdout.replace("\n", "\n# "))
            proved = subprocess.run(["prove", "--exec", RUNNER, program, "::", mode], capture_output=True, text=True,
                                    check=False, env=dict(os.environ, TEST_TIMEOUT="2" if mode == "hang" else "60"))
            number += 1
            print(f"{'ok' if (proved.returncode == 0) == passes else 'not ok'} {number} - prove agrees: {meaning}")
    print(f"1..{number}")


main()
