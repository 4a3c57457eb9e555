// Package proxy says what a TCP proxy, or anything else in the middle, does to the ends of
// connections: whether a half-close stays one, a RST arrives as a RST, an idle connection
// is cut, a socket is left behind.
//
//	+--------+   client leg   +-----------+   server leg   +--------+
//	| client =================|   proxy   |================= server |
//	+--------+ 10.78.1.1   .2 +-----------+ 10.78.2.1   .2 +--------+
//	   our script             the command          our script
//
// Each stands in a network namespace of its own (wire.RaisePath), and both ends are sockets
// of the kernel. The proxy is a command, or nftables (Config.NAT), which package middle puts
// there. Both legs are captured in the middle (package watch); a check drives the two ends
// of a connection (ground.go, end.go), and judges by what the sockets got and what the
// captures show.
//
//	r, err := proxy.Run(ctx, proxy.Config{Command: []string{"socat", "TCP-LISTEN:{LISTEN_PORT},fork,reuseaddr", "TCP:{SERVER_HOST}:{SERVER_PORT}"}})
//	if err != nil { ... }
//	passed := check.Passed(r.Checks)
//
// Run must be called inside a lab (package lab), which ends everything that the command
// leaves behind. A difference is a fact about the proxy, and no mistake of it: many are
// configured so.
package proxy
