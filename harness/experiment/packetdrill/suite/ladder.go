package suite

import (
	"io"
	"time"

	"lastack/harness/capture"
	"lastack/harness/experiment/packetdrill"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/stack/segment"
)

// epoch is when a script begins, in ladders and captures: its times are its own.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// manyRows is from where on a ladder leaves out what is not remarkable, unless all is asked
// for.
const manyRows = 60

// Ladders draws each connection of a script's run.
func Ladders(o *packetdrill.Outcome, width int, color, full bool) (all []string) {
	var conns []*teardown.Conn
	table := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) { conns = append(conns, c) }})
	for _, x := range o.Exchange {
		s, err := segment.Parse(x.Data)
		if err != nil {
			continue // ICMP, or a system call
		}
		table.Add(&teardown.Record{Time: epoch.Add(x.At), Seg: s, Path: teardown.PathOf(x.Data)})
	}
	table.Flush()
	for _, c := range conns {
		r := c.Report()
		cfg := ladder.Config{Width: width, Color: color, Full: full || len(o.Exchange) < manyRows, Client: "script", Server: "script"}
		if subjectIsClient(o, c) {
			cfg.Client = "subject"
		} else {
			cfg.Server = "subject"
		}
		all = append(all, ladder.Render(&r, cfg))
	}
	return all
}

// subjectIsClient reports whether the connection's client is the subject's end.
func subjectIsClient(o *packetdrill.Outcome, c *teardown.Conn) bool {
	for _, x := range o.Exchange {
		if s, err := segment.Parse(x.Data); err == nil && x.Sent {
			return s.Src.AddrPort() == c.Client()
		}
	}
	return false
}

// WritePcapng writes the packets of all runs as a capture, each script an interface.
func WritePcapng(w io.Writer, all []*Result) error {
	var names []string
	for _, r := range all {
		names = append(names, r.File)
	}
	out, err := capture.NewWriter(w, capture.WriterConfig{Interfaces: names, Comment: "packetdrill scripts, each on an interface of its own"})
	if err != nil {
		return err
	}
	for i, r := range all {
		if r.Outcome == nil {
			continue
		}
		for _, x := range r.Outcome.Exchange {
			if x.Data == nil {
				continue
			}
			p := capture.Packet{Time: epoch.Add(x.At), Data: x.Data, Interface: i, Direction: capture.Incoming, Comment: squeeze(x.Text)}
			if x.Sent {
				p.Direction = capture.Outgoing
			}
			if err := out.Write(p); err != nil {
				return err
			}
		}
	}
	return out.Close()
}
