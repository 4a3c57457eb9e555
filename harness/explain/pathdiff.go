package explain

import "time"

// PathDiff is what two captures, made at both ends of a path, show about the path. A and
// B are the captures; "A to B" is a direction of travel, and begins at the sender's end
// of it. Names of the JSON form are stable.
type PathDiff struct {
	A PathEnd `json:"a"`
	B PathEnd `json:"b"`
	// Same: every connection in the time of both captures is in both, closed alike,
	// and no FIN, RST or ACK of a FIN is in one of them alone.
	Same bool `json:"same"`
	// LossFree: no segment at all is in one of them alone. Unchanged: nothing was changed
	// on the way beside addresses, ports and the hop count.
	LossFree  bool `json:"loss_free"`
	Unchanged bool `json:"unchanged"`

	Matched   int             `json:"matched"`
	MatchedBy map[MatchBy]int `json:"matched_by"`
	// Cut closes cannot be held against each other, as one capture was not there.
	Cut   int       `json:"cut"`
	Clock PathClock `json:"clock"`
	// Ways are A to B, then B to A.
	Ways    [2]PathWay   `json:"ways"`
	Changes []PathChange `json:"changes"`
	// Resets are those that one end has alone.
	Resets []PathReset `json:"resets"`
	// Alone are connections of one capture alone, in groups; Proxied are those that
	// time and byte counts make likely to be two halves of one, with a proxy between.
	Alone   []PathAlone `json:"alone"`
	Proxied []PathProxy `json:"proxied"`
	// Differing counts the connections whose closes differ; Connections has the
	// worst, at most a thousand.
	Differing   int              `json:"differing"`
	Connections []PathConnection `json:"connections"`
	Warnings    []string         `json:"warnings"`
}

// PathEnd is one of the captures.
type PathEnd struct {
	Name        string    `json:"name"`
	Begin       time.Time `json:"begin"`
	End         time.Time `json:"end"`
	Segments    int       `json:"segments"`
	Connections int       `json:"connections"`
	// Alone counts those that the other does not have, Outside those of them that were
	// not in its time, Elsewhere those with machines that it has nothing of, and Partial
	// those without handshake, of which too little was captured to recognise them.
	Alone     int `json:"alone"`
	Outside   int `json:"outside"`
	Elsewhere int `json:"elsewhere"`
	Partial   int `json:"partial"`
	// NearClients counts the connections whose client is at this end.
	NearClients int `json:"near_clients"`
}

// PathClock is B's clock less A's.
type PathClock struct {
	Known    bool  `json:"known"`
	OffsetUS int64 `json:"offset_us"`
	// UncertaintyUS is how far off the offset may be, on either side: half of the
	// shortest time there and back; nil where segments went one way only.
	UncertaintyUS *int64 `json:"uncertainty_us"`
	// DriftPPM is by how much B's clock is faster, in millionths, 0 where it is less
	// than DriftUncertaintyPPM.
	DriftPPM            float64 `json:"drift_ppm"`
	DriftUncertaintyPPM float64 `json:"drift_uncertainty_ppm"`
	Samples             int     `json:"samples"`
	// Uneven: no offset and drift fit all segments: a clock was set.
	Uneven bool `json:"uneven"`
}

// PathCount counts segments by what they do; of a segment with data and FIN the FIN
// counts.
type PathCount struct {
	Segments int `json:"segments"`
	Data     int `json:"data"`
	ACK      int `json:"ack"`
	SYN      int `json:"syn"`
	FIN      int `json:"fin"`
	RST      int `json:"rst"`
	// FINACK are those of ACK that acknowledge a FIN.
	FINACK int `json:"ack_of_fin"`
	Bytes  int `json:"bytes"`
}

// add counts an item; sign is 1, or -1 to take it off again.
func (c *PathCount) add(i *item, segments, sign int) {
	n := segments * sign
	c.Segments += n
	c.Bytes += i.bytes() * sign
	switch i.kind {
	case itemData:
		c.Data += n
	case itemACK:
		c.ACK += n
		if i.lastACK {
			c.FINACK += n
		}
	case itemSYN:
		c.SYN += n
	case itemFIN:
		c.FIN += n
	case itemRST:
		c.RST += n
	}
}

// PathWay is one direction of travel, over the connections that both captures have
// and the time of both.
type PathWay struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Sent is what the sender's end has, Lost what of it never came to the other end,
	// Added what came there without having been sent.
	Sent  PathCount `json:"sent"`
	Lost  PathCount `json:"lost"`
	Added PathCount `json:"added"`
	// NotCompared are segments of a time in which the other capture was not there.
	NotCompared int `json:"not_compared"`
	// Delay is how long the way took, as far as the offset is right.
	Delay *PathDelay `json:"delay"`
}

// PathDelay is one-way delay.
type PathDelay struct {
	MinUS int64 `json:"min_us"`
	P50US int64 `json:"p50_us"`
	P95US int64 `json:"p95_us"`
}

// PathChange is one thing that was changed on the way, over all connections.
type PathChange struct {
	// Way is "A to B", "B to A", or "both".
	Way  string `json:"way"`
	What string `json:"what"`
	// From and To are the values at the sender's end and at the other; for addresses
	// and ports, those of A and of B.
	From        string `json:"from"`
	To          string `json:"to"`
	Connections int    `json:"connections"`
	Segments    int    `json:"segments"`
	// Example is the number of a connection of A.
	Example int `json:"example"`
}

// PathReset is a kind of RSTs that one end alone has.
type PathReset struct {
	// What is "injected": it arrived at the end that it is addressed to, and the other
	// end did not send it; or "lost": it was sent and did not arrive.
	What string `json:"what"`
	// At is the capture that has it, "A" or "B"; From is in whose name it is.
	At   string `json:"at"`
	From string `json:"from"`
	// TTL is that of the RST, and SenderTTL what the other segments from there have at
	// this end, both of the example; 0 is not known.
	TTL         int `json:"ttl"`
	SenderTTL   int `json:"sender_ttl"`
	Connections int `json:"connections"`
	Segments    int `json:"segments"`
	// OtherTTL counts the segments whose TTL is not that of the sender.
	OtherTTL int `json:"other_ttl"`
	Example  int `json:"example"`
}

// PathAlone is a group of connections of one capture alone.
type PathAlone struct {
	At     string `json:"at"`
	Server string `json:"server"`
	// Close is how that end saw them.
	Close       string `json:"close"`
	Connections int    `json:"connections"`
	// Injected: RSTs ended them that the other end never sent; TTL is that of one.
	Injected int `json:"injected"`
	TTL      int `json:"ttl,omitempty"`
	Example  int `json:"example"`
}

// PathProxy is one connection of A and one of B.
type PathProxy struct {
	A       int    `json:"a"`
	B       int    `json:"b"`
	AClient string `json:"a_client"`
	AServer string `json:"a_server"`
	BClient string `json:"b_client"`
	BServer string `json:"b_server"`
}

// PathConnection is a connection whose closes differ.
type PathConnection struct {
	A PathView `json:"a"`
	B PathView `json:"b"`
	// By says how it was recognised.
	By MatchBy `json:"matched_by"`
	// NearClient is the capture at the client's end.
	NearClient string `json:"near_client"`
	ClosesSame bool   `json:"closes_same"`
	LostAB     int    `json:"lost_a_to_b"`
	LostBA     int    `json:"lost_b_to_a"`
	AddedAB    int    `json:"added_a_to_b"`
	AddedBA    int    `json:"added_b_to_a"`
	// Events are the SYNs, FINs, RSTs and ACKs of FINs that one end alone has, at most
	// eight; MoreEvents counts the others.
	Events     []PathEvent `json:"events"`
	MoreEvents int         `json:"more_events"`
}

// PathView is how one end saw a connection.
type PathView struct {
	N            int    `json:"n"`
	Client       string `json:"client"`
	Server       string `json:"server"`
	Close        string `json:"close"`
	ActiveCloser string `json:"active_closer"`
	ResetBy      string `json:"reset_by"`
	Reason       string `json:"reason"`
}

// PathEvent is a segment of the handshake or the close that one end alone has.
type PathEvent struct {
	// What is "SYN", "FIN", "RST" or "ACK of FIN"; Fate is "lost", "injected", or "not
	// compared" where the other capture was not there.
	What string `json:"what"`
	Fate string `json:"fate"`
	// From is "client" or "server", At the capture that has it.
	From string `json:"from"`
	At   string `json:"at"`
	// Time is by the clock of that capture, and OtherTime by that of the other.
	Time      time.Time `json:"time"`
	OtherTime time.Time `json:"other_time"`
	TTL       int       `json:"ttl"`
}

// inA is the time by A's clock.
func (e *PathEvent) inA() time.Time {
	if e.At == name(0) {
		return e.Time
	}
	return e.OtherTime
}
