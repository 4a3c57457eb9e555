package explain

import (
	"math/big"
	"math/bits"
	"time"
)

// trend tells whether ports rise or fall with time: the sums of a linear regression. They
// are whole numbers, so that those of two parts add up to those of both.
type trend struct {
	N  int    `json:"n"`
	P  uint64 `json:"p"` // ports
	PP uint64 `json:"pp"`
	T  wide   `json:"t"` // microseconds since 1970
	TT wide   `json:"tt"`
	TP wide   `json:"tp"`
}

// wide is a number of 128 bits, the upper half first.
type wide [2]uint64

func (w *wide) add(hi, lo uint64) {
	var carry uint64
	w[1], carry = bits.Add64(w[1], lo, 0)
	w[0] += hi + carry
}

func (w *wide) big() *big.Int {
	n := new(big.Int).SetUint64(w[0])
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w[1]))
}

func (r *trend) add(port uint16, at time.Time) {
	p, t := uint64(port), uint64(max(0, at.UnixMicro()))
	r.N, r.P, r.PP = r.N+1, r.P+p, r.PP+p*p
	r.T.add(0, t)
	r.TT.add(bits.Mul64(t, t))
	r.TP.add(bits.Mul64(t, p))
}

func (r *trend) merge(o *trend) {
	r.N, r.P, r.PP = r.N+o.N, r.P+o.P, r.PP+o.PP
	r.T.add(o.T[0], o.T[1])
	r.TT.add(o.TT[0], o.TT[1])
	r.TP.add(o.TP[0], o.TP[1])
}

// inTurn reports whether the correlation is beyond a half, in either direction.
func (r *trend) inTurn() bool {
	n := big.NewInt(int64(r.N))
	p, t := new(big.Int).SetUint64(r.P), r.T.big()
	// The covariance of x and y, times n squared, by the sums of x*y, x and y.
	cov := func(xy, x, y *big.Int) *big.Int {
		a, b := new(big.Int).Mul(n, xy), new(big.Int).Mul(x, y)
		return a.Sub(a, b)
	}
	c := cov(r.TP.big(), t, p)
	square := c.Mul(c, c)
	both := new(big.Int).Mul(cov(r.TT.big(), t, t), cov(new(big.Int).SetUint64(r.PP), p, p))
	return both.Sign() > 0 && square.Lsh(square, 2).Cmp(both) > 0
}
