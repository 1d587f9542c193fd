# SPDX-License-Identifier: EUPL-1.2
"""What the checks of this directory share: which files there are, C without its comments, and how a finding is told.

Every check is a program `NAME [ROOT]` that prints findings as `file:line: words` and exits 1 when there was one. ROOT is the
top of the tree, by default the one this file stands in; the self-test passes trees with faults in them.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.abspath(sys.argv[-1] if len(sys.argv) > 1 and os.path.isdir(sys.argv[-1])
                       else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# Lowest first. CONTRIBUTING.md, "The tree".
LAYERS = ["base", "crypto", "net", "wire", "ledger", "directory", "contract", "exchange"]
PROGRAM_DIRECTORIES = ["supervisor", "worker", "notary", "cli"]

COMMENT_OR_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

_findings = []


def files(*suffixes):
    """Paths below ROOT that are committed or about to be, with one of the suffixes (all without); sorted."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [os.path.relpath(os.path.join(top, name), ROOT)
                 for top, directories, found in os.walk(ROOT)
                 if not _is_build_output(directories, top) for name in found]
    return sorted({name for name in names
                   if (not suffixes or name.endswith(suffixes)) and os.path.isfile(os.path.join(ROOT, name))})


def _is_build_output(directories, top):
    """Prunes what .gitignore would have; used outside a git checkout."""
    directories[:] = [name for name in directories if name != ".git" and not re.match(r"build(-|$)", name)]
    return bool(re.match(r"build(-|$)", os.path.relpath(top, ROOT)))


def is_data(path):
    """Inputs of tests are whatever the test needs them to be."""
    return path.startswith(("tests/vectors/", "tests/fuzz/corpus/"))


def read(path):
    """The text of a file below ROOT; bytes that are not UTF-8 become U+FFFD."""
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace", newline="") as stream:
        return stream.read()


def code_of(path):
    """A C file with comments and literals blanked, line for line."""
    def blank(match):
        text = match.group(0)
        return '""' if text[0] == '"' else re.sub(r"[^\n]", " ", text)
    return COMMENT_OR_LITERAL.sub(blank, read(path))


def finding(path, line, words):
    """Tells one finding."""
    _findings.append(path)
    print(f"{path}:{line}: {words}")


def finish():
    """Ends the check."""
    sys.exit(1 if _findings else 0)
