// Package experiment makes claims about closing TCP into files that are run and
// judged: what to do, on which side, and what must be seen of it.
//
//	file --Parse--> Experiment --Run--> Result: pass, fail or skip, and why
//
// Each attempt has network namespaces of its own, so that nothing is left of the
// one before. The subject, server or client, is at the far end of a link; the
// other side, the peer, is always the kernel's. The addresses are the same
// whatever the subject:
//
//	     the peer's namespace
//	+-----------------------------+
//	|  kernel TCP   link (TUN) ===|=== lastack, 10.77.0.2        subject lastack
//	|  10.77.0.1                  |
//	+-----------------------------+           the subject's namespace
//	+-----------------------------+          +-----------------------+
//	|  kernel TCP   link (veth) ==|==========|  kernel TCP           |   kernel
//	|  10.77.0.1                  |          |  10.77.0.2            |
//	+-----------------------------+          +-----------------------+
//	           packet socket
//
// What the packet socket on the link saw goes through harness/teardown, merged
// with the close path's account of the segments that fell to a rule, if the wire
// is to be bad; what the sockets' states are, their owners tell.
//
// The types of a file carry the words that explain them in their tags: reading a
// file, the JSON Schema and "lastack run --help-format" all go by those.
// The built-in experiments are the files in the folder corpus.
// Those of package demo are run with Config.Trace; those of package churn have a load,
// which is counted and not captured.
//
// Package wire raises all of it. If the wire is to be bad, the kernels are linked by
// two TUNs instead, with lastack's close path in between, where lastack as the
// subject has it anyway.
//
// A client may make its segments itself, with package probe, at an address that
// nobody else answers for, 10.77.0.9; the subject is then the server.
//
// A subject may be a Stranger, too: a program with a TCP stack of its own, which a file
// describes. It is started for each attempt, on a TUN or a TAP that is made for it, and
// experiments that need more of it than its file says are skipped. The states of its sockets
// are those that the wire shows, and a FIN of the client's that is sent once more shows
// whether TIME_WAIT and CLOSE_WAIT are there (outside.go).
//
// Between the client and the server there may be a proxy or NAT (Experiment.Through), put
// there by package middle, at whose addresses everything is then. Both legs are captured, and
// the subject is the server behind it (throughground.go).
//
// Run must be called inside a lab (package lab).
package experiment
