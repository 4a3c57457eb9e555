// Package light is a TCP endpoint for the many connections that need little of TCP: a
// peer opened one, its segments come in order, what the host sends fits into an initial
// window (RFC 6928 2) and is acknowledged in time. It has the numbers, the windows and
// the bytes of such a connection, and nothing for any other: [Conn.Plain], [Conn.Room]
// and [Conn.Old] say when a connection wants more, and the caller then hands it to a
// whole TCP, with what [Conn] has.
//
// It has no lock, no clock, no timer, and makes no packets: package closepath does that
// around it, and says what state of RFC 9293 3.3.2 a connection is in.
package light
