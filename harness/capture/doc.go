// Package capture records IP packets as the kernel sees them, and reads and
// writes capture files.
//
// A capture here is a witness independent of lastack: it wraps a Linux packet socket
// ([Live]), the tcpdump program ([Tcpdump]), files ([Open], [Reader]), and for writing
// gopacket's pcapgo ([Writer], [PcapWriter]). The three sources hand out packets in one
// shape, without link header:
//
//	packet socket --Live----+            +--> Writer, PcapWriter --> file
//	tcpdump -w -  --Tcpdump-+--> Packet -+
//	pcap, pcapng  --Open----+            +--> Segments --> flow, teardown
//	snoop, compressed or not,                   |
//	standard input, a file that grows    fragments, Dedup
//
// Record one interface of the current network namespace:
//
//	live, err := capture.OpenLive("tun0", capture.LiveConfig{})
//	...                             // traffic; everything from here on is recorded
//	live.Stop()                     // from any goroutine
//	for {
//		p, err := live.Next()       // p.Data is valid until the next call
//		if err == io.EOF {
//			break
//		}
//		...
//	}
//	live.Close()
//
// A Live on "any" records all interfaces, and one with a [Filter] only the packets that
// the filter takes. A [Recorder] keeps packets in pcapng files that follow one another.
//
// Read the TCP segments of somebody's file:
//
//	file, err := capture.Open("x.pcap.gz", capture.OpenConfig{})
//	...
//	defer file.Close()
//	segments := capture.NewSegments(file, capture.SegmentsConfig{})
//	for {
//		p, s, err := segments.Next() // both are valid until the next call
//		if err == io.EOF {
//			break
//		}
//		...
//	}
//
// Packets are never lost silently: a source that missed some ends with a [*DropError]
// instead of io.EOF, and files that were cut short or damaged end with a [*ReadError]
// that names the packet and the byte. Skipped packets are counted, also by kind:
// [Skipped], [SegmentStats], [Kind].
//
// # Links and tunnels
//
// A [cursor] walks over what stands between the beginning of a record and the IP
// packet, and [Segments] over what stands between an IP packet and the TCP segment
// inside of tunnels:
//
//	Ethernet, 802.11, PPP, NFLOG ... --links.go---+
//	VLAN, PBB, SNAP, MPLS, PPPoE     --cursor.go--+-> IP --outer.go, udptunnel.go-> IP -> TCP
//
// Connections in different tunnels differ by [Packet].Tunnel; VLANs, MPLS labels and
// sessions of PPPoE do not tell connections apart, as a packet has another one
// behind each router. An ICMP error that quotes a segment is an [ICMPError].
//
// # Speed
//
// Reading a packet, taking off its link header, finding duplicates and parsing
// it takes about 100 ns and no allocation: see
//
//	go test -run '^$' -bench 'ReadFile|Segments' ./harness/capture
//
// # What it does not do
//
// It does not dissect: Data is the IP packet as captured, with
// checksums that offloading left unfinished and with segments that offloading
// made larger than the MTU. Segments opens tunnels; a Packet of a source is as it
// was on the link. It reads nothing that is encrypted (802.11, MACsec, ESP), and
// not the packets that PPP or ROHC compressed. It puts no interface in promiscuous mode. It records one interface per Live; merge
// by Packet.Time. It does not tap lastack's own close path; the taps of package
// closepath do that, and may write their packets with Writer.
package capture
