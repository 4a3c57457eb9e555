package helper

import (
	"bytes"

	"lastack/harness/experiment/packetdrill"
)

// Request is what a helper is asked for: a system call, or one of
//
//	sysctl   Sysctl, Text: sets a tunable of the subject; ENOENT if it has none of the name
//	states   lists the states of the subject's sockets
//	shell    Folder, Text: runs a shell command of a script's, if --allow-shell is given
type Request struct {
	packetdrill.Call
	Sysctl string `json:"sysctl,omitempty"`
	Text   string `json:"text,omitempty"`
	Folder string `json:"folder,omitempty"`
}

// Response is the answer to a Request. An Errno of "ENOSYS" says that the helper does not
// know the call.
type Response struct {
	packetdrill.Result
	// States answers states, in RFC 9293's words with underscores ("FIN_WAIT_1").
	States []string `json:"states,omitempty"`
	// Text says why a shell command failed.
	Text string `json:"text,omitempty"`
}

// Unknown is the Errno of a call that a helper does not know.
const Unknown = "ENOSYS"

// ready is the first line of a helper: its name, in a few words.
type ready struct {
	Ready string `json:"ready"`
}

// Bounds of lines, in bytes. What a script writes may be longer, but is zeros from some
// point on, which are not sent.
const (
	MaxRequest  = 8 << 20
	MaxResponse = 1 << 20
)

// pack leaves out the zeros at the end of what is written; Count is the whole length.
func pack(c *packetdrill.Call) *packetdrill.Call {
	if c.Name != "write" {
		return c
	}
	out := *c
	out.Count, out.Data = len(c.Data), bytes.TrimRight(c.Data, "\x00")
	return &out
}

// Written is what a write writes: Data, and zeros up to Count.
func Written(c *packetdrill.Call) []byte {
	if c.Count <= len(c.Data) {
		return c.Data
	}
	return append(make([]byte, 0, c.Count), c.Data...)[:c.Count]
}
