package explain

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// icmpEnds gives every twelfth connection ICMP errors in place of what is sent to the client:
// from its SYN on, or from its first data, and of several kinds, from several routers.
func icmpEnds(t testing.TB, all []capture.Packet) (out []capture.Packet, errors int) {
	t.Helper()
	kinds := [][2]byte{{3, 1}, {3, 3}, {3, 13}, {3, 4}, {11, 0}}
	halted := map[uint16]bool{}
	for _, p := range all {
		s, err := segment.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		port := max(s.Src.Port, s.Dst.Port)
		toClient := s.Dst.Port == port
		if port%12 > 0 {
			out = append(out, p)
			continue
		}
		kind := kinds[port/12%5]
		late := port%24 == 0 || kind[1] == 4
		halted[port] = halted[port] || !toClient && (!late || s.PayloadLen > 0)
		if toClient && halted[port] {
			continue
		}
		if out = append(out, p); !halted[port] {
			continue
		}
		e := make([]byte, 28, 56)
		e[0], e[3], e[8], e[9], e[20], e[21] = 0x45, 56, 64, 1, kind[0], kind[1]
		copy(e[12:], []byte{192, 0, 2, byte(port/60) % 3})
		copy(e[16:], p.Data[12:16])
		binary.BigEndian.PutUint16(e[26:], 1200+port%64)
		p.Data = append(e, p.Data[:28]...)
		p.OrigLen, p.Time = len(p.Data), p.Time.Add(time.Microsecond)
		out, errors = append(out, p), errors+1
	}
	return out, errors
}

// shares splits packets into so many, each connection as a whole, with the ICMP errors
// about it.
func shares(t testing.TB, all []capture.Packet, n int) [][]capture.Packet {
	t.Helper()
	out := make([][]capture.Packet, n)
	for _, p := range all {
		b := p.Data
		if b[9] == 1 {
			b = b[28:]
		}
		a, c := fmt.Sprint(b[12:16], b[20:22]), fmt.Sprint(b[16:20], b[22:24])
		h := fnv.New32a()
		fmt.Fprint(h, min(a, c), max(a, c))
		i := h.Sum32() % uint32(n)
		out[i] = append(out[i], p)
	}
	return out
}

// TestMergedGapsAndICMP: what ICMP errors ended, and gaps between captures, are those of
// one run over all of them, whichever of them a part has; a time that one part has is no
// gap of another.
func TestMergedGapsAndICMP(t *testing.T) {
	made := func(i int, host byte) []capture.Packet {
		all := recorded(t, capturetest.Config{Seed: uint64(70 + i), Connections: 1500, Link: capturetest.RawIP, Gap: 3 * time.Millisecond})
		all, n := icmpEnds(t, shifted(all, time.Duration(i)*time.Hour, host))
		if n < 100 {
			t.Fatalf("%d ICMP errors", n)
		}
		return all
	}
	captures := [][]capture.Packet{made(0, 0), made(1, 0), made(2, 0)}
	// One of other hosts, and one that lasts from the first to that.
	other := made(1, 32)
	bridge := shifted(recorded(t, capturetest.Config{Seed: 80, Connections: 150, Link: capturetest.RawIP, Gap: 25 * time.Second, Servers: 1}), 0, 64)
	opt := Options{Ports: PortRange{32768, 34367}}
	for name, tt := range map[string]struct {
		files [][]capture.Packet
		gaps  string
		time  string
		parts func(t *testing.T) [][][]capture.Packet // of files
	}{
		"by connection": {captures, "there are 2 gaps", "in 18 s from", func(t *testing.T) [][][]capture.Packet {
			parts := make([][][]capture.Packet, 64)
			for _, c := range captures {
				for i, share := range shares(t, c, len(parts)) {
					parts[i] = append(parts[i], share)
				}
			}
			return parts
		}},
		"by time and connection": {captures, "there are 2 gaps", "in 18 s from", func(t *testing.T) (parts [][][]capture.Packet) {
			for _, c := range captures {
				for _, share := range shares(t, c, 21) {
					parts = append(parts, [][]capture.Packet{share})
				}
			}
			return parts
		}},
		"bridged": {[][]capture.Packet{captures[0], other, bridge, captures[2]}, "there is 1 gap", "in 61 min from", func(t *testing.T) [][][]capture.Packet {
			return [][][]capture.Packet{{captures[0], other}, {bridge}, {captures[2]}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(files [][]capture.Packet) func(*Analysis) error {
				return func(a *Analysis) error {
					var all []capture.Source
					for _, f := range files {
						all = append(all, &replay{f})
					}
					return a.ReadAll(NewMerge(all))
				}
			}
			a := New(opt)
			if err := read(tt.files)(a); err != nil {
				t.Fatal(err)
			}
			one, err := a.Summary()
			if err != nil {
				t.Fatal(err)
			}
			want := reportOf(t, one)
			for _, has := range []string{tt.gaps, tt.time, string(FindWhoCloses), string(FindUnreachable), string(FindPathMTU), "and others sent"} {
				if !strings.Contains(strings.Join(strings.Fields(want), " "), has) {
					t.Errorf("nothing is said of %q:\n%s", has, want)
				}
			}
			var parts []*Part
			for i, files := range tt.parts(t) {
				parts = append(parts, partFrom(t, fmt.Sprintf("%02d.pcap", i), opt, read(files)))
			}
			r := rand.New(rand.NewPCG(3, 4))
			for range 2 {
				r.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
				s, err := MergeParts(fresh(parts), opt.Ports)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, reportOf(t, s)); d != "" {
					t.Fatalf("one run -, merged +:\n%s", d)
				}
			}
		})
	}
}
