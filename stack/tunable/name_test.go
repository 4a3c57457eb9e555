package tunable

import (
	"errors"
	"strings"
	"testing"
)

func TestLookupTakesPaths(t *testing.T) {
	for _, name := range []string{"net.ipv4.tcp_tw_reuse", "net/ipv4/tcp_tw_reuse"} {
		if d, ok := Lookup(name); !ok || d.ID != TWReuse || d.Name != "net.ipv4.tcp_tw_reuse" {
			t.Errorf("Lookup(%s) = %s, %v", name, d.Name, ok)
		}
	}
}

func TestFindLists(t *testing.T) {
	for _, name := range []string{"lastack.delayed_ak", "tcp", ""} {
		_, err := Find(name)
		var e *Error
		if !errors.As(err, &e) || !e.Unknown || !strings.HasPrefix(err.Error(), "tunable "+name+": unknown tunable; there are lastack.delayed_ack, ") {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
	if err := NewSet().Set("lastack.delayed_ack", "2"); !errors.As(err, new(*Error)) || err.(*Error).Unknown {
		t.Errorf("a wrong value: %v", err)
	}
}

func TestParseSetting(t *testing.T) {
	for text, want := range map[string]Setting{
		"a.b=1":               {"a.b", "1"},
		" a.b =\t1 2\n":       {"a.b", "1 2"},
		"net/ipv4/a=x=y":      {"net/ipv4/a", "x=y"},
		"lastack.delayed_ack": {},
		"=1":                  {},
		"":                    {},
	} {
		got, err := ParseSetting(text)
		if got != want || (err != nil) != (want == Setting{}) {
			t.Errorf("ParseSetting(%q) = %+v, %v", text, got, err)
		}
	}
}
