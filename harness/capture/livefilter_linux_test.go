package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// expressions are filters that people use, each of which takes some of variety's packets.
var expressions = []string{
	"tcp", "tcp port 80", "port 80", "port 80 or port 53", "tcp and not port 22", "not tcp", "not port 22",
	"host 10.0.0.1", "host 10.0.0.1 and tcp", "src host 10.0.0.1", "dst host 192.168.7.9", "net 10.0.0.0/8",
	"src net 10.0.0.0/8 and dst port 80", "ip", "ip6", "ip6 and tcp port 80", "host fd00::1", "tcp portrange 80-90",
	"tcp[tcpflags] & (tcp-rst|tcp-fin) != 0", "tcp[tcpflags] & tcp-syn != 0 and tcp[tcpflags] & tcp-ack == 0",
	"icmp", "icmp6", "udp", "udp port 53 or tcp port 80", "ip proto 6", "ip[6:2] & 0x1fff != 0", "greater 100", "",
	"(tcp port 80 or icmp) and host 10.0.0.1", "not host 10.0.0.1 and not ip6",
}

// variety is packets that filters tell apart.
func variety(t *testing.T) (all [][]byte) {
	add := func(l ...gopacket.SerializableLayer) {
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, l...); err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Clone(buf.Bytes()))
	}
	ip := func(src, dst string, p layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TTL: 9, Id: uint16(len(all) + 1), Protocol: p, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
	}
	ip6 := func(src, dst string, p layers.IPProtocol) *layers.IPv6 {
		return &layers.IPv6{Version: 6, HopLimit: 9, FlowLabel: uint32(len(all) + 1), NextHeader: p, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
	}
	tcp := func(src, dst int, with ...func(*layers.TCP)) *layers.TCP {
		s := &layers.TCP{SrcPort: layers.TCPPort(src), DstPort: layers.TCPPort(dst), ACK: true}
		for _, set := range with {
			set(s)
		}
		return s
	}
	udp := func(src, dst int) *layers.UDP {
		return &layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}
	}
	const a, b, c = "10.0.0.1", "10.0.0.2", "192.168.7.9"
	syn := func(s *layers.TCP) { s.SYN, s.ACK = true, false }
	for _, ends := range [][2]string{{a, b}, {b, a}, {b, c}, {c, c}} {
		for _, port := range []int{22, 80, 88, 443} {
			add(ip(ends[0], ends[1], 6), tcp(40000, port, syn))
			add(ip(ends[0], ends[1], 6), tcp(port, 40000, func(s *layers.TCP) { s.RST = true }))
		}
		add(ip(ends[0], ends[1], 6), tcp(40000, 80, func(s *layers.TCP) { s.FIN = true }), gopacket.Payload(make([]byte, 100)))
		add(ip(ends[0], ends[1], 17), udp(53, 40000))
		add(ip(ends[0], ends[1], 17), udp(80, 40000))
		add(ip(ends[0], ends[1], 1), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(make([]byte, 28)))
		options := ip(ends[0], ends[1], 6)
		options.Options = []layers.IPv4Option{{OptionType: 1}, {OptionType: 1}, {OptionType: 1}, {OptionType: 0}}
		add(options, tcp(40000, 80))
		later := ip(ends[0], ends[1], 6)
		later.FragOffset = 100
		add(later, gopacket.Payload([]byte{0, 80, 0, 80, 1, 2, 3, 4}))
	}
	for _, port := range []int{22, 80} {
		add(ip6("fd00::1", "fd00::2", 6), tcp(40000, port, syn))
		add(ip6("fd00::3", "fd00::2", 6), tcp(port, 40000))
	}
	add(ip6("fd00::3", "fd00::1", 58), gopacket.Payload([]byte{1, 0, 0, 0, 0, 0, 0, 0}))
	add(ip6("fd00::3", "fd00::1", 17), udp(53, 80))
	return all
}

// oracle is which packets tcpdump takes out of a file by an expression.
func oracle(t *testing.T, packets [][]byte, expr string) map[string]int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "all.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65536, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(p), Length: len(p)}, p); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("tcpdump", "-Z", "root", "-r", path, "-w", "-", "--", expr)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	switch {
	case strings.Contains(said.String(), "Couldn't change to"):
		t.Skipf("tcpdump reads no file in a user namespace: %s", &said)
	case err != nil:
		t.Fatalf("%v: %s", err, &said)
	}
	r, err := NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return tally(t, r)
}

// tally counts the packets of a source by their bytes.
func tally(t *testing.T, s Source) map[string]int {
	t.Helper()
	n := map[string]int{}
	for {
		p, err := s.Next()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n[string(p.Data)]++
	}
}

// sender puts a packet on an interface.
type sender struct {
	name   string
	record string // the interface to record
	send   func(packet []byte)
	each   int // how often the interface shows a packet
}

// TestLiveFilter: on a veth pair, loopback, a TUN and all of them, the kernel lets pass
// what tcpdump takes out of a file of the same packets.
func TestLiveFilter(t *testing.T) {
	needTcpdump(t)
	if !inNamespace(t, false) {
		return
	}
	packets := variety(t)
	wire := newPair(t)
	onWire := func(p []byte) {
		wire.send(t, etherOf(wire.header, p), p)
		wire.send(t, join(wire.header[:12], []byte{0x88, 0xb6}), p) // not IP, whatever it looks like
	}
	senders := []sender{
		{"outgoing", wire.left, onWire, 1}, {"incoming", wire.right, onWire, 1},
		{"loopback", "lo", loopback(t), 2}, {"any", AnyInterface, onWire, 2},
	}
	if tun := openTUN(t); tun != nil {
		onTUN := func(p []byte) {
			if _, err := tun.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		senders = append(senders, sender{"TUN", "tun9", onTUN, 1}, sender{"any with a TUN", AnyInterface, onTUN, 1})
	}
	for _, expr := range expressions {
		want := oracle(t, packets, expr)
		if len(want) == 0 {
			t.Fatalf("%q takes no packet: it is no test", expr)
		}
		program, err := CompileFilter(t.Context(), expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range senders {
			if err := s.compare(t, program, packets, want); err != nil {
				t.Errorf("%q, %s: %v", expr, s.name, err)
			}
		}
	}
}

func (s *sender) compare(t *testing.T, program Filter, packets [][]byte, want map[string]int) error {
	live := openLive(t, s.record, LiveConfig{Filter: program})
	defer live.Close()
	for _, p := range packets {
		s.send(p)
	}
	if err := live.Stop(); err != nil {
		return err
	}
	got := tally(t, live)
	for _, p := range packets {
		if n := got[string(p)]; n != want[string(p)]*s.each {
			return fmt.Errorf("packet % x: %d times, want %d", p[:24], n, want[string(p)]*s.each)
		}
	}
	if n := live.Stats().NonIP; n != 0 {
		return fmt.Errorf("%d packets that are not IP", n)
	}
	return nil
}

// etherOf is an Ethernet header for IPv4 or IPv6.
func etherOf(header, packet []byte) []byte {
	h := bytes.Clone(header)
	if packet[0]>>4 == 6 {
		copy(h[12:], []byte{0x86, 0xdd})
	}
	return h
}

// loopback returns a function that sends on the loopback interface.
func loopback(t *testing.T) func([]byte) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func(p []byte) {
		h := append(make([]byte, 12), 8, 0)
		if err := unix.Sendto(fd, append(etherOf(h, p), p...), 0, &unix.SockaddrLinklayer{Ifindex: lo.Index}); err != nil {
			t.Fatal(err)
		}
	}
}

// openTUN makes the interface tun9, or nil where the machine has no TUN.
func openTUN(t *testing.T) *os.File {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Logf("without a TUN: %v", err)
		return nil
	}
	f := os.NewFile(uintptr(fd), "tun9")
	t.Cleanup(func() { f.Close() })
	request, err := unix.NewIfreq("tun9")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName("tun9")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLiveFilterNoRace: packets that the filter does not take never get past it, however
// much traffic there is when the socket opens.
func TestLiveFilterNoRace(t *testing.T) {
	needTcpdump(t)
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	program, err := CompileFilter(t.Context(), "tcp")
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Sendto(wire.fd, join(wire.header, numbered(0)), 0, &unix.SockaddrLinklayer{Ifindex: wire.ifindex})
			}
		}
	}()
	for range 100 {
		live := openLive(t, wire.right, LiveConfig{Filter: program})
		if all := stopAndRead(t, live); len(all) > 0 {
			t.Errorf("%d packets got past the filter: % x", len(all), all[0].Data)
		}
		live.Close()
	}
	close(stop)
	<-done
}

// TestLiveAny: the interfaces have their names, and one that comes later has one, too.
func TestLiveAny(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	live := openLive(t, AnyInterface, LiveConfig{Index: 3})
	wire := newPair(t)
	wire.sendN(t, 0, 5)
	loopback(t)(numbered(9))
	seen := map[string]int{}
	all := stopAndRead(t, live)
	names := live.Interfaces()
	for _, p := range all {
		if n := number(p); n >= 0 {
			seen[fmt.Sprint(names[p.Interface-3], p.Direction)]++
		}
	}
	want := map[string]int{"leftout": 5, "rightin": 5, "loout": 1, "loin": 1}
	if !maps.Equal(seen, want) {
		t.Errorf("%v, want %v; interfaces %v", seen, want, names)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"left", "lo", "right"}) {
		t.Errorf("interfaces %v", names)
	}
}

// TestLiveInterfacesBound: more interfaces than can be told apart share the last place.
func TestLiveInterfacesBound(t *testing.T) {
	l := &Live{any: true}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if l.conn, err = f.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	for i := range maxNamed + 100 {
		l.rx.from.Ifindex = int32(i)
		if got, want := l.number(), min(i, maxNamed-1); got != want {
			t.Fatalf("interface %d is number %d, want %d", i, got, want)
		}
	}
	if names := l.Interfaces(); len(names) != maxNamed || names[maxNamed-1] != otherInterfaces {
		t.Errorf("%d names, the last %q", len(names), names[len(names)-1])
	}
}

// TestLiveWake: Next says when nothing comes, that the interface went down, and that it
// is gone, also where it is removed while it is down.
func TestLiveWake(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	live := openLive(t, wire.right, LiveConfig{Wake: 1, Filter: onlyUDP4})
	next := func(want error) {
		t.Helper()
		_, err := live.Next()
		for n := 0; want != ErrIdle && err == ErrIdle && n < 1_000_000; n++ {
			_, err = live.Next()
		}
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
	}
	next(ErrIdle)
	wire.sendN(t, 0, 1)
	next(nil)
	next(ErrIdle)
	link, err := netlink.LinkByName(wire.right)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	next(unix.ENETDOWN)
	next(ErrIdle)
	if err := netlink.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	next(ErrInterfaceGone)
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	next(io.EOF)
}

// onlyUDP4 keeps out what kernels send by themselves.
var onlyUDP4 = Filter{
	{Code: 0x28, K: 0xfffff000}, {Code: 0x15, K: 0x0800, Jf: 3},
	{Code: 0x30, K: 9}, {Code: 0x15, K: 17, Jf: 1}, {Code: 6, K: 1 << 18}, {Code: 6},
}
