package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var orders = map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPcapFormats(t *testing.T) {
	for name, order := range orders {
		for magic, want := range map[uint32]time.Time{
			0xa1b2c3d4: time.Unix(1700000000, 123456000),
			0xa1b23c4d: time.Unix(1700000000, 123456),
		} {
			file := pcapFile(order, magic, 101, unhex(t, synHex), unhex(t, fin6Hex))
			for _, f := range [][]byte{file, gzipped(t, file)} {
				r, all := mustRead(t, f)
				if len(all) != 2 || !all[0].Time.Equal(want) || !all[1].Time.Equal(want.Add(time.Second)) {
					t.Errorf("%s %x: %v, want first at %v", name, magic, all, want)
				}
				if got := r.Interfaces(); len(got) != 1 || got[0].Link != "RAW (Raw IPv4/IPv6)" {
					t.Errorf("%s %x: interfaces %v", name, magic, got)
				}
			}
		}
	}
}

// A pipe hands over what is there: a packet is returned before the next is written.
func TestReaderOnAPipe(t *testing.T) {
	file := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, unhex(t, synHex), unhex(t, fin6Hex))
	cut := len(file) - len(unhex(t, fin6Hex)) - 16
	pr, pw := io.Pipe()
	more := make(chan struct{})
	go func() {
		pw.Write(file[:cut])
		<-more
		pw.Write(file[cut:])
		pw.Close()
	}()
	r, err := NewReader(pr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	close(more)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
}

// Two sections of different byte orders, interfaces of different link types,
// directions, comments, blocks of no interest.
func TestPcapngSections(t *testing.T) {
	syn, fin6 := unhex(t, synHex), unhex(t, fin6Hex)
	frame := join(unhex(t, "020000000001 020000000002 0800"), syn)
	var file []byte
	for _, name := range []string{"big", "little"} {
		o := orders[name]
		flags := func(n uint32) []byte { return option(o, 2, o.AppendUint32(nil, n)) }
		file = join(file, sectionBlock(o),
			block(o, 4, make([]byte, 8)),          // name resolution
			block(o, 0x0bad, make([]byte, 70000)), // custom, larger than any buffer
			interfaceBlock(o, 1, name+"0"),
			interfaceBlock(o, 101, name+"1"),
			interfaceBlock(o, 195, name+"2"), // 802.15.4
			packetBlock(o, 0, at(0), frame, flags(1)),
			packetBlock(o, 1, at(1), fin6, flags(2), option(o, 1, []byte("first")), option(o, 1, []byte("second"))),
			packetBlock(o, 2, at(2), syn),
			packetBlock(o, 1, at(3), syn, flags(0)),
			block(o, blockSimple, join(o.AppendUint32(nil, uint32(len(frame))), frame)),
		)
	}
	r, all := mustRead(t, file)
	if len(all) != 8 {
		t.Fatalf("%d packets, want 8: %v", len(all), all)
	}
	for s := range 2 {
		p := all[4*s : 4*s+4]
		want := []struct {
			data  []byte
			iface int
			dir   Direction
			when  time.Time
			note  string
		}{
			{syn, 0, Incoming, at(0), ""}, {fin6, 1, Outgoing, at(1), "first\nsecond"},
			{syn, 1, DirectionUnknown, at(3), ""}, {syn, 0, DirectionUnknown, time.Time{}, ""},
		}
		for i, w := range want {
			if !bytes.Equal(p[i].Data, w.data) || p[i].Interface != w.iface+3*s || p[i].Direction != w.dir || !p[i].Time.Equal(w.when) || p[i].Comment != w.note {
				t.Errorf("section %d packet %d: %+v, want %+v", s, i, p[i], w)
			}
		}
	}
	if s := r.Skipped(); s != (Skipped{UnknownLink: 2}) {
		t.Errorf("skipped %+v", s)
	}
	ifs := r.Interfaces()
	if len(ifs) != 6 || ifs[0] != (Interface{"big0", "EN10MB (Ethernet)"}) || ifs[4] != (Interface{"little1", "RAW (Raw IPv4/IPv6)"}) {
		t.Errorf("interfaces %v", ifs)
	}
}

func TestDamagedFiles(t *testing.T) {
	le := binary.LittleEndian
	syn := unhex(t, synHex)
	good := slices.Clip(pcapFile(le, 0xa1b2c3d4, 101, syn))
	ng := join(sectionBlock(le), interfaceBlock(le, 101, "i"), packetBlock(le, 0, at(0), syn))
	lying := packetBlock(le, 0, at(0), syn)
	le.PutUint32(lying[20:], 4000)
	huge := packetBlock(le, 0, at(0), syn)
	le.PutUint32(huge[4:], 1<<31)
	wrongSum := gzipped(t, good)
	wrongSum[len(wrongSum)-8]++
	version3 := slices.Clone(good)
	version3[4] = 3
	cases := []struct {
		name string
		file []byte
		good int    // packets before the damage
		is   error  // what the error wraps
		says string // what it says
	}{
		{"empty", nil, 0, ErrFormat, "0 bytes"},
		{"text", []byte("GET / HTTP/1.1\r\n\r\n and so on and on"), 0, ErrFormat, "47 45 54 20"},
		{"gzipped text", gzipped(t, []byte("not a capture")), 0, ErrFormat, "6e 6f 74"},
		{"pcap header cut", good[:20], 0, io.ErrUnexpectedEOF, "header"},
		{"802.15.4", pcapFile(le, 0xa1b2c3d4, 195), 0, ErrLinkType, "IEEE802_15_4 (IEEE 802.15.4 with FCS), number 195"},
		{"record header cut", join(good, make([]byte, 15)), 1, io.ErrUnexpectedEOF, "packet 2 of the file, at byte 80"},
		{"record body missing", appendRecord(le, good, 1, 40, 40, nil), 1, io.ErrUnexpectedEOF, "packet 2"},
		{"record body cut", good[:len(good)-1], 0, io.ErrUnexpectedEOF, "packet 1"},
		{"captured 4 GB", appendRecord(le, good, 1, 0xffffffff, 0xffffffff, syn), 1, ErrMalformed, "packet 2"},
		{"pcapng section cut", ng[:20], 0, io.ErrUnexpectedEOF, "header"},
		{"pcapng block header cut", join(ng, make([]byte, 3)), 1, io.ErrUnexpectedEOF, fmt.Sprintf("packet 2 of the file, at byte %d", len(ng))},
		{"pcapng block cut", ng[:len(ng)-1], 0, io.ErrUnexpectedEOF, "packet 1"},
		{"pcapng packet of no interface", join(ng, packetBlock(le, 7, at(0), syn)), 1, ErrMalformed, "packet 2"},
		{"pcapng capture longer than block", join(ng, lying), 1, ErrMalformed, "4000"},
		{"pcapng block of 2 GB", join(ng, huge), 1, ErrMalformed, "packet 2"},
		{"pcapng block of length 0", join(ng, make([]byte, 12)), 1, ErrMalformed, "length 0"},
		{"pcapng without byte order", join(ng, block(le, blockSection, make([]byte, 16))), 1, ErrMalformed, "byte order"},
		{"gzip cut", gzipped(t, good)[:40], 0, io.ErrUnexpectedEOF, ""},
		{"gzip cut in its header", gzipped(t, good)[:5], 0, io.ErrUnexpectedEOF, "gzip"},
		{"gzip with a wrong checksum", wrongSum, 1, ErrMalformed, "packet 2 of the file, at byte 80 of the unpacked data"},
		{"gzip with something behind", append(gzipped(t, good), "something else"...), 1, ErrMalformed, "gzip"},
		{"pcap of version 3", version3, 0, ErrFormat, "version 3.4"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var all []Packet
			r, err := NewReader(bytes.NewReader(c.file))
			if err == nil {
				if all, err = ReadAll(r); err != nil {
					if _, again := r.Next(); again != err {
						t.Errorf("the error is not for good: %v, then %v", err, again)
					}
				}
			}
			if !errors.Is(err, c.is) || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v; want one that wraps %v and says %q", err, c.is, c.says)
			}
			if len(all) != c.good {
				t.Errorf("%d packets before the damage, want %d", len(all), c.good)
			}
		})
	}
}

// What the file system says comes through as it is.
func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, file := range [][]byte{
		pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, unhex(t, synHex)),
		join(sectionBlock(binary.LittleEndian), interfaceBlock(binary.LittleEndian, 101, "i"), packetBlock(binary.LittleEndian, 0, at(0), unhex(t, synHex))),
	} {
		r, err := NewReader(io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)))
		if err != nil {
			t.Fatal(err)
		}
		all, err := ReadAll(r)
		if len(all) != 1 || !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
			t.Errorf("%d packets, %v", len(all), err)
		}
	}
}

// The upper bits of a pcap file's link type tell of a frame check sequence
// behind each packet, which is no part of it.
func TestFrameCheckSequence(t *testing.T) {
	syn := unhex(t, synHex)
	frame := join(unhex(t, "020000000001 020000000002 0800"), syn, []byte("fcs!"))
	_, all := mustRead(t, pcapFile(binary.BigEndian, magicNanos, 0x44000001, frame))
	if len(all) != 1 || !bytes.Equal(all[0].Data, syn) || all[0].OrigLen != len(syn) {
		t.Errorf("%+v", all)
	}
}

// A source that returns nothing, again and again, is given up.
func TestReaderWithoutProgress(t *testing.T) {
	file := pcapFile(binary.LittleEndian, magicMicros, 101, unhex(t, synHex))
	r := &Reader{in: newWindow(io.MultiReader(bytes.NewReader(file), idle{}))}
	var err error
	if r.pcap, err = openPcap(r.in); err != nil {
		t.Fatal(err)
	}
	if all, err := ReadAll(r); len(all) != 1 || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%d packets, %v", len(all), err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// endless is a file header followed by the same bytes for ever.
type endless struct{ head, loop []byte }

func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) == 0 {
		e.head = e.loop
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	return n, nil
}

// Files made to fill the memory end with an error instead.
func TestReaderMemoryIsBounded(t *testing.T) {
	le := binary.LittleEndian
	section := sectionBlock(le)
	raw := interfaceBlock(le, 101, "i")
	huge := pcapFile(le, 0xa1b2c3d4, 101)
	le.PutUint32(huge[16:], 0xffffffff) // snap length
	cases := map[string]io.Reader{
		"pcap record of 4 GB": &endless{appendRecord(le, huge, 0, 0xfffffff0, 0xfffffff0, nil), make([]byte, 4096)},
		"pcapng interfaces":   &endless{section, raw},
		"options, no end":     &endless{join(section, raw, bytes.Replace(packetBlock(le, 0, at(0), nil), le.AppendUint32(nil, 32), le.AppendUint32(nil, maxRecord), 1)[:28]), option(le, 1, []byte("comment"))},
		"gzip bomb":           bytes.NewReader(gzipped(t, appendRecord(le, huge, 0, 64<<20, 64<<20, make([]byte, 64<<20)))),
	}
	for name, file := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := NewReader(file)
			for err == nil {
				_, err = r.Next()
			}
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want one that wraps ErrMalformed", err)
			}
			// All that was ever allocated, garbage included.
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 1024 {
				t.Errorf("%d MiB allocated", used)
			} else {
				t.Logf("%d MiB allocated in all, %v", used, err)
			}
		})
	}
}

// A packet may have a million comments, which takes no longer than reading them.
func TestManyComments(t *testing.T) {
	le := binary.LittleEndian
	const n = 1_000_000
	notes := bytes.Repeat(option(le, 1, []byte("ACK?")), n)
	file := join(sectionBlock(le), interfaceBlock(le, 101, "i"), packetBlock(le, 0, at(0), unhex(t, synHex), notes))
	_, all := mustRead(t, file)
	if len(all) != 1 || len(all[0].Comment) != 5*n-1 {
		t.Fatalf("%d packets", len(all))
	}
}
