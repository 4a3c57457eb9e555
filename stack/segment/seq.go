package segment

// Seq is a TCP sequence number. Sequence numbers live on a circle of 2^32
// (RFC 9293 3.4): compare them only with the methods below.
type Seq uint32

// Less reports whether s comes before t on the circle.
func (s Seq) Less(t Seq) bool { return int32(s-t) < 0 }

// LessEq reports whether s comes before t or is t.
func (s Seq) LessEq(t Seq) bool { return int32(s-t) <= 0 }

// Diff is the signed distance from t to s: positive if s is later.
func (s Seq) Diff(t Seq) int { return int(int32(s - t)) }

// Max is the later of the two.
func (s Seq) Max(t Seq) Seq {
	if s.Less(t) {
		return t
	}
	return s
}
