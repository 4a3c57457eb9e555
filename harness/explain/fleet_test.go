package explain

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/segment"
)

// replay is a source of packets that are there.
type replay struct{ packets []capture.Packet }

func (r *replay) Next() (capture.Packet, error) {
	if len(r.packets) == 0 {
		return capture.Packet{}, io.EOF
	}
	p := r.packets[0]
	r.packets = r.packets[1:]
	return p, nil
}

// recorded is a generated capture.
func recorded(t testing.TB, cfg capturetest.Config) (all []capture.Packet) {
	t.Helper()
	var file bytes.Buffer
	if _, err := capturetest.Write(&file, cfg); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}

// byFlow splits packets into so many, each connection as a whole.
func byFlow(t testing.TB, all []capture.Packet, n int) [][]capture.Packet {
	t.Helper()
	out := make([][]capture.Packet, n)
	for _, p := range all {
		s, err := segment.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		tuple, _ := s.Tuple.Canonical()
		h := fnv.New32a()
		fmt.Fprint(h, tuple)
		i := h.Sum32() % uint32(n)
		out[i] = append(out[i], p)
	}
	return out
}

// partOf is what a run over packets writes.
func partOf(t testing.TB, packets []capture.Packet, name string, opt Options) *Part {
	t.Helper()
	return partFrom(t, name, opt, func(a *Analysis) error { return a.ReadAll(&replay{packets}) })
}

func partFrom(t testing.TB, name string, opt Options, read func(*Analysis) error) *Part {
	t.Helper()
	var file bytes.Buffer
	opt.Partial = NewPartialWriter(&file, []string{name}, opt.Filter)
	a := New(opt)
	err := read(a)
	_, fails := a.Summary()
	if err := errors.Join(err, fails, opt.Partial.Close(a)); err != nil {
		t.Fatal(err)
	}
	return partIn(name+".part", file.Bytes())
}

func partIn(name string, content []byte) *Part {
	return &Part{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

func fresh(parts []*Part) (out []*Part) {
	for _, p := range parts {
		out = append(out, &Part{Name: p.Name, Open: p.Open})
	}
	return out
}

// report is what people and programs are told: the text, and the JSON without what names
// a connection by its number.
func reportOf(t testing.TB, s *Summary) string {
	t.Helper()
	var out bytes.Buffer
	j := NewJSON(&out)
	c := *s
	c.Parts = 0
	c.Findings, c.Groups = slices.Clone(s.Findings), slices.Clone(s.Groups)
	for i := range c.Findings {
		f := &c.Findings[i]
		f.Example, f.ExampleOf, f.Also = 0, nil, slices.Clone(f.Also)
		for k := range f.Also {
			f.Also[k].Example, f.Also[k].ExampleOf = 0, nil
		}
	}
	for i := range c.Groups {
		c.Groups[i].Example, c.Groups[i].ExampleOf = 0, nil
	}
	if err := errors.Join(WriteText(&out, s, Look{}), j.Close(&c)); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), ",\"", ",\n\"")
}

// run is one run over packets.
func run(t testing.TB, packets []capture.Packet, opt Options) *Summary {
	t.Helper()
	a := New(opt)
	if err := a.ReadAll(&replay{packets}); err != nil {
		t.Fatal(err)
	}
	s, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMergedParts: 64 parts, in any order, give the report of one run, byte for byte; also
// where the capture began in the middle, so that no SYN tells who is the server of many.
func TestMergedParts(t *testing.T) {
	all := recorded(t, capturetest.Config{Seed: 64, Connections: 3_000, IPv6: 20, LostFINs: 10, Servers: 20})
	for name, tt := range map[string]struct {
		packets []capture.Packet
		opt     Options
	}{
		"whole":              {all, Options{}},
		"from the middle on": {all[len(all)/2:], Options{}},
		"filtered":           {all[len(all)/3:], Options{Filter: Filter{Longer: 5 * time.Millisecond, Close: []teardown.Kind{teardown.Reset, teardown.HalfClosed}}}},
	} {
		t.Run(name, func(t *testing.T) {
			want := reportOf(t, run(t, tt.packets, tt.opt))
			var parts []*Part
			for i, packets := range byFlow(t, tt.packets, 64) {
				parts = append(parts, partOf(t, packets, fmt.Sprintf("%02d.pcap", i), tt.opt))
			}
			r := rand.New(rand.NewPCG(1, 2))
			for range 2 {
				r.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
				s, err := MergeParts(fresh(parts), PortRange{})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, reportOf(t, s)); d != "" {
					t.Fatalf("one run -, merged +:\n%s", d)
				}
				if f := s.Findings[0]; f.Example == 0 || len(f.ExampleOf) != 1 || s.Parts != 64 {
					t.Errorf("an example of nowhere: %+v", f)
				}
			}
		})
	}
}

// TestMergedEvidence: what is decided by all connections together is decided by those of
// all parts: limits on silence, who is the server, ports, SYNs, leaks.
func TestMergedEvidence(t *testing.T) {
	closed := talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n"
	mid := "0 c PSH+ACK len=20\n1 s PSH+ACK len=300\n2 c FIN+ACK\n3 s ACK\n"
	var scripts []string
	add := func(n int, format string, args func(i int) []any) {
		for i := range n {
			scripts = append(scripts, fmt.Sprintf(format, args(i)...))
		}
	}
	port := func(low, step int) func(int) []any { return func(i int) []any { return []any{low + i*step} } }
	add(9, "client 10.0.1.1:%d\n"+far+"7321 s RST+ACK\n", port(20000, 1))   // an idle limit
	add(4, "client 10.0.1.2:%d\nserver 10.0.0.2:50051\n"+mid, port(600, 7)) // whose server a part cannot know
	add(5, "client 10.0.1.3:%d\n0 c SYN\n", port(30000, 1))                 // unanswered, as others go on
	add(6, "client 10.0.1.4:%d\n"+talked+"3 c FIN+ACK\n44 s ACK\n", port(31000, 1))
	add(700, "client 10.0.1.5:%d\n"+closed, func(i int) []any { return []any{40000 + i*31%500} })
	add(120, "client 10.0.1.6:%d\n"+closed, port(45000, 1))
	add(7, "client 10.0.1.7:%d\n"+talked+"600000 c PSH+ACK len=9\n600001 s RST\n", port(46000, 3))
	records := func(i int) []teardown.Record {
		recs, err := teardowntest.Parse(fmt.Sprintf("isn=%d,%d\n%s", 1000*i, 2000*i, scripts[i]))
		if err != nil {
			t.Fatal(err, scripts[i])
		}
		for k := range recs {
			recs[k].Time = recs[k].Time.Add(time.Duration(i) * 20 * time.Millisecond)
		}
		return recs
	}
	// Scripts of one client and port are one connection after the other: they stay together.
	feed := func(which func(i int) bool) func(a *Analysis) error {
		var all []teardown.Record
		for i := range scripts {
			if which(i) {
				all = append(all, records(i)...)
			}
		}
		slices.SortStableFunc(all, func(x, y teardown.Record) int { return x.Time.Compare(y.Time) })
		return func(a *Analysis) error {
			for i := range all {
				a.add(&record{Record: all[i]})
			}
			return nil
		}
	}
	of := func(i int) int {
		head, _, _ := strings.Cut(scripts[i], "\n")
		h := fnv.New32a()
		fmt.Fprint(h, head)
		return int(h.Sum32() % 16)
	}
	whole := New(Options{})
	if err := feed(func(int) bool { return true })(whole); err != nil {
		t.Fatal(err)
	}
	one, err := whole.Summary()
	if err != nil {
		t.Fatal(err)
	}
	var parts []*Part
	for n := range 16 {
		parts = append(parts, partFrom(t, fmt.Sprint(n), Options{}, feed(func(i int) bool { return of(i) == n })))
	}
	slices.Reverse(parts)
	merged, err := MergeParts(parts, PortRange{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(reportOf(t, one), reportOf(t, merged)); d != "" {
		t.Errorf("one run -, merged +:\n%s", d)
	}
	found := map[FindingKind]int{}
	for _, f := range merged.Findings {
		found[f.Kind] = f.Connections
	}
	for kind, n := range map[FindingKind]int{FindIdle: 9, FindCloseWait: 6, FindSYN: 5, FindExhaustion: 700, FindHalfOpen: 7} {
		if found[kind] != n {
			t.Errorf("%s: %d connections, want %d", kind, found[kind], n)
		}
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

// TestPartialFull: the error of a full disk ends the analysis, and is said once.
func TestPartialFull(t *testing.T) {
	all := recorded(t, capturetest.Config{Seed: 3, Connections: 2000})
	w := NewPartialWriter(full{}, nil, Filter{})
	a := New(Options{Partial: w})
	if err := a.ReadAll(&replay{all[len(all)/2:]}); err != nil {
		t.Fatal(err)
	}
	_, err := a.Summary()
	if !errors.Is(err, errFull) || strings.Count(err.Error(), errFull.Error()) != 1 {
		t.Errorf("the Summary's error: %.200v", err)
	}
	if err := w.Close(a); !errors.Is(err, errFull) {
		t.Errorf("that of Close: %v", err)
	}
}
