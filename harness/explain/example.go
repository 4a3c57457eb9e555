package explain

import (
	"cmp"
	"net/netip"
	"time"
)

// Example is a connection that shows something. Its client and its start name it, as
// they are the same in the report of one run and in one that was merged.
type Example struct {
	// N is its number in the capture that it was read from.
	N int `json:"n"`
	// Start is the time of its first segment.
	Start  time.Time      `json:"start"`
	Client netip.AddrPort `json:"client"`
	Server netip.AddrPort `json:"server"`

	part *Part // that it is from, nil in the capture that is read
}

// exampleTime is the part of a start that names a connection, in UTC.
const exampleTime = "15:04:05.000000"

// String is what ParseChoice reads: "10.0.0.1:40000@12:30:20.194153".
func (e *Example) String() string {
	return e.Client.String() + "@" + e.Start.UTC().Format(exampleTime)
}

// before is the order in which one of several examples is taken: it does not hang on
// which was seen first.
func (e *Example) before(o *Example) bool { return e.compare(o) < 0 }

func (e *Example) compare(o *Example) int {
	return cmp.Or(e.Start.Compare(o.Start), e.Client.Compare(o.Client), e.Server.Compare(o.Server), cmp.Compare(e.N, o.N))
}

// first is the example to be taken; either may be nil.
func (e *Example) first(o *Example) *Example {
	if e == nil || o != nil && o.before(e) {
		return o
	}
	return e
}

// orOf is first for an example that need not be made where it is not taken.
func (e *Example) orOf(k *fact) *Example {
	if e != nil && e.Start.Before(k.Start) {
		return e
	}
	return e.first(k.example())
}

// files are those of the part that an example is from, nil where there are no parts.
func (e *Example) files() []string {
	if e.part == nil {
		return nil
	}
	return e.part.names()
}

// Choice is what chooses the example in its capture.
func (e *Example) choice() Choice {
	return Choice{ends: []netip.AddrPort{e.Client, e.Server}, at: e.Start.UTC().Format(exampleTime), text: e.String()}
}
