package packetdrill

import (
	"encoding/binary"

	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// number is what a number of a script is on the wire: with an offset on top, or what its
// name stands for. Names stand for numbers of the wire as they are.
func (c *conn) number(n script.Number, offset uint32) uint32 {
	s := &c.seen
	var v uint32
	switch n.Name {
	case "":
		return n.Value + offset
	case "iss":
		v = s.iss
	case "irs":
		v = s.irs
	case "snd_una":
		v = s.sndUna
	case "snd_nxt":
		v = s.sndNxt
	case "snd_wnd":
		v = s.sndWnd
	case "snd_wnd_edge":
		v = s.sndUna + s.sndWnd
	case "rcv_nxt":
		v = s.rcvNxt
	case "rcv_wnd":
		v = s.edge - s.rcvNxt
	case "rcv_wnd_edge":
		v = s.edge
	}
	return v + uint32(n.Offset)
}

// window is what the window of a script is in the header.
func (c *conn) window(n script.Number) uint16 {
	if n.Name == "rcv_wnd" && n.Offset == 0 {
		return c.seen.window
	}
	return uint16(c.number(n, 0))
}

// options are those of a script's packet, as on the wire. An outbound timestamp value is
// the script's own.
func (c *conn) options(t *script.TCP, d script.Direction) ([]packet.Option, error) {
	var all []packet.Option
	for i := range t.Options {
		o := &t.Options[i]
		data, err := c.option(o, d)
		if err != nil {
			return nil, err
		}
		all = append(all, packet.Option{Kind: uint8(o.Kind), Data: data})
	}
	return all, nil
}

func (c *conn) option(o *script.TCPOption, d script.Direction) ([]byte, error) {
	be := binary.BigEndian
	switch o.Kind {
	case script.EOL, script.NOP, script.SACKOK:
		return nil, nil
	case script.MSS:
		return be.AppendUint16(nil, o.MSS), nil
	case script.WScale:
		return []byte{o.Shift}, nil
	case script.SACK:
		var b []byte
		for _, block := range o.Blocks {
			offset := c.peer
			if d == script.Inbound { // it is the subject's data that the peer has
				offset = c.own
			}
			b = be.AppendUint32(b, c.number(block.Left, offset))
			b = be.AppendUint32(b, c.number(block.Right, offset))
		}
		return b, nil
	case script.TS:
		b := be.AppendUint32(nil, c.number(o.TSVal, 0))
		echo := c.number(o.TSEcr, 0)
		if d == script.Inbound && !o.AbsoluteEcr {
			echo = c.live(echo)
		}
		return be.AppendUint32(b, echo), nil
	case script.MD5:
		if o.Valid {
			return nil, unsupported(o.Pos, "signatures of TCP_MD5SIG (RFC 2385) are not supported: the digest of \"md5 valid\" is not computed; give it in hexadecimal")
		}
		return o.Data, nil
	case script.AccECN0, script.AccECN1:
		return counters(o), nil
	case script.Exp:
		b := be.AppendUint16(nil, o.ExID)
		if o.ExID == script.ExIDAccECN0 || o.ExID == script.ExIDAccECN1 {
			return append(b, counters(o)...), nil
		}
		return append(b, o.Data...), nil
	}
	return o.Data, nil
}

// counters are of 24 bits each (RFC 9768, section 3.2.3).
func counters(o *script.TCPOption) (b []byte) {
	for _, n := range o.Counters {
		b = append(b, byte(n>>16), byte(n>>8), byte(n))
	}
	return b
}

// stampsOf are the timestamps of a segment (RFC 7323, section 3.2).
func stampsOf(t *packet.TCP) (val, echo uint32, ok bool) {
	for _, o := range t.Options {
		if o.Kind == uint8(script.TS) && len(o.Data) == 8 {
			return binary.BigEndian.Uint32(o.Data), binary.BigEndian.Uint32(o.Data[4:]), true
		}
	}
	return 0, 0, false
}

// flags are the nine bits that a script gives.
func flags(f script.Flags) uint16 {
	bits := uint16(f.Bits)
	if f.HasACE {
		bits |= uint16(f.ACE&1)<<6 | uint16(f.ACE>>1&1)<<7 | uint16(f.ACE>>2&1)<<8
	}
	return bits
}
