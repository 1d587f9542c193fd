#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
#
# Installs the distribution's packages that Besa needs, and only those that are missing.
#
#   make/deps.sh [--check] LIST...      LIST is build, test, lint, fuzz, coverage or bench
#
# With everything in place it touches neither network nor package database. Otherwise it needs root or sudo. It starts
# no service: while apt-get runs, a policy-rc.d refuses every start, and what was there before is put back afterwards.
# Works on Debian 12, Debian 13 and Ubuntu 24.04; package names that differ between them are written "first|second".
# --check only says what is missing and fails when something is.

set -eu

list_build='gcc libc6-dev make binutils protobuf-compiler libprotobuf-dev protobuf-c-compiler libprotobuf-c-dev
            libuv1-dev libnghttp2-dev libssl-dev libjansson-dev libyaml-dev libsqlite3-dev sqlite3 openssl python3'
list_test='libcmocka-dev perl procps faketime python3-grpcio python3-protobuf python3-h2 curl nghttp2-client'
list_lint='git clang-format-14|clang-format clang-tidy-14|clang-tidy mandoc shellcheck python3-protobuf'
list_fuzz='clang libclang-rt-dev|libclang-rt-14-dev llvm'
list_coverage='gcovr'
list_bench='nginx-light|nginx nghttp2-client nghttp2-proxy nghttp2-server'

say() {
	echo "deps: $*" >&2
}

fail() {
	say "$*"
	exit 1
}

installed() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# The first of the alternatives a|b|c that is installed satisfies the need.
satisfied() {
	(
		IFS='|'
		for package in $1; do
			installed "$package" && exit 0
		done
		exit 1
	)
}

# The first of the alternatives that this distribution offers.
choose() {
	(
		IFS='|'
		for package in $1; do
			if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then
				echo "$package"
				exit 0
			fi
		done
		exit 1
	)
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

policy=/usr/sbin/policy-rc.d
policy_kept=

restore_policy() {
	if [ -n "$policy_kept" ]; then
		as_root mv -f "$policy_kept" "$policy"
	else
		as_root rm -f "$policy"
	fi
	trap - EXIT
}

refuse_service_starts() {
	if [ -e "$policy" ]; then
		policy_kept=$policy.besa-kept
		as_root mv "$policy" "$policy_kept"
	fi
	trap restore_policy EXIT
	trap 'exit 130' INT TERM
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >&2
}

check_only=
needs=
for argument in "$@"; do
	case $argument in
	--check) check_only=yes ;;
	build) needs="$needs $list_build" ;;
	test) needs="$needs $list_test" ;;
	lint) needs="$needs $list_lint" ;;
	coverage) needs="$needs $list_coverage" ;;
	fuzz) needs="$needs $list_fuzz" ;;
	bench) needs="$needs $list_bench" ;;
	*) fail "unknown list \"$argument\"; known are build, test, lint, fuzz, coverage and bench" ;;
	esac
done

command -v dpkg-query >/dev/null || fail 'this is not Debian or Ubuntu; install by hand what make/deps.sh lists'

missing=
for need in $needs; do
	satisfied "$need" || missing="$missing $need"
done
[ -n "$missing" ] || exit 0

say "missing:$missing"
[ -z "$check_only" ] || exit 1
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
	fail 'run "make deps" once as root, or install sudo: installing packages needs one of them'
fi

refuse_service_starts
say 'apt-get update'
apt update
chosen=
for need in $missing; do
	package=$(choose "$need") || fail "this distribution offers none of: $need"
	chosen="$chosen $package"
done
say "apt-get install --no-install-recommends$chosen"
# shellcheck disable=SC2086 # a list of names, split on purpose
apt install --no-install-recommends $chosen
restore_policy
