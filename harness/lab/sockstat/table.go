package sockstat

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lastack/harness/term"
)

// chunk is how many lines are laid out together: the widths of their columns
// are those of the widest, as in ss, which does the same with its buffer.
const chunk = 20_000

// TableOptions say how a Table looks.
type TableOptions struct {
	// NoHeader leaves the first line out (-H).
	NoHeader bool
	// NoState leaves the column of states out.
	NoState bool
	// Timers adds a column with the timer that runs (-o).
	Timers bool
	// Info adds a line with what the connection agreed on (-i), where there is
	// anything.
	Info bool
	// Columns is how wide the terminal is; 0 for a file or pipe. Where a line is wider, the
	// addresses have one of their own.
	Columns int
}

// Table prints sockets in ss's columns. Its memory does not grow with their
// number. Flush ends it.
type Table struct {
	w    *bufio.Writer
	opts TableOptions
	rows []row
	// width of each column so far; a later chunk is never narrower.
	width  row
	began  bool
	narrow bool // lines are wider than the terminal
}

// row is the columns of a line, from left to right, and the line below it.
type row [9]string

const (
	colState = iota
	colRecvQ
	colSendQ
	colLocal
	colLocalPort
	colPeer
	colPeerPort
	colTimer
	colInfo
)

// header has a space for each column that ss sets apart from the one before it.
var header = row{"State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "", ""}

// NewTable begins a table.
func NewTable(w io.Writer, opts TableOptions) *Table {
	return &Table{w: bufio.NewWriter(w), opts: opts, width: header}
}

// Add prints a socket, now or later.
func (t *Table) Add(s *Socket) error {
	t.rows = append(t.rows, t.row(s))
	if len(t.rows) < chunk {
		return nil
	}
	return t.Flush()
}

// Flush prints what has been added; the header too, if there is nothing.
func (t *Table) Flush() error {
	if !t.began && !t.opts.NoHeader {
		t.rows = append([]row{header}, t.rows...)
	}
	t.began = true
	for _, r := range t.rows {
		for i, cell := range r {
			if len(cell) > len(t.width[i]) {
				t.width[i] = cell
			}
		}
	}
	t.narrow = t.narrow || t.opts.Columns > 0 && t.wide() > t.opts.Columns
	for _, r := range t.rows {
		// A failed write shows at the Flush below.
		_, _ = t.w.WriteString(t.line(&r))
	}
	t.rows = t.rows[:0]
	return t.w.Flush()
}

func (t *Table) row(s *Socket) row {
	r := row{colState: SSName(s.State), colRecvQ: strconv.Itoa(s.RecvQ), colSendQ: strconv.Itoa(s.SendQ)}
	r[colLocal], r[colLocalPort] = address(s.Local, s)
	r[colPeer], r[colPeerPort] = peer(s)
	if t.opts.Timers && s.Timer != "" {
		r[colTimer] = fmt.Sprintf("timer:(%s,%s,%d)", s.Timer, timerText(s.TimerLeft()), s.Retransmissions)
	}
	if t.opts.Info {
		r[colInfo] = info(s)
	}
	for i := range r { // the state, the timer and the zones of addresses are another process's words
		r[i] = term.Escape(r[i])
	}
	return r
}

// info is what a connection agreed on, in ss's words.
func info(s *Socket) string {
	var words string
	if s.Timestamps {
		words += " ts"
	}
	if s.FastOpen > 0 {
		words += " fastopen"
	}
	if s.Light {
		words += " light"
	}
	return words
}

// wide is the width of a line.
func (t *Table) wide() int {
	n := 0
	for i, cell := range t.width[:colInfo] {
		if i != colState || !t.opts.NoState {
			n += len(cell) + 1
		}
	}
	return n - 1
}

// line lays a row out: addresses to the right up to the colon, and everything else to the
// left, or, on a narrow terminal, on the next line. Further information follows on a line of
// its own.
func (t *Table) line(r *row) string {
	var b strings.Builder
	pad := func(col int) { b.WriteString(strings.Repeat(" ", len(t.width[col])-len(r[col]))) }
	if !t.opts.NoState {
		b.WriteString(r[colState])
		pad(colState)
		b.WriteByte(' ')
	}
	for _, col := range []int{colRecvQ, colSendQ} {
		b.WriteString(r[col])
		pad(col)
		b.WriteByte(' ')
	}
	if t.narrow {
		return t.join(strings.TrimRight(b.String(), " "), r[colTimer]) + t.ends(r) + r.more()
	}
	for _, col := range []int{colLocal, colPeer} {
		pad(col)
		b.WriteString(r[col] + ":" + r[col+1])
		pad(col + 1)
		b.WriteByte(' ')
	}
	b.WriteString(r[colTimer])
	return strings.TrimRight(b.String(), " ") + "\n" + r.more()
}

// narrowIndent stands before each line but the first of a socket on a narrow terminal.
const narrowIndent = "  "

// ends are both addresses.
func (t *Table) ends(r *row) string {
	return t.join(narrowIndent+r[colLocal]+":"+r[colLocalPort], r[colPeer]+":"+r[colPeerPort])
}

// join puts two words on one line or, if that is too long, on two.
func (t *Table) join(first, second string) string {
	switch {
	case second == "":
		return first + "\n"
	case len(first)+1+len(second) > t.opts.Columns:
		return first + "\n" + narrowIndent + second + "\n"
	}
	return first + " " + second + "\n"
}

// more is the line below a row, if there is one.
func (r *row) more() string {
	if r[colInfo] == "" {
		return ""
	}
	return "\t" + r[colInfo] + "\n"
}

// address is the two halves of an address as ss writes them; "*" is an address
// of either family.
func address(a netip.AddrPort, s *Socket) (string, string) {
	port := strconv.Itoa(int(a.Port()))
	switch addr := a.Addr(); {
	case addr.Is4():
		return addr.String(), port
	case addr.IsUnspecified() && !s.V6Only:
		return "*", port
	default:
		return "[" + addr.String() + "]", port
	}
}

// peer is the remote end, "anything" for a listener.
func peer(s *Socket) (string, string) {
	if s.Remote.IsValid() && s.Remote.Port() != 0 {
		return address(s.Remote, s)
	}
	anywhere := netip.IPv6Unspecified()
	if s.is4() {
		anywhere = netip.IPv4Unspecified()
	}
	// A listener at one IPv6 address takes IPv6 only, whatever the option says.
	only := *s
	only.V6Only = s.V6Only || !s.Local.Addr().IsUnspecified()
	host, _ := address(netip.AddrPortFrom(anywhere, 0), &only)
	return host, "*"
}

// timerText is a time as ss writes it: "59sec", "1.500ms" for a second and a
// half, "1min30sec".
func timerText(d time.Duration) string {
	ms := max(d.Milliseconds(), 0)
	minutes, seconds, ms := ms/60_000, ms/1000%60, ms%1000
	var b strings.Builder
	if minutes > 0 {
		fmt.Fprintf(&b, "%dmin", minutes)
		ms = 0
		if minutes > 9 {
			seconds = 0
		}
	}
	if seconds > 9 {
		ms = 0
	}
	switch {
	case seconds > 0 && ms > 0:
		fmt.Fprintf(&b, "%d.", seconds)
	case seconds > 0:
		fmt.Fprintf(&b, "%dsec", seconds)
	}
	if ms > 0 {
		fmt.Fprintf(&b, "%03dms", ms)
	}
	return b.String()
}
