package explain

import (
	"net/netip"
	"time"

	"lastack/harness/teardown"
)

// fact is what is counted of one connection. The times are those of teardown.Report and
// Detail.
type fact struct {
	N        int            `json:"n"`
	Start    time.Time      `json:"start"`
	LastedUS int64          `json:"lasted_us"`
	Client   netip.AddrPort `json:"client"`
	Server   netip.AddrPort `json:"server"`

	Close        teardown.Kind       `json:"close"`
	ActiveCloser teardown.Who        `json:"active_closer"`
	TimeWait     teardown.Who        `json:"time_wait"`
	ResetBy      teardown.Who        `json:"reset_by"`
	CloseWait    teardown.Who        `json:"close_wait"`
	OneSided     teardown.Who        `json:"one_sided"`
	Cause        teardown.Cause      `json:"cause"`
	ResetCause   teardown.ResetCause `json:"reset_cause,omitempty"`

	AckDelayUS   int64 `json:"ack_delay_us"`
	HalfCloseUS  int64 `json:"half_close_us"`
	IdleUS       int64 `json:"idle_us"`
	UnansweredUS int64 `json:"unanswered_us"`
	LeftOpenUS   int64 `json:"left_open_us"`
	SilentUS     int64 `json:"silent_us"`

	FINsAgain int  `json:"fins_again"`
	Answered  bool `json:"answered,omitempty"` // each of those was
	Deserted  bool `json:"deserted,omitempty"` // none of those was, and the other side had closed
	Lost      int  `json:"lost"`               // of lostIndex
	SYNs      int  `json:"syns"`
	Spoke     bool `json:"spoke"` // the server sent something
	Served    bool `json:"served"`
	Missing   bool `json:"missing"`
	Harmless  bool `json:"harmless"`
	Stale     bool `json:"stale"`
	Repeated  bool `json:"repeated,omitempty"` // its receiver had sent something again when the RST came
	Met       bool `json:"met"`                // an older connection in TIME_WAIT was in the way of the SYN

	Silence bool           `json:"silence"` // a limit on silence may explain the RST
	QuietUS int64          `json:"quiet_us"`
	OwnTurn bool           `json:"own_turn,omitempty"` // the silence was that of the RST's sender
	Since   teardown.Since `json:"since"`

	ICMP *icmpSaid `json:"icmp,omitempty"` // errors that nothing came back after, nil for most

	part *Part // that it is from, nil in the capture that is read
}

// fact is what is counted of a connection that left.
func (e *ended) fact() fact {
	r, d := &e.report, &e.detail
	quiet, silence := e.conn.Silence()
	k := fact{
		N: e.conn.Number(), Start: r.Start.UTC(), LastedUS: r.DurationUS, Client: e.client, Server: e.server,
		Close: r.Close, ActiveCloser: r.ActiveCloser, TimeWait: r.TimeWait, ResetBy: r.ResetBy,
		CloseWait: d.CloseWait, OneSided: d.OneSided, Cause: r.Cause, ResetCause: d.ResetCause,
		AckDelayUS: r.AckDelayUS, HalfCloseUS: d.HalfCloseUS, IdleUS: d.IdleUS, UnansweredUS: d.UnansweredUS,
		LeftOpenUS: d.LeftOpenUS, SilentUS: d.SilentUS,
		FINsAgain: r.FINRetransmissions, Answered: answered(d.FINsAgain), Deserted: deserted(d.FINsAgain), Lost: max(0, lostIndex(d.FINsAgain)),
		SYNs: d.SYNs, Spoke: r.ServerSegments > 0, Served: d.Served,
		Missing: d.MissingBytes > 0, Harmless: d.Harmless, Stale: d.StaleRequest, Repeated: d.Repeated, Since: d.Since, ICMP: e.icmp,
	}
	if silence {
		k.Silence, k.QuietUS, k.OwnTurn = true, quiet.Microseconds(), e.conn.OwnTurn()
	}
	if u := d.Reuses; u != nil {
		k.Met = u.TimeWait != teardown.None && u.By == teardown.ReuseByNothing
	}
	return k
}

func (k *fact) duration() time.Duration { return micros(k.LastedUS) }

func (k *fact) end() time.Time { return k.Start.Add(k.duration()) }

func (k *fact) quiet() time.Duration { return micros(k.QuietUS) }

func (k *fact) example() *Example {
	return &Example{N: k.N, Start: k.Start, Client: k.Client, Server: k.Server, part: k.part}
}

// until moves the end of the view of a connection that had not ended.
func (k *fact) until(end time.Time) {
	d := teardown.Detail{UnansweredUS: k.UnansweredUS, HalfCloseUS: k.HalfCloseUS, LeftOpenUS: k.LeftOpenUS, SilentUS: k.SilentUS, Since: k.Since}
	d.Until(max(end.Sub(k.Start), k.duration()))
	k.UnansweredUS, k.HalfCloseUS, k.LeftOpenUS, k.SilentUS = d.UnansweredUS, d.HalfCloseUS, d.LeftOpenUS, d.SilentUS
	if k.ICMP != nil {
		k.ICMP.until(end)
	}
}

// undecided is a connection of which what the whole capture shows decides: who its
// server is, whether a limit on silence ended it, or until when it was seen.
type undecided struct {
	As fact `json:"as"`
	// Or is the same with client and server in each other's place, nil where a SYN
	// tells which is which.
	Or *fact `json:"or,omitempty"`
	// Open: it had not ended by View, which is as far as the capture goes, or as far as
	// the next gap.
	Open bool      `json:"open"`
	View time.Time `json:"view"`
}

// decide is the connection as the whole capture has it, its limit on silence aside.
func (u *undecided) decide(r *roles, views views) *fact {
	k := &u.As
	if u.Or != nil && r.serves(k.Client, k.Server) {
		k = u.Or
	}
	if u.Open {
		k.until(views.end(u.View))
	}
	return k
}

// settle decides all that is undecided, and counts it. What each yields is gone through
// twice, as limits on silence are those of all.
func (v *evidence) settle(each func(func(*undecided) error) error) error {
	s := &v.limits
	err := each(func(u *undecided) error {
		if k := u.decide(&v.roles, v.views); k.Silence {
			s.add(k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(func(u *undecided) error {
		k := u.decide(&v.roles, v.views)
		k.limit(s)
		v.count(k)
		return nil
	})
}
