package flow

import (
	"testing"

	"lastack/stack/segment"
)

// sent is a line of a script that its sender sent; it arrived unless it is missed.
type sent struct {
	seg
	missed bool
}

func lose(l seg) sent   { return sent{l, true} }
func arrive(l seg) sent { return sent{seg: l} }

// TestMiss: what is lost moves its sender and nobody else, and its copy counts as if it
// were the first.
func TestMiss(t *testing.T) {
	up := []sent{arrive(handshake[0]), arrive(handshake[1]), arrive(handshake[2])}
	for name, script := range map[string][]sent{
		"SYN": {
			lose(seg{Client, segment.SYN, 0, 0, 0, SynSent, Listen, Opening}),
			arrive(seg{Client, segment.SYN, 0, 0, 0, SynSent, Listen, Opening | Again}),
			arrive(seg{Server, segment.SYN | ack, 0, 1, 0, Established, SynReceived, Opening | Advances}),
		},
		"SYN+ACK": {
			arrive(handshake[0]),
			lose(seg{Server, segment.SYN | ack, 0, 1, 0, SynSent, SynReceived, Opening}),
			arrive(seg{Server, segment.SYN | ack, 0, 1, 0, Established, SynReceived, Opening | Again | Advances}),
		},
		"the handshake's ACK": {
			arrive(handshake[0]), arrive(handshake[1]),
			lose(seg{Client, ack, 1, 1, 0, Established, SynReceived, 0}),
			arrive(seg{Client, psh, 1, 1, 9, Established, Established, NewData | Advances}),
		},
		"the first FIN": append(up[:3:3],
			lose(seg{Client, fin, 1, 1, 0, FinWait1, Established, FirstFIN}),
			arrive(seg{Server, psh, 1, 1, 9, FinWait1, Established, NewData}),
			arrive(seg{Client, fin, 1, 10, 0, FinWait1, CloseWait, FINAgain | Again | Advances}),
			arrive(seg{Server, fin, 10, 2, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances}),
		),
		"the ACK of a FIN": append(up[:3:3],
			arrive(seg{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN}),
			lose(seg{Server, ack, 1, 2, 0, FinWait1, CloseWait, 0}),
			arrive(seg{Server, fin, 1, 2, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances}),
		),
		"the last ACK": append(up[:3:3],
			arrive(seg{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN}),
			arrive(seg{Server, fin, 1, 2, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances}),
			lose(seg{Client, ack, 2, 2, 0, TimeWait, LastAck, 0}),
			arrive(seg{Server, fin, 1, 2, 0, TimeWait, LastAck, FINAgain | Again}),
			arrive(seg{Client, ack, 2, 2, 0, TimeWait, Closed, AcksFIN | Advances | DuplicateACK}),
		),
		"a FIN with the ACK of the other": append(up[:3:3],
			arrive(seg{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN}),
			lose(seg{Server, fin, 1, 2, 0, FinWait1, LastAck, FirstFIN}),
			arrive(seg{Server, fin, 1, 2, 0, TimeWait, LastAck, FINAgain | Again | AcksFIN | Advances}),
		),
		"a FIN that the other crosses": append(up[:3:3],
			lose(seg{Client, fin, 1, 1, 0, FinWait1, Established, FirstFIN}),
			arrive(seg{Server, fin, 1, 1, 0, Closing, FinWait1, FirstFIN}),
			arrive(seg{Client, ack, 2, 2, 0, Closing, FinWait2, AcksFIN | Advances}),
			arrive(seg{Client, fin, 1, 2, 0, Closing, TimeWait, FINAgain | Again}),
		),
		"data in front of the FIN": append(up[:3:3],
			lose(seg{Client, psh, 1, 1, 9, Established, Established, NewData}),
			arrive(seg{Client, fin, 10, 1, 0, FinWait1, Established, FirstFIN | Hole}),
			arrive(seg{Client, psh, 1, 1, 9, FinWait1, CloseWait, Again}),
		),
		"data with the FIN": append(up[:3:3],
			lose(seg{Client, fin, 1, 1, 9, FinWait1, Established, FirstFIN | NewData}),
			arrive(seg{Client, fin, 1, 1, 9, FinWait1, CloseWait, FINAgain | Again}),
		),
		"a RST": append(up[:3:3],
			lose(seg{Client, rst, 1, 0, 0, Closed, Established, 0}),
			arrive(seg{Server, psh, 1, 1, 9, Closed, Established, NewData}),
			arrive(seg{Client, rst, 1, 0, 0, Closed, Closed, Reset}),
		),
		"a RST that somebody else had sent": append(up[:3:3],
			lose(seg{Client, rst, 1, 0, 0, Closed, Established, 0}),
			arrive(seg{Client, psh, 1, 1, 9, Established, Established, NewData}),
		),
		"a FIN far outside the window": append(up[:3:3],
			lose(seg{Client, fin, 1 << 30, 1, 0, Established, Established, 0}),
		),
	} {
		t.Run(name, func(t *testing.T) {
			var c Conn
			for i, l := range script {
				update := c.Update
				if l.missed {
					update = c.Miss
				}
				st := update(l.from, l.segment())
				if st.After != [2]State{l.client, l.server} || st.Marks != l.marks {
					t.Errorf("line %d (%s %s): states %s, marks %b, want %s / %s, %b", i, l.from, l.flags,
						st.After, st.Marks, l.client, l.server, l.marks)
				}
			}
		})
	}
}
