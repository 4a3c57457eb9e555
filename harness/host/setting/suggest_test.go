package setting

import (
	"errors"
	"strings"
	"testing"

	"lastack/stack/tunable"
)

func TestSuggest(t *testing.T) {
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
		err := Suggest(tunable.NewSet().Set(name, "1"))
		if err == nil || !strings.HasPrefix(err.Error(), "tunable "+name+": unknown tunable; "+want) {
			t.Errorf("%q: %v\nwant %q", name, err, want)
		}
	}
	other := errors.New("another")
	if err := Suggest(other); err != other {
		t.Errorf("another error became %v", err)
	}
	if err := Suggest(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
