package lastack

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type rule struct {
	pkg string
	// ours are packages of this module, outside other modules.
	ours, outside []string
	// never lists packages of the standard library that are out of bounds.
	never []string
}

// policy is who may import what: for each package, or tree of packages ending in
// "/..." (the root of the tree included), the packages of this module and the outside modules that it, without
// its tests, may import besides the standard library. The first match counts. A
// package that matches nothing is a mistake.
var policy = []rule{
	{pkg: "tun", ours: []string{"tun/vnet"}, outside: []string{water, netlinkMod, sys}},
	{pkg: "tun/vnet", never: impure},
	{pkg: "tun/tuntest", ours: []string{"tun", "tun/vnet"}, outside: []string{sys}},

	{pkg: "stack/segment", never: impure},
	{pkg: "stack/flow", ours: []string{"stack/segment"}, never: impure},
	{pkg: "stack/impair", ours: []string{"stack/segment"}, never: impure},
	{pkg: "stack/timewait", ours: []string{"stack/segment"}, never: []string{"os", "net"}},
	{pkg: "stack/fastopen", ours: []string{"stack/segment"}, never: []string{"os", "net"}},
	{pkg: "stack/light", ours: []string{"stack/segment"}, never: impure},
	{pkg: "stack/tunable", never: []string{"os", "net"}},
	{
		pkg:     "stack/closepath",
		ours:    []string{"stack/segment", "stack/flow", "stack/impair", "stack/timewait", "stack/fastopen", "stack/light", "stack/tunable"},
		outside: []string{gvisor}, never: []string{"os", "net/http", "net"},
	},
	{pkg: "stack/link", ours: []string{"stack/segment", "tun/vnet"}, outside: []string{gvisor}},
	{
		pkg:     "stack",
		ours:    []string{"stack/segment", "stack/flow", "stack/impair", "stack/timewait", "stack/fastopen", "stack/tunable", "stack/closepath", "stack/link"},
		outside: []string{gvisor},
	},

	{pkg: "harness/app", ours: []string{"harness/term"}},
	{pkg: "harness/term/paragraph", ours: []string{"harness/term"}, never: impure},
	{pkg: "harness/term/golden", outside: []string{gocmp}},
	{pkg: "harness/term", never: []string{"os", "net", "syscall"}},
	{pkg: "harness/term/outfile", outside: []string{sys}},
	{pkg: "harness/term/screen", outside: []string{sys}, never: []string{"net", "net/http"}},
	{pkg: "harness/lab/privilege", outside: []string{sys, libcap}},
	{pkg: "harness/lab/sockstat", ours: []string{"stack/flow", "harness/term", "harness/term/paragraph"}, never: impure},
	{pkg: "harness/lab", ours: []string{"harness/lab/sockstat", "stack/flow"}, outside: []string{netlinkMod, sys}},
	{pkg: "harness/lab/shell", ours: []string{"harness/lab"}},
	{pkg: "harness/lab/labtest", ours: []string{"harness/lab"}},
	{
		pkg:     "harness/lab/forward",
		ours:    []string{"stack/tunable", "stack/impair", "stack/closepath", "stack/link"},
		outside: []string{gvisor},
	},
	{
		pkg:     "harness/lab/wire",
		ours:    []string{"tun", "stack", "stack/segment", "stack/impair", "stack/closepath", "stack/link", "harness/app", "harness/lab", "harness/lab/forward"},
		outside: []string{sys, gvisor, netlinkMod},
	},
	{pkg: "harness/lab/middle", ours: []string{"harness/lab", "harness/lab/wire", "harness/term"}, outside: []string{sys}, never: []string{"net", "os/exec"}},
	{pkg: "harness/capture", ours: []string{"stack/segment"}, outside: []string{gopacket, compress, lz4Mod, xzMod, sys}},
	// Pure, so that what reads the kernel's records is tried where there is none.
	{pkg: "harness/capture/tracepoint", never: impure},
	{pkg: "harness/capture/reasons", ours: []string{"harness/capture/tracepoint"}, outside: []string{sys}, never: []string{"net", "net/http", "os/exec"}},
	// sys is for the memory of its connections alone.
	{pkg: "harness/teardown", ours: []string{"stack/segment", "stack/flow"}, outside: []string{sys}, never: impure},
	{pkg: "harness/teardown/teardowntest", ours: []string{"harness/teardown", "stack/segment", "stack/flow"}},
	{pkg: "harness/teardown/ladder", ours: []string{"harness/teardown", "stack/flow"}, never: impure},
	{
		pkg:     "harness/lab/probe",
		ours:    []string{"harness/capture", "stack/segment"},
		outside: []string{netlinkMod, sys},
	},
	{pkg: "harness/host/trace", ours: []string{"harness/teardown", "stack/closepath", "stack/flow", "stack/impair", "stack/segment"}},
	// Pure, so that what reads a script runs everywhere, and nothing in a script is done by reading it.
	{pkg: "harness/experiment/packetdrill/script", ours: []string{"harness/term"}, never: impure},
	{pkg: "harness/experiment/packetdrill/packet", never: impure},
	{pkg: "harness/experiment/packetdrill", ours: []string{"harness/experiment/packetdrill/packet", "harness/experiment/packetdrill/script"}, never: []string{"net", "net/http"}},
	{
		pkg:     "harness/experiment/packetdrill/inprocess",
		ours:    []string{"harness/experiment/packetdrill", "harness/experiment/packetdrill/packet", "stack", "stack/closepath", "stack/tunable"},
		outside: []string{gvisor}, never: []string{"net", "net/http", "syscall"},
	},
	{pkg: "harness/experiment/packetdrill/helper", ours: []string{"harness/experiment/packetdrill"}, never: []string{"os", "net", "net/http", "syscall"}},
	{
		pkg:     "harness/experiment/packetdrill/kernelcalls",
		ours:    []string{"harness/experiment/packetdrill", "harness/experiment/packetdrill/helper", "harness/lab"},
		outside: []string{sys}, never: []string{"net", "net/http"},
	},
	{
		pkg: "harness/experiment/packetdrill/ontun",
		ours: []string{
			"harness/experiment/packetdrill", "harness/experiment/packetdrill/helper", "harness/experiment/packetdrill/packet",
			"harness/lab", "tun",
		},
		outside: []string{sys, netlinkMod}, never: []string{"net/http"},
	},
	{
		pkg: "harness/experiment/packetdrill/suite",
		ours: []string{
			"harness/experiment/junit", "harness/experiment/packetdrill", "harness/experiment/packetdrill/script",
			"harness/capture", "harness/teardown", "harness/teardown/ladder", "harness/term", "harness/term/paragraph", "stack/segment",
		},
		outside: []string{yamlMod}, never: []string{"net", "net/http"},
	},
	{
		pkg:   "harness/host/web",
		ours:  []string{"stack", "stack/tunable", "harness/app", "harness/capture", "harness/host/control", "harness/host/trace", "harness/lab", "harness/teardown", "harness/teardown/ladder", "harness/teardown/page"},
		never: []string{"os"},
	},
	{
		pkg:     "harness/host/serve",
		ours:    []string{"tun", "stack", "stack/impair", "stack/tunable", "harness/app", "harness/capture", "harness/host/control", "harness/host/metrics", "harness/host/monitor", "harness/host/setting", "harness/host/trace", "harness/host/web", "harness/lab", "harness/teardown", "harness/teardown/ladder", "harness/term", "harness/term/outfile"},
		outside: []string{netMod},
	},
	{
		pkg: "harness/host/metrics",
		ours: []string{
			"harness/capture/reasons", "harness/host/monitor", "harness/lab", "harness/lab/sockstat", "harness/explain", "harness/teardown",
		},
		outside: []string{promMod, netMod}, never: []string{"os", "syscall"},
	},
	{pkg: "harness/host/prometheus", never: []string{"os", "net", "net/http"}},
	{pkg: "harness/host/monitor", ours: []string{"harness/host/control", "harness/lab", "harness/lab/sockstat", "harness/term", "stack/tunable"}},
	{pkg: "harness/experiment", ours: []string{"tun", "stack/...", "harness/..."}, outside: []string{sys, yamlMod}},
	{pkg: "harness/experiment/junit", never: impure},
	{pkg: "harness/experiment/report", ours: []string{"harness/teardown", "harness/teardown/ladder", "harness/experiment", "harness/experiment/claims", "harness/experiment/junit", "harness/teardown/page", "harness/term"}, never: []string{"os", "net", "net/http"}},
	// Words on top of experiments: what those stand on is not for them.
	{pkg: "harness/experiment/demo", ours: []string{"harness/experiment", "harness/capture", "harness/teardown", "harness/teardown/ladder", "harness/term", "harness/term/paragraph"}, never: []string{"os", "net", "net/http"}},
	{pkg: "harness/experiment/claims", ours: []string{"harness/experiment", "harness/experiment/programs", "harness/lab", "harness/teardown", "harness/teardown/ladder", "harness/term", "harness/term/paragraph", "stack/tunable"}, never: []string{"os", "net", "net/http"}},
	// It runs programs and judges nothing, so it knows no experiments.
	{pkg: "harness/experiment/programs", ours: []string{"harness/lab", "harness/lab/wire", "harness/term", "harness/term/paragraph"}, outside: []string{sys}},
	{pkg: "harness/experiment/churn", ours: []string{"harness/experiment", "harness/term/paragraph"}, never: []string{"os", "net", "net/http"}},
	{pkg: "harness/teardown/page", ours: []string{"harness/teardown/ladder"}, never: impure},
	{pkg: "harness/check", ours: []string{"harness/teardown", "harness/teardown/ladder", "harness/teardown/page", "harness/term/paragraph"}, never: impure},
	{pkg: "harness/check/ends", never: []string{"net", "net/http", "os/exec"}},
	{pkg: "harness/check/watch", ours: []string{"harness/capture", "harness/teardown", "stack/segment"}, never: []string{"os", "net", "os/exec"}},
	{
		pkg:     "harness/check/proxy",
		ours:    []string{"harness/check", "harness/check/ends", "harness/check/watch", "harness/app", "harness/lab", "harness/lab/middle", "harness/lab/wire", "harness/teardown"},
		outside: []string{sys}, never: []string{"os/exec"},
	},
	{
		pkg:     "harness/check/service",
		ours:    []string{"harness/check", "harness/check/ends", "harness/check/watch", "harness/capture", "harness/lab", "stack/segment"},
		outside: []string{sys},
	},
	// It builds wherever explain does, which what experiments need does not.
	{pkg: "harness/explain/explained", ours: []string{"harness/teardown", "harness/teardown/ladder", "harness/explain", "harness/teardown/page"}, never: impure},
	{
		pkg: "harness/bench", ours: []string{"tun/...", "stack/...", "harness/..."},
		outside: []string{sys, netlinkMod},
	},
	{
		pkg: "harness/bench/soak/...", ours: []string{"tun", "stack/...", "harness/..."},
		outside: []string{sys},
	},
	{pkg: "harness/...", ours: []string{"tun", "stack/...", "harness/..."}, outside: []string{sys}},

	{pkg: "cmd/lastack", ours: []string{"tun", "stack/...", "harness/..."}, outside: []string{cobra, pflagMod}},
	{pkg: ""},
}

const (
	water      = "github.com/songgao/water"
	netlinkMod = "github.com/vishvananda/netlink"
	sys        = "golang.org/x/sys"
	netMod     = "golang.org/x/net"
	gvisor     = "gvisor.dev/gvisor"
	gopacket   = "github.com/gopacket/gopacket"
	compress   = "github.com/klauspost/compress"
	lz4Mod     = "github.com/pierrec/lz4"
	xzMod      = "github.com/therootcompany/xz"
	gocmp      = "github.com/google/go-cmp"
	libcap     = "kernel.org/pub/linux/libs/security/libcap"
	cobra      = "github.com/spf13/cobra"
	pflagMod   = "github.com/spf13/pflag"
	promMod    = "github.com/prometheus/client_golang"
	yamlMod    = "go.yaml.in/yaml"
)

// impure is what a package of pure functions has no use for.
var impure = []string{"os", "net", "net/http", "sync", "syscall"}

// module is this module's path, which scripts/publish-as changes.
var module = func() string {
	out, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		return "" // as TestImports will say
	}
	return strings.TrimSpace(string(out))
}()

// TestImports holds the tree to the policy.
func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		i := slices.IndexFunc(policy, func(r rule) bool { return matches(r.pkg, name) })
		if i < 0 {
			t.Errorf("%s is not in the table; say what it may import", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !policy[i].allows(imp) {
				t.Errorf("%s imports %s, which the table does not allow", p.ImportPath, imp)
			}
		}
	}
}

func (r *rule) allows(imp string) bool {
	if own, ok := strings.CutPrefix(imp, module+"/"); ok {
		return slices.ContainsFunc(r.ours, func(pattern string) bool { return matches(pattern, own) })
	}
	if first, _, _ := strings.Cut(imp, "/"); strings.Contains(first, ".") {
		return slices.ContainsFunc(r.outside, func(mod string) bool {
			return imp == mod || strings.HasPrefix(imp, mod+"/")
		})
	}
	return !slices.Contains(r.never, imp)
}

func matches(pattern, name string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	return pattern == name
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestRooms: harness/ has at most ten rooms, and no two of them import each other, not by
// way of others either.
func TestRooms(t *testing.T) {
	into := map[string]map[string]bool{}
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if from == "" {
			continue
		}
		if into[from] == nil {
			into[from] = map[string]bool{}
		}
		for _, imp := range p.Imports {
			if to := room(imp); to != "" && to != from {
				into[from][to] = true
			}
		}
	}
	if len(into) > 10 {
		t.Errorf("harness/ has %d rooms", len(into))
	}
	for from := range into {
		if reaches(into, from, from, map[string]bool{}) {
			t.Errorf("harness/%s imports itself by way of other rooms", from)
		}
	}
}

// room is the directory directly under harness/ that a package is in; empty outside.
func room(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/harness/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func reaches(into map[string]map[string]bool, from, to string, seen map[string]bool) bool {
	for next := range into[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if reaches(into, next, to, seen) {
				return true
			}
		}
	}
	return false
}

// TestPolicyBites proves that the table can fail.
func TestPolicyBites(t *testing.T) {
	r := rule{ours: []string{"stack/segment"}, outside: []string{gvisor}, never: []string{"net/http"}}
	for imp, want := range map[string]bool{
		"lastack/stack/segment": true, "lastack/harness/app": false, "gvisor.dev/gvisor/pkg/tcpip": true,
		"gvisor.dev/gvisorx": false, "net/http": false, "time": true,
	} {
		if got := r.allows(imp); got != want {
			t.Errorf("%s: allowed %v, want %v", imp, got, want)
		}
	}
}
