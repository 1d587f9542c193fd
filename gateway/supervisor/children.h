// SPDX-License-Identifier: EUPL-1.2
//
// The processes of one gateway: a notary and N workers for each member.
//
// Every worker shares a SOCK_SEQPACKET socketpair with its member's notary. The supervisor makes the pairs once and
// keeps both ends open, so that a process that dies loses no socket: its successor inherits the same end, says
// HELLO with a fresh epoch, and the other side knows what became of the open work.
//
// A child dies with the supervisor (PR_SET_PDEATHSIG): a gateway never runs half supervised. What dies is started
// again at once; one that lived less than CHILD_STABLE_US after a pause that doubles from CHILD_PAUSE_LEAST_US to
// CHILD_PAUSE_MOST_US.
#ifndef BESA_SUPERVISOR_CHILDREN_H
#define BESA_SUPERVISOR_CHILDREN_H

#include <sys/types.h>

#include "exchange/settings.h"
#include "supervisor/preflight.h"

enum {
	CHILD_STABLE_US = 2000000,
	CHILD_PAUSE_LEAST_US = 100000, // a second death in a row still leaves service back within a second
	CHILD_PAUSE_MOST_US = 5000000,
	CHILD_CANNOT_START = 78, // exit status: starting again would not help (EX_CONFIG of sysexits(3))
};

enum child_kind { CHILD_NOTARY, CHILD_WORKER };

struct child {
	enum child_kind kind;
	const struct settings_member *member;
	size_t number;      // of the worker within its member, from 0
	int socket[2];      // a worker's pair: [0] notary's end, [1] worker's end
	pid_t pid;          // 0: not running
	int64_t started_us; // monotonic
	int64_t restart_us; // when to start again; 0: not waiting
	int64_t pause_us;   // before the next start, if it dies young again
	bool ready;
};

struct children {
	const struct settings *settings;
	struct preflight_times times;
	struct child *list; // of each member: the notary, then its workers
	size_t count;
	int ready_pipe[2]; // a worker that serves writes its pid
	char *directory;   // of the programs
	bool stopping;     // nothing is started again
};

// Makes the sockets; starts nothing. The settings must outlive the children.
result children_init(struct children *children, const struct settings *settings, const struct preflight_times *times,
		     struct fault *fault);

// Starts every child that is due (not running, waiting time over). Returns the first failure to fork.
result children_start_due(struct children *children, struct fault *fault);

// Microseconds until the next child is due, -1 if none waits.
int64_t children_next_due_us(const struct children *children);

// Notes a death (from waitpid) and, unless stopping, when to start again. NULL if the pid is none of ours.
struct child *children_reaped(struct children *children, pid_t pid);

// Sends a signal to every running child of a kind; returns how many got it.
size_t children_signal(const struct children *children, enum child_kind kind, int signal);

// How many of a kind run.
size_t children_running(const struct children *children, enum child_kind kind);

// Reads the ready pipe; true once when the last missing worker came up.
bool children_take_ready(struct children *children);

void children_release(struct children *children);

#endif
