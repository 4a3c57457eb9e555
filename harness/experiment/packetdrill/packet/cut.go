package packet

// Cut makes of a TCP segment that is longer than the MTU those that a sender would have
// sent: a kernel takes the large one from its TUN, other stacks do not. Other packets stay
// whole.
func Cut(p []byte, mtu int) [][]byte {
	if len(p) <= mtu {
		return [][]byte{p}
	}
	t, _, err := Parse(p)
	if err != nil || t == nil || !t.Checksum {
		return [][]byte{p}
	}
	room := mtu - (len(p) - len(t.Payload))
	if room <= 0 {
		return [][]byte{p}
	}
	var all [][]byte
	for done := 0; done < len(t.Payload); done += room {
		part := *t
		part.Seq += uint32(done)
		if done > 0 && part.Flags&flagSYN != 0 { // which has a number of its own
			part.Seq++
			part.Flags &^= flagSYN
		}
		part.Payload = t.Payload[done:min(done+room, len(t.Payload))]
		if done+room < len(t.Payload) {
			part.Flags &^= flagFIN | flagPSH
		}
		b, err := part.Append(nil)
		if err != nil {
			return [][]byte{p}
		}
		all = append(all, b)
	}
	return all
}

const flagFIN, flagSYN, flagPSH = 1, 2, 8

// Wanted keeps TCP and the errors of ICMP. Multicast listener reports and their like are
// no packets of a script.
func Wanted(p []byte) bool {
	switch {
	case len(p) >= ipv4Len && p[0]>>4 == 4:
		return p[9] == ProtocolTCP || p[9] == ProtocolICMP
	case len(p) > ipv6Len && p[0]>>4 == 6:
		return p[6] == ProtocolTCP || p[6] == ProtocolICMPv6 && p[ipv6Len] < firstReport
	}
	return false
}

// firstReport is the first type of ICMPv6 of multicast listeners and neighbours (RFC 2710,
// RFC 4861).
const firstReport = 130
