// Package control is the door to a running host: its HTTP API over a unix socket,
// and the client for it. It wraps net/http, a tunable.Set and the host's list of sockets.
//
//	lastack sysctl, curl --unix-socket ...
//	    |  HTTP over a socket file, mode 0600
//	Server ---> tunable.Set    read and written while the host runs
//	       ---> Config.Info    asked at each GET /v1/host
//	       ---> Config.Sockets listed and counted by GET /v1/sockets...
//
// A host opens the door with Listen and keeps it open with Serve:
//
//	srv, err := control.Listen("/run/lastack/lastack.sock")
//	if err != nil {
//		return err
//	}
//	... // give up privileges
//	err = srv.Serve(ctx, control.Config{Tunables: host.Tunables(), Info: info}) // until ctx ends
//
// Anybody who may open the socket file, which is its owner and root, may knock:
//
//	curl --unix-socket /run/lastack/lastack.sock -X PUT -d 0 http://host/v1/tunables/lastack.delayed_ack
//
// or in Go, control.NewClient("/run/lastack/lastack.sock").Set(ctx, "lastack.delayed_ack", "0").
//
// # The API
//
//	GET /v1/tunables         array of {name, value, default, min, max, unit, doc}
//	GET /v1/tunables/NAME    one of them
//	PUT /v1/tunables/NAME    the body is the bare value as text; answers the new state
//	PUT /v1/tunables         the body is lines of NAME=VALUE: all are set, or none;
//	                         answers an array of the new states
//	GET /v1/host             {version, addresses, flows, uptime_ms}
//	GET /v1/sockets          array of {state, local, remote, recv_q, send_q, timer, timer_left_ms, ...};
//	                         ?state=time-wait, or any state or group that ss knows
//	GET /v1/sockets/summary  {states: {NAME: number}, orphaned, ipv4, ipv6}; costs the same whatever
//	                         the number of connections in TIME_WAIT
//	GET /v1/sockets/destinations  array of {local, remote, ports, live, time_wait, hold_ms, ages}: what
//	                         connections to the busiest destinations take of the local ports; ?n=10
//
// Values and defaults are text, "40" or "32768 60999", the same text that a PUT
// takes; min and max are numbers.
//
// A failure is {"error": "one sentence"}: 404 for an unknown tunable or path, 405 for
// another method, 413 for a body that is no value by its mere length, 422 for a value
// that the tunable does not take, and for a list of settings with anything wrong in it. A
// PUT that is answered with an error changed nothing.
//
// # What it does not do
//
// It has no authentication beside the socket's file permissions, no TLS, and no
// TCP port. It does not know what a tunable does, it pushes no events, and it
// keeps nothing: a tunable is at its default again when the host is started again.
package control
