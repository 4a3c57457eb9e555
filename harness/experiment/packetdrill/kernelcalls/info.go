package kernelcalls

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"
)

// info is struct tcp_info by the names of its fields, as far as this kernel filled it in.
func info(b []byte) map[string]int64 {
	t := reflect.TypeFor[unix.TCPInfo]()
	fields := map[string]int64{}
	for i := range t.NumField() {
		f := t.Field(i)
		at, size := int(f.Offset), int(f.Type.Size())
		if f.Name == "_" || at+size > len(b) {
			continue
		}
		if n, ok := integer(b[at : at+size]); ok {
			fields["tcpi_"+strings.ToLower(f.Name)] = n
		}
	}
	bits(fields, b)
	return fields
}

func integer(b []byte) (int64, bool) {
	switch ne := binary.NativeEndian; len(b) {
	case 1:
		return int64(b[0]), true
	case 2:
		return int64(ne.Uint16(b)), true
	case 4:
		return int64(ne.Uint32(b)), true
	case 8:
		return int64(ne.Uint64(b)), true
	}
	return 0, false
}

// bits are the two bytes of fields that share one, which unix.TCPInfo does not name. The
// order of such fields in a byte is the machine's.
func bits(fields map[string]int64, b []byte) {
	if len(b) < 8 {
		return
	}
	low := func(v byte, from, n uint) int64 {
		if !bytes.Equal(binary.NativeEndian.AppendUint16(nil, 1), []byte{1, 0}) {
			from = 8 - from - n
		}
		return int64(v>>from) & (1<<n - 1)
	}
	fields["tcpi_snd_wscale"], fields["tcpi_rcv_wscale"] = low(b[6], 0, 4), low(b[6], 4, 4)
	fields["tcpi_delivery_rate_app_limited"], fields["tcpi_fastopen_client_fail"] = low(b[7], 0, 1), low(b[7], 1, 2)
}
