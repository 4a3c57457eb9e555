package flow

import "testing"

// TestStill: behind a RST that proves not to have counted, an observer can go back to the
// states, and one whose number the other side acknowledges did count.
func TestStill(t *testing.T) {
	var c Conn
	run(t, &c, handshake)
	run(t, &c, []seg{
		{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN},
		{Client, rst, 1, 0, 0, Closed, Closed, Reset},
	})
	st := c.Update(Server, seg{from: Server, flags: fin, seq: 1, ack: 1}.segment())
	if want := [2]State{Closing, FinWait1}; st.Still != want || !st.Marks.Has(Stray) {
		t.Errorf("still %v, marks %b, want %v", st.Still, st.Marks, want)
	}
	if st = c.Update(Server, seg{from: Server, flags: ack, seq: 2, ack: 2}.segment()); !st.Marks.Has(Revived) || c.WasReset() {
		t.Errorf("marks %b: the RST counts", st.Marks)
	}
	c = Conn{}
	run(t, &c, handshake)
	run(t, &c, []seg{
		{Client, rst, 50, 0, 0, Closed, Closed, Reset},
		{Server, ack, 1, 50, 0, Closed, Closed, Stray | Advances},
	})
}
