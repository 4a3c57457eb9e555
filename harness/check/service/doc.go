// Package service says how a TCP service closes: what it does to a half-close, to data
// that it does not read, to idle connections; whether it announces that it closes, and who
// is left with TIME_WAIT.
//
//	r, err := service.Run(ctx, service.Config{Address: "127.0.0.1:80", Send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"})
//	passed := check.Passed(r.Checks)
//
// It makes at most MaxConnections connections from this machine, one at a time, and sends
// nothing but Config.Send, and once MaxPadding bytes behind it. It judges by what its sockets
// get; where a packet socket may be opened, the connections are captured as evidence. It is
// for services of one's own.
package service
