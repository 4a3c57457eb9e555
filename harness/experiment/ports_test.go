package experiment

import "testing"

func TestRanges(t *testing.T) {
	for text, want := range map[string]Ports{
		"32768:60999": {32768, 60999}, "1024:1033": {1024, 1033},
		"20000": {}, "a:b": {}, "80:8080": {}, "5000:4000": {}, "": {},
	} {
		got, err := ParsePorts(text)
		if want == (Ports{}) {
			if err == nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if got != want || err != nil {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]Ports{"100": {20000, 20099}, "32768:60999": {32768, 60999}, "9": {}, "70000": {}} {
		var got Ports
		if err := got.parse(text); want == (Ports{}) && err == nil || want != (Ports{}) && got != want {
			t.Errorf("a file's %q is %v, %v", text, got, err)
		}
	}
	for n, want := range map[int]Ports{100: {20000, 20099}, 60000: {5536, 65535}} {
		if got := PortCount(n); got != want {
			t.Errorf("%d ports are %v, want %v", n, got, want)
		}
	}
}

// TestTwice: a range grows upwards, and downwards where there is no more room.
func TestTwice(t *testing.T) {
	for r, want := range map[Ports]Ports{
		{20000, 20099}: {20000, 20199},
		{32768, 60999}: {9072, 65535},
	} {
		got, err := r.Twice()
		if got != want || err != nil || got.Len() != 2*r.Len() {
			t.Errorf("twice %v is %v, %v; want %v", r, got, err, want)
		}
	}
}
