package tunable

import (
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

func TestFindSuggests(t *testing.T) {
	for name, want := range map[string]string{
		"lastack.delayed_ak":           "did you mean lastack.delayed_ack?",
		"net.ipv4.tcp_tw_resue":        "did you mean net.ipv4.tcp_tw_reuse?",
		"net/ipv4/tcp_fin_time":        "did you mean net.ipv4.tcp_fin_timeout?",
		"tcp_rfc1337":                  "did you mean net.ipv4.tcp_rfc1337?",
		"tcp_tw_reuse":                 "did you mean net.ipv4.tcp_tw_reuse?",
		"TW_RECYCLE":                   "did you mean net.ipv4.tcp_tw_recycle?",
		"port_range":                   "did you mean net.ipv4.ip_local_port_range?",
		"tw_re":                        "did you mean net.ipv4.tcp_tw_reuse or net.ipv4.tcp_tw_reuse_delay or net.ipv4.tcp_tw_recycle?",
		"net.ipv6.tcp_timestamps":      "did you mean net.ipv4.tcp_timestamps?",
		"tcp":                          "there are lastack.delayed_ack, ",
		"":                             "there are lastack.delayed_ack, ",
		"lastack.":                     "there are lastack.delayed_ack, ",
		"lastack.nagle":                "there are lastack.delayed_ack, ",
		strings.Repeat("tcp_tw_re", 9): "there are lastack.delayed_ack, ",
	} {
		_, err := Find(name)
		if err == nil || !strings.HasPrefix(err.Error(), "tunable "+name+": unknown tunable; "+want) {
			t.Errorf("Find(%q): %v\nwant %q", name, err, want)
		}
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
