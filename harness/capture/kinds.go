package capture

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gopacket/gopacket/layers"
)

// Kind counts packets that were skipped for one reason: "ARP", "UDP", "encrypted 802.11".
type Kind struct {
	Name    string `json:"name"`
	Packets int    `json:"packets"`
}

// kind is why a packet was skipped: the family of numbers in the upper 16 bits, and the
// number in that family.
type kind uint32

// The families of kinds.
const (
	kindEtherType kind = iota << 16 // (IEEE 802 numbers)
	kindIPProtocol
	kindPPP
	kindLink
	kindWords
)

// Kinds that no registry has a number for.
const (
	kindLLC kind = kindWords + iota
	kindSTP
	kindCut
	kindNotIP
	kindLoopback
	kind80211
	kindEncrypted
	kindPiece
	kindPKTAP
	kindNFLOG
	kindPseudowire
	kindNested
	kindTunnelPiece
	kindGRE
	kindTunnel
	kindOther
)

var kindNames = map[kind]string{
	kindLLC: "LLC", kindSTP: "spanning tree", kindCut: "cut before the IP header",
	kindNotIP: "neither IPv4 nor IPv6", kindLoopback: "loopback of another family",
	kind80211: "802.11 without data", kindEncrypted: "encrypted 802.11", kindPiece: "later fragments of 802.11",
	kindPKTAP: "PKTAP without a packet", kindNFLOG: "NFLOG without a packet", kindPseudowire: "MPLS pseudowire",
	kindNested: "nested too deeply", kindTunnelPiece: "later fragments of a tunnel's packets",
	kindGRE: "GRE with something else", kindTunnel: "tunnels with something else", kindOther: "other",

	kindEtherType | 0x0806: "ARP", kindEtherType | 0x8035: "RARP", kindEtherType | 0x88cc: "LLDP",
	kindEtherType | 0x888e: "802.1X", kindEtherType | 0x8809: "LACP", kindEtherType | 0x8863: "PPPoE discovery",
	kindEtherType | 0x88e5: "MACsec", kindEtherType | 0x9000: "loopback test", kindEtherType | 0x8137: "IPX",
	kindEtherType | 0x8100: "VLAN", kindEtherType | 0x88f7: "PTP", kindEtherType | 0x8902: "802.1ag",
	kindEtherType | 0x890d: "802.11r", kindEtherType | 0x893a: "IEEE 1905.1", kindEtherType | 0x22f0: "AVTP",
	kindEtherType | 0x88e1: "HomePlug", kindEtherType | 0x8892: "PROFINET", kindEtherType | 0x88b8: "GOOSE",

	kindIPProtocol | 1: "ICMP", kindIPProtocol | 2: "IGMP", kindIPProtocol | 17: "UDP", kindIPProtocol | 50: "ESP",
	kindIPProtocol | 58: "ICMPv6", kindIPProtocol | 59: "IPv6 without a payload", kindIPProtocol | 88: "EIGRP",
	kindIPProtocol | 89: "OSPF", kindIPProtocol | 103: "PIM", kindIPProtocol | 112: "VRRP",
	kindIPProtocol | 115: "L2TP", kindIPProtocol | 132: "SCTP", kindIPProtocol | 136: "UDP-Lite", kindIPProtocol | 33: "DCCP",

	kindPPP | 0xc021: "PPP LCP", kindPPP | 0xc023: "PPP PAP", kindPPP | 0xc223: "PPP CHAP", kindPPP | 0x8021: "PPP IPCP",
	kindPPP | 0x8057: "PPP IPv6CP", kindPPP | 0x00fd: "PPP compressed or encrypted", kindPPP | 0x003d: "PPP multilink",
	kindPPP | 0x002d: "PPP with compressed TCP headers", kindPPP | 0x002f: "PPP with compressed TCP headers",
}

func (k kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	n := uint32(k & 0xffff)
	switch k &^ 0xffff {
	case kindEtherType:
		return fmt.Sprintf("EtherType 0x%04x", n)
	case kindIPProtocol:
		return fmt.Sprintf("IP protocol %d", n)
	case kindPPP:
		return fmt.Sprintf("PPP protocol 0x%04x", n)
	case kindLink:
		return "link " + linkName(layers.LinkType(n))
	}
	return kindNames[kindOther]
}

// maxKinds bounds the kinds that are counted apart; a damaged file may hold tens of
// thousands.
const maxKinds = 64

// kinds counts packets by kind.
type kinds map[kind]int

func (c kinds) add(k kind) {
	if _, ok := c[k]; !ok && len(c) >= maxKinds {
		k = kindOther
	}
	c[k]++
}

// list is what was counted, the most frequent first.
func (c kinds) list() []Kind {
	byName := map[string]int{}
	for k, n := range c {
		byName[k.String()] += n
	}
	all := make([]Kind, 0, len(byName))
	for name, n := range byName {
		all = append(all, Kind{Name: name, Packets: n})
	}
	slices.SortFunc(all, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Name, b.Name))
	})
	return all
}
