// Package stack is lastack's host: gVisor's netstack behind the instrumented
// close path, on a device that carries IP packets.
//
//	device (a TUN) -> stack/link -> stack/closepath -> netstack -> Host: Listen, Dial
//
//	dev, err := tun.Open(...)
//	host, err := stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{addr}})
//	l, err := host.Listen("tcp", ":80")
//
// Listeners and connections are net.Listener and net.Conn, with CloseWrite,
// CloseRead, SetLinger, SetNoDelay and keep-alive beside them, and errors are
// *net.OpError around a syscall.Errno, so that code written for the kernel's
// sockets finds what it expects. The package speaks IPv4, IPv6, ICMP (the host answers ping) and TCP.
//
// TIME_WAIT is the close path's, with Linux's answers and sysctls. Outgoing
// connections take their ports from net.ipv4.ip_local_port_range, each port once
// for each destination, and fail with EADDRNOTAVAIL when all are taken.
//
// New makes as many netstack workers as Go's runtime has processors at that time. A
// machine with two processors does more with one worker, because a packet then stays on
// the processor that read it; lastack/harness/host/serve.TuneRuntime, which the command
// uses, explains it.
//
// With the tunable lastack.light, listeners have the close path itself serve connections
// that need little of TCP (package light); netstack gets one that wants more, in the state in
// which it is, and a Conn is the same in either case.
//
// It does not resolve names, and has no UDP.
package stack
