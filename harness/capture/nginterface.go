package capture

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// maxName is how much of an interface's name is kept, in bytes: more than any
// system allows.
const maxName = 256

// ngInterface is what an interface description block says.
type ngInterface struct {
	name   string
	link   layers.LinkType
	snap   uint32 // captured at most; 0 is no limit
	units  uint64 // of a timestamp, in a second
	offset int64  // seconds to add to each timestamp
}

// addInterface reads an interface description block.
func (f *ngStream) addInterface(body []byte) error {
	if len(body) < 8 {
		return fmt.Errorf("%w: a pcapng interface block of %d bytes", ErrMalformed, len(body)+blockFrame)
	}
	if len(f.ifs) == maxInterfaces {
		return fmt.Errorf("%w: the file has more than %d interfaces by here", ErrMalformed, maxInterfaces)
	}
	i := ngInterface{link: layers.LinkType(f.order.u16(body)), snap: f.order.u32(body[4:]), units: 1e6}
	var err error
	f.options(body[8:], func(code uint16, v []byte) {
		switch {
		case code == 2: // if_name
			i.name = string(v[:min(len(v), maxName)])
		case code == 9 && len(v) == 1 && err == nil: // if_tsresol
			i.units, err = unitsPerSecond(v[0])
		case code == 14 && len(v) == 8: // if_tsoffset
			i.offset = int64(f.order.u64(v))
		}
	})
	if err != nil {
		return err
	}
	f.ifs = append(f.ifs, i)
	return nil
}

// unitsPerSecond reads a timestamp resolution: a negative power of ten, or with
// the highest bit of two.
func unitsPerSecond(resolution byte) (uint64, error) {
	n := resolution & 0x7f
	if resolution&0x80 != 0 && n < 64 {
		return 1 << n, nil
	}
	if resolution&0x80 != 0 || n > 19 {
		return 0, fmt.Errorf("%w: a pcapng interface counts time in units of %#x, finer than 64 bits hold", ErrMalformed, resolution)
	}
	units := uint64(1)
	for range n {
		units *= 10
	}
	return units, nil
}

// time converts a timestamp. Dividing by a constant is several times as fast as
// by a variable, and nearly every file has one of two units. The standard says that
// timestamps are unsigned, and writers whose clock starts later than their packets write
// negative ones.
func (i *ngInterface) time(ts uint64) time.Time {
	negative := int64(ts) < 0 && i.units <= 1e9
	if negative {
		ts = -ts
	}
	var seconds, nanos uint64
	switch i.units {
	case 1e9:
		seconds, nanos = ts/1e9, ts%1e9
	case 1e6:
		seconds, nanos = ts/1e6, ts%1e6*1000
	default:
		seconds = ts / i.units
		hi, lo := bits.Mul64(ts%i.units, 1e9)
		nanos, _ = bits.Div64(hi, lo, i.units)
	}
	s, n := int64(seconds), int64(nanos)
	if negative {
		s, n = -s, -n
	}
	if s += i.offset; s <= firstSecond || s > lastSecond {
		return time.Time{}
	}
	return time.Unix(s, n).UTC()
}

// The seconds since 1970 of the years 1 to 9999. A time of another year cannot be written
// down (RFC 3339).
const firstSecond, lastSecond = -62_135_596_800, 253_402_300_799
