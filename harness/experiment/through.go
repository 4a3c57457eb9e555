package experiment

import (
	"reflect"
	"slices"

	"lastack/harness/lab/middle"
	"lastack/harness/teardown"

	"go.yaml.in/yaml/v3"
)

// Through is what stands between the client and the server, if anything does: a proxy or
// NAT.
//
//	+--------+   client leg   +------------+   server leg   +--------+
//	| client =================|   proxy    |================= server |
//	+--------+ 10.78.1.1   .2 +------------+ 10.78.2.1   .2 +--------+
//	                            a kernel                      the subject
type Through struct {
	// Command is a proxy's, as middle.Config has it.
	Command []string
	// NAT is nftables in place of a proxy.
	NAT bool
}

// given reports whether anything stands there.
func (t *Through) given() bool { return t.NAT || len(t.Command) > 0 }

// name is what stands there, in the words of a ladder.
func (t *Through) name() string {
	if t.NAT {
		return "NAT"
	}
	return "the proxy"
}

// Between is what stands between client and server, in the words of a ladder; empty if
// nothing does.
func (e *Experiment) Between() string {
	if !e.Through.given() {
		return ""
	}
	return e.Through.name()
}

// nat is how a file writes NAT.
const nat = "nat"

// decode reads the word nat, or a command.
func (t *Through) decode(d *decoder, n *yaml.Node, at spot) {
	switch {
	case n.Kind == yaml.SequenceNode:
		d.list(n, reflect.ValueOf(&t.Command).Elem(), at)
		if err := middle.Validate(t.Command); err != nil {
			d.fail(n.Line, "%s: %v", at.name(), err)
		}
	case n.Kind == yaml.ScalarNode && n.Value == nat:
		t.NAT = true
	default:
		d.fail(n.Line, "%s is %s; want nat, or a proxy's command as a list: [socat, \"TCP-LISTEN:{LISTEN_PORT},fork\", \"TCP:{SERVER_HOST}:{SERVER_PORT}\"]", at.name(), kindOf(n))
	}
}

// shape says what a file may write.
func (*Through) shape() (words string, schema map[string]any) {
	return "nat, or list of: text", map[string]any{"oneOf": []map[string]any{
		{"const": nat},
		{"type": "array", "minItems": 1, "items": map[string]any{"type": "string"}},
	}}
}

// Behind is what must be seen on the server's leg, where the client is what stands in the
// middle. A field that is left out matches anything.
type Behind struct {
	Close        teardown.Kind `yaml:"close" need:"yes" one:"three-way|four-way|simultaneous|half-closed|reset|refused|open|unanswered" doc:"how every connection closes there"`
	ActiveCloser teardown.Who  `yaml:"active_closer" one:"client|server|both|none" doc:"who sends the first FIN there"`
	TimeWait     teardown.Who  `yaml:"time_wait" one:"client|server|both|none" doc:"who goes into TIME_WAIT there, by what the wire shows"`
	ResetBy      teardown.Who  `yaml:"reset_by" one:"client|server|none" doc:"who sends the RST there that ends the connection"`
	Segments     []Pattern     `yaml:"segments" doc:"the segments there from the first FIN or RST on, as for expect.segments"`
	HalfClose    Range         `yaml:"half_close_bytes" doc:"how many bytes the other side sends there after the first FIN and before its own"`
	AckDelay     Range         `yaml:"ack_delay_ms" doc:"the time there from the first FIN to the first segment that acknowledges it, in ms"`
	FINsAgain    Range         `yaml:"fins_again" doc:"how many FINs are sent again there, by both sides together"`
	Connections  Range         `yaml:"connections" doc:"how many connections there are; as many as the client makes if left out"`
	States       States        `yaml:"states" doc:"the states of the proxy's and of the server's socket afterwards; required with a proxy, and not for NAT, which has no sockets"`
}

// given reports whether anything must be seen there.
func (b *Behind) given() bool { return b.Close != "" }

// expect is the same for one connection.
func (b *Behind) expect() *Expect {
	return &Expect{
		Close: b.Close, ActiveCloser: b.ActiveCloser, TimeWait: b.TimeWait, ResetBy: b.ResetBy, Segments: b.Segments,
		HalfClose: b.HalfClose, AckDelay: b.AckDelay, FINsAgain: b.FINsAgain, States: b.States,
	}
}

// validateThrough is about what cannot be together with a proxy, or needs one.
func (d *decoder) validateThrough(e *Experiment) {
	forgets := slices.ContainsFunc(e.Client.Steps, func(s Step) bool { return s.Verb == "forget" })
	if forgets && !e.Through.NAT {
		d.fail(d.lines["client"], "the step forget is for a NAT, which has a table of connections; say through: nat")
	}
	if !e.Through.given() {
		if line, given := d.lines["expect.behind"]; given {
			d.fail(line, "expect.behind is for the leg behind a proxy; say under through what stands there")
		}
		return
	}
	e.Server.Port = int(middle.ServerAt.Port())
	for _, with := range []struct{ path, why string }{
		{"load", "a load counts ports, and a proxy uses ports of its own; leave out one of them"},
		{"impair", "rules are for one wire, and here there are two; leave out one of them"},
		{"client.crafted", "crafted segments go to the subject itself; give steps or a command"},
		{"server.port", "what stands in the middle expects the server at " + middle.ServerAt.String() + "; leave the port out"},
	} {
		if line, given := d.lines[with.path]; given {
			d.fail(line, "%s and through: %s", with.path, with.why)
		}
	}
	if e.Subject == "client" {
		d.fail(d.lines["subject"], "subject: behind something else stands the server, which is the subject; leave it out")
	}
	d.validateBehind(e)
}

func (d *decoder) validateBehind(e *Experiment) {
	line, states := d.lines["expect.behind"], e.Expect.Behind.States != States{}
	switch {
	case !e.Expect.Behind.given():
	case e.Through.NAT && states:
		d.fail(d.lines["expect.behind.states"], "expect.behind.states: NAT has no sockets; expect.states is about the client's and the server's")
	case !e.Through.NAT && !states:
		d.fail(line, "the field \"states\" is missing in expect.behind: %s", "those of the proxy's (client) and of the server's socket afterwards")
	}
}

// SidesBehind are what is at either end of the server's leg.
func (e *Experiment) SidesBehind(subject string) (client, server string) {
	if server = subject; subject == Kernel {
		server = "the kernel"
	}
	return e.Through.name(), server
}
