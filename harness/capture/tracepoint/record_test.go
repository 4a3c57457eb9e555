package tracepoint

import (
	"encoding/binary"
	"slices"
	"testing"
)

// record makes one of the kernel's: a type, and words of 4 or 8 bytes and text.
func record(kind uint32, parts ...any) []byte {
	b := binary.NativeEndian.AppendUint32(nil, kind)
	b = append(b, 0, 0, 0, 0)
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.NativeEndian.AppendUint32(b, uint32(p))
		case uint64:
			b = binary.NativeEndian.AppendUint64(b, p)
		case string:
			b = append(b, p...)
		}
	}
	binary.NativeEndian.PutUint16(b[6:], uint16(len(b)))
	return b
}

// stream is one record of each kind, and one of a kind that is not known.
func stream() []byte {
	id := []any{812, 812, uint64(77)}
	return slices.Concat(
		record(typeSample, 812, 813, uint64(5), 4, "raw!"),
		record(12, 1, 2, 3, 4, uint64(6)),
		record(typeComm, append([]any{812, 812, "nginx\x00\x00\x00"}, id...)...),
		record(typeFork, append([]any{813, 812, 813, 812, uint64(70)}, id...)...),
		record(typeLost, append([]any{uint64(1), uint64(42)}, id...)...),
		record(typeSample, -1, -1, uint64(6), 0),
	)
}

func TestRecords(t *testing.T) {
	var got []Record
	if left := Records(append(stream(), 9, 0, 0), func(r *Record) { got = append(got, *r) }); left != 3 {
		t.Errorf("%d bytes left", left)
	}
	want := []Record{
		{Kind: Sample, PID: 812, TID: 813, Time: 5, Raw: []byte("raw!")},
		{Kind: Named, PID: 812, TID: 812, Time: 77, Comm: "nginx"},
		{Kind: Forked, PID: 813, TID: 813, Parent: 812, Time: 77},
		{Kind: Lost, N: 42, Time: 77},
		{Kind: Sample, Time: 6, Raw: []byte{}},
	}
	if !slices.EqualFunc(got, want, func(a, b Record) bool {
		same := string(a.Raw) == string(b.Raw)
		a.Raw, b.Raw = nil, nil
		return same && a.Kind == b.Kind && a.PID == b.PID && a.TID == b.TID && a.Time == b.Time && a.Parent == b.Parent && a.Comm == b.Comm && a.N == b.N
	}) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

// TestRecordsTooShort: what does not hold what it ought to is passed over.
func TestRecordsTooShort(t *testing.T) {
	for name, data := range map[string][]byte{
		"sample":             record(typeSample, 1, 2),
		"raw beyond the end": record(typeSample, 1, 2, uint64(3), 100, "raw!"),
		"name":               record(typeComm, 1, 2),
		"lost":               record(typeLost, uint64(1), 1, 2, uint64(3)),
		"size 0":             make([]byte, 16),
	} {
		Records(data, func(r *Record) { t.Errorf("%s: %+v", name, r) })
	}
}

func FuzzRecords(f *testing.F) {
	state, sent := load(f, "inet_sock_set_state"), load(f, "tcp_send_reset")
	d := decoder(f, state, sent, load(f, "tcp_receive_reset"), load(f, "kfree_skb"))
	f.Add(stream())
	f.Add(record(typeSample, 1, 2, uint64(3), 128, string(raw(sent, map[string]any{"saddr": sockaddr4(1, 1, 2, 3, 4), "daddr": sockaddr4(1, 1, 2, 3, 4)}))))
	f.Add(record(typeSample, 1, 2, uint64(3), 128, string(raw(state, map[string]any{"protocol": 6}))))
	f.Fuzz(func(t *testing.T, data []byte) {
		Records(data, func(r *Record) {
			if r.PID < 0 || r.TID < 0 || len(r.Comm) > maxComm || len(r.Raw) > len(data) {
				t.Errorf("%+v", r)
			}
			if r.Kind == Sample {
				d.Decode(r)
			}
		})
	})
}
