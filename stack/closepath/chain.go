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
	// renewed lets a SYN without a flow begin one: packet.old made room for it. Only
	// inbound.
	renewed
)

// stages is the chain, from the wire to the host. The order:
//
//   - The wire tap is outermost: it shows what a capture beside it shows, and which rule
//     a segment falls to, because the picker outside of it asks the rules first.
//   - Impairment belongs to the wire, so it stands between the tap and the host's own
//     stages: a segment dropped on its way out never reaches a capture, and one dropped
//     on its way in is in the capture.
//   - The tracker, which judges each segment, is inside of impairment, because the stages
//     that ask it are the host's mechanisms. The host is in TIME_WAIT once it has sent
//     its last ACK, even if the wire loses that ACK, and answers when the peer repeats
//     its FIN; a segment that the wire lost was never received. A segment that TCP
//     refuses skips all stages between the tracker and the renumbering one.
//   - Timestamps are taken out of SYNs before anything else reads them.
//   - TIME_WAIT answers a segment of no flow before any other stage acts on it.
//   - The FIN's timers are outside of every stage that changes or holds segments: they
//     count what the wire carries.
//   - Fast Open is inside of those timers, which see the wire's segments: a SYN-ACK that
//     acknowledges data, and a response before the client's ACK. The stages inside of
//     Fast Open see an ordinary handshake followed by data.
//   - Delayed ACK stands as near to netstack as a stage can, so that whatever
//     is outside of it treats a held ACK as not yet sent, which is the truth
//     of the wire.
//   - admit, next to netstack, changes what netstack would refuse; netstack's ACKs, held
//     or not, show where netstack stands.
//   - The FIN joins the last data inside of all that hold or count segments, and outside of
//     lights, whose segments and netstack's it treats alike. What netstack cannot take in yet
//     waits outside of the tracker, as if the wire had it for so long.
//   - lights stands where netstack would, with the wire's sequence numbers: renumbering leads
//     from those to netstack's for a connection that it hands on.
//   - Renumbering is inside of every stage that reads sequence numbers: they use the
//     wire's.
//   - The host tap is innermost: it shows what netstack believes. Few ask for it.
func (e *Endpoint) stages(tapHost bool) []stage {
	all := []stage{
		picker{e.impair},
		&tap{e: e, point: Wire},
		e.impair,
		finGate{e.finWithData},
		e.tracker,
		&timestamps{e: e},
		e.timeWait,
		e.finish,
		e.fastOpen,
		e.delayed,
		e.admit,
		e.finWithData,
		e.lights,
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
