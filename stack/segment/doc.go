// Package segment reads one TCP segment out of one IP packet, once.
//
// Everything in lastack that looks at a packet looks at a [Segment]: the link
// endpoint's stages, the flow tracker, the capture reader, the ladder. Parse
// works on whatever prefix of the packet is at hand, as long as the headers are
// in it, and takes lengths from the headers: a capture cut short by its snap
// length gives the same Segment as the live packet. Where offloading has left no
// length in the headers, Decode takes it from the capture.
//
//	packet []byte --Parse--> Segment --(Tuple, Seq, Ack, Flags ...)--> flow
//
// A Segment is a plain value: it holds no pointer into the packet, and neither
// Parse nor any method of Segment allocates, except String.
//
// The package does not reassemble IP fragments (Parse refuses them with
// ErrFragment), does not verify checksums, and knows no other transport.
package segment
