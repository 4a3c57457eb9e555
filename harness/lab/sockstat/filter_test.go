package sockstat

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ports lists the local and remote ports of what a filter takes.
func ports(t *testing.T, f *Filter) string {
	t.Helper()
	var out []string
	for _, s := range host() {
		if f.Match(&s) {
			out = append(out, fmt.Sprintf("%d/%d", s.Local.Port(), s.Remote.Port()))
		}
	}
	return strings.Join(out, " ")
}

const (
	listeners = "80/0 81/0 8001/0 8002/0"
	waiting   = "80/42080 80/42082"
)

func TestFilter(t *testing.T) {
	for _, tt := range []struct {
		args  string
		which Which
		want  string
	}{
		// As ss has it: neither TIME-WAIT nor SYN-RECV without -a.
		{"", Connections, "80/42076 8004/50320 80/42078 32768/443"},
		{"", Listening, listeners},
		{"", All, listeners + " 80/42076 8004/50320 80/42078 80/42090 32768/443 " + waiting},
		{"state time-wait", Connections, waiting},
		{"state TIME_WAIT", All, waiting},
		{"state listening state established", All, listeners + " 80/42076 80/42078"},
		{"exclude time-wait", All, listeners + " 80/42076 8004/50320 80/42078 80/42090 32768/443"},
		{"state connected exclude estab exclude bucket", Connections, "8004/50320 32768/443"},

		{"dst 10.77.0.1", Connections, "80/42076 8004/50320 32768/443"},
		{"dst 10.77.0.1:443", Connections, "32768/443"},
		{"dst = 10.77.0.1:443", Connections, "32768/443"},
		{"dst != 10.77.0.1", Connections, "80/42078"},
		{"dst fd77::1", Connections, "80/42078"},
		{"dst [fd77::1]", Connections, "80/42078"},
		{"dst [fd77::1]:42078", Connections, "80/42078"},
		{"dst 10.0.0.0/8", Connections, "80/42076 8004/50320 32768/443"},
		{"dst fd77::/64", Connections, "80/42078"},
		{"dst :443", Connections, "32768/443"},
		{"dst *:443", Connections, "32768/443"},
		{"dst 10.77.0.1:*", Connections, "80/42076 8004/50320 32768/443"},
		{"dst ::ffff:10.77.0.1", Connections, "80/42076 8004/50320 32768/443"},
		{"src 10.77.0.2:80", Connections, "80/42076"},

		{"sport = :80", Connections, "80/42076 80/42078"},
		{"sport = 80", Connections, "80/42076 80/42078"},
		{"sport :80", Connections, "80/42076 80/42078"},
		{"sport eq :80", Connections, "80/42076 80/42078"},
		{"sport != :80", Connections, "8004/50320 32768/443"},
		{"sport > :8004", Connections, "32768/443"},
		{"sport >= 8004", Connections, "8004/50320 32768/443"},
		{"dport lt 443", Connections, ""},
		{"dport leq 443", Connections, "32768/443"},
		{"dport = :0", All, ""}, // a listener has no remote port

		{"sport = :80 and dport = :42078", Connections, "80/42078"},
		{"sport = :80 dport = :42078", Connections, "80/42078"},
		{"sport = :8004 or dport = :443", Connections, "8004/50320 32768/443"},
		{"sport = :80 and dport = :1 or dport = :443", Connections, "32768/443"},
		{"sport = :80 and ( dport = :42076 or dport = :443 )", Connections, "80/42076"},
		{"(sport = :8004 or dport = :443) and not dst :443", Connections, "8004/50320"},
		{"! sport = :80", Connections, "8004/50320 32768/443"},
		{"state time-wait dst fd77::1", Connections, "80/42082"},
	} {
		f, err := ParseFilter(strings.Fields(tt.args), tt.which)
		if err != nil {
			t.Errorf("%q: %v", tt.args, err)
			continue
		}
		if got := ports(t, f); got != tt.want {
			t.Errorf("%q: %s\nwant %s", tt.args, got, tt.want)
		}
		quoted, err := ParseFilter([]string{tt.args}, tt.which)
		if err != nil || ports(t, quoted) != tt.want {
			t.Errorf("%q as one argument: %v", tt.args, err)
		}
	}
}

func TestFilterFamily(t *testing.T) {
	for family, want := range map[int]string{
		// A listener for both families is an IPv6 socket, as it is for ss.
		4: "8001/0 80/42076 8004/50320 80/42090 32768/443 80/42080",
		6: "80/0 81/0 8002/0 80/42078 80/42082",
	} {
		f, err := ParseFilter(nil, All)
		if err != nil {
			t.Fatal(err)
		}
		f.Family = family
		if got := ports(t, f); got != want {
			t.Errorf("-%d: %s, want %s", family, got, want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for args, want := range map[string]string{
		"state":                            `"state" wants the name of a state`,
		"state nonsense":                   `"nonsense" is no TCP state; the states are estab, syn-sent, `,
		"exclude dport":                    `"dport" is no TCP state`,
		"dport = :http":                    `dport: "http" is no port; give a number from 0 to 65535, as in: dport = :80`,
		"dport":                            `"" is no port`,
		"dport = :65536":                   `"65536" is no port`,
		"sport >> 1":                       `">>" is no port`,
		"dst foo":                          `dst "foo"`,
		"dst 10.0.0.1:x":                   `"x" is no port`,
		"dst":                              `dst ""`,
		"dst > 10.0.0.1":                   "addresses are equal or not",
		"( dport = :80":                    `a "(" is not closed`,
		"dport = :80 )":                    `")" comes after a complete filter`,
		"not":                              "ends too early",
		"time-wait":                        `"time-wait" is no filter; give state, `,
		"dport = :80 or":                   "ends too early",
		"dport = :80 state listen":         `"state" comes after a complete filter`,
		"state time-wait dst 10.0.0.0/999": "10.0.0.0/999",
	} {
		_, err := ParseFilter(strings.Fields(args), Connections)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", args, err, want)
		}
	}
}

func TestSingle(t *testing.T) {
	for args, want := range map[string]string{
		"state time-wait": "TIME_WAIT", "state bucket": "", "": "",
		"state bucket exclude syn-recv": "TIME_WAIT",
	} {
		f, err := ParseFilter(strings.Fields(args), All)
		if err != nil || f.Single() != want {
			t.Errorf("%q: %q, %v; want %q", args, f.Single(), err, want)
		}
	}
	f, err := ParseFilter(nil, Listening)
	if err != nil || f.Single() != "" || !slices.Equal(f.States, []string{"LISTEN"}) {
		t.Errorf("-l: %+v, %v", f, err)
	}
}
