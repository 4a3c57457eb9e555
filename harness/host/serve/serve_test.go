package serve

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"lastack/harness/app"
	"lastack/harness/teardown"
)

func TestComplete(t *testing.T) {
	prefix := netip.MustParsePrefix
	addr := netip.MustParseAddr
	for name, tt := range map[string]struct {
		cfg   Config
		hosts string
		want  string
	}{
		"nothing given":      {cfg: Config{}, hosts: "10.77.0.2, fd77::2"},
		"one family":         {cfg: Config{KernelAddrs: []netip.Prefix{prefix("192.0.2.9/24")}}, hosts: "192.0.2.10"},
		"host of defaults":   {cfg: Config{HostAddrs: []netip.Addr{addr("10.77.0.9")}}, hosts: "10.77.0.9"},
		"host outside":       {cfg: Config{HostAddrs: []netip.Addr{addr("192.0.2.1")}}, want: "is in no kernel prefix"},
		"host is the kernel": {cfg: Config{HostAddrs: []netip.Addr{addr("10.77.0.1")}}, want: "kernel's own address"},
		"no room":            {cfg: Config{KernelAddrs: []netip.Prefix{prefix("192.0.2.1/32")}}, want: "no room"},
		"two of a family": {
			cfg:  Config{KernelAddrs: []netip.Prefix{prefix("192.0.2.1/24"), prefix("198.51.100.1/24")}},
			want: "of one family",
		},
		"bad name":       {cfg: Config{TUN: "a name/too far"}, want: "a name/too far"},
		"bad tunable":    {cfg: Config{Settings: []string{"lastack.delayed_ack=7"}}, want: "0 or 1"},
		"no value":       {cfg: Config{Settings: []string{"lastack.delayed_ack"}}, want: "want NAME=VALUE"},
		"one port twice": {cfg: Config{Apps: []app.Spec{{Port: 7, Kind: "echo"}, {Port: 7, Kind: "discard"}}}, want: "both echo and discard"},
	} {
		_, err := tt.cfg.complete()
		if tt.want == "" {
			if err != nil || join(tt.cfg.HostAddrs) != tt.hosts {
				t.Errorf("%s: hosts %s, %v; want %s", name, join(tt.cfg.HostAddrs), err, tt.hosts)
			}
			continue
		}
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestBadRuleIsTheConfigsFault(t *testing.T) {
	err := Run(t.Context(), Config{Impairments: []string{"drop every FIM from host"}})
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), `"FIM"`) {
		t.Errorf("%v, want the word that is not understood", err)
	}
}

func TestLine(t *testing.T) {
	for want, r := range map[string]teardown.Report{
		"10.77.0.1:4000 > :80  three-way, client first, ACK after 0.08 ms": {
			Client: "10.77.0.1:4000", Server: "10.77.0.2:80", Close: teardown.ThreeWay, ActiveCloser: teardown.Client, AckDelayUS: 80,
		},
		"[fd77::1]:4000 > :7  reset, RST from server": {
			Client: "[fd77::1]:4000", Server: "[fd77::2]:7", Close: teardown.Reset, ActiveCloser: teardown.None, ResetBy: teardown.Server, AckDelayUS: -1,
		},
		"10.77.0.1:4000 > :80  open": {
			Client: "10.77.0.1:4000", Server: "10.77.0.2:80", Close: teardown.Open, ActiveCloser: teardown.None, AckDelayUS: -1,
		},
	} {
		if got := line(&r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
