package closepath

import (
	"testing"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// TestTapTellsRefusals: who watches the wire learns which incoming segments TCP refuses,
// and which are damaged.
func TestTapTellsRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		flags   segment.Flags
		seq     segment.Seq
		n       int
		damage  bool
		refusal flow.Mark
	}{
		"data":              {psh, 1, 5, false, 0},
		"FIN":               {fin, 1, 0, false, 0},
		"RST at RCV.NXT":    {rst, 1, 0, false, 0},
		"RST in the window": {rst, 300, 0, false, flow.Challenged},
		"RST outside":       {rst, 1 << 30, 0, false, flow.Ignored},
		"FIN beyond":        {fin, 1 << 20, 0, false, flow.Challenged},
		"SYN":               {syn, 1 << 29, 0, false, flow.Challenged},
		"FIN without ACK":   {segment.FIN, 1, 0, false, flow.Ignored},
		"damaged data":      {psh, 1, 5, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, r *rig) {
				r.connect()
				r.write(psh, 1, 1, 3)
				r.deliver(ack, 1, 4, 0)
				var got *Event
				r.ep.tap = func(e *Event) {
					if e.Kind == Seen && e.Point == Wire && e.Dir == In && got == nil {
						seen := *e
						got = &seen
					}
				}
				b := segment.Append(nil, r.seg(false, tt.flags, tt.seq, 4), make([]byte, tt.n))
				if tt.damage {
					b[len(b)-1] ^= 1
				}
				r.inject(b)
				if got == nil || got.Refusal != tt.refusal || got.Damaged != tt.damage {
					t.Errorf("%+v, want refusal %b, damaged %v", got, tt.refusal, tt.damage)
				}
			})
		})
	}
}
