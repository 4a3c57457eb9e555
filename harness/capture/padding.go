package capture

import "lastack/stack/segment"

// shortest is the least room that Ethernet has for a packet (IEEE 802.3 4A.2.3.2.4): what is
// shorter is filled up.
const shortest = 46

// unpad takes back what a device on the path made of a short IPv4 packet: it filled the
// packet up to Ethernet's minimum, or near it, and wrote the new length into the IP header.
// If the padding were data, what it takes in sequence space would contradict the sender's
// next number and what the other side acknowledges.
//
// Data of two to six zeros would be taken for padding only without PSH, which stacks set on
// the last segment of what an application wrote (RFC 9293 3.9.1.2); a single byte is left
// alone, as keep-alive and window probes may have one. Where there was data after all, the
// sender's next segment, and what the other side acknowledges, go on behind it.
func unpad(packet []byte, s *segment.Segment) {
	if s.PayloadLen < 2 || s.PayloadStart+s.PayloadLen > shortest || s.Version != 4 || s.Flags.Any(segment.PSH|segment.URG) ||
		len(packet) < s.PayloadStart+s.PayloadLen {
		return
	}
	for _, b := range packet[s.PayloadStart : s.PayloadStart+s.PayloadLen] {
		if b != 0 {
			return
		}
	}
	s.PayloadLen = 0
}
