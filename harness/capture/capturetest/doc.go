// Package capturetest generates capture files whose contents are known: for
// tests and benchmarks of what reads captures.
//
// Connections with a handshake, a request, a response and a close of every kind
// are interleaved as they are on a busy server, written as pcap or pcapng with
// any link header, and labelled:
//
//	var truth []capturetest.Truth
//	sum, err := capturetest.Write(&file, capturetest.Config{
//		Seed: 1, Connections: 1000, Format: capturetest.Pcapng,
//		Each: func(t capturetest.Truth) { truth = append(truth, t) },
//	})
//
// The same Config gives the same bytes. Memory is that of the connections
// under way at once, so a file of any size can be written to a pipe.
//
// The generator shares no code with what it tests: it writes the file formats
// by hand. It is no TCP: what a capture of a real kernel looks like is known
// only from a real kernel.
package capturetest
