package explain_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// TestTruth: of generated captures, every verdict is what the generator made.
func TestTruth(t *testing.T) {
	for name, cfg := range map[string]capturetest.Config{
		"pcap":    {Seed: 1, Connections: 3000, LostFINs: 10, IPv6: 20},
		"pcapng":  {Seed: 2, Connections: 1000, LostFINs: 50, Format: capturetest.Pcapng},
		"snapped": {Seed: 3, Connections: 1000, LostFINs: 10, SnapLen: 96},
		"large":   {Seed: 4, Connections: 500, Response: 300_000},
		"twice":   {Seed: 5, Connections: 1000, LostFINs: 10, Format: capturetest.Pcapng, Twice: true},
		"pieces":  {Seed: 6, Connections: 1000, LostFINs: 10, IPv6: 50, MTU: 1280},
		"tagged":  {Seed: 7, Connections: 1000, Link: capturetest.QinQ, BigEndian: true},
		"cooked":  {Seed: 8, Connections: 1000, Link: capturetest.CookedV2},
	} {
		t.Run(name, func(t *testing.T) {
			file, truth := generate(t, cfg)
			seen := map[string]int{}
			a := explain.New(explain.Options{Lines: true, Each: func(c *explain.Connection) error {
				want, ok := truth[c.Client+" "+c.Server+" "+c.Start.UTC().String()]
				if !ok {
					t.Errorf("connection %d, %s > %s, is none that was made", c.N, c.Client, c.Server)
					return nil
				}
				seen[string(c.Close)]++
				if got := verdict(c); got != want {
					t.Errorf("connection %d: have %s, want %s: %s", c.N, got, want, c.Reason)
				}
				return nil
			}})
			sum := readAll(t, a, file)
			if sum.Connections != len(truth) || len(sum.Warnings) > 0 || len(seen) != len(capturetest.Kinds()) {
				t.Errorf("%d connections, want %d; kinds %v; warnings %q", sum.Connections, len(truth), seen, sum.Warnings)
			}
		})
	}
}

// generate makes a capture, and the verdicts that belong to it by connection.
func generate(t testing.TB, cfg capturetest.Config) (*bytes.Buffer, map[string]string) {
	t.Helper()
	truth := map[string]string{}
	cfg.Each = func(k capturetest.Truth) {
		truth[k.Tuple.Src.String()+" "+k.Tuple.Dst.String()+" "+stamp(k, cfg)] = fmt.Sprintf("%s by %s, TIME_WAIT %s, %d FINs again, %d bytes after the FIN",
			k.Kind, k.Active, k.TimeWait, k.FINRetransmissions, k.HalfCloseBytes)
	}
	var file bytes.Buffer
	if _, err := capturetest.Write(&file, cfg); err != nil {
		t.Fatal(err)
	}
	return &file, truth
}

// stamp is the start of a connection as the file's format keeps it.
func stamp(k capturetest.Truth, cfg capturetest.Config) string {
	at := k.Start.UTC()
	if cfg.Format == capturetest.Pcap {
		at = at.Truncate(1000)
	}
	return at.String()
}

func verdict(c *explain.Connection) string {
	return fmt.Sprintf("%s by %s, TIME_WAIT %s, %d FINs again, %d bytes after the FIN",
		c.Close, c.ActiveCloser, c.TimeWait, c.FINRetransmissions, c.HalfCloseBytes)
}

func readAll(t testing.TB, a *explain.Analysis, file *bytes.Buffer) *explain.Summary {
	t.Helper()
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestLeanAgrees: what is counted without lines is what the connections say.
func TestLeanAgrees(t *testing.T) {
	file, truth := generate(t, capturetest.Config{Seed: 9, Connections: 2000, LostFINs: 10})
	again := bytes.NewBuffer(bytes.Clone(file.Bytes()))
	counted := map[string]int{}
	readAll(t, explain.New(explain.Options{Lines: true, Each: func(c *explain.Connection) error {
		counted[c.Server+" "+string(c.Close)]++
		return nil
	}}), file)
	total := 0
	for _, g := range readAll(t, explain.New(explain.Options{}), again).Groups {
		total += g.Connections
		if n := counted[g.Server+" "+string(g.Close)]; n != g.Connections {
			t.Errorf("%s %s: %d, want %d", g.Server, g.Close, g.Connections, n)
		}
		if g.Duration == nil || g.Duration.P50US > g.Duration.P95US || g.Duration.P95US > g.Duration.MaxUS {
			t.Errorf("%s %s: duration %+v", g.Server, g.Close, g.Duration)
		}
	}
	if total != len(truth) {
		t.Errorf("%d connections in groups, want %d", total, len(truth))
	}
}

// TestFilter: each filter lets through what it names, and nothing else.
func TestFilter(t *testing.T) {
	file, _ := generate(t, capturetest.Config{Seed: 5, Connections: 1000})
	content := file.Bytes()
	all := 0
	var some explain.Connection
	readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
		all++
		some = *c
		return nil
	}}), bytes.NewBuffer(content))
	for name, tt := range map[string]struct {
		set  func(*explain.Filter)
		want func(*explain.Connection) bool
	}{
		"close": {
			func(f *explain.Filter) { f.Close, _ = parsed(explain.ParseKind, "reset", "open") },
			func(c *explain.Connection) bool { return c.Close == "reset" || c.Close == "open" },
		},
		"host": {
			func(f *explain.Filter) { f.Hosts, _ = parsed(explain.ParseHost, host(some.Server)) },
			func(c *explain.Connection) bool {
				return host(c.Server) == host(some.Server) || host(c.Client) == host(some.Server)
			},
		},
		"port": {
			func(f *explain.Filter) { f.Port = netip.MustParseAddrPort(some.Client).Port() },
			func(c *explain.Connection) bool {
				return netip.MustParseAddrPort(c.Client).Port() == netip.MustParseAddrPort(some.Client).Port()
			},
		},
		"longer": {
			func(f *explain.Filter) { f.Longer = 20e6 },
			func(c *explain.Connection) bool { return c.DurationUS > 20_000 },
		},
	} {
		want, got := 0, 0
		readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
			if tt.want(c) {
				want++
			}
			return nil
		}}), bytes.NewBuffer(content))
		var f explain.Filter
		tt.set(&f)
		sum := readAll(t, explain.New(explain.Options{Filter: f, Each: func(c *explain.Connection) error {
			if got++; !tt.want(c) {
				t.Errorf("%s: let %+v pass", name, c)
			}
			return nil
		}}), bytes.NewBuffer(content))
		if got != want || got == 0 || got == all || sum.Matching != got || sum.Connections != all {
			t.Errorf("%s: %d of %d connections, want %d; summary %d of %d", name, got, all, want, sum.Matching, sum.Connections)
		}
	}
}

func host(end string) string { return netip.MustParseAddrPort(end).Addr().String() }

func parsed[T any](parse func(string) (T, error), words ...string) (out []T, err error) {
	for _, w := range words {
		v, err := parse(w)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func TestParseErrors(t *testing.T) {
	if _, err := explain.ParseKind("treeway"); err == nil {
		t.Error("treeway is a kind")
	}
	for _, bad := range []string{"", "10.0.0", "host", "10.0.0.0/33"} {
		if _, err := explain.ParseHost(bad); err == nil {
			t.Errorf("%q is a host", bad)
		}
	}
}
