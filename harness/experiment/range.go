package experiment

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is a number or an interval of numbers, both ends included. The zero
// value asks for nothing.
type Range struct {
	Min, Max float64
	Set      bool
}

const rangeSyntax = "a number such as 3, a range such as 38..46, or an open one such as 1000.."

func (r *Range) parse(text string) error {
	low, high, interval := strings.Cut(text, "..")
	lo, err := number(low)
	hi := lo
	if err == nil && interval {
		hi = math.Inf(1)
		if high != "" {
			hi, err = number(high)
		}
	}
	if err != nil {
		return fmt.Errorf("%s is not %s", quote(text), rangeSyntax)
	}
	if hi < lo {
		return fmt.Errorf("%s ends before it begins", quote(text))
	}
	*r = Range{Min: lo, Max: hi, Set: true}
	return nil
}

// number takes plain decimals only: a range has no use for 1e3, NaN or a sign.
func number(text string) (float64, error) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, errors.New("not a decimal")
	}
	return strconv.ParseFloat(text, 64)
}

// Has reports whether v is in the range, which everything is if it is not set.
func (r Range) Has(v float64) bool { return !r.Set || r.Min <= v && v <= r.Max }

// String writes the range as a file does.
func (r Range) String() string {
	f := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch {
	case !r.Set:
		return ""
	case r.Min == r.Max:
		return f(r.Min)
	case math.IsInf(r.Max, 1):
		return f(r.Min) + ".."
	}
	return f(r.Min) + ".." + f(r.Max)
}

func (Range) describe() (what, pattern string) {
	return rangeSyntax, `^[0-9]+(\.[0-9]+)?(\.\.([0-9]+(\.[0-9]+)?)?)?$`
}
