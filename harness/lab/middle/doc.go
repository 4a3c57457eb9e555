// Package middle puts a proxy, or NAT, between the client and the server of a wire.Path,
// at addresses that are the same in every run:
//
//	+--------+   client leg   +------------+   server leg   +--------+
//	| client =================|   middle   |================= server |
//	+--------+ 10.78.1.1   .2 +------------+ 10.78.2.1   .2 +--------+
//
// A proxy is a command, in which places stand for the addresses:
//
//	path, err := wire.RaisePath(ctx, middle.Path())
//	if err != nil { ... }
//	p, err := middle.Start(ctx, path, middle.Config{Command: []string{"socat", "TCP-LISTEN:{LISTEN_PORT},fork", "TCP:{SERVER_HOST}:{SERVER_PORT}"}})
//	if err != nil { ... }
//	defer p.Stop()
//
// The package makes no connections and captures nothing. It must be used inside a lab
// (package lab), which ends what a proxy leaves behind.
package middle
