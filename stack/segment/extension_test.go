package segment

import "testing"

// TestExtension: sizes by kind, and every length of what is left of the packet.
func TestExtension(t *testing.T) {
	b := []byte{protocolTCP, 2, 0, 0, 0, 0, 0, 0, 0}
	for kind := range 256 {
		want := map[byte]int{ExtHopByHop: 24, ExtRouting: 24, ExtDest: 24, ExtAuth: 16, ExtFragment: 8}[byte(kind)]
		if (want > 0) != IsExtension(byte(kind)) {
			t.Errorf("IsExtension(%d) = %v", kind, !(want > 0))
		}
		for n := range b {
			next, size, err := Extension(byte(kind), b[:n])
			switch {
			case want == 0 && err != ErrNotTCP, want > 0 && n < 8 && err != ErrTruncated:
				t.Errorf("kind %d in %d bytes: %v", kind, n, err)
			case want > 0 && n >= 8 && (err != nil || size != want || next != protocolTCP):
				t.Errorf("kind %d in %d bytes: next %d, %d bytes, %v; want %d", kind, n, next, size, err, want)
			}
		}
	}
}
