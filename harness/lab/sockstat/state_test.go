package sockstat

import (
	"slices"
	"testing"
)

func TestParseState(t *testing.T) {
	for _, tt := range []struct {
		want      string
		spellings []string
	}{
		{"TIME_WAIT", []string{"time-wait", "TIME-WAIT", "TIME_WAIT", "timewait", "Time-Wait"}},
		{"ESTABLISHED", []string{"established", "ESTAB", "estab", "ESTABLISHED"}},
		{"SYN_RECEIVED", []string{"syn-recv", "SYN_RECV", "SYN-RECEIVED", "SYN_RECEIVED"}},
		{"FIN_WAIT_1", []string{"fin-wait-1", "FIN_WAIT1", "FIN-WAIT-1"}},
		{"CLOSED", []string{"closed", "UNCONN", "unconnected", "CLOSE"}},
		{"LISTEN", []string{"listening", "listen", "LISTEN"}},
		{"CLOSE_WAIT", []string{"close-wait", "CLOSE_WAIT"}},
	} {
		for _, s := range tt.spellings {
			if got, err := ParseState(s); got != tt.want || err != nil {
				t.Errorf("%s: %s, %v; want %s", s, got, err, tt.want)
			}
		}
	}
	for _, state := range States() {
		if got, err := ParseState(SSName(state)); got != state || err != nil {
			t.Errorf("%s as ss prints it, %s: %s, %v", state, SSName(state), got, err)
		}
	}
	if got, err := ParseState("nonsense"); err == nil {
		t.Errorf("nonsense is %s", got)
	}
}

func TestParseStatesGroups(t *testing.T) {
	for group, without := range map[string][]string{
		"all":          {},
		"connected":    {"LISTEN", "CLOSED"},
		"synchronized": {"LISTEN", "CLOSED", "SYN_SENT"},
		"big":          {"TIME_WAIT", "SYN_RECEIVED"},
	} {
		got, err := ParseStates(group)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range States() {
			if slices.Contains(got, s) == slices.Contains(without, s) {
				t.Errorf("%s has %v", group, got)
			}
		}
	}
	got, err := ParseStates("bucket")
	if err != nil || !slices.Equal(got, []string{"SYN_RECEIVED", "TIME_WAIT"}) {
		t.Errorf("bucket: %v, %v", got, err)
	}
}
