package tracepoint

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// raw makes a record of a format: numbers and bytes by field.
func raw(f *Format, values map[string]any) []byte {
	rec := make([]byte, 128)
	put := func(name string, v any) {
		at := f.fields[name]
		switch v := v.(type) {
		case []byte:
			copy(rec[at.Offset:at.Offset+at.Size], v)
		case int:
			b := make([]byte, 8)
			binary.NativeEndian.PutUint64(b, uint64(v))
			if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 { // big-endian
				b = b[8-at.Size:]
			}
			copy(rec[at.Offset:at.Offset+at.Size], b)
		}
	}
	put("common_type", int(f.ID))
	for name, v := range values {
		put(name, v)
	}
	return rec
}

func sockaddr4(port uint16, addr ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, inet)
	return append(binary.BigEndian.AppendUint16(b, port), addr...)
}

func sockaddr6(port uint16, addr string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, inet6)
	b = append(binary.BigEndian.AppendUint16(b, port), 0, 0, 0, 0)
	a := netip.MustParseAddr(addr).As16()
	return append(b, a[:]...)
}

// field lays fields out one behind another, as kernels do.
func format(t testing.TB, name string, id int, fields ...string) *Format {
	t.Helper()
	text := fmt.Sprintf("name: %s\nID: %d\nformat:\n", name, id)
	text += "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	at := 8
	for _, f := range fields {
		var size int
		var decl string
		if _, err := fmt.Sscanf(f, "%d", &size); err != nil {
			t.Fatal(err)
		}
		decl = f[len(fmt.Sprint(size))+1:]
		text += fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:0;\n", decl, at, size)
		at += size
	}
	f, err := ParseFormat(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// decoder knows the given formats.
func decoder(t testing.TB, formats ...*Format) *Decoder {
	t.Helper()
	d := NewDecoder()
	for _, f := range formats {
		for _, p := range Tracepoints() {
			if p.Name != f.Name {
				continue
			}
			if err := d.Add(&p, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// TestDecode: records as Linux 6.18 lays them out, and as 4.16 to 6.9 did.
func TestDecode(t *testing.T) {
	state, sent, got, drop := load(t, "inet_sock_set_state"), load(t, "tcp_send_reset"), load(t, "tcp_receive_reset"), load(t, "kfree_skb")
	v4, w4, v6 := []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, netip.MustParseAddr("2001:db8::1").As16()
	mapped := netip.MustParseAddr("::ffff:10.0.0.1").As16()
	// Linux 5.15: the protocol is a byte, and a RST has ports, both addresses and no reason.
	state5 := format(t, "inet_sock_set_state", 1, "8 const void * skaddr", "4 int oldstate", "4 int newstate", "2 __u16 sport", "2 __u16 dport", "2 __u16 family", "1 __u8 protocol", "4 __u8 saddr[4]", "4 __u8 daddr[4]", "16 __u8 saddr_v6[16]", "16 __u8 daddr_v6[16]")
	sent4 := format(t, "tcp_send_reset", 2, "8 const void * skbaddr", "8 const void * skaddr", "2 __u16 sport", "2 __u16 dport", "4 __u8 saddr[4]", "4 __u8 daddr[4]", "16 __u8 saddr_v6[16]", "16 __u8 daddr_v6[16]")
	a, b, c := netip.MustParseAddrPort("10.0.0.1:1000"), netip.MustParseAddrPort("10.0.0.2:80"), netip.MustParseAddrPort("[2001:db8::1]:1000")
	ports := map[string]any{"sport": 1000, "dport": 80, "saddr": v4, "daddr": w4}
	with := func(more map[string]any) map[string]any {
		m := map[string]any{}
		for _, from := range []map[string]any{ports, more} {
			for k, v := range from {
				m[k] = v
			}
		}
		return m
	}
	for name, tt := range map[string]struct {
		f      *Format
		values map[string]any
		want   Event
	}{
		"close":                      {state, with(map[string]any{"skaddr": 7, "oldstate": 1, "newstate": 4, "family": 2, "protocol": 6}), Event{Kind: StateChange, PID: 812, Socket: 7, Local: a, Remote: b, Old: Established, New: 4}},
		"softirq":                    {state, with(map[string]any{"skaddr": 7, "oldstate": 4, "newstate": 7, "family": 2, "protocol": 6, "common_flags": 0x10}), Event{Kind: StateChange, Socket: 7, Local: a, Remote: b, Old: 4, New: Closed}},
		"a thread that polls a card": {state, with(map[string]any{"oldstate": 4, "newstate": 7, "family": 2, "protocol": 6, "common_flags": 0x80}), Event{Kind: StateChange, Local: a, Remote: b, Old: 4, New: Closed}},
		"IPv6":                       {state, with(map[string]any{"oldstate": 1, "newstate": 4, "family": 10, "protocol": 6, "saddr_v6": v6[:], "daddr_v6": mapped[:]}), Event{Kind: StateChange, PID: 812, Local: c, Remote: netip.MustParseAddrPort("10.0.0.1:80"), Old: 1, New: 4}},
		"Linux 5.15":                 {state5, with(map[string]any{"oldstate": 1, "newstate": 4, "family": 2, "protocol": 6}), Event{Kind: StateChange, PID: 812, Local: a, Remote: b, Old: 1, New: 4}},
		"RST":                        {sent, map[string]any{"skbaddr": 9, "skaddr": 7, "reason": 11, "saddr": sockaddr4(1000, v4...), "daddr": sockaddr4(80, w4...)}, Event{Kind: ResetSent, PID: 812, Packet: 9, Socket: 7, Local: a, Remote: b, Reason: "TCP_ABORT_ON_CLOSE"}},
		"RST, IPv6":                  {sent, map[string]any{"reason": 99, "saddr": sockaddr6(1000, "2001:db8::1"), "daddr": sockaddr6(80, "::ffff:10.0.0.2")}, Event{Kind: ResetSent, PID: 812, Local: c, Remote: b, Reason: "reason 99"}},
		"RST, Linux 4.16":            {sent4, ports, Event{Kind: ResetSent, PID: 812, Local: a, Remote: b}},
		"RST, Linux 4.16, IPv6":      {sent4, map[string]any{"sport": 1000, "dport": 80, "saddr_v6": v6[:], "daddr_v6": v6[:]}, Event{Kind: ResetSent, PID: 812, Local: c, Remote: netip.MustParseAddrPort("[2001:db8::1]:80")}},
		"RST received":               {got, with(map[string]any{"skaddr": 7, "family": 2, "common_flags": 0x10}), Event{Kind: ResetReceived, Socket: 7, Local: a, Remote: b}},
		"drop":                       {drop, map[string]any{"skbaddr": 9, "rx_sk": 7, "protocol": 0x800, "reason": 45}, Event{Kind: Drop, PID: 812, Packet: 9, Socket: 7, Reason: "TCP_RESET"}},
	} {
		d := decoder(t, tt.f)
		tt.want.Time = 5
		r := Record{Kind: Sample, PID: 812, TID: 813, Time: 5, Raw: raw(tt.f, tt.values)}
		if e, ok := d.Decode(&r); !ok || e != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, e, ok, tt.want)
		}
		for n := range r.Raw {
			short := Record{Raw: r.Raw[:n]}
			d.Decode(&short) // no panic
		}
	}
	if d := decoder(t, sent); len(d.Reasons()) != 25 {
		t.Errorf("%d reasons", len(d.Reasons()))
	}
}

func TestDecodeNothing(t *testing.T) {
	state, sent := load(t, "inet_sock_set_state"), load(t, "tcp_send_reset")
	d := decoder(t, state, sent)
	for name, rec := range map[string][]byte{
		"empty": {}, "another tracepoint": {1, 1, 1},
		"UDP":               raw(state, map[string]any{"protocol": 17}),
		"no such state":     raw(state, map[string]any{"protocol": 6, "newstate": 300}),
		"no address family": raw(sent, nil),
	} {
		if e, ok := d.Decode(&Record{Raw: rec}); ok {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestFilter: where drops name the socket, only those of one are asked for.
func TestFilter(t *testing.T) {
	drop := Tracepoints()[3]
	old := format(t, "kfree_skb", 3, "8 void * skbaddr", "2 unsigned short protocol", "4 enum skb_drop_reason reason")
	if got := drop.Filter(old); got != "protocol == 0x800 || protocol == 0x86dd" {
		t.Error(got)
	}
	if got := drop.Filter(load(t, "kfree_skb")); got != "rx_sk != 0 && (protocol == 0x800 || protocol == 0x86dd)" {
		t.Error(got)
	}
}

// TestAddSaysWhatIsMissing: a kernel whose records tell too little is known as such.
func TestAddSaysWhatIsMissing(t *testing.T) {
	all := Tracepoints()
	d := NewDecoder()
	for _, tt := range []struct {
		f    *Format
		at   int
		want string
	}{
		{format(t, "kfree_skb", 3, "8 void * skbaddr", "2 unsigned short protocol"), 3, "tracepoint skb:kfree_skb: this kernel's has no field reason"}, // Linux 5.16
		{load(t, "kfree_skb"), 0, `tracepoint sock:inet_sock_set_state: the format file is that of "kfree_skb"`},
	} {
		if err := d.Add(&all[tt.at], tt.f); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}
