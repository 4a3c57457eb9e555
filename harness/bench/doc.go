// Package bench measures lastack beside what it is compared with: the kernel over a
// virtual cable, the kernel through a loop that copies packets between two TUNs, and
// plain gVisor.
//
//	Compare           in the command: rounds, in which the subjects take turns
//	   |
//	   +-- lab.Reexec   a process in namespaces of its own: the subject, a server
//	          |
//	          +-- clients   a process of their own, of kernel sockets
//	          |
//	       sample      what both saw, as JSON
//	   |
//	Report            ratios with their goals, then medians with their spread
//
// A [Case] is a measure (churn, an offered load, bulk, echoes, closes, memory) with the
// subjects that it compares; catalogue.go has them all. Nothing is left over from one
// run to the next: neither TIME_WAIT, nor a heap, nor a namespace.
//
// The machine's speed drifts, and is lent to others. So ratios are taken within a
// round and only their median counts; a fixed loop is timed before each run, and a
// round in which that moved by more than 15% is dropped.
//
// The processes of a run are this program: main, or TestMain, calls [Child] where
// [IsChild] says so.
//
// [MeasureTimeWait] measures the table of TIME_WAIT by itself, for lastack bench
// time-wait.
package bench
