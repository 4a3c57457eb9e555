package tuntest_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"lastack/tun/tuntest"
)

// The packets are compared with what another implementation serializes.
func TestUDP(t *testing.T) {
	for _, c := range []struct {
		name     string
		src, dst string
		payload  []byte
	}{
		{"v4", "192.0.2.1:7", "192.0.2.2:40000", []byte("payload")},
		{"v6", "[2001:db8::1]:7", "[2001:db8::2]:40000", []byte("payload!")},
		{"empty", "192.0.2.1:7", "192.0.2.2:9", nil},
		{"largest v4", "192.0.2.1:7", "192.0.2.2:9", bytes.Repeat([]byte{0xff}, 65535-28)},
		{"largest v6", "[2001:db8::1]:7", "[2001:db8::2]:9", bytes.Repeat([]byte{0xfe}, 65535-48)},
		// Chosen so that the sum is 0, which is sent as ffff.
		{"checksum 0", "192.0.2.1:0", "192.0.2.2:0", zeroSum()},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := netip.MustParseAddrPort(c.src), netip.MustParseAddrPort(c.dst)
			got, err := tuntest.UDP(src, dst, c.payload)
			if err != nil {
				t.Fatal(err)
			}
			if want := serialize(t, src, dst, c.payload); !bytes.Equal(got, want) {
				t.Errorf("got  % x\nwant % x", got[:48], want[:48])
			}
			if n := len(got) - len(c.payload); n != tuntest.HeaderLen(src.Addr()) {
				t.Errorf("the headers have %d bytes, HeaderLen says %d", n, tuntest.HeaderLen(src.Addr()))
			}
		})
	}
}

func TestUDPRefuses(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:7"), netip.MustParseAddrPort("[2001:db8::1]:7")
	for name, c := range map[string]struct {
		src, dst netip.AddrPort
		length   int
	}{
		"families": {v4, v6, 0},
		"no src":   {netip.AddrPort{}, v6, 0},
		"no dst":   {v4, netip.AddrPort{}, 0},
		"too long": {v4, v4, 65535 - 27},
		"long v6":  {v6, v6, 65535 - 47},
	} {
		if p, err := tuntest.UDP(c.src, c.dst, make([]byte, c.length)); err == nil {
			t.Errorf("%s: got %d bytes and no error", name, len(p))
		}
	}
}

func TestUDPZeroChecksum(t *testing.T) {
	got, err := tuntest.UDP(netip.MustParseAddrPort("192.0.2.1:0"), netip.MustParseAddrPort("192.0.2.2:0"), zeroSum())
	if err != nil || !bytes.Equal(got[26:28], []byte{0xff, 0xff}) {
		t.Errorf("checksum % x, %v; want ff ff", got[26:28], err)
	}
}

// zeroSum returns the payload that makes the ones' complement sum of the
// datagram from 192.0.2.1:0 to 192.0.2.2:0 all ones.
func zeroSum() []byte {
	sum := 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 2*10
	sum = sum>>16 + sum&0xffff
	return []byte{byte(^sum >> 8), byte(^sum)}
}

func serialize(t *testing.T, src, dst netip.AddrPort, payload []byte) []byte {
	t.Helper()
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	if src.Addr().Is4() {
		ip = &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolUDP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	} else {
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ip, udp, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
