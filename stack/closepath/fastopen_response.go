package closepath

import (
	"lastack/stack/segment"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// response holds the segments that netstack sent before the client acknowledged the
// SYN-ACK. If the SYN-ACK was lost, the client dropped the segments behind it, and
// netstack's timer has doubled by then.
type response struct {
	bufs []*netstack.PacketBuffer // with references of ours
	end  segment.Seq              // of the last
}

// initialWindow is how much netstack sends at once, in segments (RFC 6928).
const initialWindow = 10

// keep remembers a segment with data or a FIN, the first time that it is sent.
func (r *response) keep(p *packet) {
	s := &p.seg
	if s.Len() == 0 || len(r.bufs) == initialWindow || len(r.bufs) > 0 && !r.end.Less(s.End()) {
		return
	}
	r.bufs, r.end = append(r.bufs, p.buf.IncRef()), s.End()
}

// take empties it; the references are the caller's.
func (r *response) take() []*netstack.PacketBuffer {
	bufs := r.bufs
	r.bufs = nil
	return bufs
}

func release(bufs []*netstack.PacketBuffer) {
	for _, b := range bufs {
		b.DecRef()
	}
}

// respond sends again what the client has not acknowledged.
func (o *fastOpen) respond(f *tracked, acked segment.Seq) {
	bufs := f.opening.accepted.response.take()
	defer release(bufs)
	for _, b := range bufs {
		seg, err := parse(b)
		if err != nil || seg.End().LessEq(acked) {
			continue // the first cannot be: it was parsed before
		}
		p := packet{seg: seg, buf: b}
		if o.e.runOutbound(f, &p, o.place) == pass {
			f.enqueue(b)
		}
	}
}
