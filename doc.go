// Package lastack documents the module; it has no code of its own.
//
// lastack is a TCP host in userspace, on a TUN device, whose close path can be
// watched, tuned and broken. A segment's way through it:
//
//	curl, nc, any kernel socket
//	     |  real IP packets
//	tun                  the device
//	     |
//	stack/link           TUN <-> netstack link endpoint
//	     |
//	stack/closepath      a link endpoint that wraps another:
//	     |               tap(wire) -> impairment -> TIME_WAIT -> delayed ACK -> tap(host)
//	gVisor netstack      handshake, windows, retransmission, congestion control
//	     |
//	stack                Host: Listen, Dial
//	     |
//	harness/app          servers, over net.Listener and net.Conn alone
//
// What the taps and captures saw becomes a verdict:
//
//	harness/host/trace (live), harness/capture (packet socket, tcpdump, files)
//	     |
//	stack/segment -> stack/flow -> harness/teardown -> harness/teardown/ladder
//
// harness/lab makes the network namespaces, harness/lab/wire a wire in them with a
// subject at its far end; harness/lab/probe sends crafted segments there.
// harness/lab/forward makes the wire between two kernels bad by the rules of
// stack/impair. harness/host/serve, demo, churn, monitor and doctor are what the commands
// of that name do; harness/experiment is list and run, harness/experiment/claims judges
// by what it measured, and harness/experiment/report makes pages and Markdown of that.
// ss, sysctl and monitor ask a running host over harness/host/control, and
// harness/lab/sockstat knows the words of ss. harness/bench compares. harness/explain
// says what to do about the closes of a whole capture, and compares two captures.
// harness/check/proxy says what a program between two wires does to connections,
// harness/check/service how a service closes them. Who may import whom is a table in
// imports_test.go.
package lastack
