package teardown

import (
	"strings"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Remark says what the latest record was in its connection, to be written beside each
// packet: "client FIN_WAIT_1 to FIN_WAIT_2; delayed ACK after 41.8 ms". It is what could
// be known by then, and empty for a segment that neither moved a state nor repeats
// anything.
func (c *Conn) Remark() string {
	n := len(c.log.events)
	if n == 0 || c.log.events[n-1].gap != nil {
		return ""
	}
	e := &c.log.events[n-1]
	var parts []string
	if moves := moves(e); moves != "" {
		parts = append(parts, moves)
	}
	if why := c.remarkOn(e); why != "" {
		parts = append(parts, why)
	}
	return strings.Join(parts, "; ")
}

// moves names the side that changed its state, and both states.
func moves(e *event) string {
	var parts []string
	for s := range e.after {
		from, to := e.before[s], e.after[s]
		switch {
		case from == to:
		case from == flow.Unknown:
			parts = append(parts, flow.Side(s).String()+" "+to.String())
		default:
			parts = append(parts, flow.Side(s).String()+" "+from.String()+" to "+to.String())
		}
	}
	return strings.Join(parts, ", ")
}

// remarkOn is the note in words, if it is worth any.
func (c *Conn) remarkOn(e *event) string {
	pure := !e.flags.Has(segment.FIN) && e.len == 0
	switch {
	case e.note == noteWindowUpdate || e.note == noteDuplicateACK:
		return ""
	case e.note == noteAcksFIN && pure && e.hold == flow.HoldUnknown && !c.closedBefore(e) && c.pace(e.from, e.wait) == delayed:
		return "delayed ACK after " + ms(e.wait)
	}
	return c.why(e)
}
