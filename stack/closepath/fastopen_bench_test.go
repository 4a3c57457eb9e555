package closepath

import "testing"

// BenchmarkFastOpenIdle is what the stage costs a segment of a connection that has
// nothing to do with it, in both directions.
func BenchmarkFastOpenIdle(b *testing.B) {
	r := newRig(&testing.T{}, false)
	defer r.ep.Close()
	r.connect()
	f := r.ep.flows.all()[0]
	in, out := packet{seg: *r.seg(false, ack, 1, 1)}, packet{seg: *r.seg(true, psh, 1, 1)}
	b.ReportAllocs()
	for b.Loop() {
		if r.ep.fastOpen.inbound(f, &in) != pass || r.ep.fastOpen.outbound(f, &out) != pass {
			b.Fatal("the stage took a segment")
		}
	}
}
