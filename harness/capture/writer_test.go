package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample has every feature that pcapng keeps.
func sample(t testing.TB) []Packet {
	syn, fin6 := unhex(t, synHex), unhex(t, fin6Hex)
	return []Packet{
		{Time: at(0), Data: syn, OrigLen: len(syn), Direction: Outgoing},
		{Time: at(1), Data: fin6, OrigLen: len(fin6), Interface: 1, Direction: Incoming, Comment: "the first FIN"},
		{Time: at(2), Data: syn[:33], OrigLen: len(syn), Comment: "cut, ünïcode"},
		{Time: at(2), Data: fin6[:1], OrigLen: len(fin6), Interface: 1},
	}
}

type fileWriter interface {
	Write(Packet) error
	Flush() error
	Close() error
}

func writeAll(t testing.TB, w fileWriter, packets []Packet) {
	t.Helper()
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := w.Write(packets[0]); !errors.Is(err, ErrWriterClosed) {
		t.Errorf("Write after Close: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, ErrWriterClosed) {
		t.Errorf("Flush after Close: %v", err)
	}
}

func sampleNg(t testing.TB) []byte {
	var file bytes.Buffer
	w, err := NewWriter(&file, WriterConfig{Interfaces: []string{"tun0", "host"}, Comment: "experiment: three-way"})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, sample(t))
	return file.Bytes()
}

// oneInterface is sample on a single interface, which has another link type.
func oneInterface(t testing.TB) []byte {
	var file bytes.Buffer
	w, err := NewWriter(&file, WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	packets := sample(t)
	for i := range packets {
		packets[i].Interface = 0
	}
	writeAll(t, w, packets)
	return file.Bytes()
}

func samplePcap(t testing.TB) []byte {
	var file bytes.Buffer
	w, err := NewPcapWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, sample(t))
	return file.Bytes()
}

func TestPcapngRoundTrip(t *testing.T) {
	file := sampleNg(t)
	r, all := mustRead(t, file)
	if d := cmp.Diff(sample(t), all); d != "" {
		t.Errorf("read back (-written +read):\n%s", d)
	}
	want := []Interface{{"tun0", "RAW (Raw IPv4/IPv6)"}, {"host", "RAW (Raw IPv4/IPv6)"}} // link types 12
	if d := cmp.Diff(want, r.Interfaces()); d != "" {
		t.Errorf("interfaces:\n%s", d)
	}
	for _, s := range []string{"lastack", "written by lastack\nexperiment: three-way"} {
		if !bytes.Contains(file, []byte(s)) {
			t.Errorf("the file does not say %q", s)
		}
	}
}

func TestPcapRoundTrip(t *testing.T) {
	want := sample(t)
	for i := range want {
		want[i].Interface, want[i].Direction, want[i].Comment = 0, DirectionUnknown, ""
	}
	_, all := mustRead(t, samplePcap(t))
	if d := cmp.Diff(want, all); d != "" {
		t.Errorf("read back (-written +read):\n%s", d)
	}
}

// The bytes of a packet block, so that a change of the format is noticed.
func TestPcapngGolden(t *testing.T) {
	le := binary.LittleEndian
	p := sample(t)[1]
	want := packetBlock(le, 1, p.Time, p.Data, option(le, 1, []byte(p.Comment)), option(le, 2, []byte{1, 0, 0, 0}))
	if !bytes.Contains(sampleNg(t), want) {
		t.Errorf("no such block in the file: % x", want)
	}
}

func TestZeroPacketFields(t *testing.T) {
	for name, open := range map[string]func(*bytes.Buffer) (fileWriter, error){
		"pcapng": func(b *bytes.Buffer) (fileWriter, error) { return NewWriter(b, WriterConfig{}) },
		"pcap":   func(b *bytes.Buffer) (fileWriter, error) { return NewPcapWriter(b) },
	} {
		var file bytes.Buffer
		w, err := open(&file)
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, []Packet{{Data: unhex(t, synHex)}})
		_, all := mustRead(t, file.Bytes())
		if len(all) != 1 || all[0].OrigLen != 40 || !all[0].Time.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

func TestFlushWritesOut(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(sample(t)[0]); err != nil {
		t.Fatal(err)
	}
	if file.Len() != 0 {
		t.Errorf("%d bytes written before Flush", file.Len())
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, all := mustRead(t, file.Bytes()); len(all) != 1 {
		t.Errorf("%d packets after Flush", len(all))
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<16)
	for _, p := range []Packet{{Interface: 1}, {Interface: -1}, {Comment: long}} {
		if err := w.Write(p); err == nil {
			t.Errorf("interface %d, comment of %d bytes: written", p.Interface, len(p.Comment))
		}
	}
	for _, c := range []WriterConfig{{Comment: long}, {Interfaces: []string{long}}, {Interfaces: []string{"", long}}} {
		if _, err := NewWriter(&bytes.Buffer{}, c); err == nil {
			t.Error("a file header with a string of 65536 bytes: written")
		}
	}
	old, err := NewPcapWriter(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Write(Packet{Time: time.Unix(1<<32, 0), Data: []byte{0x45}}); err == nil {
		t.Error("a time after 2106 in pcap: written")
	}
}

func TestWriterConcurrently(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, WriterConfig{Interfaces: []string{"wire", "host"}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for iface := range 2 {
		wg.Go(func() {
			for i := range 500 {
				if err := w.Write(Packet{Time: at(i), Data: udp4(uint16(i), nil), Interface: iface}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := w.WriteDrops(1, at(501), 500, 7); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var next [2]uint16
	_, all := mustRead(t, file.Bytes())
	for _, p := range all {
		if got := binary.BigEndian.Uint16(p.Data[22:]); got != next[p.Interface] {
			t.Fatalf("interface %d: packet %d, want %d", p.Interface, got, next[p.Interface])
		}
		next[p.Interface]++
	}
	if next != [2]uint16{500, 500} {
		t.Errorf("%v packets, want 500 of each", next)
	}
}

// tool runs a program that reads capture files.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed (apt install %s), so it cannot judge the file", name, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return string(out)
}

// What tcpdump makes of the files: times to the nanosecond, all packets.
func TestTcpdumpReadsTheFiles(t *testing.T) {
	for name, file := range map[string][]byte{"two.pcapng": sampleNg(t), "one.pcapng": oneInterface(t), "a.pcap": samplePcap(t)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, file, 0o644); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(tool(t, "tcpdump", "-nn", "--nano", "-r", path)), "\n")
			want := []string{
				"22:13:20.123456789 IP 127.0.0.1.40000 > 127.0.0.1.80: Flags [S], seq 1,",
				"22:13:21.123456789 IP6 ::1.80 > ::1.40000: Flags [F.], seq 5, ack 6,",
				"22:13:22.123456789 IP ",
				"22:13:22.123456789 ",
			}
			if len(lines) != len(want) {
				t.Fatalf("%d lines:\n%s", len(lines), strings.Join(lines, "\n"))
			}
			for i := range want {
				if !strings.Contains(lines[i], want[i]) {
					t.Errorf("line %d: %s\nwant it to have %s", i+1, lines[i], want[i])
				}
			}
		})
	}
}

// tshark also tells interfaces, directions and comments, and checks checksums.
func TestTsharkReadsThePcapng(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcapng")
	if err := os.WriteFile(path, sampleNg(t), 0o644); err != nil {
		t.Fatal(err)
	}
	fields := []string{"frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.len", "frame.cap_len",
		"tcp.flags.fin", "tcp.checksum.status", "frame.comment"}
	args := []string{"-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-E", "separator=|"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	got := strings.Split(strings.TrimSuffix(tool(t, "tshark", args...), "\n"), "\n")
	want := []string{
		"1700000000.123456789|tun0|0x00000002|40|40|0|1|",
		"1700000001.123456789|host|0x00000001|60|60|1|1|the first FIN",
		"1700000002.123456789|tun0||40|33||",
		"1700000002.123456789|host||60|1||",
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d: %s\nwant        %s", i+1, got[i], want[i])
		}
	}
}

func BenchmarkWritePcapng(b *testing.B) {
	w, err := NewWriter(discard{}, WriterConfig{})
	if err != nil {
		b.Fatal(err)
	}
	p := Packet{Time: at(0), Data: unhex(b, synHex), OrigLen: 40, Direction: Outgoing}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(p); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkRead(b *testing.B) {
	le := binary.LittleEndian
	frame := join(unhex(b, "020000000001 020000000002 0800"), unhex(b, synHex))
	for name, file := range map[string]*endless{
		"pcap":         {pcapFile(le, 0xa1b2c3d4, 1), appendRecord(le, nil, 0, len(frame), len(frame), frame)},
		"pcapng":       {join(sectionBlock(le), interfaceBlock(le, 1, "i")), packetBlock(le, 0, at(0), frame)},
		"pcapng flags": {join(sectionBlock(le), interfaceBlock(le, 1, "i")), packetBlock(le, 0, at(0), frame, option(le, 2, []byte{1, 0, 0, 0}))},
	} {
		file.loop = bytes.Repeat(file.loop, 1000) // so that the source costs little
		b.Run(name, func(b *testing.B) {
			r, err := NewReader(file)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleReader() {
	var file bytes.Buffer
	w, err := NewPcapWriter(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Write(Packet{Time: time.Unix(1, 0), Data: udp4(53, []byte("question"))})
	w.Close()

	r, err := NewReader(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := ReadAll(r)
	if err != nil {
		fmt.Println(err)
	}
	for _, p := range all {
		fmt.Println(p.Time.Unix(), p.OrigLen, r.Interfaces()[p.Interface].Link)
	}
	// Output: 1 36 RAW (Raw IPv4/IPv6)
}
