package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

func TestPathOf(t *testing.T) {
	v4 := make([]byte, 20)
	v4[0], v4[4], v4[5], v4[8] = 0x45, 0x12, 0x34, 57
	v6 := make([]byte, 40)
	v6[0], v6[7] = 0x60, 61
	for _, tt := range []struct {
		packet []byte
		want   teardown.Path
	}{
		{v4, teardown.Path{TTL: 57, ID: 0x1234}}, {v6, teardown.Path{TTL: 61}},
		{v4[:19], teardown.Path{}}, {v6[:7], teardown.Path{}}, {nil, teardown.Path{}},
	} {
		if got := teardown.PathOf(tt.packet); got != tt.want {
			t.Errorf("%x: %+v, want %+v", tt.packet, got, tt.want)
		}
	}
}
