package tunable

import (
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	const a, b = "00112233-44556677-8899aabb-ccddeeff", "1-2-3-4"
	for text, want := range map[string]string{
		a:                         a,
		strings.ToUpper(a) + "\n": a,
		b:                         "00000001-00000002-00000003-00000004",
		a + "," + b:               a + ",00000001-00000002-00000003-00000004",
		" " + b + " , " + a:       "00000001-00000002-00000003-00000004," + a,
		noKey:                     noKey,
	} {
		s := NewSet()
		if err := s.Set("net.ipv4.tcp_fastopen_key", text); err != nil {
			t.Error(err)
		}
		if got := s.Text(FastOpenKey); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	s := NewSet()
	for _, text := range []string{"", "1-2-3", "1-2-3-4-5", "1-2-3-123456789", "1-2-3-g", "1-2-3--4", a + "," + b + "," + a, a + ",", "0-0-0-0,0-0-0-0", a + ",0-0-0-0", "0-0-0-0," + a} {
		err := s.Set("net.ipv4.tcp_fastopen_key", text)
		if err == nil || !strings.Contains(err.Error(), "no key; give a key in hexadecimal") {
			t.Errorf("%q: %v", text, err)
		}
		if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error gives away what may be most of a key: %v", err)
		}
	}
	if s.SetInt(FastOpenKey, 1) == nil || s.Text(FastOpenKey) != noKey || s.Keys(FastOpenKey) != nil {
		t.Errorf("what was refused became %q", s.Text(FastOpenKey))
	}
}

// TestKeyBytes: Linux keeps the words in little-endian order.
func TestKeyBytes(t *testing.T) {
	s := NewSet()
	var told []int64
	s.OnChange(FastOpenKey, func(v int64) { told = append(told, v) })
	for _, text := range []string{"03020100-07060504-0b0a0908-0f0e0d0c", "3020100-7060504-b0a0908-f0e0d0c", "1-0-0-0", noKey} {
		if err := s.Set("net.ipv4.tcp_fastopen_key", text); err != nil {
			t.Fatal(err)
		}
		if len(told) == 1 {
			want := Key{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
			if got := s.Keys(FastOpenKey); !slices.Equal(got, []Key{want}) {
				t.Errorf("the key is % x", got)
			}
		}
	}
	if len(told) != 3 || told[0] == told[1] || told[2] != 0 {
		t.Errorf("told of %d, want two keys and none", told)
	}
}
