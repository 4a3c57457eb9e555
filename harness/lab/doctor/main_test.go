package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"lastack/harness/lab"
)

// What the test binary does in a lab instead of running tests, by its first argument.
const (
	probeArg  = "doctor-probe"  // what a program does: Probe
	brokenArg = "doctor-broken" // says something and fails
	babbleArg = "doctor-babble" // succeeds, with a report of another version
	hangArg   = "doctor-hang"   // never ends
	forbidArg = "doctor-forbid" // forbids namespaces, then is Run's parent
	noIPv6Arg = "doctor-noipv6" // switches IPv6 off, then probes
)

func TestMain(m *testing.M) {
	if lab.Inside() && len(os.Args) > 1 {
		if do := roles[os.Args[1]]; do != nil {
			if err := do(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(7)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

var roles = map[string]func() error{
	probeArg: func() error { return Probe(context.Background(), os.Stdout) },
	brokenArg: func() error {
		fmt.Println("[]")
		return fmt.Errorf("first line\nthe flux capacitor is empty")
	},
	babbleArg: func() error {
		fmt.Println(`[{"name":"warp drive","status":"ok"}]`)
		return nil
	},
	hangArg: func() error { select {} },
	// In a user namespace of its own this forbids nobody else anything.
	forbidArg: func() error {
		if err := os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("0"), 0); err != nil {
			return err
		}
		checks := Run(context.Background(), Options{ProbeArgs: []string{probeArg}})
		return json.NewEncoder(os.Stdout).Encode(checks)
	},
	noIPv6Arg: func() error {
		if err := lab.Setup(); err != nil {
			return err
		}
		for _, scope := range []string{"all", "default"} {
			if err := lab.Sysctl("net.ipv6.conf."+scope+".disable_ipv6", "1"); err != nil {
				return err
			}
		}
		return Probe(context.Background(), os.Stdout)
	},
}
