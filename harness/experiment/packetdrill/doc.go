// Package packetdrill runs packetdrill scripts against a TCP.
//
//	script.Parse -> Script --Run--> Outcome
//	                          |
//	                       Subject   lastack in process, the kernel over a TUN, a stranger
//
// A Subject is the TCP under test: it takes packets and system calls, and gives what it
// sends, each packet with its time. The runner walks through a script's events in order,
// injects what arrives, makes the system calls, and compares what the subject sends with
// what the script says, to the first difference.
//
// On a Subject whose time is virtual no time passes but what the runner waits for: a
// script that waits for a minute takes milliseconds, and a packet's time is exact.
package packetdrill
