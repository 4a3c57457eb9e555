package closepath

import "slices"

// stage is one mechanism of the close path. Both methods are called with the
// flow's lock held; f is nil for a segment of no known flow, which a stage may
// look at but has no memory for.
type stage interface {
	// inbound handles a segment on its way from the wire to netstack.
	inbound(f *tracked, p *packet) verdict
	// outbound handles a segment on its way from netstack to the wire.
	outbound(f *tracked, p *packet) verdict
}

// verdict is what becomes of a segment after a stage.
type verdict uint8

const (
	// pass hands the segment to the next stage.
	pass verdict = iota
	// taken ends its way here: the stage has dropped it, or keeps it (with a
	// reference of its own) to send later.
	taken
	// renewed has a SYN, which no flow was found for, begin one: packet.old
	// made room for it. Only inbound.
	renewed
)

// stages is the chain, from the wire to the host. The order:
//
//   - The wire tap is outermost: it shows what a capture beside it shows, and to
//     which rule of the impairment a segment falls, for which those are asked.
//   - Impairment is the wire's, so it stands between the tap and all that is the
//     host: what it drops on the way out no capture sees, and what it drops on
//     the way in a capture has seen.
//   - The tracker, which judges each segment, is inside of that, as the stages that ask
//     it are the host's mechanisms. The host is in TIME_WAIT once it has sent its last
//     ACK, though that may be lost, and answers when the peer's FIN comes again; and it
//     has not received what never reached it. A segment that TCP refuses passes by all
//     stages between the tracker and the renumbering one.
//   - Timestamps are taken out of SYNs before anything else reads them.
//   - TIME_WAIT answers before anything else would do something about a segment
//     of no flow.
//   - The FIN's timers are outside of all that changes or holds segments: they count
//     what the wire has.
//   - Fast Open is inside of those, which see what the wire has: a SYN-ACK that
//     acknowledges data, and a response before the client's ACK. Inside of it, all
//     is a plain handshake and data behind it.
//   - Delayed ACK stands as near to netstack as a stage can, so that whatever
//     is outside of it treats a held ACK as not yet sent, which is the truth
//     of the wire.
//   - What netstack would not admit is changed next to it; its ACKs, held or not, tell
//     where it stands.
//   - Renumbering is inside of all that looks at numbers: they are the wire's.
//   - The host tap is innermost: it shows what netstack believes. Few ask for it.
func (e *Endpoint) stages(tapHost bool) []stage {
	all := []stage{
		picker{e.impair},
		&tap{e: e, point: Wire},
		e.impair,
		e.tracker,
		&timestamps{e: e},
		e.timeWait,
		e.finish,
		e.fastOpen,
		e.delayed,
		e.admit,
		&renumber{e: e},
	}
	if tapHost {
		all = append(all, &tap{e: e, point: Host})
	}
	return all
}

// position is a stage's place in the chain.
func (e *Endpoint) position(s stage) int {
	return slices.Index(e.chain, s)
}

// runInbound takes a segment through the stages from the given one on toward
// netstack.
func (e *Endpoint) runInbound(f *tracked, p *packet, from int) verdict {
	for i := from; i < len(e.chain); i++ {
		if p.refused && i > e.tracker.place && i <= e.admit.place {
			continue
		}
		if v := e.chain[i].inbound(f, p); v != pass {
			return v
		}
	}
	return pass
}

// runOutbound takes a segment through the stages outside of the given one
// toward the wire; len(e.chain) begins at netstack.
func (e *Endpoint) runOutbound(f *tracked, p *packet, from int) verdict {
	for i := from - 1; i >= 0; i-- {
		if e.chain[i].outbound(f, p) == taken {
			return taken
		}
	}
	return pass
}
