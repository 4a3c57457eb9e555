package teardown_test

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
)

// talked is a connection on which a request was answered.
const talked = "0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n1 c PSH+ACK len=100\n2 s PSH+ACK len=1000\n2.1 c ACK\n"

// detail feeds a script to a Table, and returns the details of its connections
// in the order in which they ended; the trace ends with its last record.
func detail(t *testing.T, text string) (all []teardown.Detail, reports []teardown.Report) {
	t.Helper()
	recs := script(t, text)
	end := recs[len(recs)-1].Time
	tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) {
		all = append(all, c.Detail(end))
		reports = append(reports, c.Report())
	}})
	feed(tb, recs)
	tb.Flush()
	return all, reports
}

func TestDetailCauses(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		want   teardown.ResetCause
	}{
		"refused":               {"0 c SYN\n1 s RST+ACK\n", teardown.ResetRefused},
		"linger":                {opening + "4 s RST+ACK\n", teardown.ResetAbort},
		"unread":                {talked + "4 s RST+ACK\n", teardown.ResetAbortUnread},
		"after its FIN":         {opening + "3 c FIN+ACK\n4 s ACK\n5 c RST+ACK\n", teardown.ResetAfterFIN},
		"data after close":      {talked + "3 c FIN+ACK\n4 s PSH+ACK len=9\n5 c RST\n", teardown.ResetClosed},
		"FIN after FIN_WAIT_2":  {opening + "3 c FIN+ACK\n4 s ACK\n90000 s FIN+ACK\n90001 c RST\n", teardown.ResetForgotten},
		"half-open":             {talked + "90000 c PSH+ACK len=9\n90001 s RST\n", teardown.ResetHalfOpen},
		"handshake":             {"0 c SYN\n1 s SYN+ACK\n2 c RST\n", teardown.ResetOpening},
		"hit":                   {"0 c SYN\n1 s ACK seq=900 ack=700\n2 c RST seq=700\n", teardown.ResetTimeWaitHit},
		"none":                  {opening + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", ""},
		"assassination":         {opening + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n6 s RST\n", teardown.ResetAssassination},
		"TIME_WAIT gone":        {opening + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n900 s FIN+ACK seq=1\n901 c RST\n", teardown.ResetTimeWaitGone},
		"race, FIN":             {talked + "5002 s FIN+ACK\n5002.1 c PSH+ACK len=100 ack=1001\n5003 s RST\n", teardown.ResetRace},
		"race, request first":   {talked + "5002 c PSH+ACK len=100\n5002.1 s FIN+ACK ack=101\n5003 s RST\n", teardown.ResetRace},
		"race, RST":             {talked + "5002 c PSH+ACK len=100\n5002.1 s RST+ACK ack=101\n", teardown.ResetRace},
		"race, RST first":       {talked + "5002 s RST+ACK ack=101\n5002.1 c PSH+ACK len=100\n", teardown.ResetRace},
		"race, FIN just heard":  {talked + "5002 s FIN+ACK\n5002.5 c PSH+ACK len=100\n5003 s RST\n", teardown.ResetRace},
		"no race: long known":   {talked + "5002 s FIN+ACK\n5003 c ACK\n7000 c PSH+ACK len=100\n7001 s RST\n", teardown.ResetClosed},
		"no race: not idle":     {talked + "3 s FIN+ACK\n4 c PSH+ACK len=100 ack=1001\n5 s RST\n", teardown.ResetClosed},
		"race, never read":      {talked + "5002 c PSH+ACK len=100\n5003 s RST+ACK\n", teardown.ResetAbortUnread},
		"no race: request read": {talked + "5002 c PSH+ACK len=100\n5103 s RST+ACK\n", teardown.ResetAbortUnread},
	} {
		all, reports := detail(t, tt.script)
		if len(all) != 1 || all[0].ResetCause != tt.want {
			t.Errorf("%s: %+v, want %q", name, all, tt.want)
			continue
		}
		if race := strings.Contains(reports[0].Reason, "crossed"); race != (tt.want == teardown.ResetRace) {
			t.Errorf("%s: reason %q", name, reports[0].Reason)
		}
	}
}

func TestDetailACK(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		by     teardown.Carrier
		pace   teardown.Pace
	}{
		"none":           {opening, teardown.ByNone, teardown.PaceNone},
		"at once":        {opening + "3 c FIN+ACK\n3.1 s ACK\n", teardown.ByACK, teardown.PaceAtOnce},
		"delayed":        {opening + "3 c FIN+ACK\n45 s ACK\n", teardown.ByACK, teardown.PaceDelayed},
		"slow":           {opening + "3 c FIN+ACK\n2003 s ACK\n", teardown.ByACK, teardown.PaceSlow},
		"FIN, at once":   {opening + "3 c FIN+ACK\n3.1 s FIN+ACK\n", teardown.ByFIN, teardown.PaceAtOnce},
		"FIN, held":      {opening + "3 c FIN+ACK\n13 s FIN+ACK\n", teardown.ByFIN, teardown.PaceDelayed},
		"data":           {opening + "3 c FIN+ACK\n3.1 s PSH+ACK len=5\n", teardown.ByData, teardown.PaceAtOnce},
		"told by a host": {opening + "3 c FIN+ACK\n3.1 s ACK hold=expired held=40\n", teardown.ByACK, teardown.PaceDelayed},
	} {
		all, _ := detail(t, tt.script)
		if d := all[0]; d.AckBy != tt.by || d.AckPace != tt.pace {
			t.Errorf("%s: by %s, %s; want by %s, %s", name, d.AckBy, d.AckPace, tt.by, tt.pace)
		}
	}
}

// TestDetailHalfClose: how long one side was closed and the other not.
func TestDetailHalfClose(t *testing.T) {
	for name, tt := range map[string]struct {
		script       string
		half, left   int64
		silent       int64
		fw2, waiting teardown.Who
	}{
		"closed":       {talked + "3 c FIN+ACK\n4 s ACK\n53 s FIN+ACK\n54 c ACK\n", 50_000, -1, -1, teardown.None, teardown.None},
		"left":         {talked + "3 c FIN+ACK\n5 s ACK\n1005 s ACK seq=1000\n", 1_002_000, 1_000_000, 1_000_000, teardown.Client, teardown.Server},
		"left talking": {talked + "3 c FIN+ACK\n5 s ACK\n1005 s PSH+ACK len=9\n1405 c ACK\n", 1_402_000, 1_400_000, 400_000, teardown.Client, teardown.Server},
		"reset":        {talked + "3 c FIN+ACK\n4 s ACK\n10 s RST+ACK\n", 7_000, -1, -1, teardown.None, teardown.None},
		"simultaneous": {talked + "3 c FIN+ACK\n3.1 s FIN+ACK ack=101\n4 c ACK\n4.1 s ACK\n", -1, -1, -1, teardown.None, teardown.None},
		"open":         {talked, -1, -1, -1, teardown.None, teardown.None},
	} {
		all, _ := detail(t, tt.script)
		d := all[0]
		if d.HalfCloseUS != tt.half || d.LeftOpenUS != tt.left || d.SilentUS != tt.silent || d.FinWait2 != tt.fw2 || d.CloseWait != tt.waiting {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestDetailMissing: what was acknowledged and is not in the trace.
func TestDetailMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		want   uint64
	}{
		"nothing":             {talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n", 0},
		"the client's FIN":    {talked + "4 s FIN+ACK ack=102\n5 c ACK seq=102\n", 1},
		"data of the server":  {talked + "3 c ACK ack=1501\n4 c FIN+ACK ack=1501\n5 s ACK seq=1501\n", 500},
		"all of the server's": {"0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n3 c ACK ack=11\n", 10},
		"an older connection": {"0 c SYN\n1 s ACK seq=900 ack=700\n", 0},
		"begun in the middle": {"3 c ACK seq=70 ack=80\n4 s ACK seq=90 ack=80\n", 0},
	} {
		if all, _ := detail(t, tt.script); all[0].MissingBytes != tt.want {
			t.Errorf("%s: %d bytes are missing, want %d", name, all[0].MissingBytes, tt.want)
		}
	}
}

func TestDetailLost(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		want   teardown.Lost
	}{
		"the ACK was seen":  {opening + "3 c FIN+ACK\n4 s ACK\n210 c FIN+ACK seq=1\n211 s ACK\n", teardown.LostACK},
		"nothing was seen":  {opening + "3 c FIN+ACK\n210 c FIN+ACK seq=1\n211 s ACK\n", teardown.LostEither},
		"the server talked": {opening + "3 c FIN+ACK\n60 s PSH+ACK len=9 ack=1\n210 c FIN+ACK seq=1\n211 s ACK\n", teardown.LostFIN},
	} {
		all, _ := detail(t, tt.script)
		again := all[0].FINsAgain
		if len(again) != 1 || again[0].From != teardown.Client || again[0].Times != 1 || again[0].Lost != tt.want {
			t.Errorf("%s: %+v, want %s", name, again, tt.want)
		}
	}
	recs := script(t, opening+"3 c FIN+ACK\n210 c FIN+ACK seq=1\n211 s ACK\n")
	s := &recs[len(recs)-1].Seg
	s.SACKCount, s.SACKBlocks[0].Start, s.SACKBlocks[0].End = 1, s.Ack-1, s.Ack
	var c teardown.Conn
	for _, r := range recs {
		c.Add(r)
	}
	if again := c.Detail(time.Time{}).FINsAgain; len(again) != 1 || again[0].Lost != teardown.LostACK {
		t.Errorf("a D-SACK of the FIN: %+v", again)
	}
}

// TestDetailReuse: what a SYN finds of the connection before it. The server
// closed first.
func TestDetailReuse(t *testing.T) {
	first := "0 c SYN ts=100\n1 s SYN+ACK ts=1\n2 c ACK ts=100\n3 s FIN+ACK ts=1\n4 c FIN+ACK ts=110\n5 s ACK ts=2\n"
	for name, tt := range map[string]struct {
		second  string
		by      teardown.ReuseBy
		outcome teardown.ReuseOutcome
	}{
		"timestamp":  {"isn=90000,1\n1005 c SYN ts=111\n1006 s SYN+ACK ts=3\n", teardown.ReuseByTimestamp, teardown.ReuseAccepted},
		"ISN":        {"isn=90000,1\n1005 c SYN ts=110\n1006 s SYN+ACK ts=3\n", teardown.ReuseByISN, teardown.ReuseAccepted},
		"no option":  {"isn=90000,1\n1005 c SYN\n1006 s SYN+ACK\n", teardown.ReuseByISN, teardown.ReuseAccepted},
		"hit":        {"isn=90000,1\n1005 c SYN ts=50\n1006 s ACK ts=3\n1007 c RST\n", teardown.ReuseByNothing, teardown.ReuseHit},
		"smaller":    {"isn=4000000000,1\n1005 c SYN ts=110\n", teardown.ReuseByNothing, teardown.ReuseUnanswered},
		"expired":    {"isn=90000,1\n61005 c SYN ts=111\n61006 s RST+ACK\n", teardown.ReuseExpired, teardown.ReuseRefused},
		"unfinished": {"", "", ""},
	} {
		text := first + tt.second
		if name == "unfinished" {
			text = opening + "isn=90000,1\n1005 c SYN\n"
			tt.by, tt.outcome = teardown.ReuseUnfinished, teardown.ReuseUnanswered
		}
		all, reports := detail(t, text)
		if len(all) != 2 || all[0].Reused == nil || all[1].Reuses == nil {
			t.Errorf("%s: %+v", name, all)
			continue
		}
		r := all[1].Reuses
		if r.By != tt.by || r.Outcome != tt.outcome || all[0].Reused.By != tt.by || r.AfterUS < 1_000_000 {
			t.Errorf("%s: %+v, want by %s, %s", name, r, tt.by, tt.outcome)
		}
		told := strings.Contains(reports[1].Reason, "the server had been in TIME_WAIT")
		if want := tt.by != teardown.ReuseExpired && tt.by != teardown.ReuseUnfinished; told != want {
			t.Errorf("%s: reason %q", name, reports[1].Reason)
		}
	}
}

func TestRemark(t *testing.T) {
	var c teardown.Conn
	want := []string{
		"client SYN_SENT, server LISTEN",
		"client SYN_SENT to ESTABLISHED, server LISTEN to SYN_RECEIVED",
		"server SYN_RECEIVED to ESTABLISHED",
		"", "", "",
		"client ESTABLISHED to FIN_WAIT_1, server ESTABLISHED to CLOSE_WAIT",
		"client FIN_WAIT_1 to FIN_WAIT_2; delayed ACK after 41.8 ms",
		"client FIN_WAIT_2 to TIME_WAIT, server CLOSE_WAIT to LAST_ACK",
		"FIN again: the first or its ACK was lost",
		"server LAST_ACK to CLOSED; ACK of the FIN, at once",
	}
	for i, r := range script(t, talked+"3 c FIN+ACK\n44.8 s ACK\n100 s FIN+ACK\n310 s FIN+ACK seq=1001\n311 c ACK\n") {
		c.Add(r)
		if got := c.Remark(); got != want[i] {
			t.Errorf("segment %d: %q, want %q", i+1, got, want[i])
		}
	}
	if got := new(teardown.Conn).Remark(); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
