package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

// TestAlign: every segment of both is there once, in the order of time, and says
// how its counterpart differs.
func TestAlign(t *testing.T) {
	a := script(t, talked+"3 c FIN+ACK\n4 s ACK\n50 s FIN+ACK\n51 c ACK\n")
	b := script(t, talked+"3 c FIN+ACK win=7\n4 s FIN+ACK\n5 c ACK\n")
	pairs := teardown.Align(a, b)
	var nextA, nextB, same, minor, onlyA int
	for _, p := range pairs {
		if p.A >= 0 {
			if p.A != nextA {
				t.Errorf("segment %d of A, want %d", p.A, nextA)
			}
			nextA++
		}
		if p.B >= 0 {
			if p.B != nextB {
				t.Errorf("segment %d of B, want %d", p.B, nextB)
			}
			nextB++
		}
		switch {
		case p.Same():
			same++
		case p.Minor:
			minor++
			if p.A != 6 || p.Differs != "window 1000 in A, 7 in B" {
				t.Errorf("%+v", p)
			}
		case p.B < 0:
			onlyA++
			if p.A != 7 || p.Differs != "" {
				t.Errorf("%+v", p)
			}
		default:
			t.Errorf("%+v", p)
		}
	}
	if nextA != len(a) || nextB != len(b) || same != 8 || minor != 1 || onlyA != 1 {
		t.Errorf("%d and %d segments; %d alike, %d nearly, %d only in A", nextA, nextB, same, minor, onlyA)
	}
}
