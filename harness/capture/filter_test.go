package capture

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestParseFilter(t *testing.T) {
	got, err := parseFilter("2\n48 0 0 4294963200\n6 1 2 262144\n")
	if err != nil || len(got) != 2 || got[0] != (FilterOp{Code: 48, K: 0xfffff000}) || got[1] != (FilterOp{6, 1, 2, 262144}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"", "x", "0", "1", "1\n1 2 3", "1\n1 2 3 4 5", "1\n65536 0 0 0", "1\n0 256 0 0", "1\n0 0 0 4294967296",
		"1\n-1 0 0 0", "2\n0 0 0 0", "1\n0 0 0 0\n0 0 0 0", "4097" + strings.Repeat("\n6 0 0 0", 4097),
	} {
		if got, err := parseFilter(bad); err == nil {
			t.Errorf("%.20q: %v, want an error", bad, got)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("2\n48 0 0 4294963200\n6 1 2 262144\n")
	f.Add("1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if program, err := parseFilter(text); err == nil && (len(program) == 0 || len(program) > maxFilterOps) {
			t.Errorf("%d instructions", len(program))
		}
	})
}

// TestCompileFilterErrors: what is no filter of IP packets is an error that says so, and
// never a program that takes other packets.
func TestCompileFilterErrors(t *testing.T) {
	needTcpdump(t)
	for expr, want := range map[string]struct {
		said string
		link bool
	}{
		"tcp port":                     {"syntax error", false},
		"banana":                       {"syntax error", false},
		"port 99999":                   {"illegal port number", false},
		"-w x":                         {"syntax error", false},
		"vlan":                         {"VLAN", true},
		"vlan 7 and tcp":               {"VLAN", true},
		"mpls":                         {"MPLS", true},
		"ether host 02:00:00:00:00:01": {"ethernet addresses", true},
		"arp":                          {"rejects all packets", true},
		"ether[0] & 1 != 0":            {"ether[", true},
		"tcp and link [3] = 4":         {"link [", true},
	} {
		_, err := CompileFilter(t.Context(), expr)
		var bad *FilterError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want.said) || bad.Link != want.link || bad.Expr != expr {
			t.Errorf("%s: %v, want %+v", expr, err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	var missing *UnavailableError
	if _, err := CompileFilter(t.Context(), "tcp"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "install tcpdump") {
		t.Errorf("without tcpdump: %v", err)
	}
}

func needTcpdump(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skipf("needs tcpdump: %v", err)
	}
}
