package closepath

import (
	"math/rand/v2"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// FuzzFastOpen throws segments of both sides at the stage, sound ones and nonsense,
// as a server and as a client. Nothing may panic, and nothing stay pending once the
// endpoint is closed or all timers have run.
func FuzzFastOpen(f *testing.F) {
	for i := range uint64(50) {
		r := rand.New(rand.NewPCG(1, i))
		b := make([]byte, 5*(1+r.IntN(40)))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := newOpenRig(t, newRig(t, false))
		o.tune(tunable.FastOpenPending, 3)
		o.tune(tunable.FastOpen, serverBit|clientBit|clientNoCookieBit)
		o.toHost = nil
		for n := 0; len(data) >= 5 && n < 200; data, n = data[5:], n+1 {
			o.fuzz([5]byte(data))
		}
		if n := o.ep.FastOpenCounts().Pending; n < 0 || n > 3 {
			t.Errorf("%d are pending", n)
		}
		o.alive = false
		for range 5 {
			o.pass(time.Minute)
		}
		if n := o.ep.FastOpenCounts().Pending; n != 0 {
			t.Errorf("%d are pending for ever", n)
		}
	})
}

// fuzz does one thing.
func (o *openRig) fuzz(b [5]byte) {
	flags := [...]segment.Flags{syn, syn, synAck, synAck, ack, ack, psh, fin, rst, rst | ack, syn | fin, 0}[b[1]%12]
	out := b[0]&1 == 0
	o.peerPort = 40000 + uint16(b[0]>>1&1)
	switch b[0] >> 5 {
	case 0:
		o.pass(time.Duration(b[2]) * 50 * time.Millisecond)
		return
	case 1:
		defer o.ep.Offer(o.tuple(true), make([]byte, b[2]))()
		out, flags = true, syn
	}
	s := o.seg(out, flags, segment.Seq(b[2]%16), segment.Seq(b[3]%16))
	if flags.Has(syn) {
		s.Seq -= segment.Seq(b[2] % 16)
	}
	if flags.Has(syn) && b[4]&1 == 1 {
		s.FastOpen = segment.FastOpenOption
		if b[4]&2 == 2 {
			s.Cookie = o.cookie()
		}
	}
	n := int(b[4] >> 4)
	if out {
		o.writeSegment(s, n)
	} else {
		o.deliverData(s, string(make([]byte, n)))
	}
	o.pass(0)
	o.sent()
}
