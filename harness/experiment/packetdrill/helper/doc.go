// Package helper is the protocol between lastack packetdrill and a program that makes
// the system calls of scripts: lines of JSON on the program's standard input and output.
//
//	lastack packetdrill --Request--> helper --socket(), connect() ...--> TCP under test
//	                    <-Response--
//
// PROTOCOL.md, one folder up, says what an author of a helper needs to know. Client is
// lastack's end, Serve the helper's. There is one call at a time, so that a helper needs no
// threads: a call that blocks is answered when it returns.
package helper
