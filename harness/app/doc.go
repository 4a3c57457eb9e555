// Package app is the servers of lastack's labs: small TCP programs, each with
// one clear habit of closing a connection, for a client to close against.
//
//	net.Listener ──Accept──> session ──one goroutine a connection──> kind
//	(lastack's host,         counts, backs off when                  echo, discard, http,
//	 or the kernel)          descriptors run out, stops              leaker, aborter ...
//
// A [Spec] says what runs on which port; [ParseSpec] reads one from a command
// line and [Defaults] is the set a host starts with. [New] turns a Spec into an
// [App], and [App.Serve] runs it on a listener that the caller opened:
//
//	spec, err := app.ParseSpec("8002=slow-closer,delay=300")
//	a, err := app.New(spec, app.Config{Log: logger})
//	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", spec.Port))
//	err = a.Serve(ctx, ln)
//
// Only net.Listener and net.Conn are used, and beyond them one optional method,
// SetLinger(sec int) error. So the same code, with the same timing between the
// end of the stream and close, runs on lastack's userspace host and on kernel
// sockets, and the two can be compared.
//
// That timing is the point of the package. When the peer has sent its FIN, the
// moment at which the application calls close decides whether the FIN of this
// side can still carry the acknowledgment of the peer's (three segments) or
// follows a separate one (four; RFC 9293 3.6). No kind does any work between
// reading the end of the stream and closing, unless that delay is its habit.
//
// A new kind is one file with one constructor, and one line in the table of
// kinds.go. The constructor declares the kind's options and returns the function
// that holds one connection.
//
// The package does not open listeners, has no clients, speaks no TLS, and sets
// no deadline: a client that stays silent is kept until it leaves or the App
// stops.
package app
