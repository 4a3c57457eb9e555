// Package monitor watches the TCP sockets of a lastack host or of the kernel: how
// many there are in each state and how fast that changes, how many local ports
// are left toward each destination and when they run out, and who holds the
// connections in CLOSE_WAIT.
//
//	Host (control API) --\
//	                      Source --> Sample --> Tracker --> Report --> text, or JSON lines
//	Kernel (inet_diag) --/
//
// A Source looks, a Tracker remembers what earlier looks showed, Run does it again
// and again. The Tracker is pure: the times are its caller's.
//
// It needs no privileges, but the processes of other users stay nameless without.
// It changes nothing, and it counts what it sees at each look: a connection
// that comes and goes between two looks is missed unless it leaves a TIME_WAIT.
package monitor
