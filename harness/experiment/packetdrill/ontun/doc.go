// Package ontun is a TCP behind a TUN as a packetdrill subject, in real time: the kernel
// of a network namespace, or the stack of any program. A helper, which is a program, makes
// the system calls (package helper).
//
//	             a network namespace of the subject's own
//	            +------------------------------------------+
//	Inject ----------> tun0 <--> the kernel or the program |
//	Packet <----- packet socket        ^                   |
//	Start, Result <--JSON lines--> helper                  |
//	            +------------------------------------------+
//
// The packet socket gives each packet the kernel's own time, so that a runner that a busy
// machine delays does not see packets late. Of a program, the helper and the stack are one
// process: the program attaches to the TUN, and the namespace's kernel has no address there
// and stays silent.
package ontun
